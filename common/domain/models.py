"""The shared ground's one table. It holds no foreign key: the caller is a number to it."""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """The first answer to a key, kept for 24 h. Written in the same transaction as its effect."""

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
