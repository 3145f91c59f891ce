"""The tables of the ground floor. They have no foreign keys: users and subjects are plain ids."""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """The first response to an idempotency key, kept for 24 h and written in the transaction of its effect."""

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
    nor free text.
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

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"
