"""Clients of a real server: users with REST calls and sockets, and a Redis for tests."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ALICE = {"email": "alice.cooper@customer.com", "password": "password123"}
FLEET = {"email": "fleet@rswind.example", "password": "fleet12345"}
VIEWER = {"email": "viewer@rswind.example", "password": "viewer12345"}
TECHNICIAN = {"email": "tech@test.com", "password": "technician123"}
CARE = {"email": "ali.jawad@example.com", "password": "customer123"}
ADMIN = {"email": "admin@example.com", "password": "admin12345"}
REDIS = shutil.which("redis-server")


class Person:
    """A user with an access token of one server."""

    def __init__(self, url: str, login: dict[str, str]) -> None:
        self.url = url
        self.tokens = requests.post(f"{url}/api/token/", json=login, timeout=10).json()
        self.token = self.tokens["access"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        response = requests.request(
            method,
            f"{self.url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=15,
        )
        assert response.status_code < 300, (response.status_code, response.text)
        return response.json()

    def start_thread(self, subject: str = "Brakes") -> str:
        return self.call("POST", "/api/chat/threads/", {"subject": subject})["id"]

    def say(self, thread: str, body: str, **extra: str) -> Any:
        return self.call("POST", f"/api/chat/threads/{thread}/messages/", {"body": body, **extra})

    def photo(self) -> str:
        """Upload a photo and return its id."""
        wanted = {"filename": "brakes.png", "contentType": "image/png"}
        given = self.call("POST", "/api/files/presign/", wanted)
        content = b"\x89PNG\r\n\x1a\n" + bytes(64)
        sent = requests.put(given["url"], content, headers={"Content-Type": "image/png"}, timeout=15)
        sent.raise_for_status()
        return str(given["fileId"])

    def log(self, thread: str) -> list[str]:
        return [row["body"] for row in self.call("GET", f"/api/chat/threads/{thread}/messages/")]

    def address(self, query: str | None = None) -> str:
        query = f"?token={self.token}" if query is None else query
        return f"{self.url.replace('http', 'ws')}/chat/ws{query}"

    def socket(self, query: str | None = None, **options: Any) -> connect:
        return connect(self.address(query), compression=None, **options)


async def hear(client: ClientConnection, seconds: float = 5) -> Any:
    """Return the next frame of the socket, decoded."""
    return json.loads(await asyncio.wait_for(client.recv(), seconds))


async def say(client: ClientConnection, **frame: Any) -> None:
    await client.send(json.dumps(frame))


async def closed(client: ClientConnection, seconds: float = 5) -> int | None:
    """Read the socket until it closes and return the close code."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                await client.recv()
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


async def silent(client: ClientConnection, seconds: float = 0.3) -> bool:
    try:
        await asyncio.wait_for(client.recv(), seconds)
    except TimeoutError:
        return True
    return False


@contextmanager
def redis_on(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Redis server on that port."""
    process = subprocess.Popen(
        [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()
