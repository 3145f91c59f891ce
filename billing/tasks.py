"""The tasks of billing: mails, and the statements of a month. The transaction that orders one stores it (D57)."""

from __future__ import annotations

from django.utils import timezone
from django_tasks import task

from billing.mail import address_of, invoice_mail, receipt_mail, statement_mail
from billing.models import Invoice, Payment, Statement
from billing.papers.actions import receipt_paper, statement_paper


@task
def mail_invoice(invoice_id: int) -> None:
    """Mail an invoice's link to the customer who is billed, if they still have an address."""
    invoice = Invoice.objects.select_related("bill_to__contact").filter(pk=invoice_id).first()
    if invoice is not None and (to := address_of(invoice.bill_to)):
        invoice_mail(invoice, to).send()


@task
def mail_statement(statement_id: int) -> None:
    """Mail the paper and the link of a statement to its customer, if they still have an address."""
    statement = Statement.objects.select_related("customer__contact").filter(pk=statement_id).first()
    if statement is not None and (to := address_of(statement.customer)):
        statement_mail(statement, statement_paper(statement, now=timezone.now()), to).send()


@task
def mail_receipt(payment_id: int) -> None:
    """Mail the paper of a payment or a refund to its customer, if they still have an address."""
    payment = Payment.objects.select_related("customer__contact").filter(pk=payment_id).first()
    if payment is not None and (to := address_of(payment.customer)):
        receipt_mail(payment, receipt_paper(payment, now=timezone.now()), to).send()


@task
def make_statements(run_id: int) -> None:
    """Make and order the mails of the statements of a run that are left."""
    from billing.statements import continue_run  # inline: it orders this task

    continue_run(run_id, now=timezone.now())
