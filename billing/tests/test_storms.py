"""Parallel verbs of billing: numbers without gaps, nothing paid twice, nothing lost, no deadlock (docs/design, D86)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from billing.credit_notes import credit_amount
from billing.invoices import AlreadyInvoiced
from billing.ledger import OverBalance, OverOpen
from billing.models import Invoice, Payment
from billing.payments import refund
from catalogue.shelf import actions as shelf
from common.domain.errors import DomainError, IllegalTransition
from customers.models import Customer
from orders import actions as parts_orders
from orders.models import Order
from privacy.merge import merge_customers
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.models import Job, PartLine, RepairOrder
from testing.billed import again, check_law, finished, issue, pay
from testing.factories import (
    CustomerFactory,
    LocationFactory,
    OrderFactory,
    OrderItemFactory,
    PartFactory,
    VehicleFactory,
)
from testing.shelf import assert_balanced
from testing.storms import parallel
from testing.worked_example import fresh, given, new_order, reload

D = Decimal
pytestmark = [pytest.mark.storm, pytest.mark.django_db(transaction=True)]


class Cancelled(Exception):
    """A transaction that fails after its last statement."""


def unexpected(outcomes, *expected):
    """Return the errors that are none of the product's refusals."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    return [error for error in errors if not isinstance(error, (DomainError, *expected))]


def completed_orders(number, location):
    """Return completed orders of 10.00 of eight customers, stored in a few statements."""
    vehicles, part = [VehicleFactory() for _ in range(8)], PartFactory()
    orders = RepairOrder.objects.bulk_create(
        RepairOrder(
            vehicle=vehicles[n % 8], customer=vehicles[n % 8].customer, location=location, status="completed",
            total_cost=D("10.00"), created_at=timezone.now(), tax_percent=D(0),
        )
        for n in range(number)
    )  # fmt: skip
    done = Job.objects.bulk_create(
        Job(repair_order=order, position=1, name="Repair", status="done") for order in orders
    )
    PartLine.objects.bulk_create(
        PartLine(
            repair_order=job.repair_order, job=job, part=part, name="Pad", unit_price=D(10), amount=D(10), taxable=True
        )
        for job in done
    )  # fmt: skip
    return orders


def test_numbers_have_no_gap_and_no_repeat_although_a_third_fails():
    location = LocationFactory()
    orders = completed_orders(200, location)

    def work(thread):
        for place, order in enumerate(orders[thread::8]):
            try:
                with transaction.atomic():
                    issue(RepairOrder.objects.get(pk=order.pk))
                    if place % 3 == 0:
                        raise Cancelled
            except Cancelled:
                pass

    assert parallel(8, work) == [None] * 8
    numbers = Invoice.objects.order_by("id").values_list("number", flat=True)
    assert sorted(numbers) == sorted(f"L{location.pk}-{count}" for count in range(1, 8 * 16 + 1))


def test_parallel_payments_refunds_and_credits_of_one_invoice():
    invoice = issue(finished(prices=("100.00",), tax="0"))
    first = pay(invoice, "30.00")

    def work(number):
        kind = number % 3
        if kind == 0:
            return pay(again(invoice), "7.00").pk
        if kind == 1:
            refund(payment=again(first), amount=D("3.00"), reason="Back", by=None, now=timezone.now())
            return "refund"
        credit_amount(invoice=again(invoice), amount=D("4.00"), reason="Sorry", by=None, now=timezone.now())
        return "credit"

    outcomes = parallel(50, work)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert unexpected(outcomes) == []
    assert {type(error) for error in refused} <= {OverBalance, OverOpen}
    check_law()
    paid = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert Payment.objects.filter(kind="payment").count() == 1 + len(paid)
    assert Payment.objects.filter(kind="refund").count() == outcomes.count("refund")
    assert invoice.credit_notes.count() == outcomes.count("credit") == 16


def test_deposit_and_invoice_at_once_lose_nothing():
    """A deposit is moved to the invoice, or refused because the order has one."""
    orders = [finished(prices=("50.00",), tax="0") for _ in range(6)]

    def work(number):
        order = RepairOrder.objects.get(pk=orders[number // 2].pk)
        return issue(order).pk if number % 2 else pay(order, "20.00").pk

    outcomes = parallel(12, work)
    assert unexpected(outcomes) == []
    check_law()
    for order, deposit in zip(orders, outcomes[::2], strict=True):
        balance = Invoice.objects.get(repair_order=order).balance
        assert balance == (D("50.00") if isinstance(deposit, Exception) else D("30.00"))


def test_order_is_invoiced_once():
    order = finished()
    outcomes = parallel(10, lambda _: issue(RepairOrder.objects.get(pk=order.pk)).number)
    assert sum(isinstance(outcome, AlreadyInvoiced) for outcome in outcomes) == 9
    assert [number for number in outcomes if isinstance(number, str)] == [Invoice.objects.get().number]


def test_parts_order_is_paid_once_or_expires(now):
    LocationFactory(is_default=True)
    orders = OrderFactory.create_batch(6, expires_at=now)
    for order in orders:
        OrderItemFactory(order=order)

    def work(number):
        if number % 2:
            return parts_orders.expire_unpaid(now=now)
        order = Order.objects.get(pk=orders[number // 2].pk)
        parts_orders.confirm(order=order, by=None, now=now - timedelta(seconds=1))
        return "confirmed"

    outcomes = parallel(12, work)
    assert unexpected(outcomes) == []
    assert {type(error) for error in outcomes if isinstance(error, Exception)} <= {IllegalTransition}
    paid = Payment.objects.values_list("allocations__parts_order__status", "amount")
    assert list(paid) == [("confirmed", D("9.49"))] * outcomes.count("confirmed")
    check_law()


def test_parallel_payments_of_one_customer_do_not_deadlock():
    customer = CustomerFactory()
    vehicle = VehicleFactory(customer=customer)
    invoices = [issue(finished(vehicle=vehicle, tax="0")) for _ in range(2)]

    def work(number):
        pay(again(invoices[number % 2]), "1.00", customer=Customer.objects.get(pk=customer.pk))

    assert parallel(20, work) == [None] * 20
    assert [again(invoice).paid for invoice in invoices] == [D("10.00")] * 2


def test_everything_at_once_ends_without_a_deadlock():
    """Approve, receive, complete, pay, refund, merge and mail orders share customers, parts and a location."""
    location = LocationFactory(is_default=True)
    part = PartFactory(stock=500, is_sold_online=True, core_charge=D("5.00"))
    customers = [CustomerFactory() for _ in range(3)]
    vehicles = [VehicleFactory(customer=customer) for customer in customers]
    orders = []
    for number in range(9):
        order = new_order(vehicle=vehicles[number % 3], location=location)
        job = jobs.add_job(order=order, name="Pads")
        jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(1))
        estimates.send_estimate(order=reload(order), by=None, now=timezone.now())
        orders.append(order)
    mail = [OrderFactory(customer=customers[number % 3]) for number in range(6)]
    for order in mail:
        OrderItemFactory(order=order, part=part)
    doomed = CustomerFactory()
    paid = pay(None, "40.00", customer=doomed, location=location)
    unpaid = issue(finished(vehicle=VehicleFactory(customer=doomed), location=location))

    def drive(number):
        order = orders[number]
        now = timezone.now
        pay(reload(order), "5.00")
        estimates.approve(order=reload(order), by=None, now=now())
        actions.start(order=reload(order), by=None, now=now())
        actions.complete(order=reload(order), by=None, now=now())
        invoice = issue(reload(order))
        payment = pay(again(invoice), "1.00")
        credit_amount(invoice=again(invoice), amount=again(invoice).total, reason="All", by=None, now=now())
        refund(payment=again(payment), amount=D("1.00"), reason="Back", by=None, now=now())
        return "driven"

    def buy(number):
        order = mail[number]
        parts_orders.confirm(order=Order.objects.get(pk=order.pk), by=None, now=timezone.now())
        parts_orders.cancel(order=Order.objects.get(pk=order.pk), by=None, now=timezone.now())
        parts_orders.place_order(customer_id=order.customer_id, items=[(part.pk, 1)], now=timezone.now())
        return "bought"

    def receive(_):
        for _ in range(3):
            shelf.receive(part=part, pieces=1, by=None, now=timezone.now())
        return "received"

    def merge(_):
        first, second = Customer.objects.get(pk=doomed.pk), Customer.objects.get(pk=customers[0].pk)
        merge_customers(customer=first, into=second, by=None, now=timezone.now())
        return "merged"

    def settle(number):
        if number % 2:
            refund(payment=again(paid), amount=D("1.00"), reason="Back", by=None, now=timezone.now())
        else:
            pay(again(unpaid), "1.00")
        return "settled"

    work = [(drive, n) for n in range(9)] + [(buy, n) for n in range(6)] + [(receive, n) for n in range(2)]
    work += [(merge, 0)] + [(settle, n) for n in range(6)]

    outcomes = parallel(len(work), lambda number: work[number][0](work[number][1]))

    assert unexpected(outcomes) == []
    assert [outcomes.count(name) for name in ("driven", "bought", "received", "merged")] == [9, 6, 2, 1]
    check_law()
    assert_balanced()
    assert not Invoice.objects.filter(bill_to=doomed).exists()
    assert Payment.objects.get(pk=paid.pk).customer_id == customers[0].pk
