"""Tests of attach and prune: the checks, the refusals, and that a refusal changes nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from common.domain.caller import Caller
from customers.callers import caller_of_user
from files.actions import (
    AlreadyUploaded,
    ContentMismatch,
    FileNotFound,
    LengthMismatch,
    NotUploaded,
    attach,
    presign,
    prune,
    receive,
)
from files.models import Upload
from files.stores import LocalStore, store
from files.tests.conftest import JPEG, PNG, is_stored, upload_of
from testing import factories
from testing.storms import parallel
from testing.suites import count_queries

SITE = "http://testserver/"


def announced(user, now, **fields):
    values = {"filename": "receipt.jpg", "content_type": "image/jpeg", "size": None}
    return presign(caller=caller_of_user(user), site=SITE, now=now, **values | fields)


def sent(presigned, body=JPEG, length=None):
    query = {name: values[0] for name, values in parse_qs(urlsplit(presigned.url).query).items()}
    upload = presigned.upload
    return receive(
        key=upload.key, content_type=upload.content_type, length=length or len(body), chunks=iter([body]),
        now=upload.created_at, **query,
    )  # fmt: skip


def uploaded(user, now, body=JPEG, **fields):
    return sent(announced(user, now, **fields), body)


def snapshot():
    return list(Upload.objects.order_by("id").values())


@pytest.mark.django_db
class TestAttach:
    pytestmark = pytest.mark.usefixtures("folder")

    def test_returns_each_upload_once_in_the_given_order(self, alice, now):
        first, second = uploaded(alice.contact, now), uploaded(alice.contact, now)
        caller = caller_of_user(alice.contact)
        found = attach(caller=caller, upload_ids=[second.uuid, first.uuid, second.uuid], now=now)
        assert [upload.pk for upload in found] == [second.pk, first.pk]
        assert [upload.customer_id for upload in found] == [alice.pk, alice.pk]
        assert attach(caller=caller, upload_ids=[], now=now) == []

    def test_attached_upload_is_not_checked_again(self, alice, now):
        upload = uploaded(alice.contact, now)
        caller = caller_of_user(alice.contact)
        attach(caller=caller, upload_ids=[upload.uuid], now=now)
        store().remove(upload.key)
        [again] = attach(caller=caller, upload_ids=[upload.uuid], now=now + timedelta(days=1))
        assert (again.state, again.attached_at) == ("attached", now)

    def test_upload_of_another_user_raises_file_not_found(self, alice, bob, ada, now):
        own, other = uploaded(alice.contact, now), uploaded(bob.contact, now)
        before = snapshot()
        for user, ids in (
            (alice.contact, [own.uuid, other.uuid]),
            (alice.contact, [own.uuid, uuid4()]),
            (ada, [own.uuid]),
        ):
            with pytest.raises(FileNotFound, match="File not found"):
                attach(caller=caller_of_user(user), upload_ids=ids, now=now)
        assert snapshot() == before

    def test_upload_that_staff_attach_is_visible_to_the_customer(self, alice, bob, tim, now):
        upload = uploaded(tim, now)
        assert upload.customer_id is None
        attach(caller=caller_of_user(tim), upload_ids=[upload.uuid], customer_id=alice.pk, now=now)
        seen = {
            name: Upload.objects.visible_to(caller_of_user(user)).filter(pk=upload.pk).exists()
            for name, user in (("alice", alice.contact), ("bob", bob.contact), ("tim", tim))
        }
        assert seen == {"alice": True, "bob": False, "tim": True}

    def test_query_count_is_one_per_upload_plus_a_constant(self, alice, now):
        caller = caller_of_user(alice.contact)
        ids = [uploaded(alice.contact, now).uuid for _ in range(3)]
        with transaction.atomic():
            queries = count_queries(lambda: attach(caller=caller, upload_ids=ids, now=now))
        assert queries <= 6  # rows, savepoint, one UPDATE each, release


@pytest.mark.django_db
class TestContentChecks:
    """Each check runs with both stores."""

    @pytest.mark.parametrize(
        ("body", "content_type", "error", "message"),
        [
            (None, "image/jpeg", NotUploaded, "receipt.jpg has not been uploaded."),
            (PNG, "image/jpeg", ContentMismatch, "receipt.jpg is not a file of the type image/jpeg."),
            (b"<html>" * 99, "image/png", ContentMismatch, "receipt.jpg.png is not a file of the type image/png."),
            (b"\xff", "image/jpeg", ContentMismatch, "receipt.jpg is not a file of the type image/jpeg."),
            (JPEG + b"x" * 2000, "image/jpeg", ContentMismatch, "A file may have at most 2,000 bytes."),
        ],
        ids=["nothing", "another image", "a page", "a byte", "too large"],
    )  # fmt: skip
    def test_wrong_file_is_refused(
        self, store_client, announce, as_alice, alice, now, settings, body, content_type, error, message
    ):
        presigned = announce(as_alice, contentType=content_type)
        if body is not None:
            assert store_client.put(presigned["url"], body, content_type) == 200
        settings.MAX_UPLOAD_BYTES = 2000
        good = announce(as_alice)
        store_client.put(good["url"], JPEG, "image/jpeg")
        before = snapshot()
        caller, ids = caller_of_user(alice.contact), [upload_of(good).uuid, upload_of(presigned).uuid]
        with pytest.raises(error) as refused:
            attach(caller=caller, upload_ids=ids, now=now)
        assert refused.value.text == message
        assert snapshot() == before

    def test_empty_object_of_a_bucket_is_refused(self, bucket_client, announce, as_alice, alice, now):
        presigned = announce(as_alice)
        assert bucket_client.put(presigned["url"], b"", "image/jpeg") == 200
        with pytest.raises(ContentMismatch):
            attach(caller=caller_of_user(alice.contact), upload_ids=[upload_of(presigned).uuid], now=now)


@pytest.mark.django_db
def test_truncated_upload_is_not_stored(folder, alice, now):
    presigned = announced(alice.contact, now)
    for body in (JPEG[:-10], JPEG + b"x"):
        with pytest.raises(
            LengthMismatch, match=f"Received {len(body)} bytes, but Content-Length is {len(JPEG)}."
        ):
            sent(presigned, body, length=len(JPEG))
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert sent(presigned).size == len(JPEG)


@pytest.mark.django_db
class TestPrune:
    def test_removes_only_old_uploads_that_were_never_attached(
        self, store_client, announce, as_alice, alice, now
    ):
        pending, stored, attached, fresh = (announce(as_alice) for _ in range(4))
        for presigned in (stored, attached, fresh):
            assert store_client.put(presigned["url"], JPEG, "image/jpeg") == 200
        attach(caller=caller_of_user(alice.contact), upload_ids=[upload_of(attached).uuid], now=now)
        Upload.objects.exclude(uuid=fresh["fileId"]).update(created_at=now - timedelta(days=8))
        gone = [upload_of(pending), upload_of(stored)]
        assert prune(now=now) == 2
        assert prune(now=now) == 0
        assert {str(upload.uuid) for upload in Upload.objects.all()} == {attached["fileId"], fresh["fileId"]}
        assert [is_stored(upload) for upload in gone] == [False, False]
        assert is_stored(upload_of(attached))
        assert is_stored(upload_of(fresh))

    def test_upload_that_cannot_be_removed_stays_for_the_next_run(
        self, bucket, announce, as_alice, now, settings
    ):
        announce(as_alice)
        later, endpoint = now + timedelta(days=8), settings.AWS_S3_ENDPOINT_URL
        settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
        with pytest.raises(Exception, match="Files cannot be stored"):
            prune(now=later)
        assert Upload.objects.count() == 1
        settings.AWS_S3_ENDPOINT_URL = endpoint
        assert prune(now=later) == 1

    def test_upload_stays_while_its_url_accepts_a_put(self, folder, alice, now, settings):
        settings.AWS_S3_PRESIGNED_URL_EXPIRATION = 5 * 86_400
        announced(alice.contact, now)
        assert prune(now=now + timedelta(days=4), days=1) == 0
        assert prune(now=now + timedelta(days=6), days=1) == 1

    def test_partial_file_is_removed_too(self, folder, alice, now):
        upload = uploaded(alice.contact, now)
        partial = LocalStore().path(upload.key).parent / "tmp-half"
        partial.write_bytes(b"x")
        assert prune(now=now + timedelta(days=8)) == 1
        assert not partial.parent.exists()

    def test_command_prunes_and_validates_days(self, folder, alice, now, capsys):
        announced(alice.contact, now - timedelta(days=3))
        announced(alice.contact, now - timedelta(days=8))
        call_command("prune_uploads")
        call_command("prune_uploads", "--days", "2")
        assert capsys.readouterr().out == "1 uploads removed.\n1 uploads removed.\n"
        for wrong in ("0", "-1", "x", "1.5", "99999"):
            with pytest.raises(CommandError, match="from 1 to 36,500"):
                call_command("prune_uploads", "--days", wrong)
        assert not Upload.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [
        {"state": "lost"},
        {"size": 0},
        {"content_type": "text/html"},
        {"state": "stored"},
        {"state": "attached", "size": 3},
    ],
)
def test_database_refuses_invalid_rows(alice, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.UploadFactory(owner=alice.contact, **values)


@pytest.mark.django_db
def test_upload_without_customer_is_hidden_from_caller_without_customer(alice, carol):
    """Two missing customer ids do not match each other."""
    factories.UploadFactory(owner=alice.contact, customer_id=None)
    assert not Upload.objects.visible_to(Caller("customer", carol.pk, None)).exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_uploads_store_one_file(folder):
    user = factories.CustomerFactory().contact
    presigned = announced(user, factories.timezone.now(), size=len(JPEG))
    bodies = [JPEG[:-1] + bytes([number]) for number in range(20)]
    outcomes = parallel(20, lambda number: sent(presigned, bodies[number]))
    winners = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Upload)]
    assert len(winners) == 1
    assert all(isinstance(o, AlreadyUploaded) for n, o in enumerate(outcomes) if n not in winners), outcomes
    path: Path = LocalStore().path(presigned.upload.key)
    assert path.read_bytes() == bodies[winners[0]]
    assert [file.name for file in path.parent.iterdir()] == ["receipt.jpg"]


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_attach_and_prune_never_both_succeed(folder):
    now = factories.timezone.now()
    user = factories.CustomerFactory().contact
    caller = caller_of_user(user)
    uploads = [uploaded(user, now) for _ in range(6)]
    later = now + timedelta(days=8)

    def work(number):
        if number % 2:
            return prune(now=later)
        return attach(caller=caller, upload_ids=[uploads[number // 2].uuid], now=later)

    parallel(12, work)
    left = {upload.pk: upload for upload in Upload.objects.all()}
    for upload in uploads:
        assert is_stored(upload) == (upload.pk in left)
        assert upload.pk not in left or left[upload.pk].state == "attached"
