"""Attaching and pruning: what is looked at, what is refused, and that a refusal changes nothing."""

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
    FileNotFound,
    NotUploaded,
    NotWhatItSays,
    WrongLength,
    attach,
    presign,
    prune,
    receive,
)
from files.models import Upload
from files.stores import LocalStore, store
from files.tests.conftest import JPEG, PNG, is_there, row
from testing import factories
from testing.storms import parallel
from testing.suites import count_queries

SITE = "http://testserver/"


def announced(user, now, **more):
    given = {"filename": "receipt.jpg", "content_type": "image/jpeg", "size": None}
    return presign(caller=caller_of_user(user), site=SITE, now=now, **given | more)


def sent(presigned, body=JPEG, length=None):
    query = {name: values[0] for name, values in parse_qs(urlsplit(presigned.url).query).items()}
    upload = presigned.upload
    return receive(
        key=upload.key, content_type=upload.content_type, length=length or len(body), chunks=iter([body]),
        now=upload.created_at, **query,
    )  # fmt: skip


def uploaded(user, now, body=JPEG, **more):
    return sent(announced(user, now, **more), body)


def everything():
    return list(Upload.objects.order_by("id").values())


@pytest.mark.django_db
class TestAttach:
    pytestmark = pytest.mark.usefixtures("folder")

    def test_in_the_given_order_each_once(self, alice, now):
        first, second = uploaded(alice.contact, now), uploaded(alice.contact, now)
        caller = caller_of_user(alice.contact)
        found = attach(caller=caller, upload_ids=[second.uuid, first.uuid, second.uuid], now=now)
        assert [upload.pk for upload in found] == [second.pk, first.pk]
        assert [upload.customer_id for upload in found] == [alice.pk, alice.pk]
        assert attach(caller=caller, upload_ids=[], now=now) == []

    def test_again_it_is_not_looked_at_anew(self, alice, now):
        upload = uploaded(alice.contact, now)
        caller = caller_of_user(alice.contact)
        attach(caller=caller, upload_ids=[upload.uuid], now=now)
        store().remove(upload.key)
        [again] = attach(caller=caller, upload_ids=[upload.uuid], now=now + timedelta(days=1))
        assert (again.state, again.attached_at) == ("attached", now)

    def test_what_is_not_ones_own_is_not_found(self, alice, bob, ada, now):
        mine, his = uploaded(alice.contact, now), uploaded(bob.contact, now)
        before = everything()
        for user, ids in (
            (alice.contact, [mine.uuid, his.uuid]),
            (alice.contact, [mine.uuid, uuid4()]),
            (ada, [mine.uuid]),
        ):
            with pytest.raises(FileNotFound, match="File not found"):
                attach(caller=caller_of_user(user), upload_ids=ids, now=now)
        assert everything() == before

    def test_what_staff_attach_for_a_customer_is_the_customers_to_see(self, alice, bob, tim, now):
        upload = uploaded(tim, now)
        assert upload.customer_id is None
        attach(caller=caller_of_user(tim), upload_ids=[upload.uuid], customer_id=alice.pk, now=now)
        seen = {
            name: Upload.objects.visible_to(caller_of_user(user)).filter(pk=upload.pk).exists()
            for name, user in (("alice", alice.contact), ("bob", bob.contact), ("tim", tim))
        }
        assert seen == {"alice": True, "bob": False, "tim": True}

    def test_the_number_of_queries_is_one_a_file_and_one(self, alice, now):
        caller = caller_of_user(alice.contact)
        ids = [uploaded(alice.contact, now).uuid for _ in range(3)]
        with transaction.atomic():
            asked = count_queries(lambda: attach(caller=caller, upload_ids=ids, now=now))
        assert asked <= 6  # rows, savepoint, one UPDATE each, release


@pytest.mark.django_db
class TestWhatIsNotWhatItSays:
    """In both stores alike."""

    @pytest.mark.parametrize(
        ("body", "content_type", "error", "says"),
        [
            (None, "image/jpeg", NotUploaded, "receipt.jpg has not been uploaded."),
            (PNG, "image/jpeg", NotWhatItSays, "receipt.jpg is not a file of the type image/jpeg."),
            (b"<html>" * 99, "image/png", NotWhatItSays, "receipt.jpg.png is not a file of the type image/png."),
            (b"\xff", "image/jpeg", NotWhatItSays, "receipt.jpg is not a file of the type image/jpeg."),
            (JPEG + b"x" * 2000, "image/jpeg", NotWhatItSays, "A file may have at most 2,000 bytes."),
        ],
        ids=["nothing", "another image", "a page", "a byte", "too large"],
    )  # fmt: skip
    def test_is_refused(
        self, place, announce, as_alice, alice, now, settings, body, content_type, error, says
    ):
        answer = announce(as_alice, contentType=content_type)
        if body is not None:
            assert place.put(answer["url"], body, content_type) == 200
        settings.MAX_UPLOAD_BYTES = 2000
        good = announce(as_alice)
        place.put(good["url"], JPEG, "image/jpeg")
        before = everything()
        caller, ids = caller_of_user(alice.contact), [row(good).uuid, row(answer).uuid]
        with pytest.raises(error) as refused:
            attach(caller=caller, upload_ids=ids, now=now)
        assert refused.value.text == says
        assert everything() == before

    def test_an_empty_object_of_a_bucket_is_refused(self, place_of_bucket, announce, as_alice, alice, now):
        answer = announce(as_alice)
        assert place_of_bucket.put(answer["url"], b"", "image/jpeg") == 200
        with pytest.raises(NotWhatItSays):
            attach(caller=caller_of_user(alice.contact), upload_ids=[row(answer).uuid], now=now)


@pytest.mark.django_db
def test_what_breaks_off_is_not_kept(folder, alice, now):
    presigned = announced(alice.contact, now)
    for body in (JPEG[:-10], JPEG + b"x"):
        with pytest.raises(WrongLength, match="The file broke off on its way"):
            sent(presigned, body, length=len(JPEG))
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert sent(presigned).size == len(JPEG)


@pytest.mark.django_db
class TestPrune:
    def test_removes_what_was_never_attached_and_no_more(self, place, announce, as_alice, alice, now):
        pending, stored, attached, fresh = (announce(as_alice) for _ in range(4))
        for answer in (stored, attached, fresh):
            assert place.put(answer["url"], JPEG, "image/jpeg") == 200
        attach(caller=caller_of_user(alice.contact), upload_ids=[row(attached).uuid], now=now)
        Upload.objects.exclude(uuid=fresh["fileId"]).update(created_at=now - timedelta(days=8))
        gone = [row(pending), row(stored)]
        assert prune(now=now) == 2
        assert prune(now=now) == 0
        assert {str(upload.uuid) for upload in Upload.objects.all()} == {attached["fileId"], fresh["fileId"]}
        assert [is_there(upload) for upload in gone] == [False, False]
        assert is_there(row(attached))
        assert is_there(row(fresh))

    def test_what_cannot_be_removed_stays_for_the_next_run(self, bucket, announce, as_alice, now, settings):
        announce(as_alice)
        later, endpoint = now + timedelta(days=8), settings.AWS_S3_ENDPOINT_URL
        settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:1"
        with pytest.raises(Exception, match="Files cannot be stored"):
            prune(now=later)
        assert Upload.objects.count() == 1
        settings.AWS_S3_ENDPOINT_URL = endpoint
        assert prune(now=later) == 1

    def test_never_while_the_address_takes_a_put(self, folder, alice, now, settings):
        settings.AWS_S3_PRESIGNED_URL_EXPIRATION = 5 * 86_400
        announced(alice.contact, now)
        assert prune(now=now + timedelta(days=4), days=1) == 0
        assert prune(now=now + timedelta(days=6), days=1) == 1

    def test_what_is_left_half_written_goes_too(self, folder, alice, now):
        upload = uploaded(alice.contact, now)
        half = LocalStore().path(upload.key).parent / "tmp-half"
        half.write_bytes(b"x")
        assert prune(now=now + timedelta(days=8)) == 1
        assert not half.parent.exists()

    def test_the_command(self, folder, alice, now, capsys):
        announced(alice.contact, now - timedelta(days=3))
        announced(alice.contact, now - timedelta(days=8))
        call_command("prune_uploads")
        call_command("prune_uploads", "--days", "2")
        assert capsys.readouterr().out == "1 uploads removed.\n1 uploads removed.\n"
        for wrong in ("0", "-1", "x", "1.5", "99999"):
            with pytest.raises(CommandError, match="at least 1"):
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
def test_the_database_keeps_rows_in_order(alice, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.UploadFactory(owner=alice.contact, **values)


@pytest.mark.django_db
def test_nobodys_account_is_no_account(alice, carol):
    """A row without a customer is not one of a caller without a customer."""
    factories.UploadFactory(owner=alice.contact, customer_id=None)
    assert not Upload.objects.visible_to(Caller("customer", carol.pk, None)).exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_many_who_send_at_once_one_is_first(folder):
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
def test_attached_or_pruned_and_never_both(folder):
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
        assert is_there(upload) == (upload.pk in left)
        assert upload.pk not in left or left[upload.pk].state == "attached"
