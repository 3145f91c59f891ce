"""What processes of their own do in the tests of `test_processes.py`, on the database of the suite."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from appointments.queries import local_time
from billing.credit_notes import credit_all
from billing.days import close_day
from billing.invoices import issue_invoice
from billing.ledger import Target
from billing.models import Invoice, Payment
from billing.payments import refund, take_payment
from repair_orders.models import RepairOrder

D = Decimal


class Cancelled(Exception):
    """A transaction that fails after its last statement."""


# --- Verbs --------------------------------------------------------------------------------------------------


def _issue(now: datetime) -> Any:
    return issue_invoice(order=RepairOrder.objects.get(), by=None, now=now)


def _pay(now: datetime) -> Any:
    invoice = Invoice.objects.get()
    return take_payment(
        customer=invoice.bill_to, location=invoice.location, amount=D("30.00"), method="cash", by=None, now=now,
        allocations=[Target(invoice, D("20.00"))],
    )  # fmt: skip


def _refund(now: datetime) -> Any:
    return refund(payment=Payment.objects.get(open__gt=0), amount=D("7.00"), reason="Back", by=None, now=now)


def _credit(now: datetime) -> Any:
    return credit_all(invoice=Invoice.objects.get(), reason="Wrong", by=None, now=now)


def _close(now: datetime) -> Any:
    location = Invoice.objects.get().location
    day = local_time(location, now).date()
    return close_day(location, day, cash_counted=D("1.00"), note="Late", by=None, now=now)


VERBS: dict[str, Callable[[datetime], Any]] = {
    "issue": _issue, "pay": _pay, "refund": _refund, "credit": _credit, "close": _close,
}  # fmt: skip


# --- Killed -------------------------------------------------------------------------------------------------


class Killer:
    """Count the statements that write, and kill the process after the n-th one."""

    def __init__(self, after: int) -> None:
        self.after, self.writes = after, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            self.writes += 1
            if self.writes == self.after:
                os.kill(os.getpid(), signal.SIGKILL)
        return result


def die_everywhere(verb: str) -> None:
    """Begin a verb in processes that are killed before its commit, and after each of its writes. Print how they ended.

    The processes are forked before a connection is open, because loading the product takes seconds.
    """
    ends, writes, after = [], 0, 0
    while after <= writes:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            _die(verb, after, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            writes = int(pipe.read() or writes)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        after += 1
    print(writes, *ends)  # noqa: T201


def _die(verb: str, after: int, pipe: int) -> None:
    """Write the number of statements to the pipe and die, or die after the statement `after`."""
    killer = Killer(after)
    try:
        with connection.execute_wrapper(killer), transaction.atomic():
            VERBS[verb](timezone.now())
            os.write(pipe, str(killer.writes).encode())
            os.kill(os.getpid(), signal.SIGKILL)
    except BaseException:  # noqa: BLE001  # a forked process must not go on with the work of its parent
        traceback.print_exc()
    os._exit(1)


# --- Numbers ------------------------------------------------------------------------------------------------


def issue_share(number: int, of: int) -> None:
    """Issue the invoices of every `of`-th order once the parent says so. Each third transaction fails at its end."""
    orders = list(RepairOrder.objects.order_by("id"))[number::of]
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    for place, order in enumerate(orders):
        try:
            with transaction.atomic():
                issue_invoice(order=RepairOrder.objects.get(pk=order.pk), by=None, now=timezone.now())
                if place % 3 == 0:
                    raise Cancelled
        except Cancelled:
            pass
    print(os.getpid())  # noqa: T201
