"""Tests of uploads in both stores: they work the same way and refuse the same requests and signatures."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from customers.callers import caller_of_user
from files.actions import attach
from files.stores import LocalStore, S3Store, StoreUnavailable, _s3_client, store
from files.tests.conftest import ACCESS_KEY, JPEG, PNG, SECRET_KEY, is_stored, upload_of
from testing import factories

pytestmark = pytest.mark.django_db


def test_upload_is_announced_sent_served_and_attached(store_client, announce, as_alice, alice, now):
    presigned = announce(as_alice, size=len(JPEG))
    assert not is_stored(upload_of(presigned))
    assert store_client.put(presigned["url"], JPEG, "image/jpeg") == 200
    [upload] = attach(caller=caller_of_user(alice.contact), upload_ids=[upload_of(presigned).uuid], now=now)
    assert (upload.state, upload.size, upload.attached_at) == ("attached", len(JPEG), now)
    if not store_client.is_bucket:  # the bucket is private
        assert store_client.get(presigned["publicUrl"]) == (200, JPEG)


def test_without_a_size_any_length_is_accepted(store_client, announce, as_alice, alice, now):
    presigned = announce(as_alice)
    assert store_client.put(presigned["url"], JPEG * 2, "image/jpeg") == 200
    [upload] = attach(caller=caller_of_user(alice.contact), upload_ids=[upload_of(presigned).uuid], now=now)
    assert upload.size == 2 * len(JPEG)


def assert_refused(store_client, presigned, status, *sent):
    """Assert that the PUT is refused and stores nothing.

    This server answers `status`. A bucket answers 403, or 400 if a parameter is missing.
    """
    upload = upload_of(presigned)
    assert store_client.put(*sent) in ((400, 403) if store_client.is_bucket else (status,))
    assert not is_stored(upload)
    assert upload_of(presigned).state == "pending"


def changed(url, **parts):
    """Return `url` with other values in its query."""
    for name, value in parts.items():
        url, count = re.subn(f"(?<=[?&]){name}=[^&]*", f"{name}={value}", url)
        assert count == 1
    return url


def test_tampered_url_is_refused(store_client, announce, as_alice):
    presigned, other = announce(as_alice, size=len(JPEG)), announce(as_alice, size=len(JPEG))
    name = "X-Amz-Signature" if store_client.is_bucket else "signature"
    expiry = (
        {"X-Amz-Expires": "7000"} if store_client.is_bucket else {"expires": str(int(time.time()) + 9999)}
    )
    url = presigned["url"]
    foreign = parse_qs(urlsplit(other["url"]).query)[name][0]
    for tampered in (
        changed(url, **{name: "0" * 64}),
        changed(url, **{name: ""}),
        changed(url, **{name: foreign}),
        changed(url, **expiry),
        url.replace(upload_of(presigned).key, upload_of(other).key),
        url.replace("receipt.jpg", "receipt.png"),
        presigned["publicUrl"],
    ):
        assert_refused(store_client, presigned, 403, tampered, JPEG, "image/jpeg")
        assert not is_stored(upload_of(other))
    assert store_client.put(url, JPEG, "image/jpeg") == 200


def test_expired_url_is_refused(store_client, announce, as_alice, settings):
    settings.AWS_S3_PRESIGNED_URL_EXPIRATION = 1
    presigned = announce(as_alice, size=len(JPEG))
    time.sleep(2.1)
    assert_refused(store_client, presigned, 403, presigned["url"], JPEG, "image/jpeg")


@pytest.mark.parametrize("content_type", ["image/png", "text/html", "image/jpeg; charset=utf-8", None])
def test_other_content_type_is_refused(store_client, announce, as_alice, content_type):
    presigned = announce(as_alice, size=len(JPEG))
    assert_refused(store_client, presigned, 415, presigned["url"], JPEG, content_type)


@pytest.mark.parametrize("body", [JPEG[:-1], JPEG + b"x", b""], ids=["shorter", "longer", "empty"])
def test_other_length_is_refused(store_client, announce, as_alice, body):
    presigned = announce(as_alice, size=len(JPEG))
    assert_refused(store_client, presigned, 400, presigned["url"], body, "image/jpeg")


def test_remove_can_be_repeated(store_client, announce, as_alice):
    presigned = announce(as_alice)
    store_client.put(presigned["url"], JPEG, "image/jpeg")
    upload = upload_of(presigned)
    for _ in range(2):
        store().remove(upload.key)
        assert not is_stored(upload)


# --- The bucket only


def test_unreachable_bucket_is_503(bucket, settings, as_alice, announce):
    upload = upload_of(announce(as_alice))
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
    response = as_alice.get(f"/api/files/{upload.uuid}/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json() == {
        "error": "Files cannot be stored or read right now. Try again in a few seconds."
    }


def test_presign_without_credentials_is_503(bucket, settings, as_alice, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
    settings.AWS_S3_REGION_NAME = "eu-west-3"
    _s3_client.cache_clear()
    response = as_alice.post(
        "/api/files/presign/", {"filename": "a.png", "contentType": "image/png"}, format="json"
    )
    assert response.status_code == 503
    with pytest.raises(StoreUnavailable):
        S3Store().public_url("uploads/a/b", site="")


def test_credentials_file_is_used_without_keys(bucket, settings, announce, as_alice, tmp_path,
                                                          monkeypatch, bucket_client):  # fmt: skip
    file = tmp_path / "credentials"
    file.write_text(f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
    _s3_client.cache_clear()
    presigned = announce(as_alice)
    assert bucket_client.put(presigned["url"], JPEG, "image/jpeg") == 200
    assert is_stored(upload_of(presigned))


@pytest.mark.parametrize(
    ("region", "name", "domain", "public"),
    [
        ("us-east-1", "photos", "", "https://photos.s3.amazonaws.com/"),
        ("eu-central-1", "photos", "", "https://photos.s3.eu-central-1.amazonaws.com/"),
        ("eu-central-1", "garage.example", "", "https://s3.eu-central-1.amazonaws.com/garage.example/"),
        ("us-east-1", "photos", "cdn.garage.example", "https://cdn.garage.example/"),
    ],
)
def test_aws_urls(bucket, settings, region, name, domain, public):
    settings.AWS_S3_ENDPOINT_URL = ""
    settings.AWS_S3_REGION_NAME, settings.AWS_STORAGE_BUCKET_NAME = region, name
    settings.AWS_S3_CUSTOM_DOMAIN = domain
    upload = factories.UploadFactory.build(owner=None, size=5)
    assert S3Store().public_url(upload.key, site="http://testserver/") == public + upload.key
    url = urlsplit(S3Store().upload_url(upload, site="", now=timezone.now()))
    query = parse_qs(url.query)
    if not domain:
        assert f"{url.scheme}://{url.netloc}{url.path}" == public + upload.key
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]
    assert query["X-Amz-Expires"] == ["3600"]
    assert not [name for name in query if "checksum" in name.lower()]


def test_download_redirects_to_the_bucket(bucket, announce, as_alice, bucket_client):
    presigned = announce(as_alice, filename="r.png", contentType="image/png")
    bucket_client.put(presigned["url"], PNG, "image/png")
    response = as_alice.get(f"/api/files/{presigned['fileId']}/")
    assert (response.status_code, response["Cache-Control"]) == (302, "no-store")
    assert bucket_client.get(response["Location"]) == (200, PNG)
    # The URL is signed for reading only. The public URL of a private bucket serves nothing.
    assert bucket_client.put(response["Location"], JPEG, "image/png") == 403
    assert bucket_client.get(presigned["publicUrl"])[0] in (400, 403)


def test_server_accepts_no_bytes_with_a_bucket(folder, bucket, settings, announce, as_alice, api):
    settings.USE_S3 = False
    presigned = announce(as_alice)
    settings.USE_S3 = True
    path = presigned["url"].removeprefix("http://testserver")
    assert api.generic("PUT", path, JPEG, "image/jpeg").status_code == 403
    assert not list(folder.rglob("*.jpg"))


# --- The folder only


def test_signature_is_valid_until_it_expires(folder, now):
    upload = factories.UploadFactory.build(owner=None)
    url = LocalStore().upload_url(upload, site="https://garage.example/", now=now)
    assert url.startswith(f"https://garage.example/api/files/{upload.key}?expires=")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    lifetime = timedelta(seconds=3600)
    assert LocalStore().accepts(upload.key, **query, now=now + lifetime - timedelta(seconds=1))
    assert not LocalStore().accepts(upload.key, **query, now=now + lifetime)
