"""deploy/nginx.conf with a real nginx in front of the two processes of production."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import requests
from django.conf import settings

from testing.live import ALICE, Person, closed, hear, say
from testing.servers import NGINX, database, free_port, proxy, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Return the ports of proxy and web."""
    folders = [tmp_path_factory.mktemp(name) for name in ("web", "sockets", "proxy")]
    web, sockets = free_port(), free_port()
    granian = ["granian", "--interface", "wsgi", "--port", str(web), "--no-ws", "config.wsgi:application"]
    uvicorn = ["uvicorn", "config.asgi:application", "--port", str(sockets), "--ws-max-size", "65536"]
    uvicorn += ["--ws", "chat.sockets.protocol:Protocol"]
    with database(folders[0], has_demo=True) as env:
        env |= {"DEBUG": "false", "ALLOWED_HOSTS": "localhost,garage.example", "TRUSTED_PROXIES": "1"}
        env |= {"SECRET_KEY": "kd83jf-qK2x9vB7nM4zL1pW6tR5yE0uI8oA3sD2fG7hJ9cX4bN", "RATE_REGISTER": "2"}
        env |= {"SECURE_SSL_REDIRECT": "false", "REDIS_URL": ""}
        with (
            serving(granian, folder=folders[0], port=web, env=env),
            serving(uvicorn, folder=folders[1], port=sockets, env=env),
            proxy(web, sockets, folder=folders[2]) as port,
        ):
            yield port, web, folders[2]


@pytest.fixture(scope="module")
def url(ports):
    return f"http://localhost:{ports[0]}"


def test_rest_and_sockets_are_proxied_with_their_host(url):
    alice = Person(url, ALICE)
    thread = alice.start_thread()

    async def scenario():
        async with alice.socket() as one:
            await say(one, type="SEND", threadId=thread, body="Through the proxy")
            assert (await hear(one))["body"] == "Through the proxy"
            await one.send("x" * 65_537)
            assert await closed(one) == 1009
        async with alice.socket("?token=none") as stranger:
            assert await closed(stranger) == 4401

    asyncio.run(scenario())
    assert alice.log(thread) == ["Through the proxy"]
    elsewhere = requests.post(f"{url}/api/token/", json=ALICE, headers={"Host": "evil.example"}, timeout=5)
    assert elsewhere.status_code == 400


def register(port, n, *, source, claims):
    """Return the status of a registration from a loopback address that claims to forward for another."""
    body = json.dumps(
        {"name": "Mary", "email": f"m{n}@example.com", "password": "securepassword123"}
    ).encode()
    with socket.create_connection(("127.0.0.1", port), source_address=(source, 0), timeout=20) as one:
        one.sendall(
            b"POST /api/auth/register/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (claims.encode(), len(body), body)
        )
        return int(one.makefile("rb").readline().split()[1])


def test_client_cannot_claim_another_address(ports):
    port = ports[0]
    codes = [register(port, n, source="127.0.0.2", claims=f"10.0.0.{n}") for n in range(3)]
    assert codes == [201, 201, 429]
    assert register(port, 3, source="127.0.0.3", claims="127.0.0.2") == 201


@pytest.mark.parametrize(("size", "status"), [(3_000_000, 413), (55_000_000, 413), (10, 401)])
def test_large_bodies_are_refused_with_the_contracts_body(url, size, status):
    body = json.dumps({"email": "a@example.com", "password": "x" * size})
    answer = requests.post(
        f"{url}/api/token/", body, headers={"Content-Type": "application/json"}, timeout=30
    )
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["detail"] == "The request body is larger than this server takes."


def test_log_has_no_query_string(url, ports):
    requests.get(f"{url}/healthz?token=secret", timeout=5)
    for _ in range(100):  # nginx writes the line after the response
        log = (ports[2] / "access.log").read_text()
        if "/healthz" in log:
            break
        time.sleep(0.05)
    assert '"GET /healthz" 200' in log
    assert "secret" not in log


@pytest.mark.parametrize("kind", ["e", "i", "s", "v"])
def test_log_has_no_token_of_a_link(url, ports, kind):
    requests.get(f"{url}/{kind}/secret-token/paper.pdf", timeout=5)
    for _ in range(100):
        log = (ports[2] / "access.log").read_text()
        if f"GET /{kind}/" in log:
            break
        time.sleep(0.05)
    assert f'"GET /{kind}/\\xE2\\x80\\xA6"' in log  # nginx escapes the ellipsis
    assert "secret-token" not in log


class Echo(BaseHTTPRequestHandler):
    """A handler that responds with the headers of its request."""

    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        """Write no log."""


@pytest.mark.parametrize("path", ["/api/token/", "/chat/ws", "/chat/ws/", "/desk/ws"])
def test_both_processes_get_the_clients_address(tmp_path, path):
    said = {"Host": "garage.example", "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https"}
    with HTTPServer(("127.0.0.1", 0), Echo) as behind:
        Thread(target=behind.serve_forever, daemon=True).start()
        with proxy(behind.server_port, behind.server_port, folder=tmp_path) as port:
            got = requests.get(f"http://localhost:{port}{path}", headers=said, timeout=5).json()
        behind.shutdown()
    assert (got["host"], got["x-forwarded-for"], got["x-forwarded-proto"], got["connection"]) == (
        "garage.example",
        "10.0.0.1, 127.0.0.1",
        "https",
        "close" if path == "/api/token/" else "upgrade",
    )


def test_unavailable_web_process_is_503_with_retry_after(tmp_path):
    with proxy(free_port(), free_port(), folder=tmp_path) as port:
        answer = requests.get(f"http://localhost:{port}/api/token/", timeout=5)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {
        "error": "Service unavailable",
        "detail": "The service cannot answer right now. Try again in a few seconds.",
    }


def test_compose_and_image_use_the_proxys_names_and_ports():
    """They are those of deploy/nginx.conf."""
    compose = (settings.BASE_DIR / "compose.yaml").read_text()
    text = (settings.BASE_DIR / "deploy/nginx.conf").read_text()
    assert "set $web web:8000;" in text
    assert "set $sockets sockets:8001;" in text
    assert "  web:\n" in compose
    assert "  sockets:\n" in compose
    assert "./deploy/nginx.conf:/etc/nginx/nginx.conf:ro" in compose
