"""Statements: the account of a customer in a month, and the run that makes those of all who owe (docs/design, D93).

A statement is stored when it is made. A posting that is dated into a month whose statement exists, such as an opening
balance, stands in a line of its own in the next statement. So the balance at the end of a statement is always that at
the beginning of the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Min, Sum
from django.db.models.fields.json import KT

from billing.invoices import default_till, today_of_shop
from billing.ledger import ZERO, lock_accounts
from billing.links import STATEMENTS
from billing.models import (
    Allocation,
    CreditNote,
    Invoice,
    InvoiceKind,
    Payment,
    PaymentKind,
    RunState,
    Statement,
    StatementRun,
)
from billing.queries import age
from billing.sending import send_statement
from billing.snapshot import bill_to_body
from billing.tasks import make_statements
from common.domain import events
from common.domain.errors import Invalid
from common.domain.ids import new_uuid
from common.domain.money import PaymentMethod, exact
from common.domain.types import AnyQuerySet, Json
from customers.actions import CustomerIsMerged, hold_customer
from customers.models import Customer
from orders.models import Order
from repair_orders.estimates.snapshot import digest, instant, shop_body

PERMISSIONS = {"make": "billing.send_invoice", "run": "billing.send_invoice"}
_MONTHS_DUE = 12
_STARTED = (RunState.WAITING, RunState.RUNNING)


class MonthNotOver(Invalid):
    code = "month_not_over"

    def __init__(self, month: date) -> None:
        super().__init__(f"{month:%B %Y} is not over yet. Choose an earlier month.", field="month")


def make_statement(customer: Customer, month: date, *, now: datetime) -> Statement:
    """Return the statement of a customer for the month of a date, and make and store it if there is none.

    Raises MonthNotOver unless the month is over at the default location, CustomerIsMerged.
    """
    first = _month_over(month, now)
    with transaction.atomic():
        lock_accounts(customer.pk)
        found = Statement.objects.filter(customer=customer, month=first).first()
        if found is not None:
            return found
        hold_customer(customer)
        snapshot = _snapshot(customer, first, now)
        uuid = new_uuid()
        statement = Statement.objects.create(
            uuid=uuid,
            customer=customer,
            month=first,
            made_at=now,
            balance=Decimal(snapshot["closing"]),
            snapshot=snapshot,
            digest=digest(snapshot),
            token_hash=STATEMENTS.token_of(uuid)[1],
        )
        events.record("billing.statement.created", statement, at=now, balance=str(statement.balance))
        return statement


def months_due(*, now: datetime) -> list[date]:
    """Return the first days of the months that are over and have no finished run, of the last 12, the newest first.

    Months before the first posting are left out.
    """
    firsts = (Invoice.objects.aggregate(day=Min("day")), Payment.objects.aggregate(day=Min("day")))
    first = min((row["day"] for row in firsts if row["day"] is not None), default=None)
    if first is None:
        return []
    runs = StatementRun.objects.filter(state=RunState.FINISHED)
    done = set(runs.order_by().values_list("month", flat=True))
    months = [_month_before(_this_month(now))]
    while len(months) < _MONTHS_DUE:
        months.append(_month_before(months[-1]))
    return [month for month in months if month >= first.replace(day=1) and month not in done]


def run_statements(month: date, *, by: int | None, now: datetime) -> StatementRun:
    """Start to make and mail the statements of all customers with unpaid invoices at the end of a month.

    A task does the work. A run of the month that is not finished is continued, and a statement that was mailed is not
    mailed again. Raises MonthNotOver.
    """
    first = _month_over(month, now)
    with transaction.atomic():
        # Of two starts at the same time the second one gets the row of the first.
        run, is_new = StatementRun.objects.get_or_create(
            month=first, finished_at=None, defaults={"started_by_id": by, "started_at": now}
        )
        if is_new:
            events.record("billing.statementrun.created", run, at=now)
        make_statements.enqueue(run.pk)
    return run


def continue_run(run_id: int, *, now: datetime) -> None:
    """Make and mail the statements of a run that are left, each in a transaction of its own that counts it.

    So a task that is run again, or twice at the same time, repeats nothing.
    """
    with transaction.atomic():
        run = StatementRun.objects.select_for_update().filter(pk=run_id, state__in=_STARTED).first()
        if run is None:
            return
        left = find_owing(run.month).filter(pk__gt=run.last_customer)
        customers = list(left.select_related("contact"))
        run.state, run.total = RunState.RUNNING, run.made + len(customers)
        run.save(update_fields=["state", "total"])
    for customer in customers:
        _make_one(run_id, customer, run.month, now=now)
    StatementRun.objects.filter(pk=run_id, state=RunState.RUNNING).update(
        state=RunState.FINISHED, finished_at=now
    )


def find_owing(month: date) -> AnyQuerySet:
    """Return the customers with an unpaid invoice at the end of a month, by id.

    Open payments and deposits are not taken off, so that the customers see what they can use them for.
    """
    unpaid = Invoice.objects.unpaid_on(_last_day(month))
    return Customer.objects.filter(pk__in=unpaid.order_by().values("bill_to")).order_by("pk")


def _make_one(run_id: int, customer: Customer, month: date, *, now: datetime) -> None:
    with transaction.atomic():
        run = StatementRun.objects.select_for_update().get(pk=run_id)
        if run.last_customer >= customer.pk:  # another worker was faster
            return
        try:
            statement = make_statement(customer, month, now=now)
            if statement.sent_at is None and send_statement(statement, by=run.started_by_id, now=now).sent:
                run.mailed += 1
        except CustomerIsMerged:  # since the list was read
            pass
        run.made += 1
        run.last_customer = customer.pk
        run.save(update_fields=["made", "mailed", "last_customer"])


# --- The paper ----------------------------------------------------------------------------------------------


def _snapshot(customer: Customer, first: date, now: datetime) -> Json:
    last = _last_day(first)
    before = Statement.objects.filter(customer=customer, month=_month_before(first)).first()
    after = Statement.objects.filter(customer=customer, month=last + timedelta(days=1)).first()
    counted = balance_on(customer.pk, first - timedelta(days=1))
    opening = counted if before is None else before.balance
    rows = list(_postings(customer.pk, first, last))
    if counted != opening:
        assert before is not None
        rows.insert(0, _change(f"Posted after the statement of {before.month:%B %Y}", counted - opening))
    closing = balance_on(customer.pk, last)
    stored = closing if after is None else Decimal(after.snapshot["opening"])
    if stored != closing:
        assert after is not None
        rows.append(_change(f"Part of the statement of {after.month:%B %Y} or later", stored - closing))
    balance = opening
    for row in rows:
        balance += Decimal(row["charge"] or ZERO) - Decimal(row["credit"] or ZERO)
        row["balance"] = str(balance)
    assert balance == stored
    unpaid: AnyQuerySet = Invoice.objects.filter(bill_to=customer).unpaid_on(last)
    rows_of_ageing = unpaid.values_list("due_on", "unpaid")
    ageing = age(((last - due_on).days, exact(amount)) for due_on, amount in rows_of_ageing)
    used = Allocation.objects.filter(payment__customer=customer, repair_order__isnull=False, day__lte=last)
    deposits = _sum(used, "amount")
    return {
        "customer": bill_to_body(customer),
        "shop": shop_body(default_till()),
        "month": f"{first:%Y-%m}",
        "from": first.isoformat(),
        "through": last.isoformat(),
        "made_at": instant(now),
        "opening": str(opening),
        "lines": rows,
        "closing": str(stored),
        "ageing": {name: str(amount) for name, amount in ageing.items()},
        # What is left by the law of the ledger (D86).
        "open_payments": str(sum(ageing.values(), ZERO) - deposits - closing),
        "deposits": str(deposits),
    }


def balance_on(customer_id: int, day: date) -> Decimal:
    """Return the account of a customer at the end of a day. Below 0.00 the shop owed."""
    until = {"day__lte": day}
    payments = Payment.objects.filter(customer=customer_id, **until)
    parts = Allocation.objects.filter(payment__customer=customer_id, parts_order__isnull=False, **until)
    return (
        _sum(Invoice.objects.filter(bill_to=customer_id, **until), "total")
        + _sum(parts, "amount")
        - _sum(CreditNote.objects.filter(customer=customer_id, **until), "total")
        - _sum(payments.exclude(kind=PaymentKind.REFUND), "amount")
        + _sum(payments.filter(kind=PaymentKind.REFUND), "amount")
    )


def _postings(customer_id: int, first: date, last: date) -> list[Json]:
    """Return what was posted in a month, by day and time."""
    within = {"day__gte": first, "day__lte": last}
    found = [
        *_invoices(customer_id, within),
        *_credit_notes(customer_id, within),
        *_payments(customer_id, within),
        *_parts(customer_id, within),
    ]
    return [row for *_, row in sorted(found, key=lambda item: item[:4])]


# Day, time, rank among those of one time, id, and the line.
_Posting = tuple[date, datetime, int, int, Json]
_INVOICE, _PAYMENT, _PARTS, _CREDIT = range(4)


def _invoices(customer_id: int, within: dict[str, date]) -> Iterator[_Posting]:
    rows = Invoice.objects.filter(bill_to=customer_id, **within).annotate(**_NAMES)
    columns = ("pk", "number", "kind", "issued_at", "day", "due_on", "po_number", "total", *_NAMES)
    for row in rows.values(*columns):
        word = "Opening balance" if row["kind"] == InvoiceKind.OPENING else "Invoice"
        body = _row(row["day"], "invoice", row["pk"], f"{word} {row['number']}", row["total"])
        body |= _named(row) | {"po_number": row["po_number"], "due_on": row["due_on"].isoformat()}
        yield row["day"], row["issued_at"], _INVOICE, row["pk"], body


def _credit_notes(customer_id: int, within: dict[str, date]) -> Iterator[_Posting]:
    rows = CreditNote.objects.filter(customer=customer_id, **within).annotate(**_NAMES)
    columns = ("pk", "number", "posted_at", "day", "total", *_NAMES)
    for row in rows.values(*columns, of=F("invoice__number"), po_number=F("invoice__po_number")):
        body = _row(row["day"], "credit_note", row["pk"], f"Credit note {row['number']}", -row["total"])
        body |= _named(row) | {"po_number": row["po_number"], "detail": f"Invoice {row['of']}"}
        yield row["day"], row["posted_at"], _CREDIT, row["pk"], body


def _payments(customer_id: int, within: dict[str, date]) -> Iterator[_Posting]:
    words = {
        PaymentKind.PAYMENT: "Payment",
        PaymentKind.REFUND: "Refund",
        PaymentKind.OPENING: "Opening credit",
    }
    for row in Payment.objects.filter(customer=customer_id, **within).defer("snapshot"):
        is_refund = row.kind == PaymentKind.REFUND
        amount = row.amount if is_refund else -row.amount
        facts = [
            PaymentMethod(row.method).label,
            row.reference,
            f"Payment {row.refunds_id}" if is_refund else "",
        ]
        if row.is_reversal:
            facts.append("recorded by mistake")
        kind = PaymentKind(row.kind)
        body = _row(row.day, kind.value, row.pk, f"{words[kind]} {row.pk}", amount)
        if kind != PaymentKind.OPENING:
            body["detail"] = ", ".join(fact for fact in facts if fact)
        yield row.day, row.posted_at, _PAYMENT, row.pk, body


def _parts(customer_id: int, within: dict[str, date]) -> Iterator[_Posting]:
    rows = Allocation.objects.filter(payment__customer=customer_id, parts_order__isnull=False, **within)
    for row in rows.select_related("parts_order"):
        assert isinstance(row.parts_order, Order)
        word = "Parts order" if row.amount > 0 else "Credit for parts order"
        name = f"{word} {row.parts_order.number}"
        body = _row(row.day, "parts_order", row.pk, name, row.amount)
        yield row.day, row.at, _PARTS, row.pk, body


# What a line names of the order, as the paper of the invoice does.
_NAMES: dict[str, Any] = {
    "unit": KT("snapshot__vehicle__label"),
    "order_number": KT("snapshot__order__number"),
    "order_id": KT("snapshot__order__id"),
}


def _named(row: Json) -> Json:
    number = row["order_number"] or row["order_id"]
    return {"unit": row["unit"] or "", "order": str(number or "")}


def _row(day: date | None, kind: str, pk: int | None, name: str, amount: Decimal) -> Json:
    """Return a line. An amount below 0.00 is a credit."""
    return {
        "day": day and day.isoformat(),
        "kind": kind,
        "id": pk,
        "name": name,
        "unit": "",
        "order": "",
        "po_number": "",
        "due_on": None,
        "detail": "",
        "charge": str(amount) if amount >= 0 else None,
        "credit": str(-amount) if amount < 0 else None,
    }


def _change(name: str, amount: Decimal) -> Json:
    return _row(None, "change", None, name, amount)


def _this_month(now: datetime) -> date:
    """Return the first day of the present month at the default location."""
    return today_of_shop(now).replace(day=1)


def _month_over(month: date, now: datetime) -> date:
    """Return the first day of a month that is over. Raises MonthNotOver."""
    first = month.replace(day=1)
    if first >= _this_month(now):
        raise MonthNotOver(first)
    return first


def _month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)


def _last_day(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _sum(rows: AnyQuerySet, column: str) -> Decimal:
    return exact(rows.aggregate(sum=Sum(column))["sum"])
