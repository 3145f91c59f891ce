"""An upload in either store: the same steps, the same refusals. No signature is believed that was not made here."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from customers.callers import caller_of_user
from files.actions import attach
from files.stores import LocalStore, S3Store, StoreAway, _s3_client, store
from files.tests.conftest import ACCESS_KEY, JPEG, PNG, SECRET_KEY, is_there, row
from testing import factories

pytestmark = pytest.mark.django_db


def test_announced_sent_shown_attached(place, announce, as_alice, alice, now):
    answer = announce(as_alice, size=len(JPEG))
    assert not is_there(row(answer))
    assert place.put(answer["url"], JPEG, "image/jpeg") == 200
    [upload] = attach(caller=caller_of_user(alice.contact), upload_ids=[row(answer).uuid], now=now)
    assert (upload.state, upload.size, upload.attached_at) == ("attached", len(JPEG), now)
    if not place.is_bucket:  # this one is private
        assert place.get(answer["publicUrl"]) == (200, JPEG)


def test_without_a_size_any_length_is_taken(place, announce, as_alice, alice, now):
    answer = announce(as_alice)
    assert place.put(answer["url"], JPEG * 2, "image/jpeg") == 200
    [upload] = attach(caller=caller_of_user(alice.contact), upload_ids=[row(answer).uuid], now=now)
    assert upload.size == 2 * len(JPEG)


def refused(place, answer, status_here, *sent):
    """The PUT is refused and nothing is there. A bucket has 403 for it all, this one 400 where a part is missing."""
    upload = row(answer)
    assert place.put(*sent) in ((400, 403) if place.is_bucket else (status_here,))
    assert not is_there(upload)
    assert row(answer).state == "pending"


def changed(url, **parts):
    """`url` with other values of its query."""
    for name, value in parts.items():
        url, count = re.subn(f"(?<=[?&]){name}=[^&]*", f"{name}={value}", url)
        assert count == 1
    return url


def test_a_tampered_address_is_refused(place, announce, as_alice):
    answer, other = announce(as_alice, size=len(JPEG)), announce(as_alice, size=len(JPEG))
    name = "X-Amz-Signature" if place.is_bucket else "signature"
    expiry = {"X-Amz-Expires": "7000"} if place.is_bucket else {"expires": str(int(time.time()) + 9999)}
    url = answer["url"]
    foreign = parse_qs(urlsplit(other["url"]).query)[name][0]
    for bad in (
        changed(url, **{name: "0" * 64}),
        changed(url, **{name: ""}),
        changed(url, **{name: foreign}),
        changed(url, **expiry),
        url.replace(row(answer).key, row(other).key),
        url.replace("receipt.jpg", "receipt.png"),
        answer["publicUrl"],
    ):
        refused(place, answer, 403, bad, JPEG, "image/jpeg")
        assert not is_there(row(other))
    assert place.put(url, JPEG, "image/jpeg") == 200


def test_an_expired_address_is_refused(place, announce, as_alice, settings):
    settings.AWS_S3_PRESIGNED_URL_EXPIRATION = 1
    answer = announce(as_alice, size=len(JPEG))
    time.sleep(2.1)
    refused(place, answer, 403, answer["url"], JPEG, "image/jpeg")


@pytest.mark.parametrize("content_type", ["image/png", "text/html", "image/jpeg; charset=utf-8", None])
def test_another_type_is_refused(place, announce, as_alice, content_type):
    answer = announce(as_alice, size=len(JPEG))
    refused(place, answer, 415, answer["url"], JPEG, content_type)


@pytest.mark.parametrize("body", [JPEG[:-1], JPEG + b"x", b""], ids=["shorter", "longer", "empty"])
def test_another_length_is_refused(place, announce, as_alice, body):
    answer = announce(as_alice, size=len(JPEG))
    refused(place, answer, 400, answer["url"], body, "image/jpeg")


def test_pruned_bytes_are_gone(place, announce, as_alice):
    answer = announce(as_alice)
    place.put(answer["url"], JPEG, "image/jpeg")
    upload = row(answer)
    for _ in range(2):  # what is not there is away already
        store().remove(upload.key)
        assert not is_there(upload)


# --- What only a bucket does ----------------------------------------------------------------------------------


def test_a_bucket_that_is_away_is_503(bucket, settings, as_alice, announce):
    upload = row(announce(as_alice))
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
    response = as_alice.get(f"/api/files/{upload.uuid}/")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json() == {
        "error": "Files cannot be stored or read right now. Try again in a few seconds."
    }


def test_without_any_credentials_nothing_is_announced(bucket, settings, as_alice, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
    settings.AWS_S3_REGION_NAME = "eu-west-3"
    _s3_client.cache_clear()
    response = as_alice.post(
        "/api/files/presign/", {"filename": "a.png", "contentType": "image/png"}, format="json"
    )
    assert response.status_code == 503
    with pytest.raises(StoreAway):
        S3Store().public_url("uploads/a/b", site="")


def test_a_role_or_a_credentials_file_serves_without_keys(bucket, settings, announce, as_alice, tmp_path,
                                                          monkeypatch, place_of_bucket):  # fmt: skip
    file = tmp_path / "credentials"
    file.write_text(f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = ""
    _s3_client.cache_clear()
    answer = announce(as_alice)
    assert place_of_bucket.put(answer["url"], JPEG, "image/jpeg") == 200
    assert is_there(row(answer))


@pytest.mark.parametrize(
    ("region", "name", "domain", "public"),
    [
        ("us-east-1", "photos", "", "https://photos.s3.amazonaws.com/"),
        ("eu-central-1", "photos", "", "https://photos.s3.eu-central-1.amazonaws.com/"),
        ("eu-central-1", "garage.example", "", "https://s3.eu-central-1.amazonaws.com/garage.example/"),
        ("us-east-1", "photos", "cdn.garage.example", "https://cdn.garage.example/"),
    ],
)
def test_addresses_of_aws(bucket, settings, region, name, domain, public):
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
    assert not [word for word in query if "checksum" in word.lower()]


def test_a_read_is_the_way_to_the_bucket(bucket, announce, as_alice, place_of_bucket):
    answer = announce(as_alice, filename="r.png", contentType="image/png")
    place_of_bucket.put(answer["url"], PNG, "image/png")
    response = as_alice.get(f"/api/files/{answer['fileId']}/")
    assert (response.status_code, response["Cache-Control"]) == (302, "no-store")
    assert place_of_bucket.get(response["Location"]) == (200, PNG)
    # Signed for reading; the public address of a private bucket shows nothing.
    assert place_of_bucket.put(response["Location"], JPEG, "image/png") == 403
    assert place_of_bucket.get(answer["publicUrl"])[0] in (400, 403)


def test_the_server_takes_no_bytes_where_there_is_a_bucket(folder, bucket, settings, announce, as_alice, api):
    settings.USE_S3 = False
    answer = announce(as_alice)
    settings.USE_S3 = True
    path = answer["url"].removeprefix("http://testserver")
    assert api.generic("PUT", path, JPEG, "image/jpeg").status_code == 403
    assert not list(folder.rglob("*.jpg"))


# --- What only this server does --------------------------------------------------------------------------------


def test_a_signature_is_good_until_its_second(folder, now):
    upload = factories.UploadFactory.build(owner=None)
    url = LocalStore().upload_url(upload, site="https://garage.example/", now=now)
    assert url.startswith(f"https://garage.example/api/files/{upload.key}?expires=")
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    until = timedelta(seconds=3600)
    assert LocalStore().admits(upload.key, **given, now=now + until - timedelta(seconds=1))
    assert not LocalStore().admits(upload.key, **given, now=now + until)
