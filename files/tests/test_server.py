"""Uploads through both servers, and from another origin in a real browser."""

from __future__ import annotations

import base64
import os
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import sync_playwright

from config.tests.test_server import ALICE
from files.tests.conftest import JPEG
from testing.browser import CHROMIUM, CHROMIUM_FLAGS
from testing.servers import database, free_port, serving

pytestmark = [pytest.mark.slow, pytest.mark.server]
MAX_BYTES = 6 * 1024 * 1024
LARGE = JPEG + os.urandom(5 * 1024 * 1024)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EMBEDDED = ["manage.py", "serve", "--port", "{port}"]
PRODUCTION = [
    "granian", "--interface", "wsgi", "--port", "{port}", "--workers", "1", "--blocking-threads", "1", "--no-ws",
    "config.wsgi:application",
]  # fmt: skip


class _AppPage(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>App</h1>")

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def app():
    """Serve the page of a client app on another origin and yield the origin."""
    with ThreadingHTTPServer(("localhost", 0), _AppPage) as pages:
        Thread(target=pages.serve_forever, daemon=True).start()
        yield f"http://localhost:{pages.server_port}"
        pages.shutdown()


@pytest.fixture(scope="module", params=[EMBEDDED, PRODUCTION], ids=["embedded", "production"])
def server(request, app, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    with database(folder, has_demo=True) as env:
        env |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DEBUG": "false" if request.param is PRODUCTION else "true",
            "SECRET_KEY": "kd83jf-qK2x9vB7nM4zL1pW6tR5yE0uI8oA3sD2fG7hJ9cX4bN",
            "ALLOWED_HOSTS": "localhost",
            "SECURE_SSL_REDIRECT": "false",
            "MAX_UPLOAD_BYTES": str(MAX_BYTES),
            "CORS_ALLOWED_ORIGINS": app,
        }
        command = [part.format(port=port) for part in request.param]
        with serving(command, folder=folder, port=port, env=env) as server:
            yield server


@pytest.fixture(scope="module")
def announce(server):
    token = requests.post(f"{server.url}/api/token/", json=ALICE, timeout=10).json()["access"]

    def presign(**fields):
        body = {"filename": "receipt.jpg", "contentType": "image/jpeg", **fields}
        headers = {"Authorization": f"Bearer {token}"}
        response = requests.post(f"{server.url}/api/files/presign/", json=body, headers=headers, timeout=10)
        assert response.status_code == 200, response.text
        return response.json()

    return presign


@pytest.fixture
def on_disk(server):
    """Return a function that lists the files in the server's store."""

    def files() -> list[Path]:
        return [path for path in (server.log.parent / "uploads").rglob("*") if path.is_file()]

    return files


def test_large_file_is_uploaded_and_downloaded(server, app, announce):
    presigned = announce(size=len(LARGE))
    assert presigned["url"].startswith(f"{server.url}/api/files/uploads/")
    preflight = requests.options(
        presigned["url"],
        headers={
            "Origin": app,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type",
        },
        timeout=10,
    )
    assert preflight.headers["Access-Control-Allow-Origin"] == app
    sent = requests.put(
        presigned["url"], data=LARGE, headers={"Content-Type": "image/jpeg", "Origin": app}, timeout=20
    )
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (200, app)
    shown = requests.get(presigned["publicUrl"], timeout=20)
    assert (shown.status_code, shown.content) == (200, LARGE)
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cookie" not in shown.headers.get("Vary", "")
    part = requests.get(presigned["publicUrl"], headers={"Range": "bytes=100-199"}, timeout=10)
    assert (part.status_code, part.content) == (206, LARGE[100:200])
    head = requests.head(presigned["publicUrl"], timeout=10)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(LARGE)))
    same = requests.get(presigned["publicUrl"], headers={"If-None-Match": head.headers["ETag"]}, timeout=10)
    assert (same.status_code, same.content) == (304, b"")


def test_refused_uploads_leave_no_file(server, announce, on_disk):
    presigned = announce(size=len(JPEG))
    before = on_disk()
    jpeg = {"Content-Type": "image/jpeg"}

    def chunks():
        yield JPEG[:100]
        yield JPEG[100:]

    refusals = [
        requests.put(presigned["url"] + "0", data=JPEG, headers=jpeg, timeout=10),
        requests.put(presigned["url"], data=JPEG, headers={"Content-Type": "text/html"}, timeout=10),
        requests.put(presigned["url"], data=JPEG + b"x", headers=jpeg, timeout=10),
        requests.put(announce()["url"], data=b"x" * (MAX_BYTES + 1), headers=jpeg, timeout=20),
        requests.put(presigned["url"], data=chunks(), headers=jpeg, timeout=10),
    ]
    assert [refusal.status_code for refusal in refusals] == [403, 415, 400, 413, 411]
    assert all(set(refusal.json()) == {"error"} for refusal in refusals)
    assert on_disk() == before
    assert requests.put(presigned["url"], data=JPEG, headers=jpeg, timeout=10).status_code == 200


def test_disconnected_upload_leaves_no_file(server, announce, on_disk):
    presigned, before = announce(size=len(LARGE)), on_disk()
    url = urlsplit(presigned["url"])
    head = (
        f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: image/jpeg\r\n"
        f"Content-Length: {len(LARGE)}\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(head.encode() + LARGE[:1_000_000])
    deadline = time.monotonic() + 60  # on a busy machine
    while on_disk() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert on_disk() == before
    sent = requests.put(presigned["url"], data=LARGE, headers={"Content-Type": "image/jpeg"}, timeout=20)
    assert sent.status_code == 200


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_app_of_another_origin_uploads_and_displays_a_photo(app, announce):
    presigned = announce(filename="photo.png", contentType="image/png", size=len(PIXEL))
    script = """async ([url, publicUrl, pixel]) => {
        const bytes = Uint8Array.from(atob(pixel), c => c.charCodeAt(0));
        const file = new File([bytes], "photo.png", {type: "image/png"});
        const sent = await fetch(url, {method: "PUT", body: file, headers: {"Content-Type": file.type}});
        const image = new Image();
        image.src = publicUrl;
        await image.decode();
        return [sent.status, image.naturalWidth];
    }"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.goto(app)
        outcome = page.evaluate(
            script, [presigned["url"], presigned["publicUrl"], base64.b64encode(PIXEL).decode()]
        )
        browser.close()
    assert outcome == [200, 1]
