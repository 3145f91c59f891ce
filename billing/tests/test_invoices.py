"""Issuing invoices: what they take over, their numbers, and what is refused (docs/design, D88)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from appointments.models import Location
from billing.credit_notes import credit_all
from billing.invoices import (
    AlreadyInvoiced,
    NoLocation,
    NotCompleted,
    PrefixIsUsed,
    draw_number,
    issue_invoice,
    set_prefix,
)
from billing.models import Invoice, InvoiceLine, InvoiceSeries
from catalogue.shelf import actions as shelf
from common.domain.errors import Invalid
from common.domain.models import Event
from customers.actions import CustomerIsMerged
from privacy.merge import merge_customers
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.guards import OrderIsInvoiced
from testing.billed import again, completed, finished, invoiced, issue, pay
from testing.factories import (
    ClosedDayFactory,
    CustomerFactory,
    InvoiceSeriesFactory,
    LocationFactory,
    PartFactory,
    RepairOrderFactory,
)
from testing.worked_example import fresh, given, new_order, reload, started

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def location():
    return LocationFactory(time_zone="America/New_York")


@pytest.mark.parametrize("status", ["requested", "pending", "approved", "in_progress", "denied"])
def test_only_a_completed_order_is_invoiced(status, location):
    with pytest.raises(NotCompleted):
        issue(RepairOrderFactory(status=status, location=location))
    assert not Invoice.objects.exists()


def test_order_is_invoiced_once(location):
    invoice = issue(finished(location=location))
    with pytest.raises(AlreadyInvoiced) as refused:
        issue(invoice.repair_order)
    assert refused.value.facts == {"invoice_id": invoice.pk, "number": invoice.number}
    assert Invoice.objects.count() == 1


def test_order_is_invoiced_again_after_a_credit_of_the_whole(location):
    invoice = issue(finished(location=location))
    credit_all(invoice=invoice, reason="Wrong name", by=None, now=timezone.now())
    second = issue(invoice.repair_order, po_number="PO 7")
    assert (invoice.number, second.number) == (f"L{location.pk}-1", f"L{location.pk}-2")
    assert (second.po_number, second.snapshot["order"]["po_number"]) == ("PO 7", "PO 7")


def test_invoiced_order_cannot_be_reopened(now):
    invoice = invoiced()
    order = invoice.repair_order
    for _ in range(2):
        with pytest.raises(OrderIsInvoiced) as refused:
            actions.reopen(order=order, reason="Forgot", by=None, now=now)
        assert refused.value.text == f"This order has invoice {invoice.number} and cannot be reopened."
        order.refresh_from_db()
        assert order.status == "completed"
        if not again(invoice).is_credited:
            credit_all(invoice=invoice, reason="Wrong", by=None, now=now)


def test_another_customer_is_billed_after_their_days_to_pay(location):
    leasing = CustomerFactory(terms_days=30)
    invoice = issue(finished(location=location), bill_to=leasing)
    assert (invoice.bill_to, invoice.customer) == (leasing, invoice.repair_order.customer)
    assert invoice.due_on == invoice.day + timedelta(days=30)
    assert invoice.snapshot["bill_to"]["id"] == leasing.pk
    assert invoice.snapshot["customer"]["id"] == invoice.customer_id


def test_merged_customer_is_not_billed(location, alice, bob, now):
    merge_customers(customer=alice, into=bob, by=None, now=now)
    with pytest.raises(CustomerIsMerged):
        issue(finished(location=location), bill_to=alice)
    assert not Invoice.objects.exists()


def test_order_of_nothing_is_paid_at_once(location):
    invoice = issue(finished(location=location, prices=()))
    assert (invoice.total, invoice.balance, invoice.lines.count()) == (D("0.00"), D("0.00"), 0)


def test_event_names_the_invoice(location):
    invoice = issue(finished(location=location, tax="0"))
    event = Event.objects.get(type="billing.invoice.issued")
    assert event.payload == {
        "id": invoice.pk, "uuid": str(invoice.uuid), "customer_id": invoice.customer_id, "total": "89.99",
        "repair_order_id": invoice.repair_order_id,
    }  # fmt: skip


def test_deposit_that_moves_to_the_invoice_is_two_events(now):
    order, *_ = started()
    deposit = pay(order, "20.00")
    actions.complete(order=reload(order), by=None, now=now)
    before = Event.objects.order_by("id").last().pk
    invoice = issue(reload(order))
    moved = Event.objects.filter(pk__gt=before, type="billing.allocation.created").order_by("id")
    shown = ("amount", "payment_id", "repair_order_id", "invoice_id", "order_id")
    assert [[event.payload[name] for name in shown] for event in moved] == [
        ["-20.00", deposit.pk, order.pk, None, None],
        ["20.00", deposit.pk, None, invoice.pk, None],
    ]


def test_declined_jobs_are_named(now):
    order, _, oil = started()
    job = jobs.add_job(order=reload(order), name="Wipers")
    jobs.add_service_line(job=fresh(job), service=None, given=given(), name="Fit", amount=D("9.00"))
    actions.complete(order=reload(order), by=None, now=now)
    invoice = issue(reload(order))
    assert invoice.snapshot["declined"] == [
        {"name": oil.name, "amount": "150.41"},
        {"name": "Wipers", "amount": "9.00"},
    ]


def test_paper_has_terms_totals_and_deposits(now):
    order, *_ = started()
    deposit = pay(order, "100.00", "check", reference="Check 12")
    actions.complete(order=reload(order), by=None, now=now)
    invoice = issue(reload(order))
    paper = invoice.snapshot
    assert paper["totals"] == {
        "subtotal": "503.37", "discount": "50.34", "net": "453.03", "tax": "38.53", "total": "491.56"
    }  # fmt: skip
    assert paper["terms"] == {
        "discount_amount": "0.00", "discount_percent": "10.00", "tax_percent": "8.875", "tax_exemption": ""
    }  # fmt: skip
    assert [
        (row["payment_id"], row["method"], row["reference"], row["amount"]) for row in paper["deposits"]
    ] == [(deposit.pk, "check", "Check 12", "100.00")]
    assert (paper["number"], paper["balance"]) == (invoice.number, "391.56")
    line = paper["jobs"][0]["lines"][0]
    assert (line["amount"], line["discount"], line["net"], line["tax"]) == ("89.99", "9.00", "80.99", "7.19")


class TestDay:
    def test_day_is_local(self, location):
        invoice = issue(finished(location=location), now=datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
        assert (invoice.day, invoice.due_on) == (date(2026, 3, 1), date(2026, 3, 1))

    def test_what_is_posted_on_closed_days_counts_on_the_next(self, location):
        for day in (1, 2):
            ClosedDayFactory(location=location, day=date(2026, 3, day))
        ClosedDayFactory(day=date(2026, 3, 3))  # of another location
        at = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
        invoice = issue(finished(location=location), now=at)
        payment = pay(invoice, "5.00", now=at)
        assert (invoice.day, payment.day, payment.allocations.get().day) == (date(2026, 3, 3),) * 3


class TestNumbers:
    def test_each_location_counts_on_its_own(self, location):
        other = LocationFactory()
        InvoiceSeriesFactory(location=other, prefix="SG")
        numbers = [issue(finished(location=place)).number for place in (location, other, location, other)]
        assert numbers == [f"L{location.pk}-1", "SG-1", f"L{location.pk}-2", "SG-2"]

    def test_credit_notes_count_on_their_own(self, location):
        invoice = issue(finished(location=location))
        note = credit_all(invoice=invoice, reason="Wrong", by=None, now=timezone.now())
        assert note.number == f"L{location.pk}-C1"

    def test_order_without_location_is_numbered_by_the_default_one(self, location):
        order = finished(location=LocationFactory())
        order.location, default = None, Location.objects.get(is_default=True)
        order.save()
        assert issue(order).location == default

    def test_shop_without_location_cannot_invoice(self):
        order = RepairOrderFactory(status="completed", total_cost="0.00")
        with pytest.raises(NoLocation):
            issue_invoice(order=order, by=None, now=timezone.now())

    def test_prefix_that_is_taken_is_not_made(self, location):
        InvoiceSeriesFactory(prefix=f"L{location.pk}")
        assert issue(finished(location=location)).number == f"L{location.pk}A-1"

    def test_prefix_changes_until_the_first_invoice(self, location):
        for prefix in ("SG", "SF"):
            set_prefix(location=location, prefix=prefix)
        issue(finished(location=location))
        set_prefix(location=location, prefix="SF")
        with pytest.raises(PrefixIsUsed):
            set_prefix(location=location, prefix="SG")
        assert draw_number(location) == "SF-2"

    @pytest.mark.parametrize("prefix", ["", "sg", "S-G", "NINELONGS"])
    def test_prefix_is_capitals_and_digits(self, location, prefix):
        with pytest.raises(Invalid):
            set_prefix(location=location, prefix=prefix)
        assert not InvoiceSeries.objects.exists()

    def test_two_locations_have_two_prefixes(self, location):
        InvoiceSeriesFactory(prefix="SG")
        with pytest.raises(Invalid):
            set_prefix(location=location, prefix="SG")


def test_cost_is_what_left_the_shelf_and_what_sublet_work_cost(now):
    order = new_order()
    job = jobs.add_job(order=order, name="Filters")
    part, other = PartFactory(), PartFactory()
    shelf.receive(part=part, pieces=5, by=None, now=now, unit_cost=D("4.00"))
    for article, cost in ((part, None), (part, None), (other, D("2.50"))):
        jobs.add_part_line(
            job=fresh(job), part=article, given=given(), quantity=D(2), unit_price=D(10), unit_cost=cost
        )
    jobs.add_service_line(
        job=fresh(job), service=None, given=given(), name="Lathe", kind="sublet", amount=D(30), cost=D(20)
    )
    estimates.send_estimate(order=reload(order), by=None, now=now)
    estimates.approve(order=reload(order), by=None, now=now)
    actions.start(order=reload(order), by=None, now=now)
    actions.complete(order=reload(order), by=None, now=now)
    invoice = issue(reload(order))
    # Four pieces of the first part left the shelf for two lines, at 4.00. The other part is not stocked.
    lines = InvoiceLine.objects.filter(invoice=invoice).order_by("position")
    assert [line.cost for line in lines if line.kind != "fee"] == [D("16.00"), D(0), D("5.00"), D("20.00")]
    assert invoice.cost == D("41.00")


def test_cost_of_a_part_that_is_not_stocked_is_that_of_the_catalogue(now):
    order = new_order()
    job = jobs.add_job(order=order, name="Filters")
    part = PartFactory(unit_cost=D("4.00"))
    jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(2))
    jobs.add_part(order=reload(order), part=part)
    estimates.send_estimate(order=reload(order), by=None, now=now)
    estimates.approve(order=reload(order), by=None, now=now)
    actions.start(order=reload(order), by=None, now=now)
    actions.complete(order=reload(order), by=None, now=now)
    # Pieces that come in later are not those that were sold.
    shelf.receive(part=part, pieces=5, by=None, now=now, unit_cost=D("7.00"))
    invoice = issue(reload(order))
    lines = InvoiceLine.objects.filter(invoice=invoice).order_by("position")
    assert [line.cost for line in lines if line.kind != "fee"] == [D("8.00"), D("4.00")]
    assert invoice.cost == D("12.00")


def test_lines_keep_what_was_sold_when_the_catalogue_changes(location):
    order = finished(location=location)
    order.part_lines.update(name="Pads, front")
    assert issue(order).lines.get().name == "Pads, front"


def test_completed_example_has_one_line_for_each_of_the_order():
    order = completed()
    invoice = issue(order)
    ids = [line.line_id for line in invoice.lines.order_by("position")]
    done = order.jobs.get(status="done")
    parts = done.part_lines.order_by("id").values_list("pk", flat=True)
    services = done.service_lines.order_by("id").values_list("pk", flat=True)
    fees = order.service_lines.filter(job=None).values_list("pk", flat=True)
    assert ids == [*parts, *services, *fees]
