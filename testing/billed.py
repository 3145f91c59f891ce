"""The worked example's order from its deposit to its invoice, and short ways to bill in tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from appointments.models import Location
from billing.invoices import issue_invoice
from billing.ledger import Target
from billing.links import INVOICES, STATEMENTS
from billing.models import Invoice, Payment, Statement
from billing.payments import take_payment
from billing.queries import BUCKET_NAMES, get_account
from billing.snapshot import bill_to_body
from catalogue.shelf import actions as shelf
from common.domain.ids import new_uuid
from common.domain.money import exact
from customers.models import Customer
from orders.models import Order
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.snapshot import digest, instant
from repair_orders.models import RepairOrder
from repair_orders.worksheet import Worksheet
from testing.factories import (
    JobFactory,
    LocationFactory,
    PartFactory,
    PartLineFactory,
    RepairOrderFactory,
    VehicleFactory,
)
from testing.worked_example import fresh, given, new_order, reload, started

D = Decimal


def completed(**options):
    """Return the worked example's order, completed at 491.56."""
    order, *_ = started(**options)
    actions.complete(order=order, by=None, now=timezone.now())
    return reload(order)


def invoiced(**options):
    """Return the invoice of the worked example: 491.56."""
    return issue_invoice(order=completed(**options), by=None, now=timezone.now())


def sold_from_shelf(unit_cost="4.0050"):
    """Return the invoice of three filters from the shelf, where one is left, and of labor, and the filter."""
    now = timezone.now()
    part = PartFactory(name="Filter")
    shelf.receive(part=part, pieces=4, by=None, now=now, unit_cost=D(unit_cost))
    order = new_order()
    job = jobs.add_job(order=order, name="Filters")
    jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(3), unit_price=D(10))
    jobs.add_service_line(job=fresh(job), service=None, given=given(), name="Labor", amount=D(50))
    estimates.send_estimate(order=reload(order), by=None, now=now)
    estimates.approve(order=reload(order), by=None, now=now)
    actions.start(order=reload(order), by=None, now=now)
    actions.complete(order=reload(order), by=None, now=now)
    return issue(reload(order)), part


def pay(row, amount, method="card", customer=None, **fields):
    """Take a payment for an invoice or an order, None for a payment that stays open."""
    if customer is None:
        customer = row.bill_to if isinstance(row, Invoice) else row.customer
    return take_payment(
        customer=customer,
        location=fields.pop("location", getattr(row, "location", None)),
        amount=D(amount),
        method=method,
        by=None,
        now=fields.pop("now", timezone.now()),
        allocations=[] if row is None else [Target(row, D(amount))],
        **fields,
    )


def again(row):
    """Return the stored row."""
    return type(row).objects.get(pk=row.pk)


def line_of(invoice, name):
    return invoice.lines.get(name=name)


def opens(*payments):
    return [Payment.objects.get(pk=payment.pk).open for payment in payments]


def stored_invoice(customer, **fields):
    """Store an invoice with a thin paper and one line, without an order's steps, for lists of many."""
    vehicle = fields.pop("vehicle", None) or VehicleFactory(customer=customer)
    uuid, total = new_uuid(), fields.pop("total", D("108.25"))
    day = fields.pop("day", date(2026, 1, 15))
    label = fields.pop("label", vehicle.label)
    snapshot = {
        "kind": "order",
        "customer": {"name": vehicle.customer.name},
        "vehicle": {"label": label},
        "jobs": [],
    }
    return Invoice.objects.create(
        uuid=uuid,
        **{
            "number": f"T-{Invoice.objects.count() + 1}",
            "location": Location.objects.first() or LocationFactory(),
            "repair_order": RepairOrderFactory(vehicle=vehicle, status="completed", total_cost=total),
            "customer": vehicle.customer,
            "bill_to": customer,
            "issued_at": datetime.combine(day, time(12), UTC),
            "day": day,
            "due_on": day,
            "tax_percent": D("8.2500"),
            "subtotal": total,
            "discount": D("0.00"),
            "net": total,
            "tax": D("0.00"),
            "total": total,
            "cost": D("0.00"),
            "balance": total,
            "snapshot": snapshot,
            "digest": digest(snapshot),
            "token_hash": INVOICES.token_of(uuid)[1],
            **fields,
        },
    )


def stored_statement(customer, month=None, balance=None):
    """Store a statement with a thin paper, of the month after the customer's last one by default."""
    last = Statement.objects.filter(customer=customer).order_by("-month").first()
    after = date(2024, 1, 1) if last is None else (last.month + timedelta(days=31)).replace(day=1)
    uuid, balance = new_uuid(), D("108.25") if balance is None else balance
    month, made_at = month or after, datetime(2026, 2, 1, 6, tzinfo=UTC)
    snapshot = {
        "customer": bill_to_body(customer),
        "shop": None,
        "month": f"{month:%Y-%m}",
        "from": f"{month}",
        "through": f"{(month + timedelta(days=31)).replace(day=1) - timedelta(days=1)}",
        "made_at": instant(made_at),
        "opening": str(balance),
        "lines": [],
        "closing": str(balance),
        "ageing": dict.fromkeys(BUCKET_NAMES, "0.00"),
        "open_payments": "0.00",
        "deposits": "0.00",
    }
    return Statement.objects.create(
        uuid=uuid,
        customer=customer,
        month=month,
        made_at=made_at,
        balance=balance,
        snapshot=snapshot,
        digest=digest(snapshot),
        token_hash=STATEMENTS.token_of(uuid)[1],
    )


def finished(*, vehicle=None, prices=("89.99",), tax="8.875", discount="0", location=None, quantity="1"):
    """Return a completed order with a part line for each price, which no customer was asked about."""
    vehicle = vehicle or VehicleFactory()
    order = RepairOrderFactory(
        vehicle=vehicle,
        status="in_progress",
        location=location or LocationFactory(),
        tax_percent=D(tax),
        discount_percent=D(discount),
    )
    job = JobFactory(repair_order=order, status="done")
    part = PartFactory()
    for price in prices:
        PartLineFactory(
            repair_order=order, job=job, part=part, unit_price=D(price), quantity=D(quantity), taxable=True
        )
    return finish(order)


def finish(order):
    """Complete an order whose jobs are done, without any of what completing does beside it."""
    order.status, order.total_cost = "completed", D(0)
    figures = Worksheet.of(order)
    order.total_cost = figures.figures(figures.counted).totals.total
    order.save()
    return order


def issue(order, **fields):
    """Return the invoice of a completed order."""
    return issue_invoice(order=order, by=None, now=fields.pop("now", timezone.now()), **fields)


def check_law():
    """Compare what is stored with the rows that it sums up, and hold D86's law for every customer."""
    for payment in Payment.objects.all():
        used = _sum(payment.allocations.all())
        refunded = _sum(payment.refunded_by.all())
        expected = D("0.00") if payment.kind == "refund" else payment.amount - used - refunded
        assert payment.open == expected >= 0, payment
    for invoice in Invoice.objects.all():
        paid, credited = _sum(invoice.allocations.all()), _sum(invoice.credit_notes.all(), "total")
        assert (invoice.paid, invoice.credited) == (paid, credited), invoice
        assert invoice.balance == invoice.total - credited - paid >= 0, invoice
        assert _sum(invoice.credit_notes.all(), "tax") <= invoice.tax
    for row in (*RepairOrder.objects.all(), *Order.objects.all()):
        assert _sum(row.allocations.all()) >= 0, row
    for customer in Customer.objects.all():
        account = get_account(customer.pk, now=timezone.now())
        owed = _sum(Invoice.objects.filter(bill_to=customer), "balance")
        assert account.balance == owed - account.open_payments - account.deposits, customer
        assert sum(account.ageing.values()) == owed


def _sum(rows, column="amount"):
    return exact(rows.aggregate(sum=Sum(column))["sum"])
