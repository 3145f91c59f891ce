"""The pages of the links of invoices and statements, without a login (docs/design, D93).

What was printed is read from the snapshot. The balance, the credit notes and the payments of an invoice are the present
ones. Reading changes nothing.
"""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.debug import sensitive_variables

from billing.ledger import held
from billing.models import Invoice, Payment, PaymentKind
from billing.papers.layout import BUCKET_LABELS
from billing.queries import find_receipts
from billing.states import state_of
from common.domain.money import PaymentMethod
from common.domain.types import Json
from portal.link.view import InvoiceView, StatementView
from repair_orders.estimates.models import Answer, Method
from repair_orders.papers.texts import tax_label


class InvoicePage(InvoiceView):
    """An invoice with what was credited and paid since, and all papers."""

    http_method_names = ["get", "head"]

    @sensitive_variables("token")
    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        invoice = self.find(token)
        if invoice is None:
            return self.show_ended()
        context = _shop(invoice.snapshot) | self.context(invoice)
        with timezone.override(context["zone"]):
            return render(request, "link/invoice.html", context)

    def context(self, invoice: Invoice) -> Json:
        paper = invoice.snapshot
        token = self.kwargs["token"]
        used = {payment.pk: amount for payment, amount in held(invoice)}
        notes = invoice.credit_notes.order_by("posted_at", "id").defer("snapshot")
        return {
            "invoice": invoice,
            "paper": paper,
            "is_order": paper["kind"] == "order",
            "state": state_of(invoice, now=timezone.now()),
            "issued_at": parse_datetime(paper["issued_at"]),
            "tax_label": tax_label(paper["terms"]) if "terms" in paper else "",
            "answers": [_answer(answer) for answer in paper.get("authorisations", [])],
            "paper_url": reverse("invoice-link-pdf", kwargs={"token": token}),
            "credit_notes": [
                {
                    "row": note,
                    "url": reverse(
                        "invoice-link-credit-note", kwargs={"token": token, "number": note.number}
                    ),
                }
                for note in notes
            ],
            "payments": [
                _payment(payment, used.get(payment.pk, Decimal(0)), token)
                for payment in find_receipts(invoice).defer("snapshot")
            ],
        }


class StatementPage(StatementView):
    """A statement as it was made."""

    http_method_names = ["get", "head"]

    @sensitive_variables("token")
    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        statement = self.find(token)
        if statement is None:
            return self.show_ended()
        paper = statement.snapshot
        context = _shop(paper) | {
            "statement": statement,
            "paper": paper,
            "first": parse_date(paper["from"]),
            "last": parse_date(paper["through"]),
            "made_at": parse_datetime(paper["made_at"]),
            "lines": [
                {
                    **line,
                    "day": line["day"] and parse_date(line["day"]),
                    "due_on": line["due_on"] and parse_date(line["due_on"]),
                }
                for line in paper["lines"]
            ],
            "owed": abs(statement.balance),
            "ageing": [(label, paper["ageing"][name]) for name, label in BUCKET_LABELS.items()],
            "paper_url": reverse("statement-link-pdf", kwargs={"token": token}),
        }
        with timezone.override(context["zone"]):
            return render(request, "link/statement.html", context)


def _shop(paper: Json) -> Json:
    shop = paper["shop"] or {}
    return {
        "shop": shop,
        "shop_name": shop.get("name") or "the shop",
        "zone": ZoneInfo(shop.get("time_zone") or settings.TIME_ZONE),
    }


def _answer(answer: Json) -> Json:
    return {
        "at": parse_datetime(answer["at"]),
        "method": Method(answer["method"]).label,
        "by_name": answer["by_name"],
        "contact_used": answer["contact_used"],
        "total": answer["total"],
        "is_approved": any(given["decision"] == Answer.APPROVED for given in answer["decisions"]),
        "is_withdrawn": answer["withdrawn_at"] is not None,
    }


def _payment(payment: Payment, used: Decimal, token: str) -> Json:
    return {
        "row": payment,
        "is_refund": payment.kind == PaymentKind.REFUND,
        "method": PaymentMethod(payment.method).label,
        "used": used,
        "url": reverse("invoice-link-receipt", kwargs={"token": token, "payment_id": payment.pk}),
    }
