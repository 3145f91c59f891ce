"""Fixtures of both stores: a folder with this server's own URLs, and an S3 server that verifies signatures."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import requests
from rest_framework.test import APIClient

from common.domain.types import Json
from files.models import Upload
from files.stores import store
from testing.servers import free_port

ACCESS_KEY, SECRET_KEY = "garage-access-key-1", "garage-secret-key-of-the-suite"
BUCKET = "garage"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 3
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[str]:
    """Start `rclone serve s3` over an empty folder and yield its URL."""
    folder, port = tmp_path_factory.mktemp("s3"), free_port()
    (folder / BUCKET).mkdir()
    address = f"127.0.0.1:{port}"
    with (folder.parent / "rclone.log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "rclone"), "serve", "s3", "--addr", address, "--config", "",
             "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", str(folder)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        for _ in range(200):
            try:
                requests.get(f"http://{address}", timeout=1)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=10)


@dataclass
class StoreClient:
    """A client app of a store, which sends and fetches bytes."""

    is_bucket: bool

    def put(self, url: str, body: bytes, content_type: str | None, **headers: str) -> int:
        if self.is_bucket:
            sent = {**headers} if content_type is None else {**headers, "Content-Type": content_type}
            return requests.put(url, data=body, headers=sent, timeout=10).status_code
        path = url.removeprefix("http://testserver")
        return APIClient().generic("PUT", path, body, content_type or "", headers=headers).status_code

    def get(self, url: str) -> tuple[int, bytes]:
        if self.is_bucket:
            answer = requests.get(url, timeout=10)
            return answer.status_code, answer.content
        response = APIClient().get(url.removeprefix("http://testserver"))
        return response.status_code, b"".join(response) if response.streaming else response.content


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    """Use a temporary folder as this server's store and return it."""
    settings.UPLOADS_DIR = tmp_path / "uploads"
    return settings.UPLOADS_DIR


@pytest.fixture
def bucket(settings, s3_server) -> str:
    """Use the bucket of the S3 server and return its URL."""
    settings.USE_S3 = True
    settings.AWS_STORAGE_BUCKET_NAME = BUCKET
    settings.AWS_S3_ENDPOINT_URL = s3_server
    settings.AWS_S3_REGION_NAME = "us-east-1"
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = ACCESS_KEY, SECRET_KEY
    settings.AWS_S3_CUSTOM_DOMAIN = ""
    return f"{s3_server}/{BUCKET}/"


@pytest.fixture(params=["folder", "bucket"])
def store_client(request) -> StoreClient:
    """Run the test once with each store."""
    request.getfixturevalue(request.param)
    return StoreClient(is_bucket=request.param == "bucket")


@pytest.fixture
def announce() -> Callable[..., Json]:
    """Return a function that announces a file as a client and returns the response body."""

    def presign(client: APIClient, **fields: object) -> Json:
        body = {"filename": "receipt.jpg", "contentType": "image/jpeg", **fields}
        response = client.post("/api/files/presign/", body, format="json")
        assert response.status_code == 200, response.content
        presigned: Json = response.json()
        return presigned

    return presign


def upload_of(presigned: Json) -> Upload:
    return Upload.objects.get(uuid=UUID(presigned["fileId"]))


def is_stored(upload: Upload) -> bool:
    return store().stat(upload) is not None


@pytest.fixture
def bucket_client(bucket) -> StoreClient:
    return StoreClient(is_bucket=True)
