"""Uploads of users, such as receipts, photos and documents. The bytes are in a store (`files/stores.py`)."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.domain.ids import Identified
from common.domain.text_fields import LineField
from files.kinds import KINDS
from files.names import MAX_NAME_LENGTH
from files.querysets import UploadQuerySet


class UploadState(models.TextChoices):
    PENDING = "pending"  # announced, and the bytes may be arriving
    STORED = "stored"  # on this server's disk (uploads to a bucket skip this state)
    ATTACHED = "attached"  # checked, and attached to another object


class Upload(Identified):
    """A file of a user. Its content is checked when it is attached."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="uploads"
    )
    # A number instead of a foreign key, because `customers` is on the same layer.
    customer_id = models.BigIntegerField(
        null=True, blank=True, db_index=True, help_text="The customer whose logins may see it."
    )
    name = LineField(max_length=MAX_NAME_LENGTH)
    content_type = models.CharField(max_length=50, choices=[(kind, kind) for kind in KINDS])
    size = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes: first as announced, then as stored."
    )
    key = models.CharField(max_length=200, unique=True, help_text="Key in the store, with 128 random bits.")
    state = models.CharField(max_length=8, choices=UploadState, default=UploadState.PENDING)
    created_at = models.DateTimeField()
    stored_at = models.DateTimeField(null=True, blank=True)
    attached_at = models.DateTimeField(null=True, blank=True)

    objects = UploadQuerySet["Upload"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(content_type__in=list(KINDS)), name="upload_type_is_taken"),
            models.CheckConstraint(condition=Q(size=None) | Q(size__gte=1), name="upload_is_not_empty"),
            models.CheckConstraint(
                # A check that evaluates to NULL passes, so that nulls are excluded explicitly.
                condition=Q(state=UploadState.PENDING, stored_at=None, attached_at=None)
                | Q(
                    state=UploadState.STORED,
                    size__isnull=False,
                    stored_at__isnull=False,
                    attached_at=None,
                )
                | Q(state=UploadState.ATTACHED, size__isnull=False, attached_at__isnull=False),
                name="upload_state_has_its_stamps",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], condition=~Q(state=UploadState.ATTACHED), name="upload_not_attached"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def attach(self, *, now: datetime) -> None:
        """Mark a stored file as part of something."""
        self.state, self.attached_at = UploadState.ATTACHED, now
        self.save(update_fields=["state", "attached_at"])
