"""Vehicles and their telematics batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from simple_history.models import HistoricalRecords

from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from customers.models import Customer
from vehicles.labels import unit_label
from vehicles.querysets import TelematicsQuerySet, VehicleQuerySet
from vehicles.telematics.samples import MAX_SAMPLES, MAX_SPAN_MS
from vehicles.vin import normalize_vin, validate_vin

FIRST_YEAR, LAST_YEAR = 1886, 2100


def check_odometer(*, before: Decimal, now: Decimal) -> None:
    """Raise ValidationError if the odometer (miles) would go down."""
    if now < before:
        raise ValidationError(
            f"The odometer cannot go down: enter at least {before} miles.", code="odometer_backwards"
        )


class DongleConnection(models.TextChoices):
    BLE = "BLE"
    WIFI = "WIFI"
    CLOUD = "CLOUD"


class Vehicle(Identified):
    """A vehicle of one customer. Fleets call it a unit.

    A vehicle is archived and never deleted, because appointments and repair orders refer to it.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="vehicles")
    vin = models.CharField("VIN", max_length=17, validators=[validate_vin])
    make = models.CharField(max_length=60)
    model = models.CharField(max_length=60)
    trim = models.CharField(max_length=60, blank=True, default="")
    year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    license_plate = models.CharField(max_length=20, blank=True, default="")
    color = models.CharField(max_length=30, blank=True, default="")
    fuel_type = models.CharField(max_length=20, blank=True, default="")
    odometer = models.DecimalField(
        max_digits=10, decimal_places=2, default=Decimal(0), help_text="Miles. Cannot go down."
    )
    unit_number = models.CharField(max_length=30, blank=True, default="", help_text="The fleet's own number.")
    photo_url = models.URLField(blank=True, default="")
    dongle_id = models.CharField(max_length=100, null=True, blank=True)
    dongle_connection = models.CharField(max_length=5, choices=DongleConnection, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()
    objects = VehicleQuerySet["Vehicle"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "vin"],
                condition=Q(archived_at=None),
                name="vin_once_per_customer",
                violation_error_message="This customer already has a vehicle with this VIN.",
            ),
            models.UniqueConstraint(
                fields=["dongle_id"], condition=Q(archived_at=None), name="dongle_in_one_vehicle"
            ),
            models.UniqueConstraint(
                fields=["customer", "unit_number"],
                condition=Q(archived_at=None) & ~Q(unit_number=""),
                name="unit_number_once_per_customer",
                violation_error_message="This customer already has a unit with this number.",
            ),
            models.CheckConstraint(condition=Exact(Length("vin"), 17), name="vin_has_17_characters"),
            models.CheckConstraint(condition=Q(odometer__gte=0), name="odometer_not_negative"),
            models.CheckConstraint(
                condition=Q(year__gte=FIRST_YEAR, year__lte=LAST_YEAR), name="vehicle_year_is_possible"
            ),
            models.CheckConstraint(
                condition=Q(dongle_id=None, dongle_connection=None)
                # A check whose result is NULL passes, so the second branch excludes NULL explicitly.
                | Q(
                    dongle_id__isnull=False,
                    dongle_connection__isnull=False,
                    dongle_connection__in=DongleConnection.values,
                ),
                name="dongle_has_a_connection",
            ),
        ]
        indexes = [
            models.Index(fields=["year", "id"], name="vehicle_by_year"),
            models.Index(fields=["created_at", "id"], name="vehicle_by_age"),
            models.Index(fields=["id"], condition=Q(archived_at__isnull=False), name="vehicle_archived"),
            Trigrams("vin", "license_plate", "unit_number", "make", "model", name="vehicle_searched"),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.make} {self.model} ({self.label})"

    def clean(self) -> None:
        self.vin = normalize_vin(self.vin)

    @property
    def label(self) -> str:
        """Return the unit number, else the license plate, else the last eight characters of the VIN."""
        return unit_label(self.unit_number, self.license_plate, self.vin)


class TelematicsBatch(models.Model):
    """The packed samples of one span of time (docs/decisions/0011). A batch is written once and never changed.

    The unique key is (vehicle, start, end). Ids rise in the order of arrival. Where two batches overlap, the samples of
    the batch with the lower id count.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index of the unique key begins with the vehicle.
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="telematics", db_index=False)
    start = models.BigIntegerField(help_text="Milliseconds since 1970, UTC.")
    end = models.BigIntegerField(help_text="Milliseconds since 1970, UTC, inclusive.")
    count = models.PositiveSmallIntegerField("samples")
    data = models.BinaryField()

    objects = TelematicsQuerySet["TelematicsBatch"].as_manager()

    class Meta:
        verbose_name = "telematics batch"
        verbose_name_plural = "telematics batches"
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "start", "end"], name="telematics_batch_once"),
            models.CheckConstraint(
                condition=Q(end__gte=F("start"), end__lte=F("start") + MAX_SPAN_MS),
                name="telematics_batch_spans_a_day_at_most",
            ),
            models.CheckConstraint(
                condition=Q(count__gte=1, count__lte=MAX_SAMPLES), name="telematics_batch_has_samples"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count:,} samples from {self.starts_at:%Y-%m-%d %H:%M:%S}"

    @property
    def starts_at(self) -> datetime:
        return from_milliseconds(self.start)

    @property
    def ends_at(self) -> datetime:
        return from_milliseconds(self.end)


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the UTC time of milliseconds since 1970, without the rounding of a division to seconds."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
