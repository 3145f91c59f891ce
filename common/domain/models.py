"""The tables of the ground floor. They have no foreign keys: users and subjects are plain ids."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models

from common.domain.constraints import ReadInOrder


class IdempotencyKey(models.Model):
    """The first response to an idempotency key, kept for 24 h and written in the transaction of its effect."""

    LIFETIME: ClassVar = timedelta(hours=24)

    user_id = models.BigIntegerField()
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.key} of user {self.user_id}"


class Event(models.Model):
    """A fact, written in the transaction of the change that it reports and never changed afterwards.

    `subject` is the row that changed, as `app.model:id`. The payload holds ids, states and amounts, and neither names
    nor free text. Events are read in the order of their ids (`common.domain.events.readable`).
    """

    id = models.BigAutoField(primary_key=True)
    type = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)
    at = models.DateTimeField()
    payload = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["subject", "id"], name="event_of_subject"),
            models.Index(fields=["type", "id"], name="event_of_type"),
        ]
        constraints = [ReadInOrder(name="events_in_order")]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"


class NumberSeries(models.Model):
    """The last number of a series that is counted without gaps, such as the repair orders of a location."""

    name = models.CharField(max_length=80, primary_key=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "number series"

    def __str__(self) -> str:
        return f"{self.name}: {self.last}"


class ImportState(models.TextChoices):
    CHECKING = "checking"
    CHECKED = "checked"  # waits for the user to confirm
    IMPORTING = "importing"
    DONE = "done"
    REFUSED = "refused"  # because of its errors
    EXPIRED = "expired"  # it was not confirmed in time


class SheetImport(models.Model):
    """A file that is imported by tasks. It is checked, confirmed by its user, and written as a whole or not at all.

    The file and its preview hold personal data, and are deleted as soon as they are not needed any more.
    """

    CONFIRM_WITHIN: ClassVar = timedelta(days=1)

    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=80, help_text="The label of the model.")
    user_id = models.BigIntegerField()
    file_name = models.CharField(max_length=200)
    content = models.BinaryField()
    state = models.CharField(max_length=9, choices=ImportState, default=ImportState.CHECKING)
    lines = models.PositiveIntegerField(help_text="The number of rows without the header.")
    preview = models.JSONField(default=dict)
    totals = models.JSONField(default=dict, help_text="The number of rows that are new, update, skip, ….")
    outcomes = models.JSONField(default=list, help_text="The number of each row, and what happened to it.")
    notes = models.JSONField(default=list, help_text="A sentence for all of the file that is not read.")
    ignores_unknown = models.BooleanField(default=False, help_text="Whether unknown columns are ignored.")
    errors = models.JSONField(default=list, help_text="A sentence for each error, with the row's number.")
    task_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["table", "-id"], name="import_of_table")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=ImportState.values), name="import_state_is_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.state})"
