"""Delete what has expired: sessions, idempotency keys, finished tasks, uploads that were never used (docs/design, D58).

Each room registers the deletion of its own rows when the project starts (`AppConfig.ready`). A deletion may run twice
at once: it deletes rows by a condition on their age, and of two runs one finds them gone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module

import structlog
from django.conf import settings
from django_tasks_db.models import DBTaskResult

from common.domain.models import Event, IdempotencyKey, ImportState, SheetImport

log = structlog.get_logger(__name__)

Clearing = Callable[..., int]
_clearings: dict[str, Clearing] = {}


def register(name: str, clearing: Clearing) -> None:
    """Call `clearing(now=…)` once a day. It deletes what has expired and returns the number of rows."""
    _clearings[name] = clearing


def clear_expired(*, now: datetime) -> dict[str, int | None]:
    """Delete what has expired and return the numbers by name. None means that a deletion failed, which is logged.

    The failure of one, such as an unreachable bucket, must not keep the others from running.
    """
    counts: dict[str, int | None] = {}
    for name, clearing in _clearings.items():
        try:
            counts[name] = clearing(now=now)
        except Exception:
            log.exception("clearing_failed", what=name)
            counts[name] = None
    return counts


def kept_since(now: datetime) -> datetime:
    """Return the time before which ended sessions, finished tasks and finished imports are deleted."""
    return now - timedelta(days=settings.KEEP_DAYS)


def clear_page_sessions(*, now: datetime) -> int:
    """Delete Django's expired sessions."""
    model = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class()
    return int(model.objects.filter(expire_date__lt=now).delete()[0])


def clear_idempotency_keys(*, now: datetime) -> int:
    """Delete keys older than their lifetime."""
    return IdempotencyKey.objects.filter(created_at__lt=now - IdempotencyKey.LIFETIME).delete()[0]


def clear_tasks(*, now: datetime) -> int:
    """Delete finished and failed tasks."""
    return DBTaskResult.objects.finished().filter(finished_at__lt=kept_since(now)).delete()[0]


def clear_imports(*, now: datetime) -> int:
    """Delete finished imports, and the files of those that were not confirmed within a day."""
    SheetImport.objects.filter(
        state=ImportState.CHECKED, created_at__lt=now - SheetImport.CONFIRM_WITHIN
    ).update(state=ImportState.EXPIRED, content=b"", preview={}, finished_at=now)
    return SheetImport.objects.filter(created_at__lt=kept_since(now)).delete()[0]


def clear_events(*, now: datetime) -> int:
    """Delete events older than `KEEP_EVENTS_DAYS`, from the oldest in order up to the first that is younger.

    The last of them stays: a reader that has read it has missed nothing, and finds it as its place.
    """
    since = now - timedelta(days=settings.KEEP_EVENTS_DAYS)
    stays = Event.objects.filter(at__gte=since).order_by("id").first()
    expired = Event.objects.filter(pk__lt=stays.pk) if stays else Event.objects.all()
    last = expired.order_by("id").last()
    return Event.objects.filter(pk__lt=last.pk).delete()[0] if last else 0
