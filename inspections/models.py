"""Templates of inspections, the inspections of vehicles on an order, and their findings (docs/design, D100)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from appointments.models import Technician
from catalogue.pricing.models import CannedJob
from common.domain.ids import Identified
from common.domain.search import Searched
from common.domain.text_fields import LineField, ParagraphsField
from files.models import Upload
from inspections.papers.models import Paper
from inspections.querysets import (
    FindingPhotoQuerySet,
    FindingQuerySet,
    InspectionQuerySet,
    TemplateItemQuerySet,
)
from repair_orders.models import Job, RepairOrder
from vehicles.models import Recommendation


class Template(Identified):
    """A list of what an inspection looks at, in groups. Templates that are not listed stay and are not offered."""

    SEARCHED = Searched("name")

    name = LineField(max_length=100)
    is_listed = models.BooleanField("listed", default=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = "inspection template"
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="inspection_template_name_once",
                violation_error_message="An inspection template with this name already exists.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateItem(models.Model):
    """A thing to look at. Its id names it in recommendations, so that it stays when the template is changed."""

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index below begins with the template.
    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.PositiveSmallIntegerField()
    group = LineField(max_length=60, blank=True, default="", help_text="Such as: Under the hood.")
    name = LineField(max_length=200)
    unit = LineField(max_length=20, blank=True, default="", help_text="Of its value, such as mm.")
    canned_job = models.ForeignKey(
        CannedJob,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The work that mends it. Its lines go on the estimate.",
    )

    history = HistoricalRecords()
    objects = TemplateItemQuerySet["TemplateItem"].as_manager()

    class Meta:
        verbose_name = "template item"
        indexes = [models.Index(fields=["template", "position", "id"], name="template_item_in_order")]

    def __str__(self) -> str:
        return self.name


class Inspection(Identified):
    """An inspection of the vehicle of an order, with a copy of a template's name and items.

    It is finished once, and does not change afterwards.
    """

    # No index of its own: the index below begins with the order.
    repair_order = models.ForeignKey(
        RepairOrder, on_delete=models.PROTECT, related_name="inspections", db_index=False
    )
    name = LineField(max_length=100)
    technician = models.ForeignKey(
        Technician, on_delete=models.SET_NULL, null=True, blank=True, related_name="inspections"
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()
    objects = InspectionQuerySet["Inspection"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["repair_order", "name"],
                condition=Q(finished_at=None),
                name="inspection_started_once",
                violation_error_message="This inspection of the order is not finished yet.",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None) | Q(finished_at__gte=models.F("started_at")),
                name="inspection_ends_after_start",
            ),
        ]
        indexes = [models.Index(fields=["repair_order", "-id"], name="inspection_of_order")]

    def __str__(self) -> str:
        return self.name


class Rating(models.TextChoices):
    GREEN = "green", "Good"
    YELLOW = "yellow", "Soon"
    RED = "red", "Now"
    NOT_APPLICABLE = "not_applicable", "Not applicable"


# The ratings that recommend work.
ADVISED = (Rating.RED.value, Rating.YELLOW.value)
# What browsers can show.
PHOTO_TYPES = ("image/jpeg", "image/jpg", "image/png", "image/webp", "image/gif")


class Finding(models.Model):
    """The result of an inspection for one item of its template. Group, name and unit are those of the start.

    `recommendation` is the one that the finding has made or updated, and `job` the one that it was put on the estimate
    with.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own: the index below begins with the inspection.
    inspection = models.ForeignKey(
        Inspection, on_delete=models.CASCADE, related_name="findings", db_index=False
    )
    item = models.ForeignKey(
        TemplateItem, on_delete=models.SET_NULL, null=True, blank=True, related_name="findings"
    )
    position = models.PositiveSmallIntegerField()
    group = LineField(max_length=60, blank=True, default="")
    name = LineField(max_length=200)
    unit = LineField(max_length=20, blank=True, default="")
    rating = models.CharField(max_length=14, choices=Rating, null=True, blank=True)
    value = LineField(max_length=60, blank=True, default="", help_text="What was measured, such as 3.5.")
    note = ParagraphsField(blank=True, default="", help_text="For the customer.")
    recommendation = models.ForeignKey(
        Recommendation, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    history = HistoricalRecords()
    objects = FindingQuerySet["Finding"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                # A check constraint that evaluates to NULL holds, so NULL needs no case of its own.
                condition=Q(rating__in=Rating.values),
                name="finding_rating_is_known",
            ),
        ]
        indexes = [models.Index(fields=["inspection", "position", "id"], name="finding_in_order")]

    def __str__(self) -> str:
        return self.name


class FindingPhoto(models.Model):
    """A photo of a finding. It is served to callers who may see the inspection, and to the holder of a link."""

    id = models.BigAutoField(primary_key=True)
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="photos")
    upload = models.OneToOneField(Upload, on_delete=models.PROTECT, related_name="finding_photo")

    objects = FindingPhotoQuerySet["FindingPhoto"].as_manager()

    def __str__(self) -> str:
        return f"Photo {self.pk}"


__all__ = ["Finding", "FindingPhoto", "Inspection", "Paper", "Rating", "Template", "TemplateItem"]
