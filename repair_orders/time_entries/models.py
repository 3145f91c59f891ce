"""The time that technicians work on jobs (docs/design, D105)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from appointments.models import Technician
from common.domain.constraints import NoOverlap
from repair_orders.time_entries.querysets import TimeEntryQuerySet

_HOUR = timedelta(hours=1) // timedelta(microseconds=1)
_HUNDREDTH = Decimal("0.01")


class TimeEntry(models.Model):
    """The time of a technician on a job in `[started, ended)`. An entry without an end is a running clock."""

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index below begins with the technician.
    technician = models.ForeignKey(
        Technician, on_delete=models.PROTECT, related_name="time_entries", db_index=False
    )
    job = models.ForeignKey("repair_orders.Job", on_delete=models.PROTECT, related_name="time_entries")
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()
    objects = TimeEntryQuerySet["TimeEntry"].as_manager()

    class Meta:
        verbose_name_plural = "time entries"
        permissions = [("clock_timeentry", "Can clock other technicians in and out")]
        constraints = [
            models.UniqueConstraint(
                fields=["technician"],
                condition=Q(ended=None),
                name="one_running_clock",
                violation_error_message="This technician has a running clock.",
            ),
            NoOverlap(
                name="technician_works_on_one_job",
                holder="technician",
                start="started",
                end="ended",
                violation_error_message="The technician has another entry at that time.",
            ),
            models.CheckConstraint(
                condition=Q(ended=None) | Q(ended__gte=F("started")),
                name="time_entry_starts_before_it_ends",
                violation_error_message="A time entry must start before it ends.",
            ),
        ]
        indexes = [
            models.Index(fields=["-started", "-id"], name="time_entry_by_start"),
            models.Index(fields=["technician", "-started", "-id"], name="time_entry_of_technician"),
        ]

    def __str__(self) -> str:
        return f"Time entry {self.pk}"


def hours_of(started: datetime, ended: datetime | None) -> Decimal | None:
    """Return the hours of an entry, rounded half up to hundredths. A running clock has none."""
    if ended is None:
        return None
    worked = (ended - started) // timedelta(microseconds=1)
    return (Decimal(worked) / _HOUR).quantize(_HUNDREDTH, ROUND_HALF_UP)
