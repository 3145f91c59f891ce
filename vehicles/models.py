"""Vehicles with their odometer readings, recommendations and telematics batches.

Trouble codes, fuel logs, parking spots and service schedules have subpackages of their own.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Upper
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual
from simple_history.models import HistoricalRecords

from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from common.domain.money import money
from common.domain.search import Searched
from common.domain.text_fields import CapitalsField, CodeField, LineField, ParagraphsField
from common.domain.units import MAX_MILES
from customers.models import Customer
from vehicles.codes.models import Dtc as Dtc
from vehicles.fields import miles_field
from vehicles.fuel.models import FuelLog as FuelLog
from vehicles.labels import unit_label
from vehicles.parking.models import ParkingSpot as ParkingSpot
from vehicles.querysets import (
    OdometerReadingQuerySet,
    RecommendationQuerySet,
    TelematicsQuerySet,
    VehicleQuerySet,
)
from vehicles.schedules import models as schedule_models  # noqa: F401  # their tables are of this app
from vehicles.telematics.samples import MAX_SAMPLES, MAX_SPAN_MS, from_milliseconds
from vehicles.vin import LAST_YEAR_WITHOUT_STANDARD, LENGTH, SHORTEST, VinField, validate_vin

FIRST_YEAR, LAST_YEAR = 1886, 2100


class DongleConnection(models.TextChoices):
    BLE = "BLE"
    WIFI = "WIFI"
    CLOUD = "CLOUD"


VEHICLE_SEARCHED = Searched("make", "model", codes=("vin", "license_plate", "unit_number"))


class Vehicle(Identified):
    """A vehicle of one customer. Fleets call it a unit.

    A vehicle is archived and never deleted, because appointments and repair orders refer to it. Its VIN may be unknown.
    `odometer` and `odometer_at` are the accepted odometer reading that is the latest by (at, id). They are written in
    the transaction of the reading. A vehicle of unknown mileage has no reading, 0 miles and no `odometer_at`.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="vehicles")
    vin = VinField("VIN", max_length=LENGTH, blank=True, default="")
    make = LineField(max_length=60)
    model = LineField(max_length=60)
    trim = LineField(max_length=60, blank=True, default="")
    year = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)]
    )
    license_plate = CapitalsField(max_length=20, blank=True, default="")
    color = LineField(max_length=30, blank=True, default="")
    fuel_type = LineField(max_length=20, blank=True, default="")
    odometer = miles_field(default=Decimal(0), help_text="Miles. Cannot go down.")
    odometer_at = models.DateTimeField(null=True, blank=True, editable=False)
    unit_number = CodeField(max_length=30, blank=True, default="", help_text="The fleet's own number.")
    photo_url = models.URLField(blank=True, default="")
    dongle_id = CodeField(max_length=100, null=True, blank=True)
    dongle_connection = models.CharField(max_length=5, choices=DongleConnection, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    continues = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="continued_by",
        help_text="The archived row of the same vehicle at its previous owner.",
    )

    history = HistoricalRecords()
    SEARCHED = VEHICLE_SEARCHED
    objects = VehicleQuerySet["Vehicle"].as_manager()

    class Meta:
        permissions = [("transfer_vehicle", "Can move a vehicle to a new owner")]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "vin"],
                condition=Q(archived_at=None) & ~Q(vin=""),
                name="vin_once_per_customer",
                violation_error_message="This customer already has a vehicle with this VIN.",
            ),
            models.UniqueConstraint(
                Upper("dongle_id"), condition=Q(archived_at=None), name="dongle_in_one_vehicle"
            ),
            models.UniqueConstraint(
                F("customer"),
                Upper("unit_number"),
                condition=Q(archived_at=None) & ~Q(unit_number=""),
                name="unit_number_once_per_customer",
                violation_error_message="This customer already has a unit with this number.",
            ),
            models.CheckConstraint(
                condition=Q(vin="")
                | Q(Exact(Length("vin"), LENGTH))
                | Q(
                    GreaterThanOrEqual(Length("vin"), SHORTEST),
                    LessThanOrEqual(Length("vin"), LENGTH),
                    year__lte=LAST_YEAR_WITHOUT_STANDARD,
                ),
                name="vin_length_fits_year",
            ),
            models.CheckConstraint(
                condition=Q(odometer__gte=0, odometer__lte=MAX_MILES), name="odometer_is_possible"
            ),
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
            Trigrams(VEHICLE_SEARCHED, name="vehicle_searched"),
        ]

    def __str__(self) -> str:
        return f"{self.year} {self.make} {self.model} ({self.label})"

    def clean(self) -> None:
        if self.vin:
            try:
                validate_vin(self.vin, self.year)
            except ValidationError as error:
                raise ValidationError({"vin": error.messages}) from None

    @property
    def label(self) -> str:
        """Return the label by which the shop and the customer call the vehicle (`labels.unit_label`)."""
        return unit_label(self.unit_number, self.license_plate, self.vin, self.pk)


class OdometerSource(models.TextChoices):
    MANUAL = "MANUAL"
    CHECK_IN = "CHECK_IN"
    CHECK_OUT = "CHECK_OUT"
    TELEMATICS = "TELEMATICS"
    IMPORT = "IMPORT"
    CORRECTION = "CORRECTION"


class OdometerReading(models.Model):
    """A reading of a vehicle's odometer. Readings are added and never changed.

    Only `accepted` changes: a reading that a correction replaces is no longer accepted. A `base` reading is the first
    one of a new instrument cluster. Accepted readings rise with (at, id) from one base to the next.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index below begins with the vehicle.
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="readings", db_index=False)
    miles = miles_field()
    source = models.CharField(max_length=10, choices=OdometerSource)
    at = models.DateTimeField()
    # Telematics adds many readings without a user, and an index over nulls would grow with each.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    note = models.CharField(max_length=500, blank=True, default="")
    replaces = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="replaced_by", db_index=False
    )
    base = models.BooleanField(default=False)
    accepted = models.BooleanField(default=True)

    objects = OdometerReadingQuerySet["OdometerReading"].as_manager()

    class Meta:
        permissions = [("correct_odometerreading", "Can correct odometer readings")]
        constraints = [
            models.UniqueConstraint(
                fields=["replaces"], condition=Q(replaces__isnull=False), name="reading_replaced_once"
            ),
            models.CheckConstraint(
                condition=Q(miles__gte=0, miles__lte=MAX_MILES), name="reading_is_possible"
            ),
            models.CheckConstraint(
                condition=Q(source__in=OdometerSource.values), name="reading_source_is_known"
            ),
            models.CheckConstraint(
                condition=Q(source=OdometerSource.CORRECTION) | Q(replaces=None, base=False),
                name="only_corrections_replace",
            ),
        ]
        indexes = [
            models.Index(fields=["vehicle", "-at", "-id"], name="reading_latest"),
            models.Index(fields=["by"], condition=Q(by__isnull=False), name="reading_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.miles:,} miles"


class RecommendationSource(models.TextChoices):
    INSPECTION = "inspection"
    DECLINED = "declined", "declined work"
    DTC = "dtc", "trouble code"
    SCHEDULE = "schedule", "maintenance schedule"
    STAFF = "staff"


class Urgency(models.TextChoices):
    NOW = "now"
    SOON = "soon"
    LATER = "later"


class RecommendationStatus(models.TextChoices):
    OPEN = "open"
    QUOTED = "quoted"
    DONE = "done"
    DISMISSED = "dismissed"


# A recommendation that stands: no other one of the vehicle has its code.
STANDING = (RecommendationStatus.OPEN.value, RecommendationStatus.QUOTED.value)


class Recommendation(models.Model):
    """Work that the shop recommends for a vehicle. It belongs to the vehicle and outlives orders (docs/design, D73).

    `code` names what it is about, such as `canned:5`, so that it is recommended once. "" is no code.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index below begins with the vehicle.
    vehicle = models.ForeignKey(
        Vehicle, on_delete=models.PROTECT, related_name="recommendations", db_index=False
    )
    source = models.CharField(
        max_length=10, choices=RecommendationSource, default=RecommendationSource.STAFF, editable=False
    )
    code = models.CharField(max_length=60, blank=True, default="", editable=False)
    text = ParagraphsField()
    urgency = models.CharField(max_length=5, choices=Urgency, default=Urgency.SOON)
    amount = money(
        null=True,
        blank=True,
        help_text="What it would cost, before discount, fees and tax. Empty is unknown.",
    )
    status = models.CharField(
        max_length=9, choices=RecommendationStatus, default=RecommendationStatus.OPEN, editable=False
    )
    due_on = models.DateField(null=True, blank=True)
    due_miles = miles_field(null=True, blank=True, validators=[MinValueValidator(0)])
    created_at = models.DateTimeField(auto_now_add=True)

    history = HistoricalRecords()
    objects = RecommendationQuerySet["Recommendation"].as_manager()

    class Meta:
        permissions = [("dismiss_recommendation", "Can dismiss recommendations")]
        constraints = [
            models.UniqueConstraint(
                fields=["vehicle", "code"],
                condition=Q(status__in=STANDING) & ~Q(code=""),
                name="recommendation_once_per_code",
            ),
            models.CheckConstraint(
                condition=Q(source__in=RecommendationSource.values), name="recommendation_source_is_known"
            ),
            models.CheckConstraint(condition=Q(urgency__in=Urgency.values), name="urgency_is_known"),
            models.CheckConstraint(
                condition=Q(status__in=RecommendationStatus.values), name="recommendation_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gte=0), name="recommendation_amount_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(due_miles=None) | Q(due_miles__gte=0, due_miles__lte=MAX_MILES),
                name="due_miles_are_possible",
            ),
        ]
        indexes = [
            models.Index(fields=["vehicle", "-id"], name="recommendation_of_vehicle"),
            models.Index(fields=["status", "-id"], name="recommendation_by_status"),
        ]

    def __str__(self) -> str:
        return self.text.partition("\n")[0]


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
