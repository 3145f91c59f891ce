"""Locations with their hours and bays, technicians, services and appointments."""

from __future__ import annotations

from datetime import time
from typing import Any, TypeVar
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from appointments.querysets import (
    AbsenceQuerySet,
    AppointmentQuerySet,
    BayQuerySet,
    OpeningHoursQuerySet,
    ShiftQuerySet,
)
from appointments.slots import MIDNIGHT, format_closing
from catalogue.pricing.models import CannedJob
from common.domain.constraints import NoOverlap
from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from common.domain.search import Searched
from common.domain.text_fields import EmailField, LineField, ParagraphsField
from common.domain.transitions import Machine
from common.domain.units import Units
from customers.models import Customer
from vehicles.models import Vehicle


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is a time zone of the IANA database."""
    if name not in available_timezones():
        raise ValidationError(
            f"{name!r} is not a time zone of the IANA database. An example is America/New_York.",
            code="invalid_time_zone",
        )


# Type parameters of django-stubs: the type that is set and the type that is read.
_Set = TypeVar("_Set")
_Get = TypeVar("_Get")


class ClosingTimeFormField(forms.TimeField):
    """A time at which hours end, which can be 24:00."""

    def to_python(self, value: Any) -> time | None:
        return MIDNIGHT if str(value).strip() in ("24:00", "24:00:00") else super().to_python(value)

    def prepare_value(self, value: object) -> object:
        return format_closing(value) if isinstance(value, time) else value


class ClosingTimeField(models.TimeField[_Set, _Get]):
    """A time at which hours end. 24:00, the end of the day, is stored as 00:00, at which no hours end."""

    def to_python(self, value: Any) -> time | None:
        return MIDNIGHT if str(value).strip() in ("24:00", "24:00:00") else super().to_python(value)

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": ClosingTimeFormField, **options})


class Weekday(models.IntegerChoices):
    """Numbered like `datetime.weekday()`."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class PaperSize(models.TextChoices):
    LETTER = "letter", "Letter"
    A4 = "a4", "A4"


class Logo(models.Model):
    """An image that papers print, by its SHA-256 in hexadecimal. It stays as long as a paper may name it.

    The bytes are in the row, so that a paper that is set later cannot lack them.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.digest


class Location(Identified):
    """A garage. Its days are local days of its own time zone."""

    SEARCHED = Searched("name", "address")

    name = LineField(max_length=120)
    address = LineField(max_length=250)
    latitude = models.DecimalField(
        max_digits=9, decimal_places=6, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude = models.DecimalField(
        max_digits=9, decimal_places=6, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    phone = LineField(max_length=30, blank=True, default="")
    time_zone = models.CharField(max_length=50, validators=[validate_time_zone])
    is_default = models.BooleanField(
        "default",
        default=False,
        help_text="Orders without a location and without an appointment are of this one.",
    )
    # What papers print about the shop.
    legal_name = LineField(max_length=200, blank=True, default="", help_text="The name on papers.")
    registration_number = LineField(
        max_length=50, blank=True, default="", help_text="The registration of the repair shop."
    )
    tax_id = LineField("tax ID", max_length=50, blank=True, default="")
    email = EmailField(blank=True, default="")
    terms = ParagraphsField(blank=True, default="", help_text="The terms that estimates and invoices print.")
    paper_size = models.CharField(max_length=6, choices=PaperSize, default=PaperSize.LETTER)
    logo = models.ForeignKey(Logo, on_delete=models.PROTECT, null=True, blank=True, related_name="locations")
    allows_percent_fees = models.BooleanField(
        default=True, help_text="Off where the law forbids fees that are a percentage of the work."
    )
    units = models.CharField(
        max_length=8,
        choices=Units,
        default=Units.IMPERIAL,
        help_text="Of the desk here, and of customers who did not choose any.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="default_location_once",
                violation_error_message="Another location is the default.",
            ),
            models.CheckConstraint(condition=Q(paper_size__in=PaperSize.values), name="paper_size_is_known"),
            models.CheckConstraint(condition=Q(units__in=Units.values), name="location_units_are_known"),
        ]

    def __str__(self) -> str:
        return self.name


class OpeningHours(models.Model):
    """The hours of one weekday, in the location's local time. A weekday without a row is closed."""

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index of the constraint begins with it. The same holds for the models below.
    location = models.ForeignKey(
        Location, on_delete=models.CASCADE, related_name="opening_hours", db_index=False
    )
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    opens = models.TimeField()
    closes = ClosingTimeField()

    objects = OpeningHoursQuerySet["OpeningHours"].as_manager()

    class Meta:
        verbose_name_plural = "opening hours"
        constraints = [
            models.UniqueConstraint(fields=["location", "weekday"], name="opening_hours_once_a_weekday"),
            models.CheckConstraint(
                condition=Q(opens__lt=F("closes")) | Q(closes=MIDNIGHT),
                name="opens_before_it_closes",
                violation_error_message="The opening time must be before the closing time.",
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="weekday_is_one"),
        ]

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).label} {self.opens:%H:%M}–{format_closing(self.closes)}"


class Closure(models.Model):
    """A day, or some hours of one, on which a location is closed despite its opening hours."""

    id = models.BigAutoField(primary_key=True)
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="closures", db_index=False)
    day = models.DateField()
    begins = models.TimeField("from", null=True, blank=True, help_text="Local time. Empty for the whole day.")
    ends = ClosingTimeField("until", null=True, blank=True)
    reason = LineField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            # PostgreSQL and SQLite count two empty times as different, so the whole day has a condition of its own.
            models.UniqueConstraint(
                fields=["location", "day"], condition=Q(begins=None), name="closure_once_a_day"
            ),
            models.UniqueConstraint(fields=["location", "day", "begins"], name="closure_once_from_an_hour"),
            models.CheckConstraint(
                condition=Q(begins=None, ends=None)
                | Q(begins__isnull=False, ends__isnull=False, begins__lt=F("ends"))
                | Q(begins__isnull=False, ends__isnull=False, ends=MIDNIGHT),
                name="closure_begins_before_it_ends",
                violation_error_message="Enter both times, the earlier one first, or none for the whole day.",
            ),
        ]

    def __str__(self) -> str:
        if self.begins is None or self.ends is None:
            return f"{self.day}"
        return f"{self.day} {self.begins:%H:%M}–{format_closing(self.ends)}"


class Bay(models.Model):
    """A work place for one vehicle at a time."""

    id = models.BigAutoField(primary_key=True)
    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="bays", db_index=False)
    name = LineField(max_length=50)

    objects = BayQuerySet["Bay"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["location", "name"], name="bay_name_once_a_location")]

    def __str__(self) -> str:
        return self.name


class Technician(Identified):
    """A person who works on vehicles, with or without a login of their own."""

    SEARCHED = Searched("name", "email")

    name = LineField(max_length=200)
    role = LineField(max_length=60, default="technician")
    email = EmailField(blank=True, default="")
    location = models.ForeignKey(
        Location, on_delete=models.SET_NULL, null=True, blank=True, related_name="technicians"
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="technician"
    )

    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.name


class Shift(models.Model):
    """Hours of one weekday at which a technician works, in the local time of their location.

    A technician may have several on one weekday.
    """

    id = models.BigAutoField(primary_key=True)
    technician = models.ForeignKey(
        Technician, on_delete=models.CASCADE, related_name="shifts", db_index=False
    )
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    begins = models.TimeField("from", help_text="Local time of the technician's location.")
    ends = ClosingTimeField("until")

    objects = ShiftQuerySet["Shift"].as_manager()
    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["technician", "weekday", "begins"],
                name="shift_once_from_an_hour",
                violation_error_message="The technician has a shift from that time on already.",
            ),
            models.CheckConstraint(
                condition=Q(begins__lt=F("ends")) | Q(ends=MIDNIGHT),
                name="shift_begins_before_it_ends",
                violation_error_message="A shift must begin before it ends.",
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="shift_weekday_is_one"),
        ]

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).label} {self.hours}"

    @property
    def hours(self) -> str:
        return f"{self.begins:%H:%M}–{format_closing(self.ends)}"


class Absence(models.Model):
    """Days, or the same hours of each of some days, on which a technician is not at work despite their shifts."""

    id = models.BigAutoField(primary_key=True)
    technician = models.ForeignKey(
        Technician, on_delete=models.CASCADE, related_name="absences", db_index=False
    )
    first_day = models.DateField()
    last_day = models.DateField()
    begins = models.TimeField(
        "from", null=True, blank=True, help_text="Local time, on each of the days. Empty for whole days."
    )
    ends = ClosingTimeField("until", null=True, blank=True)
    reason = LineField(max_length=200, blank=True, default="", help_text="Only staff see it.")

    objects = AbsenceQuerySet["Absence"].as_manager()
    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(first_day__lte=F("last_day")),
                name="absence_days_in_order",
                violation_error_message="The last day must not be before the first.",
            ),
            models.CheckConstraint(
                condition=Q(begins=None, ends=None)
                | Q(begins__isnull=False, ends__isnull=False, begins__lt=F("ends"))
                | Q(begins__isnull=False, ends__isnull=False, ends=MIDNIGHT),
                name="absence_begins_before_it_ends",
                violation_error_message="Enter both times, the earlier one first, or none for whole days.",
            ),
        ]
        indexes = [models.Index(fields=["technician", "last_day"], name="absence_of_technician")]

    def __str__(self) -> str:
        days = (
            f"on {self.first_day}"
            if self.first_day == self.last_day
            else f"{self.first_day} to {self.last_day}"
        )
        if self.begins is None or self.ends is None:
            return days
        return f"{days}, {self.begins:%H:%M}–{format_closing(self.ends)}"


class ServiceType(Identified):
    """A service that can be booked, with its time in the bay."""

    code = models.SlugField(
        max_length=50, unique=True, help_text="The code that apps send, for example oil_change."
    )
    name = LineField(max_length=100)
    minutes = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(24 * 60)])
    canned_job = models.ForeignKey(
        CannedJob,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The job that the service becomes when the vehicle is checked in.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(minutes__gte=1, minutes__lte=24 * 60), name="service_fits_a_day"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ReportedProblem(Identified):
    """A symptom that customers can choose."""

    name = LineField(max_length=100)
    description = ParagraphsField(blank=True, default="")

    def __str__(self) -> str:
        return self.name


class AppointmentStatus(models.TextChoices):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


HOLDS_A_BAY = (AppointmentStatus.PENDING.value, AppointmentStatus.IN_PROGRESS.value)

APPOINTMENT_MACHINE: Machine = {
    AppointmentStatus.PENDING: frozenset({AppointmentStatus.IN_PROGRESS, AppointmentStatus.CANCELLED}),
    AppointmentStatus.IN_PROGRESS: frozenset({AppointmentStatus.COMPLETED, AppointmentStatus.CANCELLED}),
    AppointmentStatus.COMPLETED: frozenset(),
    AppointmentStatus.CANCELLED: frozenset(),
}


APPOINTMENT_SEARCHED = Searched("description")


class Appointment(Identified):
    """One vehicle in one bay in `[start, end)`."""

    # Foreign keys with db_index=False have no index of their own: an index in `Meta` begins with them.
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="appointments", db_index=False
    )
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="appointments")
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="appointments", db_index=False
    )
    bay = models.ForeignKey(Bay, on_delete=models.PROTECT, related_name="appointments", db_index=False)
    services = models.ManyToManyField(ServiceType, blank=True, related_name="appointments")
    reported_problem = models.ForeignKey(
        ReportedProblem, on_delete=models.SET_NULL, null=True, blank=True, related_name="appointments"
    )
    technician = models.ForeignKey(
        Technician,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="appointments",
        db_index=False,
    )
    start = models.DateTimeField()
    end = models.DateTimeField()
    status = models.CharField(max_length=11, choices=AppointmentStatus, default=AppointmentStatus.PENDING)
    description = ParagraphsField(blank=True, default="", help_text="The customer's description of the work.")
    notes = ParagraphsField(blank=True, default="", help_text="Internal notes. Customers do not see them.")
    created_at = models.DateTimeField(auto_now_add=True)
    assigned_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    sequence = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="How often its time, place, vehicle or services changed, for calendars.",
    )

    history = HistoricalRecords()
    SEARCHED = APPOINTMENT_SEARCHED
    objects = AppointmentQuerySet["Appointment"].as_manager()

    class Meta:
        permissions = [
            ("assign_appointment", "Can assign a technician"),
            ("work_appointment", "Can start and complete appointments"),
        ]
        constraints = [
            NoOverlap(
                name="bay_is_held_once",
                holder="bay",
                start="start",
                end="end",
                statuses=HOLDS_A_BAY,
                violation_error_message="This bay is taken at that time.",
            ),
            NoOverlap(
                name="vehicle_is_in_one_place",
                holder="vehicle",
                start="start",
                end="end",
                statuses=HOLDS_A_BAY,
                violation_error_message="This vehicle has another appointment at that time.",
            ),
            models.UniqueConstraint(
                fields=["bay"],
                condition=Q(status=AppointmentStatus.IN_PROGRESS),
                name="bay_has_one_in_progress",
                violation_error_message="Another vehicle is in this bay.",
            ),
            models.CheckConstraint(
                condition=Q(start__lt=F("end")),
                name="visit_starts_before_it_ends",
                violation_error_message="An appointment must start before it ends.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=AppointmentStatus.values), name="appointment_status_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["start", "id"], name="appointment_by_start"),
            models.Index(fields=["created_at", "id"], name="appointment_by_age"),
            models.Index(fields=["status"], name="appointment_by_status"),
            # Open appointments are few and start late in the index by start, which would read all others first.
            models.Index(
                fields=["start", "id", "status"],
                condition=Q(status__in=HOLDS_A_BAY),
                name="appointment_open_by_start",
            ),
            models.Index(fields=["start", "id"], condition=Q(technician=None), name="appointment_unassigned"),
            models.Index(fields=["technician", "start", "id"], name="appointment_of_technician"),
            models.Index(fields=["customer", "-start", "-id"], name="appointment_of_customer"),
            models.Index(fields=["bay", "start"], name="appointment_of_bay"),
            models.Index(fields=["location", "start"], name="appointment_of_location"),
            Trigrams(APPOINTMENT_SEARCHED, name="appointment_searched"),
        ]

    def __str__(self) -> str:
        return f"Appointment {self.pk}"
