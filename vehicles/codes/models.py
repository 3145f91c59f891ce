"""The trouble codes of a vehicle (docs/design, D132)."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from common.domain.ids import Identified
from common.domain.text_fields import ParagraphsField
from vehicles.codes.meaning import PATTERN, describe
from vehicles.codes.querysets import DtcQuerySet


class DtcSource(models.TextChoices):
    TELEMATICS = "telematics"
    MANUAL = "manual", "by hand"


class Dtc(Identified):
    """A trouble code that was seen on a vehicle from `first_seen_at` to `seen_at`. It is open until it is cleared.

    A code that is seen again after it was cleared is another row.
    """

    # No index of its own: the index below begins with the vehicle.
    vehicle = models.ForeignKey(
        "vehicles.Vehicle", on_delete=models.PROTECT, related_name="codes", db_index=False
    )
    code = models.CharField(max_length=5, validators=[RegexValidator(PATTERN)])
    source = models.CharField(max_length=10, choices=DtcSource, default=DtcSource.MANUAL)
    note = ParagraphsField(blank=True, default="")
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DtcQuerySet["Dtc"].as_manager()

    class Meta:
        verbose_name = "trouble code"
        permissions = [("clear_dtc", "Can clear trouble codes")]
        constraints = [
            models.UniqueConstraint(
                fields=["vehicle", "code"],
                condition=Q(cleared_at=None),
                name="dtc_open_once",
                violation_error_message="This code of the vehicle is open already.",
            ),
            models.CheckConstraint(condition=Q(code__regex=PATTERN), name="dtc_is_a_code"),
            models.CheckConstraint(condition=Q(source__in=DtcSource.values), name="dtc_source_is_known"),
            models.CheckConstraint(condition=Q(seen_at__gte=F("first_seen_at")), name="dtc_seen_in_order"),
        ]
        indexes = [models.Index(fields=["vehicle", "-seen_at", "-id"], name="dtc_of_vehicle")]

    def __str__(self) -> str:
        return self.code

    @property
    def description(self) -> str:
        return describe(self.code)
