"""Repair orders and their lines."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from catalogue.models import Part, Service
from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from common.domain.money import money, percent
from common.domain.transitions import Machine
from customers.models import Customer
from files.models import Upload
from repair_orders.querysets import LineQuerySet, RepairOrderQuerySet
from vehicles.models import Vehicle


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
    _S.APPROVED: frozenset({_S.PENDING, _S.IN_PROGRESS}),
    _S.DENIED: frozenset(),
    _S.IN_PROGRESS: frozenset({_S.COMPLETED}),
    _S.COMPLETED: frozenset(),
}
EDITABLE_STATUSES = (_S.REQUESTED.value, _S.PENDING.value)


class RepairOrder(Identified):
    """Work on one vehicle: the problem, the parts and services, and their price."""

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="repair_orders", db_index=False
    )
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="repair_orders")
    status = models.CharField(max_length=11, choices=_S.choices, default=_S.REQUESTED)
    description = models.TextField(blank=True, default="", help_text="The problem, in the customer's words.")
    notes = models.TextField(
        blank=True, default="", help_text="Notes of the shop, which the customer can read."
    )
    discount_amount = money(default=Decimal("0.00"))
    discount_percent = percent()
    tax_percent = percent()
    total_cost = money(null=True, blank=True, help_text="The total, stored when the order is completed.")
    denial_reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    estimated_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    denied_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()
    objects = RepairOrderQuerySet["RepairOrder"].as_manager()

    class Meta:
        permissions = [
            ("estimate_repairorder", "Can send estimates"),
            ("decide_repairorder", "Can approve and deny for the customer"),
            ("work_repairorder", "Can start and complete repair orders"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=_S.values), name="repair_order_status_is_known"),
            models.CheckConstraint(condition=Q(discount_amount__gte=0), name="discount_amount_not_negative"),
            models.CheckConstraint(
                condition=Q(discount_percent__gte=0, discount_percent__lte=100),
                name="discount_percent_is_one",
            ),
            models.CheckConstraint(
                condition=Q(tax_percent__gte=0, tax_percent__lte=100), name="tax_percent_is_one"
            ),
            models.CheckConstraint(
                # A check constraint that evaluates to NULL holds, so NULL is excluded explicitly.
                condition=Q(status=_S.COMPLETED, total_cost__isnull=False, total_cost__gte=0)
                | (~Q(status=_S.COMPLETED) & Q(total_cost=None)),
                name="total_is_frozen_when_completed",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="repair_order_by_age"),
            models.Index(fields=["customer", "-created_at", "-id"], name="repair_order_of_customer"),
            models.Index(fields=["status", "-created_at", "-id"], name="repair_order_by_status"),
            # A fleet may have 200,000 orders: list and count them by unit and by status from the index alone.
            models.Index(fields=["customer", "status", "-created_at", "-id"], name="repair_order_of_state"),
            models.Index(fields=["customer", "vehicle", "-created_at", "-id"], name="repair_order_of_unit"),
            Trigrams("description", name="repair_order_searched"),
        ]

    def __str__(self) -> str:
        return f"Repair order {self.pk}"


class RepairPhoto(models.Model):
    """A photo sent with a request. It is served to callers who may see the order."""

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(RepairOrder, on_delete=models.CASCADE, related_name="photos")
    upload = models.OneToOneField(Upload, on_delete=models.PROTECT, related_name="repair_photo")

    def __str__(self) -> str:
        return f"Photo {self.pk}"


class PartLine(models.Model):
    """A quantity of a part on an order, with the price and taxability it was sold at."""

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(RepairOrder, on_delete=models.CASCADE, related_name="part_lines")
    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="lines")
    quantity = models.PositiveIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    unit_price = money()
    taxable = models.BooleanField()

    history = HistoricalRecords()
    objects = LineQuerySet["PartLine"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=10_000), name="line_quantity_is_possible"
            ),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="line_price_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.unit_price}"

    @property
    def amount(self) -> Decimal:
        amount: Decimal = self.unit_price * self.quantity
        return amount


class ServiceLine(models.Model):
    """A service on an order, with the price and taxability it was sold at."""

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(RepairOrder, on_delete=models.CASCADE, related_name="service_lines")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="lines")
    labor_cost = money()
    taxable = models.BooleanField()

    history = HistoricalRecords()
    objects = LineQuerySet["ServiceLine"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(labor_cost__gte=0), name="labour_line_not_negative")
        ]

    def __str__(self) -> str:
        return f"{self.labor_cost}"
