"""The emails with an invoice, a statement or a receipt, as text and as HTML."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime

from billing.links import invoice_url, statement_url
from billing.models import Invoice, Payment, PaymentKind, Statement
from common.domain.mail import Mail
from common.domain.money import PaymentMethod
from common.domain.types import Json
from customers.models import Customer
from files.papers import Document
from repair_orders.papers.texts import money


def address_of(customer: Customer) -> str:
    """Return the email address of a customer, "" for none."""
    return (customer.contact and customer.contact.email) or ""


def invoice_mail(invoice: Invoice, to: str) -> Mail:
    """Return the email with the link of an invoice. The balance is the present one."""
    paper = invoice.snapshot
    return _mail(
        "invoice",
        f"Invoice {invoice.number}",
        to,
        paper,
        name=paper["bill_to"]["name"],
        number=invoice.number,
        vehicle=_vehicle(paper),
        total=money(str(invoice.total)),
        balance=money(str(invoice.balance)),
        is_paid=not invoice.balance,
        due_on=invoice.due_on,
        link=invoice_url(invoice),
    )


def statement_mail(statement: Statement, document: Document, to: str) -> Mail:
    """Return the email with the paper of a statement attached, and its link."""
    paper = statement.snapshot
    mail = _mail(
        "statement",
        f"Statement of {statement.month:%B %Y}",
        to,
        paper,
        name=paper["customer"]["name"],
        month=statement.month,
        through=date.fromisoformat(paper["through"]),
        is_owed=statement.balance >= 0,
        balance=money(str(abs(statement.balance))),
        link=statement_url(statement),
    )
    mail.attach(document.name, document.content, "application/pdf")
    return mail


def receipt_mail(payment: Payment, document: Document, to: str) -> Mail:
    """Return the email with the paper of a payment or a refund attached, and the link of an invoice it was used for."""
    paper = payment.snapshot
    is_refund = payment.kind == PaymentKind.REFUND
    held = Invoice.objects.filter(allocations__payment=payment).order_by("-id").first()
    at = parse_datetime(paper["posted_at"])
    assert at is not None
    mail = _mail(
        "receipt",
        "Your refund" if is_refund else "Your receipt",
        to,
        paper,
        name=paper["customer"]["name"],
        is_refund=is_refund,
        amount=money(str(payment.amount)),
        method=PaymentMethod(payment.method).label.lower(),
        # A date and not a time, which templates would convert back.
        day=at.astimezone(ZoneInfo((paper["shop"] or {}).get("time_zone") or "UTC")).date(),
        uses=[{**use, "amount": money(use["amount"])} for use in paper["uses"]],
        number=held.number if held else "",
        link=invoice_url(held) if held else "",
    )
    mail.attach(document.name, document.content, "application/pdf")
    return mail


def _mail(template: str, subject: str, to: str, paper: Json, **context: object) -> Mail:
    context["shop"] = (paper["shop"] or {}).get("name") or "the shop"
    text, html = (render_to_string(f"billing/mail/{template}.{kind}", context) for kind in ("txt", "html"))
    mail = Mail(subject=subject, body=text, to=[to])
    mail.attach_alternative(html, "text/html")
    return mail


def _vehicle(paper: Json) -> str:
    vehicle = paper.get("vehicle") or {}
    return " ".join(str(vehicle[name]) for name in ("year", "make", "model") if vehicle.get(name))
