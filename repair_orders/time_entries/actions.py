"""Correct time entries, and end those of jobs that are over (docs/design, D105)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import IntegrityError, transaction

from appointments.models import Technician
from common.domain import events
from common.domain.database import violates
from common.domain.errors import DomainError, Invalid
from common.domain.transitions import write_history
from repair_orders.models import Job
from repair_orders.time_entries.models import TimeEntry

# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "clock_in": "repair_orders.work_repairorder",
    "clock_out": "repair_orders.work_repairorder",
    "clock_others": "repair_orders.clock_timeentry",
    "correct": "repair_orders.change_timeentry",
}


class EntriesOverlap(DomainError):
    """The technician has another entry at that time. The fact is its id."""

    code = "time_entries_overlap"
    title = "Time entries overlap"


class EndsBeforeItStarts(Invalid):
    code = "ends_before_it_starts"
    message = "A time entry must start before it ends."


class TimeInTheFuture(Invalid):
    code = "time_in_the_future"
    message = "A time entry cannot be in the future."


def lock_technician(technician: Technician) -> None:
    """Lock a technician until the transaction ends, so that their clock is moved by one request at a time."""
    list(Technician.objects.select_for_update(no_key=True).filter(pk=technician.pk).values_list("pk"))


@contextmanager
def no_overlap(technician: Technician) -> Iterator[None]:
    """Raise EntriesOverlap if the block writes an entry that overlaps another one of the technician."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if not violates(error, TimeEntry, "technician_works_on_one_job"):
            raise
        raise EntriesOverlap(f"{technician.name} has another time entry at that time.") from error


def stop_entry(entry: TimeEntry, *, by: int | None, now: datetime, why: str) -> None:
    """End a running entry, unless another request has ended it meanwhile.

    The clock of another server may have started it some milliseconds ahead of `now`.
    """
    ended = max(now, entry.started)
    is_mine = TimeEntry.objects.running().filter(pk=entry.pk).update(ended=ended)
    entry.refresh_from_db(fields=["ended"])
    if is_mine:
        write_history(entry, by=by, now=now, why=why)
        events.record("repair_orders.timeentry.ended", entry, at=now, job_id=entry.job_id)


def end_entries(jobs: Iterable[Job], *, by: int | None, now: datetime) -> None:
    """End the running entries of jobs that are finished or stopped. Their order is locked."""
    rows = TimeEntry.objects.running().filter(job__in=[job.pk for job in jobs])
    for entry in rows.select_for_update(no_key=True).order_by("id"):
        stop_entry(entry, by=by, now=now, why="the job is over")


def correct_entry(
    *,
    entry: TimeEntry,
    reason: str,
    by: int | None,
    now: datetime,
    started: datetime | None = None,
    ended: datetime | None = None,
) -> None:
    """Correct the times of an entry. None changes nothing. An end stops a running clock. History keeps the reason.

    Raises EndsBeforeItStarts, TimeInTheFuture, EntriesOverlap.
    """
    with transaction.atomic():
        lock_technician(entry.technician)
        entry.refresh_from_db(from_queryset=TimeEntry.objects.select_for_update(no_key=True))
        was_running = entry.ended is None
        entry.started, entry.ended = started or entry.started, ended or entry.ended
        for name in ("started", "ended"):
            value = getattr(entry, name)
            if value is not None and value > now:
                raise TimeInTheFuture(field=name)
        if entry.ended is not None and entry.ended <= entry.started:
            raise EndsBeforeItStarts(field="ended" if ended else "started")
        with no_overlap(entry.technician):
            TimeEntry.objects.filter(pk=entry.pk).update(started=entry.started, ended=entry.ended)
        write_history(entry, by=by, now=now, why=f"corrected: {reason}")
        what = "ended" if was_running and entry.ended is not None else "changed"
        events.record(f"repair_orders.timeentry.{what}", entry, at=now, job_id=entry.job_id)
