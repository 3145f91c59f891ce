"""The states and the age of an invoice, which go by the day where its location is (docs/design, D94)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import DateTimeField, F, Q
from django.db.models.lookups import LessThan

from appointments.querysets import LocalDay
from billing.models import Invoice
from common.reads.statements import as_expression

# In the JSON of every contract, and on the pages.
STATES = ("open", "overdue", "paid", "credited")


def invoice_state(balance: Decimal, is_credited: bool, due_on: date, time_zone: str, now: datetime) -> str:
    """Return one of `STATES`. An invoice is overdue after its due date in the time zone of its location."""
    if is_credited:
        return "credited"
    if not balance:
        return "paid"
    return "overdue" if days_past_due(due_on, time_zone, now) > 0 else "open"


def days_past_due(due_on: date, time_zone: str, now: datetime) -> int:
    """Return the days past the due date in the time zone of an invoice's location, 0 or less until it is over."""
    return (now.astimezone(ZoneInfo(time_zone)).date() - due_on).days


def state_of(invoice: Invoice, *, now: datetime) -> str:
    """Return the state of an invoice, whose location is read, too."""
    zone = invoice.location.time_zone
    return invoice_state(invoice.balance, invoice.is_credited, invoice.due_on, zone, now)


def is_overdue(now: object) -> Q:
    """Return the condition for invoices that are overdue at an instant, or at the `Param` that stands for one."""
    today = LocalDay(as_expression(now, DateTimeField()), F("location__time_zone"))
    return Q(LessThan(F("due_on"), today), balance__gt=0)
