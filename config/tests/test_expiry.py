"""`manage.py clear_expired` deletes what has expired, keeps the rest, and may run twice at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import KnownAddress, PageSession, Session
from common.domain import expiry
from common.domain.models import Event, IdempotencyKey, SheetImport
from files.models import Upload
from files.stores import StoreUnavailable
from integrations.models import Delivery
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path
    settings.KEEP_DAYS, settings.KEEP_EVENTS_DAYS = 30, 90


def clear():
    output = StringIO()
    call_command("clear_expired", stdout=output)
    return output.getvalue().splitlines()


def make_rows(now):
    """Create an expired row and one that stays, in each table. Return those that stay."""
    user = factories.UserFactory()
    old, recent = now - timedelta(days=31), now - timedelta(days=29)
    for day, key in ((now - timedelta(seconds=1), "a"), (now + timedelta(hours=1), "b")):
        PageSession.objects.create(session_key=key, session_data="", expire_date=day)
    for day, key in ((now - timedelta(hours=25), "a"), (now - timedelta(hours=23), "b")):
        IdempotencyKey.objects.create(user_id=user.pk, key=key, fingerprint="", created_at=day)
    for day in (old, recent):
        factories.SessionFactory(user=user, created_at=day, ended_at=day)
        factories.SheetImportFactory(created_at=day, state="done", finished_at=day)
        for status in ("SUCCESSFUL", "FAILED"):
            factories.TaskFactory(status=status, finished_at=day)
    factories.TaskFactory(run_after=old)
    factories.SessionFactory(user=user, created_at=now - timedelta(days=38))  # its tokens expired 31 days ago
    factories.SessionFactory(user=user, created_at=now - timedelta(days=36))
    for day in (now - timedelta(days=91), now - timedelta(days=89)):
        factories.KnownAddressFactory(last_sign_in_at=day)
    for day in (now - timedelta(days=8), now - timedelta(days=6)):
        factories.UploadFactory(created_at=day)
    of_no_event = {"event": None, "event_id": 1, "type": "", "subject": ""}
    for day in (now - timedelta(days=91), now - timedelta(days=89)):
        factories.DeliveryFactory(**of_no_event, created_at=day, state="delivered", ended_at=day)
    factories.DeliveryFactory(**of_no_event, created_at=now - timedelta(days=91))
    for days in (92, 91, 89):  # the last that has expired marks where events begin
        factories.EventFactory(at=now - timedelta(days=days))


def left():
    return {
        "page sessions": PageSession.objects.count(),
        "idempotency keys": IdempotencyKey.objects.count(),
        "tasks": DBTaskResult.objects.count(),
        "sessions": Session.objects.count(),
        "uploads": Upload.objects.count(),
        "imports": SheetImport.objects.count(),
        "known addresses": KnownAddress.objects.count(),
        "events": Event.objects.count(),
        "webhook deliveries": Delivery.objects.count(),
    }


STAYS = {
    "page sessions": 1,
    "idempotency keys": 1,
    "tasks": 3,
    "sessions": 2,
    "uploads": 1,
    "imports": 1,
    "known addresses": 1,
    "events": 2,
    "webhook deliveries": 2,
}


def test_expired_rows_are_deleted_and_others_stay(now):
    make_rows(now)
    assert set(clear()) >= {
        "page sessions: 1 deleted",
        "idempotency keys: 1 deleted",
        "tasks: 2 deleted",
        "sessions: 2 deleted",
        "uploads: 1 deleted",
        "imports: 1 deleted",
        "known addresses: 1 deleted",
        "webhook deliveries: 1 deleted",
        "events: 1 deleted",
    }
    assert left() == STAYS
    assert {line.partition(": ")[2] for line in clear()} == {"0 deleted"}


def test_open_session_stays_while_its_tokens_can_be_renewed(now, settings):
    settings.ROTATE_REFRESH_TOKENS = True
    session = factories.SessionFactory(created_at=now - timedelta(days=400))
    clear()
    assert Session.objects.get() == session


def test_failure_of_one_does_not_keep_others_from_running(now, monkeypatch):
    make_rows(now)

    def away(**_):
        raise StoreUnavailable

    monkeypatch.setitem(expiry._clearings, "page sessions", away)
    with pytest.raises(CommandError, match="Not everything could be deleted"):
        clear()
    assert left() == STAYS | {"page sessions": 2}


@pytest.mark.django_db(transaction=True)
def test_command_may_run_twice_at_once():
    make_rows(timezone.now())

    def run(_):
        try:
            return expiry.clear_expired(now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        runs = list(threads.map(run, range(3)))
    assert all(None not in counts.values() for counts in runs)
    assert {name: sum(counts[name] for counts in runs) for name in STAYS} == {
        "page sessions": 1, "idempotency keys": 1, "tasks": 2, "sessions": 2, "uploads": 1, "imports": 1,
        "known addresses": 1, "events": 1, "webhook deliveries": 1,
    }  # fmt: skip
    assert left() == STAYS
