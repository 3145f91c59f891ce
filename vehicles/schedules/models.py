"""Templates of regular work, the schedules of vehicles, and the work that was done (docs/design, D131)."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from catalogue.pricing.models import CannedJob
from common.domain.ids import Identified
from common.domain.search import Searched
from common.domain.text_fields import LineField, ParagraphsField
from vehicles.fields import miles_field
from vehicles.schedules.querysets import ServiceScheduleQuerySet

MOST_INTERVAL_MILES, MOST_INTERVAL_MONTHS = 500_000, 240


class Priority(models.TextChoices):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ScheduleTemplate(Identified):
    """Work that vehicles of any make need after so many miles or months, by whichever comes first.

    Templates that are not listed stay and show no schedules.
    """

    name = LineField(max_length=100)
    description = ParagraphsField(blank=True, default="")
    priority = models.CharField(max_length=6, choices=Priority, default=Priority.MEDIUM)
    duration = LineField(max_length=50, blank=True, default="", help_text="Such as: 30 to 45 minutes.")
    services = ParagraphsField(
        blank=True,
        default="",
        help_text="Names of bookable services, one a line. Customers who book the work choose these.",
    )
    interval_miles = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST_INTERVAL_MILES)]
    )
    interval_months = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST_INTERVAL_MONTHS)]
    )
    canned_job = models.ForeignKey(
        CannedJob,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The job that does the work. Without one, jobs of this name or of one of the services do.",
    )
    is_listed = models.BooleanField("listed", default=True)

    history = HistoricalRecords()
    SEARCHED = Searched("name")

    class Meta:
        verbose_name = "schedule template"
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="schedule_template_name_once",
                violation_error_message="A schedule template with this name already exists.",
            ),
            models.CheckConstraint(
                condition=Q(interval_miles__isnull=False) | Q(interval_months__isnull=False),
                name="schedule_template_has_an_interval",
                violation_error_message="Enter an interval in miles, in months, or both.",
            ),
            models.CheckConstraint(
                condition=Q(interval_miles=None)
                | Q(interval_miles__gte=1, interval_miles__lte=MOST_INTERVAL_MILES),
                name="schedule_interval_miles_are_possible",
            ),
            models.CheckConstraint(
                condition=Q(interval_months=None)
                | Q(interval_months__gte=1, interval_months__lte=MOST_INTERVAL_MONTHS),
                name="schedule_interval_months_are_possible",
            ),
            models.CheckConstraint(
                condition=Q(priority__in=Priority.values), name="schedule_priority_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def recommendation_code(self) -> str:
        """The code of recommendations of this work (D73), which declined jobs of its canned job share."""
        return f"canned:{self.canned_job_id}" if self.canned_job_id else f"schedule:{self.pk}"


class ServiceSchedule(Identified):
    """The due date of a template's work on a vehicle.

    It is due an interval after it was last done, and before the first time after `started_on` and `started_miles`.
    Unknown miles are null. `last_…` are those of the latest record, and `due_…` follow from them and the template. They
    are stored because lists filter by them.
    """

    # No index of its own: the index of the constraint begins with the vehicle.
    vehicle = models.ForeignKey(
        "vehicles.Vehicle", on_delete=models.PROTECT, related_name="schedules", db_index=False
    )
    template = models.ForeignKey(ScheduleTemplate, on_delete=models.PROTECT, related_name="schedules")
    started_on = models.DateField()
    started_miles = miles_field(null=True)
    last_on = models.DateField(null=True)
    last_miles = miles_field(null=True)
    due_on = models.DateField(null=True)
    due_miles = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ServiceScheduleQuerySet["ServiceSchedule"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["vehicle", "template"], name="schedule_once_per_vehicle"),
        ]
        indexes = [models.Index(fields=["due_on", "id"], name="schedule_by_due_day")]

    def __str__(self) -> str:
        return str(self.template)


class ServiceRecord(models.Model):
    """Work of a schedule that was done. `source` names the repair order (`repair_order:5`), and "" is by hand."""

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index below begins with the schedule.
    schedule = models.ForeignKey(
        ServiceSchedule, on_delete=models.CASCADE, related_name="records", db_index=False
    )
    on = models.DateField()
    miles = miles_field(null=True)
    source = models.CharField(max_length=40, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "source"], condition=~Q(source=""), name="service_record_once_per_source"
            ),
        ]
        indexes = [
            models.Index(fields=["schedule", "-on", "-id"], name="service_record_latest"),
            models.Index(fields=["source"], condition=~Q(source=""), name="service_record_of_source"),
        ]

    def __str__(self) -> str:
        return f"{self.on}"
