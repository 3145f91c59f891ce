"""The fuel log of a vehicle (docs/design, D130)."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from common.domain.ids import Identified
from common.domain.money import money
from common.domain.text_fields import ParagraphsField
from vehicles.fields import miles_field
from vehicles.fuel.consumption import Fill
from vehicles.fuel.querysets import FuelLogQuerySet

LEAST_GALLONS, MOST_GALLONS = Decimal("0.001"), Decimal("9999.999")


class FuelLog(Identified):
    """A fill-up: miles of the odometer, gallons, and dollars for the whole of it.

    `reading` is that of the odometer, with the same miles. `mpg` is the consumption since the tank was last full. It is
    written in the transaction of every change of the vehicle's logs, because lists read it.
    """

    # No index of its own: the index below begins with the vehicle.
    vehicle = models.ForeignKey(
        "vehicles.Vehicle", on_delete=models.PROTECT, related_name="fuel_logs", db_index=False
    )
    at = models.DateTimeField()
    miles = miles_field()
    reading = models.OneToOneField("vehicles.OdometerReading", on_delete=models.PROTECT, related_name="+")
    gallons = models.DecimalField(max_digits=7, decimal_places=3)
    price = money(null=True)
    is_full = models.BooleanField(default=True)
    missed = models.BooleanField(
        default=False, help_text="Another fill-up since the previous one is not recorded."
    )
    notes = ParagraphsField(blank=True, default="")
    mpg = models.DecimalField(max_digits=12, decimal_places=2, null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FuelLogQuerySet["FuelLog"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(gallons__gte=LEAST_GALLONS, gallons__lte=MOST_GALLONS),
                name="fuel_gallons_are_possible",
            ),
            models.CheckConstraint(condition=Q(price=None) | Q(price__gte=0), name="fuel_price_not_negative"),
        ]
        indexes = [models.Index(fields=["vehicle", "-at", "-miles", "-id"], name="fuel_log_of_vehicle")]

    def __str__(self) -> str:
        return f"{self.gallons} gallons at {self.miles:,} miles"

    @property
    def fill(self) -> Fill:
        """Return the log as consumption reads it."""
        return Fill(self.miles, self.gallons, self.is_full, self.missed, self.price)
