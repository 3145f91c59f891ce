"""Tests of a file that is submitted with a form: saved in either store, attached and served by this server."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.test import RequestFactory

from customers.callers import caller_of_user
from files.actions import AnnouncedSizeTooLarge, FileNotFound, UnsupportedFileType, attach, save_file
from files.api.serving import upload_response
from files.models import Upload
from files.stores import StoreUnavailable, store
from files.tests.conftest import JPEG, is_stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(alice):
    return caller_of_user(alice.contact)


def saved(caller, now, content=JPEG, **fields):
    values = {"filename": "brake.jpg", "content_type": "image/jpeg", "size": len(content)} | fields
    return save_file(caller=caller, content=BytesIO(content), now=now, **values)


def serve(upload, **headers):
    response = upload_response(RequestFactory().get("/", headers=headers), upload, cache="private")
    body = b"".join(response)
    response.close()
    return response, body


def test_file_is_saved_attached_and_served(store_client, caller, alice, now):
    upload = saved(caller, now, content=JPEG * 500)  # more than one chunk
    assert (upload.state, upload.stored_at, upload.owner_id) == ("stored", now, alice.contact_id)
    attach(caller=caller, upload_ids=[upload.uuid], now=now)
    upload.refresh_from_db()
    response, body = serve(upload)
    assert (response.status_code, body, response["Content-Type"]) == (200, JPEG * 500, "image/jpeg")
    assert response["Content-Length"] == str(len(JPEG) * 500)
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert response["Cache-Control"] == "private"
    again, empty = serve(upload, **{"If-None-Match": response["ETag"]})
    assert (again.status_code, empty) == (304, b"")


def test_file_missing_from_its_store_raises_file_not_found(store_client, caller, now):
    upload = saved(caller, now)
    store().remove(upload.key)
    with pytest.raises(FileNotFound):
        serve(upload)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"content_type": "text/html"}, UnsupportedFileType), ({"size": 2**40}, AnnouncedSizeTooLarge)],
)
def test_refused_file_is_not_stored(folder, caller, now, change, error):
    with pytest.raises(error):
        saved(caller, now, **change)
    assert not Upload.objects.exists() and not folder.exists()


def test_unavailable_store_leaves_a_pending_row_for_prune(bucket, caller, now, settings):
    settings.AWS_STORAGE_BUCKET_NAME = "missing"
    with pytest.raises(StoreUnavailable):
        saved(caller, now)
    [upload] = Upload.objects.all()
    settings.AWS_STORAGE_BUCKET_NAME = "garage"
    assert (upload.state, is_stored(upload)) == ("pending", False)
