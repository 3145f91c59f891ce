"""Orders of catalogue parts that are shipped to customers, and the returns of such orders."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from catalogue.models import Part
from catalogue.shelf.sources import source_of
from common.domain import ids
from common.domain.ids import Identified
from common.domain.money import money
from common.domain.text_fields import LineField, ParagraphsField
from common.domain.transitions import Machine
from customers.models import Customer
from orders.querysets import OrderItemQuerySet, OrderQuerySet, ReturnLineQuerySet, ReturnQuerySet

ORDER_PREFIX, ITEM_PREFIX, RETURN_PREFIX = "ORD", "ITEM", "RET"
MAX_PIECES = 10_000  # of one product in an order


class OrderStatus(models.TextChoices):
    PLACED = "placed"
    CONFIRMED = "confirmed"  # paid for
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"  # every item is refunded


_S = OrderStatus
ORDER_MACHINE: Machine = {
    _S.PLACED: frozenset({_S.CONFIRMED, _S.CANCELLED}),
    _S.CONFIRMED: frozenset({_S.PACKED, _S.CANCELLED}),
    _S.PACKED: frozenset({_S.SHIPPED, _S.CANCELLED}),
    _S.SHIPPED: frozenset({_S.DELIVERED}),
    _S.DELIVERED: frozenset({_S.RETURNED}),
    _S.CANCELLED: frozenset(),
    _S.RETURNED: frozenset(),
}
PROCESSING = (_S.PLACED.value, _S.CONFIRMED.value, _S.PACKED.value)
ACTIVE = (*PROCESSING, _S.SHIPPED.value)
# timestamp -> the states in which it is set; a cancelled order keeps the timestamps it had
STATES_WITH_STAMP = {
    "confirmed_at": [_S.CONFIRMED, _S.PACKED, _S.SHIPPED, _S.DELIVERED, _S.RETURNED],
    "packed_at": [_S.PACKED, _S.SHIPPED, _S.DELIVERED, _S.RETURNED],
    "shipped_at": [_S.SHIPPED, _S.DELIVERED, _S.RETURNED],
    "delivered_at": [_S.DELIVERED, _S.RETURNED],
}


def _stamp_constraint(stamp: str, states: list[OrderStatus]) -> models.CheckConstraint:
    """Return a constraint that the timestamp is set in exactly these states.

    Tracking and the return window are computed from it.
    """
    is_set = Q(**{f"{stamp}__isnull": False})
    fits = (Q(status__in=states) & is_set) | (~Q(status__in=states) & ~is_set)
    if stamp in ("confirmed_at", "packed_at"):
        fits |= Q(status=_S.CANCELLED)
    return models.CheckConstraint(condition=fits, name=f"order_{stamp}_fits_status")


class Order(Identified):
    """A customer's order of parts and its shipment. Its lines never change after it is placed."""

    # `db_index=False`: an index below begins with this column.
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders", db_index=False)
    status = models.CharField(max_length=9, choices=_S.choices, default=_S.PLACED)
    courier_name = LineField("courier", max_length=100, blank=True, default="")
    courier_contact = LineField(max_length=100, blank=True, default="")
    tracking_number = LineField(max_length=100, blank=True, default="")
    current_location = LineField(max_length=200, blank=True, default="")
    estimated_delivery = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="When the order is cancelled if it is not paid by then.")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    packed_at = models.DateTimeField(null=True, blank=True)
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    returned_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()
    objects = OrderQuerySet["Order"].as_manager()

    class Meta:
        permissions = [("move_order", "Can confirm, pack, ship, deliver and cancel orders")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=_S.values), name="order_status_is_known"),
            *(_stamp_constraint(stamp, states) for stamp, states in STATES_WITH_STAMP.items()),
        ]
        indexes = [
            models.Index(fields=["customer", "-created_at", "-id"], name="order_of_customer"),
            models.Index(fields=["customer", "status"], name="order_of_customer_by_status"),
            models.Index(fields=["status", "-created_at", "-id"], name="order_by_status"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The order number that the customer sees, such as `ORD123`."""
        return ids.format_id(ORDER_PREFIX, self.pk)

    @property
    def source(self) -> str:
        """What the shelf keeps the order's pieces for, such as `order:123`."""
        return source_of("order", self.pk)


class OrderItem(models.Model):
    """A line of an order, with the product's name and price at the time of sale."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items", db_index=False)
    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="order_items")
    product_name = LineField(max_length=200)
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_PIECES)])
    unit_price = money()
    subtotal = money(help_text="Amount paid for this item.")
    refunded = money(default=Decimal("0.00"), help_text="Amount refunded for this item.")

    objects = OrderItemQuerySet["OrderItem"].as_manager()

    class Meta:
        verbose_name = "item"
        constraints = [
            models.UniqueConstraint(fields=["order", "part"], name="product_once_in_an_order"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=MAX_PIECES), name="item_quantity_is_possible"
            ),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="item_price_not_negative"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("subtotal")), name="no_more_refunded_than_paid"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_name}"


class ReturnStatus(models.TextChoices):
    REQUESTED = "requested"
    APPROVED = "approved"  # the customer may send the items
    RECEIVED = "received"
    REFUNDED = "refunded"
    REFUSED = "refused"


_R = ReturnStatus
RETURN_MACHINE: Machine = {
    _R.REQUESTED: frozenset({_R.APPROVED, _R.REFUSED}),
    _R.APPROVED: frozenset({_R.RECEIVED, _R.REFUSED}),
    _R.RECEIVED: frozenset({_R.REFUNDED, _R.REFUSED}),
    _R.REFUNDED: frozenset(),
    _R.REFUSED: frozenset(),
}
PENDING_REFUND = (_R.REQUESTED.value, _R.APPROVED.value, _R.RECEIVED.value)


class ReturnRequest(Identified):
    """A customer's request to return items of one order."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="returns", db_index=False)
    status = models.CharField(max_length=9, choices=_R.choices, default=_R.REQUESTED)
    reason = LineField(max_length=200)
    description = ParagraphsField(blank=True, default="")
    refund_amount = money(help_text="Amount paid for the items. After the refund: amount refunded.")
    refusal_reason = ParagraphsField(blank=True, default="")
    created_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    refunded_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    history = HistoricalRecords()
    objects = ReturnQuerySet["ReturnRequest"].as_manager()

    class Meta:
        verbose_name = "return"
        permissions = [
            ("decide_returnrequest", "Can approve, receive and refuse returns"),
            ("refund_returnrequest", "Can refund returns"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=_R.values), name="return_status_is_known"),
            models.CheckConstraint(condition=Q(refund_amount__gte=0), name="refund_not_negative"),
        ]
        indexes = [
            models.Index(fields=["order", "status"], name="return_of_order"),
            models.Index(fields=["status", "-created_at", "-id"], name="return_by_status"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The return number that the customer sees, such as `RET7`."""
        return ids.format_id(RETURN_PREFIX, self.pk)


class ReturnLine(models.Model):
    """An item of a return. An item is in at most one return that is not refused."""

    id = models.BigAutoField(primary_key=True)
    return_request = models.ForeignKey(ReturnRequest, on_delete=models.CASCADE, related_name="lines")
    item = models.ForeignKey(OrderItem, on_delete=models.PROTECT, related_name="return_lines")
    is_refused = models.BooleanField(default=False)  # copied from the return for the constraint

    objects = ReturnLineQuerySet["ReturnLine"].as_manager()

    class Meta:
        verbose_name = "returned item"
        constraints = [
            models.UniqueConstraint(
                fields=["item"], condition=Q(is_refused=False), name="item_is_returned_once"
            )
        ]

    def __str__(self) -> str:
        return f"Item {self.item_id}"
