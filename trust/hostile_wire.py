"""Malformed HTTP requests, and files whose names look like paths."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests

from testing.servers import Server
from trust.fuzz import ROLES, sign_in_to_pages, token
from trust.hostile_values import HOSTS
from trust.promises import Tally, Trial

_SIGN_IN = "/api/token/"
_NAMES = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "C:\\a.jpg",
    "/etc/passwd",
    "a\0.jpg",
    "\0",
    "..",
    ".",
    "",
    "a/../../b.jpg",
    "%2e%2e%2fa.jpg",
    "n" * 300 + ".jpg",
    "CON.jpg",
    "a.jpg/",
    ".htaccess",
    "a.jpg.html",
    "\u202egpj.exe",
    "\u200b",
    "ﬁle\u0000\uffff.jpg",
    "a\r\nSet-Cookie: a=b.jpg",
    '";filename=x.html',
    "🦊" * 100,
    "aux",
    "~",
    "a;b|c`d`$(e).jpg",
)
_JPEG = b"\xff\xd8\xff\xe0" + bytes(64)


def on_the_wire(trial: Trial, tally: Tally) -> None:
    """Send malformed requests, file names and forms to one server, which must stay alive and log no traceback."""
    uploads = trial.folder / "wire/uploads"
    with trial.server("SQLite", UPLOADS_DIR=str(uploads)) as server:
        for what, raw in _raw(server):
            answer = _exchange(server, raw)
            tally.tried(b" 5" not in answer.partition(b"\r\n")[0][:12], f"{what}: {answer[:200]!r}")
            alive = requests.get(f"{server.url}/healthz", timeout=30)
            tally.tried(alive.status_code == 200, f"after {what}: {alive.status_code}")
        _uploads(server, uploads, tally)
        _forms(server, tally)
        found = [path for path in uploads.parent.rglob("*") if path.is_file()]
        strays = [path for path in found if uploads / "uploads" not in path.parents]
        tally.tried(not strays, f"files outside the uploads folder: {strays}")
        log = server.log.read_text()
        tally.tried("Traceback" not in log, log[log.find("Traceback") :][:3000])


def _raw(server: Server) -> Iterator[tuple[str, bytes]]:
    body = b'{"email": "a@example.com", "password": "x"}'
    head = f"POST {_SIGN_IN} HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Type: application/json\r\n".encode()
    for length in ("-1", "abc", "1e3", "+5", "0x10", "5 ", "9" * 30, "١"):
        yield f"a length of {length[:8]}", head + f"Content-Length: {length}\r\n\r\n".encode() + body
    yield "two lengths", head + b"Content-Length: 5\r\nContent-Length: 43\r\n\r\n" + body
    yield "a length and chunks", head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    yield "less than its length", head + b"Content-Length: 5000\r\n\r\n" + body
    yield "more than its length", head + b"Content-Length: 2\r\n\r\n" + body
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    yield "chunks without an end", chunked + b"5\r\nhello\r\n" * 1_000
    yield "a chunk that ends early", chunked + b"ffff\r\nhello"
    yield "a chunk of no size", chunked + b"zz\r\nhello\r\n0\r\n\r\n"
    yield "a chunk of a huge size", chunked + b"f" * 40 + b"\r\nhello"
    yield "an encoding of no name", head + b"Transfer-Encoding: , gzip, x\r\n\r\n" + body
    yield "trailers", chunked + b"2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 2_000 + b"\r\n"
    for host in HOSTS:
        yield (
            f"host {host[:20]!r}",
            f"GET /api/vehicles/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"),
        )
    yield "no host", b"GET /api/vehicles/ HTTP/1.1\r\nConnection: close\r\n\r\n"
    yield "HTTP/0.9", b"GET /api/vehicles/\r\n\r\n"
    yield "HTTP/3.0", b"GET /api/vehicles/ HTTP/3.0\r\nHost: localhost\r\n\r\n"
    yield "TLS", bytes.fromhex("16030100a5010000a10303") + bytes(160)
    yield "a header of NUL", head + b"X-A: \0\r\n\r\n"
    yield "a header of 200 KB", head + b"X-A: " + b"x" * 200_000 + b"\r\n\r\n"
    yield "5,000 headers", head + b"X-A: b\r\n" * 5_000 + b"\r\n"
    yield "a folded header", head + b"X-A: b\r\n c\r\n\r\n"
    yield "no name", head + b": b\r\n\r\n"
    for path in (
        "//",
        "//evil.example/",
        "/\\evil.example",
        "/%00",
        "/api/%2e%2e/admin/",
        "/api/../admin/",
        "/static/%2e%2e/%2e%2e/manage.py",
        "/static/..%5c..%5cmanage.py",
        "/api/vehicles/%ff/",
        "/api/vehicles/\xff/",
        "/api/vehicles/?\xff=\xfe",
        "*",
        "http://evil.example/api/vehicles/",
        "/" + "x" * 60_000,
        "/" + "a/" * 20_000,
        "/customer/%0d%0aSet-Cookie:%20a=b",
        "/customer/login/?next=//evil.example",
        "/admin/%00/",
        "/metrics%00",
        "/api/files/uploads/..%2f..%2f..%2fetc/passwd",
        "/api/files/uploads/a/..%2f..%2fb",
        "/api/files/uploads/%00/a.jpg?signature=%00&expires=%00",
    ):
        yield (
            f"path {path[:40]!r}",
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("latin-1"),
        )
    for method in ("TRACE", "CONNECT", "OPTIONS", "PROPFIND", "FOO", "get", "G\0ET", "X" * 5_000):
        yield (
            f"method {method[:10]!r}",
            f"{method} {_SIGN_IN} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(),
        )


def _exchange(server: Server, raw: bytes) -> bytes:
    """Send the bytes and return the response, until the server closes or waits for more."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.settimeout(0.5)
        answer = b""
        try:
            line.sendall(raw)
            while len(answer) < 10_000 and (part := line.recv(65_536)):
                answer += part
        except OSError:
            pass
        return answer


def _uploads(server: Server, folder: Path, tally: Tally) -> None:
    """Upload a photo under each name: it is refused, or stored in its folder and served under a safe name."""
    who = {"Authorization": f"Bearer {token(server, *ROLES['customers']['MEMBER'])}"}
    for name in _NAMES:
        announced = requests.post(
            f"{server.url}/api/files/presign/", headers={**who, "Content-Type": "application/json"},
            data=json.dumps({"filename": name, "contentType": "image/jpeg"}), timeout=30,
        )  # fmt: skip
        if not tally.tried(announced.status_code in (200, 400), f"{name!r}: {announced.text[:300]}"):
            continue
        if announced.status_code == 400:
            continue
        upload = announced.json()
        last = urlsplit(upload["publicUrl"]).path.rpartition("/")[2]
        sent = requests.put(upload["url"], _JPEG, headers={"Content-Type": "image/jpeg"}, timeout=30)
        shown = requests.get(upload["publicUrl"], timeout=30)
        tally.tried(
            sent.status_code == 200
            and shown.content == _JPEG
            and last.isascii()
            and last.endswith((".jpg", ".jpeg")),
            f"{name!r}: {last}: {sent.status_code} {sent.text[:200]}",
        )
    tally.tried(any(folder.rglob("*.jpg")), "no photo was stored")


def _forms(server: Server, tally: Tally) -> None:
    """Send the portal's photo form with malformed multipart bodies."""
    browser = sign_in_to_pages(server, *ROLES["customers"]["FLEET"])
    url = f"{server.url}/customer/repairs/new/"
    forged = browser.cookies["csrftoken"]
    parts = [
        b"",
        b"--b",
        b"--b--",
        b"--b\r\n\r\n\r\n--b--",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="photos"; filename="../../\0.jpg"\r\n\r\n'
        + _JPEG
        + b"\r\n--b--",
        b"--b\r\nContent-Disposition: form-data; name=\"photos\"; filename*=utf-7''%ff\r\n\r\nx\r\n--b--",
        (
            b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n=\r\n--b--"
        ),
        b'--b\r\nContent-Disposition: form-data; name="description"\r\n\r\n'
        + b"\xff\x00" * 50
        + b"\r\n--b--",
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n' * 5_000 + b"--b--",
        b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n\r\n' * 200
        + b"--b--",
    ]
    for content in parts:
        for kind in (
            "multipart/form-data; boundary=b",
            "multipart/form-data",
            "multipart/form-data; boundary=\xff",
        ):
            headers = {"Content-Type": kind, "X-CSRFToken": forged, "Referer": url}
            answer = browser.post(url, content, headers=headers, timeout=30, allow_redirects=False)
            tally.tried(answer.status_code < 500, f"form {content[:80]!r} as {kind!r}: {answer.status_code}")
