"""One of every paper that the product sets, for tests and measurements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from appointments.models import Location
from appointments.queries import local_time
from billing.credit_notes import credit_all
from billing.days import close_day
from billing.invoices import issue_invoice
from billing.models import Invoice
from billing.papers.actions import (
    credit_note_paper,
    day_sheet_paper,
    invoice_paper,
    receipt_paper,
    statement_paper,
)
from billing.statements import make_statement
from files.papers import Document
from inspections.papers.actions import inspection_paper
from passports.contents import get_passport
from passports.papers.actions import passport_paper
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.models import RepairOrder
from repair_orders.papers.actions import authorisations_paper, estimate_paper
from testing import factories
from testing.billed import pay
from testing.histories import plant_history, plant_inspection
from testing.worked_example import (
    TEN_PERCENT,
    add_brakes,
    add_part,
    answer,
    new_order,
    priced_location,
    reload,
)

Setter = Callable[[], Document]
AT = datetime(2026, 11, 30, 21, 20, tzinfo=UTC)
AFTER = AT + timedelta(days=1)


def a_shop(size: str) -> Location:
    """Return a location with every text that papers print. `size` is `letter` or `a4`."""
    location = priced_location(TEN_PERCENT)
    location.name, location.legal_name = "Springfield", "Springfield Garage LLC"
    location.address, location.phone = "1200 Sample Street", "(555) 555-0140"
    location.email, location.tax_id = "service@example.com", "00-0000142"
    location.registration_number, location.terms = "R-00142", "Parts are kept for ten days."
    location.time_zone, location.paper_size = "America/New_York", size
    location.save()
    return location


def answered(location: Location, *, lines: int = 0) -> RepairOrder:
    """Return the worked example's order with its first job approved, and with further lines in it."""
    order = new_order(location=location, po_number="PO-77", odometer_in=Decimal("84250.00"))
    job = add_brakes(order)
    part = factories.PartFactory(name="Bolt")
    factories.PartLineFactory.create_batch(max(lines - 1, 0), repair_order=order, job=job, part=part)
    if lines:  # the last one is added as the desk adds it, and settles the order
        add_part(job, "1", "1.00")
    declined = jobs.add_job(order=reload(order), name="Oil")
    add_part(declined, "4.5", "8.99")
    estimates.send_estimate(order=reload(order), by=None, now=AT)
    answer(order, {job: "approved", declined: "declined"}, now=AT)
    return reload(order)


def invoiced(location: Location, *, lines: int = 0) -> Invoice:
    """Return the invoice of `answered`, with a deposit of 100.00."""
    order = answered(location, lines=lines)
    actions.start(order=order, by=None, now=AT)
    pay(order, "100.00", reference="0042", now=AT)
    actions.complete(order=reload(order), by=None, now=AT)
    return issue_invoice(order=reload(order), by=None, now=AT)


def _estimate(location: Location, lines: int) -> Setter:
    order = answered(location, lines=lines)
    return partial(estimate_paper, order.estimates.get(), now=AFTER)


def _record(location: Location, lines: int) -> Setter:
    return partial(authorisations_paper, answered(location, lines=lines), now=AFTER)


def _inspection(location: Location, lines: int) -> Setter:
    order = answered(location)
    plant_inspection(order, AT)
    inspection = order.inspections.exclude(finished_at=None).get()
    return partial(inspection_paper, inspection, now=AFTER)


def _invoice(location: Location, lines: int) -> Setter:
    return partial(invoice_paper, invoiced(location, lines=lines), now=AFTER)


def _credit_note(location: Location, lines: int) -> Setter:
    note = credit_all(invoice=invoiced(location, lines=lines), reason="Wrong", by=None, now=AT)
    return partial(credit_note_paper, note, now=AFTER)


def _receipt(location: Location, lines: int) -> Setter:
    payment = pay(invoiced(location), "150.00", "check", reference="1077", now=AT)
    return partial(receipt_paper, payment, now=AFTER)


def _statement(location: Location, lines: int) -> Setter:
    statement = make_statement(invoiced(location).bill_to, AT.date(), now=AFTER + timedelta(days=1))
    return partial(statement_paper, statement, now=AFTER)


def _day_sheet(location: Location, lines: int) -> Setter:
    invoiced(location)
    day = local_time(location, AT).date()
    closed = close_day(location, day, cash_counted=Decimal("1.00"), note="", by=None, now=AT)
    return partial(day_sheet_paper, closed, now=AFTER)


def _passport(location: Location, lines: int) -> Setter:
    vehicle = factories.VehicleFactory(make="Honda", model="Civic", year=2020)
    plant_history(vehicle)
    Location.objects.update(paper_size=location.paper_size, logo=location.logo)
    return lambda: passport_paper(get_passport(vehicle=vehicle, now=AFTER))


# Name -> what makes its rows, with that many further lines of the order, and returns the function that sets it.
PAPERS: dict[str, Callable[[Location, int], Setter]] = {
    "estimate": _estimate,
    "authorization record": _record,
    "inspection": _inspection,
    "invoice": _invoice,
    "credit note": _credit_note,
    "receipt": _receipt,
    "statement": _statement,
    "day sheet": _day_sheet,
    "passport": _passport,
}
