"""Repair orders with their jobs and lines."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from appointments.models import Appointment, Location, Technician
from catalogue.models import Part, Service
from catalogue.pricing.models import CannedJob
from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from common.domain.money import fine_percent, money
from common.domain.search import Searched
from common.domain.text_fields import CodeField, LineField, ParagraphsField
from common.domain.transitions import Machine
from customers.models import Customer
from files.models import Upload
from repair_orders.discounts.models import OrderDiscount
from repair_orders.estimates.models import AddedTax, Authorisation, Decision, Estimate, EstimateMail
from repair_orders.papers.models import Paper
from repair_orders.pricing import models as pricing_models  # noqa: F401  # their tables are of this app
from repair_orders.querysets import JobQuerySet, PartLineQuerySet, RepairOrderQuerySet, ServiceLineQuerySet
from repair_orders.time_entries.models import TimeEntry
from vehicles.fields import miles_field
from vehicles.models import Recommendation, Vehicle


class RepairOrderStatus(models.TextChoices):
    REQUESTED = "requested"
    PENDING = "pending"  # estimated, waiting for the customer's approval
    APPROVED = "approved"
    DENIED = "denied"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


_S = RepairOrderStatus
REPAIR_ORDER_MACHINE: Machine = {
    _S.REQUESTED: frozenset({_S.PENDING, _S.DENIED}),
    _S.PENDING: frozenset({_S.PENDING, _S.APPROVED, _S.DENIED}),
    _S.APPROVED: frozenset({_S.PENDING, _S.IN_PROGRESS, _S.DENIED}),  # denied: the customer stops the work
    _S.DENIED: frozenset(),
    _S.IN_PROGRESS: frozenset({_S.COMPLETED, _S.DENIED}),
    _S.COMPLETED: frozenset({_S.IN_PROGRESS}),  # reopened
}
OPEN_STATUSES = (_S.REQUESTED.value, _S.PENDING.value, _S.APPROVED.value, _S.IN_PROGRESS.value)
EDITABLE_STATUSES = (_S.REQUESTED.value, _S.PENDING.value)
AUTHORISED_STATUSES = (_S.APPROVED.value, _S.IN_PROGRESS.value)


REPAIR_ORDER_SEARCHED = Searched("description")


def every_kind() -> list[str]:
    """Return the kinds of lines that an order taxes without a tax rule. Fees have their own taxability."""
    return ["part", ServiceKind.LABOUR.value, ServiceKind.SUBLET.value]


class RepairOrder(Identified):
    """Work on one vehicle: the problem, the jobs with their lines, and their price.

    `version` rises with every change of what is asked or of its total (docs/design, D76). The prices of the location
    (`tax_percent`, `taxed_kinds`, `fee_terms`, `overrun_terms`) are taken when the order is made.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="repair_orders", db_index=False
    )
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="repair_orders")
    location = models.ForeignKey(
        Location,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="repair_orders",
        db_index=False,  # the index of the number's constraint begins with it
    )
    number = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text="The number that papers print, counted by location."
    )
    appointment = models.OneToOneField(
        Appointment, on_delete=models.PROTECT, null=True, blank=True, related_name="repair_order"
    )
    advisor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    status = models.CharField(max_length=11, choices=_S.choices, default=_S.REQUESTED)
    version = models.PositiveIntegerField(default=1, editable=False)
    description = ParagraphsField(blank=True, default="", help_text="The problem, in the customer's words.")
    notes = ParagraphsField(
        blank=True, default="", help_text="Notes of the shop, which the customer can read."
    )
    discount_amount = money(default=Decimal("0.00"))
    discount_percent = fine_percent(default=Decimal("0.0000"))
    given_discount = money(
        null=True,
        blank=True,
        editable=False,
        help_text="What its discount rows take off. Null without rows.",
    )
    tax_percent = fine_percent(default=Decimal("0.0000"))
    tax_exemption = LineField(
        max_length=60, blank=True, default="", help_text="The certificate of an exemption from tax."
    )
    taxed_kinds = models.JSONField(
        default=every_kind,
        blank=True,
        editable=False,
        help_text="The kinds of lines that are taxable where the catalogue does not say otherwise.",
    )
    fee_terms = models.JSONField(default=list, blank=True, editable=False)
    overrun_terms = models.JSONField(null=True, blank=True, editable=False)
    po_number = LineField("PO number", max_length=40, blank=True, default="")
    promised_at = models.DateTimeField(null=True, blank=True)
    key_tag = LineField(
        max_length=20, blank=True, default="", help_text="The tag of the vehicle's keys, or where they hang."
    )
    odometer_in = miles_field(null=True, blank=True, validators=[MinValueValidator(0)])
    odometer_out = miles_field(null=True, blank=True, validators=[MinValueValidator(0)])
    comeback_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="comebacks",
        help_text="The completed order whose work is done again without charge.",
    )
    authorised_total = money(null=True, blank=True, editable=False)
    authorised_net = money(null=True, blank=True, editable=False)
    ceiling = money(
        null=True, blank=True, editable=False, help_text="The most that the approved jobs may come to."
    )
    work_amount = money(
        default=Decimal("0.00"),
        editable=False,
        help_text="What the approved jobs come to, in the basis of the ceiling.",
    )
    is_credited = models.BooleanField(
        default=False, editable=False, help_text="Counted as a service of the customer, once an order."
    )
    total_cost = money(null=True, blank=True, help_text="The total, stored when the order is completed.")
    denial_reason = ParagraphsField(blank=True, default="")
    created_at = models.DateTimeField()
    checked_in_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the vehicle was taken in."
    )
    estimated_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    denied_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()
    SEARCHED = REPAIR_ORDER_SEARCHED
    objects = RepairOrderQuerySet["RepairOrder"].as_manager()

    class Meta:
        permissions = [
            ("estimate_repairorder", "Can send estimates"),
            ("decide_repairorder", "Can approve and deny for the customer"),
            ("work_repairorder", "Can start and complete repair orders"),
            ("reopen_repairorder", "Can reopen completed repair orders"),
            ("withdraw_repairorder", "Can withdraw an authorisation"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=_S.values), name="repair_order_status_is_known"),
            models.CheckConstraint(condition=Q(discount_amount__gte=0), name="discount_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(given_discount=None) | Q(given_discount__gte=0),
                name="given_discount_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(discount_percent__gte=0, discount_percent__lte=100),
                name="discount_percent_is_one",
            ),
            models.CheckConstraint(
                condition=Q(tax_percent__gte=0, tax_percent__lte=100), name="tax_percent_is_one"
            ),
            models.CheckConstraint(
                condition=Q(tax_exemption="") | Q(tax_percent=0),
                name="exempt_order_has_no_tax",
                violation_error_message="An order with a certificate of exemption has no tax.",
            ),
            models.CheckConstraint(
                # A check constraint that evaluates to NULL holds, so NULL is excluded explicitly.
                condition=Q(status=_S.COMPLETED, total_cost__isnull=False, total_cost__gte=0)
                | (~Q(status=_S.COMPLETED) & Q(total_cost=None)),
                name="total_is_frozen_when_completed",
            ),
            models.CheckConstraint(
                condition=Q(ceiling=None) | Q(work_amount__lte=F("ceiling")),
                name="work_is_within_ceiling",
                violation_error_message="The approved jobs would come to more than the customer authorised.",
            ),
            models.UniqueConstraint(fields=["location", "number"], name="repair_order_number_once"),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="repair_order_by_age"),
            models.Index(fields=["customer", "-created_at", "-id"], name="repair_order_of_customer"),
            models.Index(fields=["status", "-created_at", "-id"], name="repair_order_by_status"),
            # A fleet may have 200,000 orders: list and count them by unit and by status from the index alone.
            models.Index(fields=["customer", "status", "-created_at", "-id"], name="repair_order_of_state"),
            models.Index(fields=["customer", "vehicle", "-created_at", "-id"], name="repair_order_of_unit"),
            Trigrams(REPAIR_ORDER_SEARCHED, name="repair_order_searched"),
        ]

    def __str__(self) -> str:
        return f"Repair order {self.reference}"

    @property
    def reference(self) -> int:
        """The number that people call the order by: its location's, or the id of an order without a location."""
        return self.number or self.pk


class RepairPhoto(models.Model):
    """A photo sent with a request. It is served to callers who may see the order."""

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(RepairOrder, on_delete=models.CASCADE, related_name="photos")
    upload = models.OneToOneField(Upload, on_delete=models.PROTECT, related_name="repair_photo")

    def __str__(self) -> str:
        return f"Photo {self.pk}"


class JobStatus(models.TextChoices):
    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"
    DEFERRED = "deferred"
    DONE = "done"


class Job(models.Model):
    """A piece of work of an order that the customer approves or declines as a whole.

    `sent_in` is the last revision of the estimate that showed the job. A draft is a proposed job that no revision has
    shown since it was proposed. `canned_job` is the one it was copied from, and `recommendation` that of the vehicle
    that follows its state (docs/design, D73).
    """

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(
        RepairOrder, on_delete=models.CASCADE, related_name="jobs", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    name = LineField(max_length=200)
    concern = ParagraphsField(blank=True, default="", help_text="What the customer reports.")
    cause = ParagraphsField(blank=True, default="", help_text="What the technician found.")
    correction = ParagraphsField(blank=True, default="", help_text="What was done.")
    technician = models.ForeignKey(
        Technician, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    status = models.CharField(max_length=8, choices=JobStatus, default=JobStatus.PROPOSED)
    canned_job = models.ForeignKey(
        CannedJob, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    recommendation = models.ForeignKey(
        Recommendation, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="jobs"
    )
    sent_in = models.PositiveIntegerField(null=True, blank=True, editable=False)
    is_draft = models.BooleanField(default=True, editable=False)

    history = HistoricalRecords()
    objects = JobQuerySet["Job"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status_is_known"),
            models.UniqueConstraint(fields=["repair_order", "position"], name="job_position_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Condition(models.TextChoices):
    NEW = "new"
    USED = "used"
    REBUILT = "rebuilt"
    RECONDITIONED = "reconditioned"


class PriceSource(models.TextChoices):
    """The origin of a line's price."""

    CATALOGUE = "catalogue", "the price of the catalogue"
    TYPED = "typed", "typed"
    MATRIX = "matrix", "the price matrix of the cost"
    RATE = "rate", "the labor rate of the location"


class PartLine(models.Model):
    """A quantity of a part in a job, with everything it was sold with. The catalogue may change, the line does not.

    A typed line, of a part that is not in the catalogue, points at the one placeholder of the catalogue.
    """

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(RepairOrder, on_delete=models.CASCADE, related_name="part_lines")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="part_lines")
    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="lines")
    name = LineField(max_length=200)
    part_number = CodeField(max_length=60, blank=True, default="")
    manufacturer = LineField(max_length=120, blank=True, default="")
    description = ParagraphsField(blank=True, default="")
    warranty_months = models.PositiveSmallIntegerField(default=0)
    condition = models.CharField(max_length=13, choices=Condition, default=Condition.NEW)
    is_oem = models.BooleanField("OEM", null=True, blank=True)
    quantity = models.DecimalField(
        max_digits=7,
        decimal_places=2,
        default=Decimal("1.00"),
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(10_000)],
    )
    unit_price = money()
    price_source = models.CharField(
        max_length=9, choices=PriceSource, default=PriceSource.CATALOGUE, editable=False
    )
    price_rule = models.CharField(
        max_length=200,
        blank=True,
        default="",
        editable=False,
        help_text="The matrix and its band, as it was.",
    )
    unit_cost = money(null=True, blank=True, help_text="What the shop pays for one. Papers do not print it.")
    amount = money(editable=False, help_text="Quantity × price, rounded half up to the cent.")
    taxable = models.BooleanField()
    is_shown = models.BooleanField(default=True, editable=False, help_text="Counted for the customer.")
    core_of = models.OneToOneField(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="core",
        help_text="The part whose core charge this line is.",
    )

    history = HistoricalRecords()
    objects = PartLineQuerySet["PartLine"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, quantity__lte=10_000), name="line_quantity_is_possible"
            ),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="line_price_not_negative"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="line_amount_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} × {self.unit_price}"


class ServiceKind(models.TextChoices):
    LABOUR = "labour"
    SUBLET = "sublet"
    FEE = "fee"


class ServiceLine(models.Model):
    """Labour or sublet work in a job, or a fee of the order, with everything it was sold with.

    `amount` is hours × rate, or flat where one of them is missing. A fee belongs to no job, and `fee_position` is the
    place of its rule in the order's `fee_terms`.
    """

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(RepairOrder, on_delete=models.CASCADE, related_name="service_lines")
    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, null=True, blank=True, related_name="service_lines"
    )
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=6, choices=ServiceKind, default=ServiceKind.LABOUR)
    name = LineField(max_length=200)
    description = ParagraphsField(blank=True, default="")
    warranty_months = models.PositiveSmallIntegerField(default=0)
    hours = models.DecimalField(
        max_digits=6, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    rate = money(null=True, blank=True, help_text="Dollars an hour.")
    cost = money(null=True, blank=True, help_text="What the shop pays for sublet work.")
    amount = money()
    price_source = models.CharField(
        max_length=9, choices=PriceSource, default=PriceSource.CATALOGUE, editable=False
    )
    price_rule = models.CharField(
        max_length=200, blank=True, default="", editable=False, help_text="Name of the labor rate, as it was."
    )
    taxable = models.BooleanField()
    fee_position = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    is_shown = models.BooleanField(default=True, editable=False, help_text="Counted for the customer.")

    history = HistoricalRecords()
    objects = ServiceLineQuerySet["ServiceLine"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="labour_line_not_negative"),
            models.CheckConstraint(condition=Q(kind__in=ServiceKind.values), name="service_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind=ServiceKind.FEE, job=None)
                | (~Q(kind=ServiceKind.FEE) & Q(job__isnull=False)),
                name="fee_is_of_the_order",
            ),
            models.UniqueConstraint(
                fields=["repair_order", "fee_position"],
                condition=Q(kind=ServiceKind.FEE),
                name="fee_once_an_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


__all__ = [
    "AddedTax",
    "Authorisation",
    "Decision",
    "Estimate",
    "EstimateMail",
    "OrderDiscount",
    "Paper",
    "TimeEntry",
]
