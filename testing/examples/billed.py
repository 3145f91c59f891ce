"""An invoice for the examples of a customer whom the demo bills nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from appointments.models import Location
from billing.invoices import issue_invoice
from billing.models import CreditNote, Invoice, Payment, StatementRun
from billing.openings import open_account
from catalogue.models import Part
from common.domain.types import AnyQuerySet
from customers.models import Customer
from orders.actions import place_order
from orders.models import Order, OrderStatus
from orders.returns import request_return
from repair_orders.models import RepairOrder, RepairOrderStatus

BILLED = 15  # a completed repair order of Alice


def invoice_of(email: str) -> Invoice:
    """Return the customer's first invoice.

    Without one, their last completed order is invoiced, or else an opening balance is booked.
    """
    invoice = Invoice.objects.filter(bill_to__contact__email=email).order_by("id").first()
    if invoice is not None:
        return invoice
    customer, now = Customer.objects.get(contact__email=email), timezone.now()
    completed = RepairOrder.objects.filter(customer=customer, status=RepairOrderStatus.COMPLETED)
    if order := completed.order_by("-id").first():
        return issue_invoice(order=order, by=None, now=now)
    location = Location.objects.order_by("id").first()
    assert location is not None
    opened = open_account(
        customer=customer,
        location=location,
        amount=Decimal("80.00"),
        day=now.date().replace(year=now.year - 1),
        by=None,
        now=now,
    )
    assert isinstance(opened, Invoice)
    return opened


def names_of_staff() -> dict[str, Any]:
    """Return the ids that the examples of the staff's billing name. They exist once the calls before made them."""
    return {
        "issued": _first(Invoice.objects.filter(repair_order=BILLED)),
        "note": _first(CreditNote.objects.all()),
        "deposit": _first(Payment.objects.filter(reference="Slip 77")),
        "check": _first(Payment.objects.filter(reference="2231")),
        "run": _first(StatementRun.objects.all()),
        "bought": _order(0).pk,
        "dropped": _order(1).pk,
        "refunded": _return(0),
        "refused": _return(1),
    }


def _first(rows: AnyQuerySet) -> int | None:
    pk: int | None = rows.order_by("id").values_list("pk", flat=True).first()
    return pk


def _order(number: int) -> Order:
    """Return one of two parts orders of the customer who bought parts in the demo, placed in the last minutes."""
    now = timezone.now()
    customer = Order.objects.order_by("id").values_list("customer_id", flat=True).first()
    placed = Order.objects.filter(customer=customer, created_at__gte=now - timedelta(minutes=10)).order_by(
        "id"
    )
    while placed.count() < 2:
        parts = Part.objects.filter(is_sold_online=True, is_listed=True, stock__gte=9).order_by("id")[:2]
        items = [(part.pk, 1) for part in parts]
        assert customer is not None
        place_order(customer_id=customer, items=items, now=now)
    return placed[number]


def _return(number: int) -> int | None:
    """Return the return of one of the two items of the first parts order, once it is delivered."""
    order = _order(0)
    if order.status != OrderStatus.DELIVERED:
        return None
    requests = order.returns.order_by("id")
    for item in () if requests.exists() else order.items.in_order():
        request_return(
            order=order,
            products=[item.product_name],
            reason="Does not fit",
            description="",
            now=timezone.now(),
        )
    return requests[number].pk
