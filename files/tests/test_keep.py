"""A file that a form of this server brought: kept in either store, attached, and shown by this server itself."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.test import RequestFactory

from customers.callers import caller_of_user
from files.actions import FileNotFound, SizeNotTaken, TypeNotTaken, attach, keep
from files.api.serving import shown_here
from files.models import Upload
from files.stores import StoreAway, store
from files.tests.conftest import JPEG, is_there

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(alice):
    return caller_of_user(alice.contact)


def kept(caller, now, content=JPEG, **given):
    words = {"filename": "brake.jpg", "content_type": "image/jpeg", "size": len(content)} | given
    return keep(caller=caller, content=BytesIO(content), now=now, **words)


def show(upload, **headers):
    response = shown_here(RequestFactory().get("/", headers=headers), upload, cache="private")
    body = b"".join(response)
    response.close()
    return response, body


def test_kept_attached_and_shown(place, caller, alice, now):
    upload = kept(caller, now, content=JPEG * 500)  # more than one piece of it
    assert (upload.state, upload.stored_at, upload.owner_id) == ("stored", now, alice.contact_id)
    attach(caller=caller, upload_ids=[upload.uuid], now=now)
    upload.refresh_from_db()
    response, body = show(upload)
    assert (response.status_code, body, response["Content-Type"]) == (200, JPEG * 500, "image/jpeg")
    assert response["Content-Length"] == str(len(JPEG) * 500)
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert response["Cache-Control"] == "private"
    again, nothing = show(upload, **{"If-None-Match": response["ETag"]})
    assert (again.status_code, nothing) == (304, b"")


def test_what_is_gone_from_its_store_is_not_found(place, caller, now):
    upload = kept(caller, now)
    store().remove(upload.key)
    with pytest.raises(FileNotFound):
        show(upload)


@pytest.mark.parametrize(
    ("given", "refusal"), [({"content_type": "text/html"}, TypeNotTaken), ({"size": 2**40}, SizeNotTaken)]
)
def test_refusals_store_nothing(folder, caller, now, given, refusal):
    with pytest.raises(refusal):
        kept(caller, now, **given)
    assert not Upload.objects.exists() and not folder.exists()


def test_a_store_that_is_away_leaves_a_row_that_is_pruned_later(bucket, caller, now, settings):
    settings.AWS_STORAGE_BUCKET_NAME = "nobodys"
    with pytest.raises(StoreAway):
        kept(caller, now)
    [upload] = Upload.objects.all()
    settings.AWS_STORAGE_BUCKET_NAME = "garage"
    assert (upload.state, is_there(upload)) == ("pending", False)
