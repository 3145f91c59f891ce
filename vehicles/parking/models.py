"""Parking spots of users (docs/design, D134)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.domain.ids import Identified
from common.domain.text_fields import LineField, ParagraphsField
from files.models import Upload
from vehicles.parking.querysets import ParkingSpotQuerySet


def coordinate_field() -> models.DecimalField[object, object]:
    """Return the column of degrees with six places, which are 11 cm."""
    return models.DecimalField(max_digits=9, decimal_places=6)


class ParkingSpot(Identified):
    """A place where a user has parked, until it is cleared. A user has one at a time.

    `ends_at` is the end of the paid time. `reminded_at` is when the user was reminded of it, and is empty again when
    the end is moved.
    """

    # No index of its own: the index below begins with the user.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="parking_spots", db_index=False
    )
    vehicle = models.ForeignKey(
        "vehicles.Vehicle", on_delete=models.SET_NULL, null=True, related_name="parking_spots"
    )
    latitude = coordinate_field()
    longitude = coordinate_field()
    address = LineField(max_length=500, blank=True, default="")
    place = LineField(max_length=200, blank=True, default="", help_text="Such as a level and a number.")
    notes = ParagraphsField(blank=True, default="")
    photo = models.ForeignKey(Upload, on_delete=models.SET_NULL, null=True, related_name="+")
    parked_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    cleared_at = models.DateTimeField(null=True)

    objects = ParkingSpotQuerySet["ParkingSpot"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(cleared_at=None), name="parking_spot_once_per_user"
            ),
            models.CheckConstraint(
                condition=Q(latitude__gte=-90, latitude__lte=90, longitude__gte=-180, longitude__lte=180),
                name="parking_spot_is_on_earth",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-parked_at", "-id"], name="parking_spot_of_user"),
            models.Index(
                fields=["ends_at"],
                condition=Q(cleared_at=None, reminded_at=None, ends_at__isnull=False),
                name="parking_spot_to_remind",
            ),
        ]

    def __str__(self) -> str:
        return self.place or self.address or f"{self.latitude}, {self.longitude}"
