"""What people upload: receipts, photos, documents. The bytes are in a store (`files/stores.py`)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.domain.ids import Identified
from files.kinds import KINDS
from files.names import LONGEST
from files.querysets import UploadQuerySet


class UploadState(models.TextChoices):
    PENDING = "pending"  # an address was handed out; the bytes may be on their way
    STORED = "stored"  # they are here; a store of others never tells
    ATTACHED = "attached"  # looked at, and part of something


class Upload(Identified):
    """One file of one user. It is taken for what it says once it was looked at: when it is attached."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="uploads"
    )
    # A number and no foreign key: customers stand on the same floor.
    customer_id = models.BigIntegerField(
        null=True, blank=True, db_index=True, help_text="The customer whose logins may see it."
    )
    name = models.CharField(max_length=LONGEST)
    content_type = models.CharField(max_length=50, choices=[(kind, kind) for kind in KINDS])
    size = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes: as announced, then as stored."
    )
    key = models.CharField(
        max_length=200, unique=True, help_text="Where its store has it. Holds 128 random bits."
    )
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
                # A check that comes out NULL holds: the null is refused by name.
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
