"""The links by which owners share the passports of their vehicles (docs/design, D140)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from common.domain.ids import Identified
from passports.querysets import PassportLinkQuerySet
from vehicles.models import Vehicle


class PassportLink(Identified):
    """A link that opens the passport of a vehicle until it expires or is withdrawn.

    The row stores the hash of its token only. With `for_next_owner` the next owner of the vehicle keeps the history, if
    the link works on the day of the hand-over.
    """

    # No index of its own: the index below begins with the vehicle.
    vehicle = models.ForeignKey(
        Vehicle, on_delete=models.PROTECT, related_name="passport_links", db_index=False
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    for_next_owner = models.BooleanField(
        default=False, help_text="The next owner sees this history in the passport of the vehicle."
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = PassportLinkQuerySet["PassportLink"].as_manager()

    class Meta:
        permissions = [("withdraw_passportlink", "Can withdraw passport links")]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="passport_link_ends_after_start"
            ),
        ]
        indexes = [
            models.Index(fields=["vehicle", "-id"], name="passport_link_of_vehicle"),
            models.Index(fields=["expires_at"], name="passport_link_by_end"),
        ]

    def __str__(self) -> str:
        return f"Passport link {self.pk}"
