"""A full disk is 507 in the contract's shape and loses nothing, tried on a small file system."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from files.models import Upload
from files.tests.conftest import JPEG
from testing.servers import database, free_port, serving

FULL = "The server has no space left to store this. Nothing was saved. Try again later."
CAN_MOUNT = os.geteuid() == 0 and shutil.which("mount")


@pytest.fixture
def small_disk(tmp_path):
    """Mount an empty file system of 16 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = CAN_MOUNT and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("this user cannot mount a file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Fill the disk up to its last page, and return the file to delete."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


@pytest.mark.django_db
def test_upload_to_a_full_disk_is_507_and_can_be_sent_again(as_alice, api, settings, small_disk):
    settings.UPLOADS_DIR = small_disk / "uploads"
    content = JPEG + b"x" * 100_000
    body = {"filename": "a.jpg", "contentType": "image/jpeg", "size": len(content)}
    presigned = as_alice.post("/api/files/presign/", body, format="json").json()
    parts = urlsplit(presigned["url"])

    def put():
        return api.put(f"{parts.path}?{parts.query}", content, content_type="image/jpeg")

    filler = fill(small_disk)
    response = put()
    assert (response.status_code, response.json()) == (507, {"error": FULL})
    assert [path for path in settings.UPLOADS_DIR.rglob("*") if path.is_file()] == []
    upload = Upload.objects.get()
    assert (upload.state, upload.stored_at) == ("pending", None)
    filler.unlink()
    assert put().status_code == 200
    upload.refresh_from_db()
    assert upload.state == "stored"
    served = api.get(parts.path)
    assert b"".join(served.streaming_content) == content
    served.close()


@pytest.mark.server
def test_sqlite_on_a_full_disk_is_507_and_keeps_what_is_stored(tmp_path, small_disk):
    port = free_port()
    with database(small_disk, postgres=False, has_demo=True) as env:
        env |= {"DEBUG": "true", "TASK_QUEUE": "database"}
        command = ["manage.py", "serve", "--port", str(port)]
        with serving(command, folder=tmp_path, port=port, env=env) as server:
            login = {"email": "alice.cooper@customer.com", "password": "password123"}
            token = requests.post(f"{server.url}/api/token/", json=login, timeout=30).json()["access"]
            headers = {"Authorization": f"Bearer {token}"}

            def vehicles():
                return requests.get(f"{server.url}/api/vehicles/", headers=headers, timeout=30)

            def change(city):
                url = f"{server.url}/api/v1/customers/profile/update/"
                return requests.patch(url, json={"city": city}, headers=headers, timeout=30)

            assert change("Albany").status_code == 200
            before = vehicles().json()
            filler = fill(small_disk)
            # The log of SQLite has some room left at first, because it grows page by page.
            answers = [change(f"Bend {'x' * 60} {number}") for number in range(40)]
            full = [answer for answer in answers if answer.status_code != 200]
            assert full
            assert {answer.status_code for answer in full} == {507}
            assert full[-1].json() == {"error": "Storage full", "detail": FULL}
            assert vehicles().json() == before
            filler.unlink()
            assert change("Corvallis").status_code == 200
            profile = requests.get(f"{server.url}/api/v1/customers/profile/", headers=headers, timeout=30)
            assert "Corvallis" in profile.text
