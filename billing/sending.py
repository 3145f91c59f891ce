"""Mail invoices, statements and receipts to the customers who are billed (docs/design, D93).

The mail is ordered in the transaction and sent by a task, at least once. Notification preferences do not matter,
because an invoice is due whether its customer likes mail or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from billing.mail import address_of
from billing.models import Invoice, Payment, Statement
from billing.tasks import mail_invoice, mail_receipt, mail_statement
from common.domain import events

PERMISSIONS = {"send": "billing.send_invoice"}
NO_ADDRESS = "The customer has no email address."


@dataclass(frozen=True, slots=True)
class Sent:
    """Whether a mail was ordered, the address it goes to, and the reason if it does not."""

    sent: bool
    to: str = ""
    reason: str = ""


def send_invoice(invoice: Invoice, *, by: int | None, now: datetime) -> Sent:
    """Order the mail with an invoice's link, its total and its balance."""
    to = address_of(invoice.bill_to)
    if not to:
        return Sent(False, reason=NO_ADDRESS)
    with transaction.atomic():
        mail_invoice.enqueue(invoice.pk)
        events.record("billing.invoice.sent", invoice, at=now, by=by)
    return Sent(True, to)


def send_statement(statement: Statement, *, by: int | None, now: datetime) -> Sent:
    """Order the mail with a statement's paper, its link and its balance, and remember when."""
    to = address_of(statement.customer)
    if not to:
        return Sent(False, reason=NO_ADDRESS)
    with transaction.atomic():
        mail_statement.enqueue(statement.pk)
        Statement.objects.filter(pk=statement.pk).update(sent_at=now)
        events.record("billing.statement.sent", statement, at=now, by=by)
    statement.sent_at = now
    return Sent(True, to)


def send_receipt(payment: Payment, *, by: int | None, now: datetime) -> Sent:
    """Order the mail with the receipt of a payment or a refund, whose paper is attached."""
    to = address_of(payment.customer)
    if not to:
        return Sent(False, reason=NO_ADDRESS)
    with transaction.atomic():
        mail_receipt.enqueue(payment.pk)
        events.record("billing.payment.receipt_sent", payment, at=now, by=by)
    return Sent(True, to)
