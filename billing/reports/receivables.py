"""Receivables at the end of a day: what each customer owes, by days past due.

Balances are counted from the postings until that day, so that a report of a past day stays the same. The day is that of
each invoice's location, so that an invoice is past due here on the days on which its state is `overdue`. Open payments
and deposits are columns of their own, and are never netted with what is owed.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from django.db.models import Q, Sum

from billing.ledger import ZERO
from billing.models import Allocation, CreditNote, Invoice, Payment, PaymentKind
from billing.queries import BUCKET_NAMES, bucket_of
from billing.reports.base import Report, Scope
from common.domain.money import exact
from common.domain.types import AnyQuerySet, Json
from customers.models import Customer

TITLE = "Receivables"
RULE = "Balances at the end of the day, from what was posted until then. Aged by days past the due date."
COLUMNS = {
    "customer_id": "Customer id",
    "customer": "Customer",
    "current": "Not yet due",
    "d30": "1 to 30 days",
    "d60": "31 to 60 days",
    "d90": "61 to 90 days",
    "over": "Over 90 days",
    "balance": "Owed",
    "open_payments": "Open payments",
    "deposits": "Deposits",
    "account": "Account",
    "oldest_due_on": "Oldest due date",
}
_SUMMED = (*BUCKET_NAMES, "balance", "open_payments", "deposits", "account")


def receivables(scope: Scope) -> Report:
    """Return what customers owe at the end of the scope's last day. Costs a constant number of queries."""
    owed = _owed(scope)
    opened, kept = _open_payments(scope), _deposits(scope)
    ids = {*owed, *opened, *kept}
    customers = Customer.objects.with_contact().in_bulk(ids)
    rows: list[Json] = []
    for pk in sorted(ids, key=lambda pk: (customers[pk].name, pk)):
        invoices = owed.get(pk, [])
        ages = dict.fromkeys(BUCKET_NAMES, ZERO)
        for invoice in invoices:
            ages[invoice["bucket"]] += invoice["balance"]
        balance = sum(ages.values(), ZERO)
        open_payments = sum((amount for _, amount in opened.get(pk, [])), ZERO)
        deposits = sum((amount for _, amount in kept.get(pk, [])), ZERO)
        rows.append(
            {
                "customer_id": pk,
                "customer": customers[pk].name,
                **ages,
                "balance": balance,
                "open_payments": open_payments,
                "deposits": deposits,
                "account": balance - open_payments - deposits,
                "oldest_due_on": min((invoice["due_on"] for invoice in invoices), default=None),
                "invoices": invoices,
                "payment_ids": [payment for payment, _ in opened.get(pk, [])],
                "repair_order_ids": [order for order, _ in kept.get(pk, [])],
            }
        )
    totals = {name: sum((row[name] for row in rows), ZERO) for name in _SUMMED}
    return Report("receivables", TITLE, scope, RULE, COLUMNS, rows, totals)


def _owed(scope: Scope) -> dict[int, list[Json]]:
    """Return the invoices that were not settled at the end of the last day, by customer."""
    day = scope.last
    later_notes = CreditNote.objects.filter(day__gt=day).values("invoice")
    later_uses = Allocation.objects.filter(day__gt=day, invoice__isnull=False).values("invoice")
    rows = Invoice.objects.filter(scope.until()).filter(
        Q(balance__gt=0) | Q(pk__in=later_notes) | Q(pk__in=later_uses)
    )
    credited = _sums(
        CreditNote.objects.filter(day__lte=day, invoice__in=rows.values("pk")), "invoice", "total"
    )
    paid = _sums(Allocation.objects.filter(day__lte=day, invoice__in=rows.values("pk")), "invoice")
    found: dict[int, list[Json]] = defaultdict(list)
    for invoice in rows.only("pk", "number", "day", "due_on", "total", "bill_to_id").order_by("due_on", "pk"):
        balance = invoice.total - credited.get(invoice.pk, ZERO) - paid.get(invoice.pk, ZERO)
        if balance:
            found[invoice.bill_to_id].append(
                {
                    "id": invoice.pk,
                    "number": invoice.number,
                    "day": invoice.day,
                    "due_on": invoice.due_on,
                    "bucket": bucket_of((day - invoice.due_on).days),
                    "balance": balance,
                }
            )
    return found


_Parts = dict[int, list[tuple[int, Decimal]]]  # customer -> (id, amount)


def _open_payments(scope: Scope) -> _Parts:
    day = scope.last
    later_uses = Allocation.objects.filter(day__gt=day).values("payment")
    later_refunds = Payment.objects.filter(day__gt=day, refunds__isnull=False).values("refunds")
    rows = (
        Payment.objects.filter(scope.until())
        .exclude(kind=PaymentKind.REFUND)
        .filter(Q(open__gt=0) | Q(pk__in=later_uses) | Q(pk__in=later_refunds))
    )
    ids = rows.values("pk")
    used = _sums(Allocation.objects.filter(day__lte=day, payment__in=ids), "payment")
    given = _sums(Payment.objects.filter(day__lte=day, refunds__in=ids), "refunds")
    found: _Parts = defaultdict(list)
    for pk, customer, amount in rows.order_by("pk").values_list("pk", "customer", "amount"):
        left = amount - used.get(pk, ZERO) - given.get(pk, ZERO)
        if left:
            found[customer].append((pk, left))
    return found


def _deposits(scope: Scope) -> _Parts:
    rows = (
        Allocation.objects.filter(scope.until(), repair_order__isnull=False)
        .order_by()
        .values("payment__customer", "repair_order")
        .annotate(sum=Sum("amount"))
    )
    found: _Parts = defaultdict(list)
    for row in rows.exclude(sum=0).order_by("repair_order"):
        amount = exact(row["sum"])
        if amount:
            found[row["payment__customer"]].append((row["repair_order"], amount))
    return found


def _sums(rows: AnyQuerySet, column: str, amount: str = "amount") -> dict[int, Decimal]:
    found = rows.order_by().values(column).annotate(sum=Sum(amount))
    return {row[column]: exact(row["sum"]) for row in found}
