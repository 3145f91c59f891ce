"""Take over what customers owed, or were owed, before the shop used this product (docs/design, D90)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from appointments.models import Location
from appointments.queries import local_time
from billing.invoices import draw_number
from billing.ledger import ZERO, lock_accounts
from billing.links import INVOICES
from billing.models import (
    ClosedDay,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    LineKind,
    Payment,
    PaymentKind,
)
from billing.snapshot import opening_snapshot, receipt_snapshot
from common.domain import events
from common.domain.database import lock_for_share
from common.domain.errors import DomainError, Invalid
from common.domain.ids import new_uuid
from common.domain.money import PaymentMethod
from customers.actions import hold_customer
from customers.models import Customer
from repair_orders.estimates.snapshot import digest

PERMISSIONS = {"open": "billing.open_account_invoice"}


class TooLate(DomainError):
    """An opening balance lies before the first invoice and before every closed day."""

    code = "opening_too_late"
    title = "Not before the first invoice"


def open_account(
    *,
    customer: Customer,
    location: Location,
    amount: Decimal,
    day: date,
    by: int | None,
    now: datetime,
) -> Invoice | Payment:
    """Book what a customer owed on a day (an invoice), or was owed if `amount` is below 0.00 (a payment).

    `day` lies before today at the location, before its first invoice of an order, and before its closed days. Raises
    TooLate, Invalid.
    """
    if not amount:
        raise Invalid("Enter an amount other than 0.00.", field="amount")
    with transaction.atomic():
        lock_accounts(customer.pk)
        hold_customer(customer)
        lock_for_share(location)  # no day of it is closed meanwhile
        orders = Invoice.objects.filter(location=location, kind=InvoiceKind.ORDER)
        first = orders.order_by("day").values_list("day", flat=True).first()
        closed = (
            ClosedDay.objects.filter(location=location).order_by("day").values_list("day", flat=True).first()
        )
        known = [begun for begun in (first, closed) if begun is not None]
        # The first invoice may be issued later today.
        bound = min([*known, local_time(location, now).date()])
        if day >= bound:
            what = (
                "the first day with invoices or that was closed" if bound in known else "which is today there"
            )
            raise TooLate(f"Give a day before {bound}, {what}.", field="day")
        if amount < 0:
            payment = Payment(
                kind=PaymentKind.OPENING,
                customer=customer,
                location=location,
                amount=-amount,
                method=PaymentMethod.OTHER,
                posted_at=now,
                day=day,
                taken_by_id=by,
                open=-amount,
            )
            payment.snapshot = receipt_snapshot(payment, customer=customer, uses=(), refunds=None)
            payment.digest = digest(payment.snapshot)
            payment.save(force_insert=True)
            events.record("billing.payment.opened", payment, at=now, amount=str(payment.amount))
            return payment
        uuid = new_uuid()
        number = draw_number(location)
        snapshot = opening_snapshot(
            location=location, customer=customer, number=number, issued_at=now, day=day, total=amount
        )
        invoice = Invoice.objects.create(
            uuid=uuid,
            kind=InvoiceKind.OPENING,
            number=number,
            location=location,
            customer=customer,
            bill_to=customer,
            issued_at=now,
            day=day,
            due_on=day,
            issued_by_id=by,
            tax_percent=ZERO,
            subtotal=amount,
            discount=ZERO,
            net=amount,
            tax=ZERO,
            total=amount,
            cost=ZERO,
            balance=amount,
            snapshot=snapshot,
            digest=digest(snapshot),
            token_hash=INVOICES.token_of(uuid)[1],
        )
        InvoiceLine.objects.create(
            invoice=invoice,
            position=1,
            kind=LineKind.OPENING,
            name="Opening balance",
            amount=amount,
            discount=ZERO,
            net=amount,
            tax=ZERO,
            taxable=False,
            cost=ZERO,
        )
        events.record("billing.invoice.opened", invoice, at=now, total=str(invoice.total))
    return invoice
