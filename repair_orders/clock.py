"""Clock technicians in and out of jobs (docs/design, D105).

Rows are locked in the order technician, order, time entry. A running clock is one time entry without an end, which a
constraint holds.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from appointments.models import Technician
from common.domain import events
from common.domain.errors import DomainError, Forbidden
from repair_orders.actions import start
from repair_orders.changes import lock
from repair_orders.estimates.snapshot import instant
from repair_orders.models import AUTHORISED_STATUSES, Job, JobStatus, RepairOrderStatus
from repair_orders.time_entries.actions import PERMISSIONS as PERMISSIONS
from repair_orders.time_entries.actions import lock_technician, no_overlap, stop_entry
from repair_orders.time_entries.models import TimeEntry


class ClockIsRunning(DomainError):
    """The technician works on another job. The facts name it and the time since when."""

    code = "clock_is_running"
    title = "Clock is running"

    def __init__(self, entry: TimeEntry) -> None:
        super().__init__(
            f"{entry.technician.name} works on {entry.job.name} of repair order {entry.job.repair_order.reference}. "
            "Stop that clock, or switch to this job.",
            time_entry_id=entry.pk,
            job_id=entry.job_id,
            job=entry.job.name,
            repair_order_id=entry.job.repair_order_id,
            started=instant(entry.started),
        )


class ClockIsNotRunning(DomainError):
    code = "clock_is_not_running"
    title = "Clock is not running"

    def __init__(self, technician: Technician) -> None:
        super().__init__(f"{technician.name} has no running clock.")


class JobIsNotApproved(DomainError):
    code = "job_not_approved"
    title = "Job is not approved"
    message = "Only an approved job of an approved order, or of one in progress, can be worked on."


class OwnClockOnly(Forbidden):
    code = "own_clock_only"
    message = "You can start and stop your own clock only."


def check_clock(*, technician: Technician, user_id: int, may_clock_others: bool) -> None:
    """Raise OwnClockOnly unless the technician is the user's own, or the user may clock others."""
    if technician.user_id != user_id and not may_clock_others:
        raise OwnClockOnly


def clock_in(
    *, technician: Technician, job: Job, by: int | None, now: datetime, switch: bool = False
) -> TimeEntry:
    """Start the clock of a technician on an approved job, and the work of its order if that has not begun.

    With `switch` a running clock on another job is stopped first. A clock that runs on this job keeps running. A job
    without a technician is given to this one. Raises ClockIsRunning, JobIsNotApproved, EntriesOverlap.
    """
    with transaction.atomic():
        lock_technician(technician)
        order = job.repair_order
        lock(order)
        job = Job.objects.get(pk=job.pk)
        running = get_running(technician)
        if running is not None and running.job_id == job.pk:
            return running
        if job.status != JobStatus.APPROVED or order.status not in AUTHORISED_STATUSES:
            raise JobIsNotApproved
        if running is not None:
            if not switch:
                raise ClockIsRunning(running)
            stop_entry(running, by=by, now=now, why="clocked into another job")
        if order.status == RepairOrderStatus.APPROVED:
            start(order=order, by=by, now=now)
        if job.technician_id is None:
            job.technician = technician
            job.save(update_fields=["technician"])
        with no_overlap(technician):
            started = _earliest_start(technician, now)
            entry = TimeEntry.objects.create(technician=technician, job=job, started=started)
        events.record("repair_orders.timeentry.started", entry, at=now, job_id=job.pk)
    return entry


def clock_out(*, technician: Technician, by: int | None, now: datetime) -> TimeEntry:
    """Stop the running clock of a technician, and return its entry. Raises ClockIsNotRunning."""
    with transaction.atomic():
        lock_technician(technician)
        entry = get_running(technician)
        if entry is None:
            raise ClockIsNotRunning(technician)
        stop_entry(entry, by=by, now=now, why="clocked out")
    return entry


def _earliest_start(technician: Technician, now: datetime) -> datetime:
    """Return `now`, or the end of the last entry if the clock of another server is ahead."""
    last = TimeEntry.objects.filter(technician=technician, ended__gt=now).aggregate(last=Max("ended"))["last"]
    return last or now


def get_running(technician: Technician) -> TimeEntry | None:
    """Return the running clock of a technician with its job, or None."""
    rows = TimeEntry.objects.running().filter(technician=technician)
    return rows.select_related("technician", "job__repair_order").first()
