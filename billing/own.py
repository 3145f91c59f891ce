"""Select the invoices, statements and payments of a customer's own account (docs/design, D94)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, TypedDict
from uuid import UUID

from django.db.models import CharField, Count, DateTimeField, Prefetch, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Upper
from django.db.models.lookups import Exact

from billing.ledger import held
from billing.models import CreditNote, Invoice, InvoiceLine, Payment, Statement
from billing.queries import Account, get_account
from billing.states import is_overdue
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.money import exact
from common.domain.types import Json, Values
from common.reads.statements import as_expression
from repair_orders.models import RepairOrder


class OwnInvoiceFilters(TypedDict, total=False):
    """`now` is always given, because what is overdue follows from it. The days are inclusive."""

    now: datetime
    is_open: bool
    is_overdue: bool
    date_from: date
    date_to: date
    unit_id: int
    unit_number: str
    vehicle: UUID


class Use(NamedTuple):
    """A payment, and how much of it is used for an invoice."""

    payment: Payment
    amount: Decimal


def find_own_invoices(caller: Caller, filters: OwnInvoiceFilters) -> QuerySet[Invoice]:
    """Return the invoices that are billed to the caller's customer, newest first.

    `vehicle_label` is that of the paper, because a vehicle may belong to another customer since. It is None for an
    opening balance.
    """
    now = filters["now"]
    rows = Invoice.objects.visible_to(caller).annotate(
        now=as_expression(now, DateTimeField()), vehicle_label=KT("snapshot__vehicle__label")
    )
    if "is_open" in filters:
        rows = rows.filter(balance__gt=0) if filters["is_open"] else rows.filter(balance=0)
    if "is_overdue" in filters:
        overdue = is_overdue(now)
        rows = rows.filter(overdue if filters["is_overdue"] else ~overdue)
    if "date_from" in filters:
        rows = rows.filter(day__gte=filters["date_from"])
    if "date_to" in filters:
        rows = rows.filter(day__lte=filters["date_to"])
    if "unit_id" in filters:
        rows = rows.filter(repair_order__vehicle_id=filters["unit_id"])
    if "unit_number" in filters:
        wanted = as_expression(filters["unit_number"], CharField())
        rows = rows.filter(Exact(Upper("vehicle_label"), Upper(wanted)))
    if "vehicle" in filters:
        rows = rows.filter(repair_order__vehicle__uuid=filters["vehicle"])
    return rows.newest_first()


def find_invoices_of(caller: Caller, order: RepairOrder) -> list[Invoice]:
    """Return the invoices of an order that are billed to the caller's customer, the oldest first."""
    rows = Invoice.objects.visible_to(caller).filter(repair_order=order).defer("snapshot")
    return list(rows.order_by("issued_at", "id"))


def get_billed(caller: Caller, key: int | UUID | None) -> Invoice:
    """Return an invoice of the caller's customer by its id or its uuid, for its paper. Raises Missing."""
    found = Invoice.objects.visible_to(caller).filter(**_by(key)).first()
    if found is None:
        raise Missing("Invoice not found")
    return found


def get_own_invoice(caller: Caller, key: int | UUID | None, *, now: datetime) -> Invoice:
    """Return an invoice of the caller's customer by its id or its uuid. Raises Missing.

    It has its lines, its credit notes, its repair order with the vehicle, and `uses`: the payments that are used for
    it, the oldest first. Costs five queries.
    """
    rows = find_own_invoices(caller, {"now": now}).filter(**_by(key))
    lines = Prefetch("lines", InvoiceLine.objects.order_by("position"))
    notes = Prefetch("credit_notes", CreditNote.objects.order_by("posted_at", "id"))
    found = rows.select_related("location", "repair_order__vehicle").prefetch_related(lines, notes).first()
    if found is None:
        raise Missing("Invoice not found")
    found.uses = [Use(*entry) for entry in held(found)]  # type: ignore[attr-defined]  # like an annotation
    return found


def _by(key: int | UUID | None) -> Values:
    """Return the filter of one row. None stands for a text that is no uuid, and finds none."""
    return {"uuid": key} if isinstance(key, UUID) else {"pk": key}


def jobs_of(snapshot: Json) -> list[Json]:
    """Return the jobs that an invoice prints, none for an opening balance."""
    jobs: list[Json] = snapshot.get("jobs", [])
    return jobs


def get_own_credit_note(caller: Caller, id: int) -> CreditNote:
    """Return a credit note of the caller's customer. Raises Missing."""
    found = CreditNote.objects.visible_to(caller).filter(pk=id).first()
    if found is None:
        raise Missing("Credit note not found")
    return found


def get_own_payment(caller: Caller, id: int) -> Payment:
    """Return a payment or a refund of the caller's customer. Raises Missing."""
    found = Payment.objects.visible_to(caller).filter(pk=id).first()
    if found is None:
        raise Missing("Payment not found")
    return found


def find_own_statements(caller: Caller) -> QuerySet[Statement]:
    """Return the statements of the caller's customer, the latest month first."""
    return Statement.objects.visible_to(caller).newest_first()


def get_own_statement(caller: Caller, id: int) -> Statement:
    """Return a statement of the caller's customer. Raises Missing."""
    found = find_own_statements(caller).filter(pk=id).first()
    if found is None:
        raise Missing("Statement not found")
    return found


def get_overdue(caller: Caller, *, now: datetime) -> tuple[int, Decimal]:
    """Return the number of the caller's overdue invoices, and what is left to pay of them."""
    rows = Invoice.objects.visible_to(caller).filter(is_overdue(now))
    found = rows.aggregate(number=Count("pk"), amount=Sum("balance"))
    return found["number"], exact(found["amount"])


def get_own_account(caller: Caller, *, now: datetime) -> Account:
    """Return the account of the caller's customer."""
    return get_account(caller.account, now=now)
