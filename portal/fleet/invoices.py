"""Pages of what the company owes: its invoices, one invoice, and its statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from billing.api.fleet import InvoiceQuery
from billing.models import Invoice, InvoiceLine
from billing.own import (
    OwnInvoiceFilters,
    find_own_invoices,
    find_own_statements,
    get_billed,
    get_own_account,
    get_own_credit_note,
    get_own_invoice,
    get_own_payment,
    get_own_statement,
    jobs_of,
)
from billing.papers.actions import credit_note_paper, invoice_paper, receipt_paper, statement_paper
from billing.queries import Account
from billing.states import state_of
from common.domain.types import Json
from common.http.lists import Page
from common.http.query import ListQuery
from files.papers import Document
from portal.fleet.pages import FleetPage
from repair_orders.models import RepairOrder
from repair_orders.papers.serving import pdf_response
from repair_orders.papers.texts import discount_rows
from vehicles.models import Vehicle

PAGE_SIZE = 25
# The links above the list: parameter and value -> label. The first shows all.
SHOWN = (
    ("", "", "All"),
    ("open", "true", "To pay"),
    ("overdue", "true", "Overdue"),
    ("open", "false", "Paid"),
)
_LATE = {
    "current": "Not yet due",
    "d30": "1–30 days late",
    "d60": "31–60 days late",
    "d90": "61–90 days late",
    "over": "Over 90 days late",
}


@dataclass(frozen=True, slots=True)
class BilledJob:
    """A job of an invoice, or its fees, with the lines before discount and tax."""

    name: str
    lines: Sequence[InvoiceLine]

    @property
    def amount(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal("0.00"))


def billed_jobs(invoice: Invoice) -> list[BilledJob]:
    """Return the jobs that an invoice prints, and its lines that belong to none as a last job without a name."""
    lines = list(invoice.lines.all())
    jobs = [(job["id"], job["name"]) for job in jobs_of(invoice.snapshot)]
    found = [
        BilledJob(name, [line for line in lines if line.job_id == key]) for key, name in [*jobs, (None, "")]
    ]
    return [job for job in found if job.lines]


def ages(account: Account) -> list[tuple[str, Decimal]]:
    """Return the labels and the sums of the open balances by days past due."""
    return [(_LATE[name], amount) for name, amount in account.ageing.items()]


class InvoicesPage(FleetPage):
    """The balance of the account, and the list of invoices, with the query parameters of the JSON list."""

    template = "fleet/invoices.html"
    section = "invoices"

    def get(self, request: HttpRequest) -> HttpResponse:
        account = get_own_account(self.caller, now=timezone.now())
        context: Json = {"account": account, "ages": ages(account), "params": request.GET}
        try:
            query = InvoiceQuery.read(request.GET)
            number, size = query.pop("page", 1), query.pop("page_size", PAGE_SIZE)
            filters = cast("OwnInvoiceFilters", query)
            if "unit_id" in filters:
                context["unit"] = self.unit(filters["unit_id"])
            rows = find_own_invoices(self.caller, filters)
            page = Page(number, size, rows.count(), request.get_full_path())
            if number > page.last:
                raise ValidationError({"page": [f"The last page is {page.last}."]})
        except ValidationError as error:
            return self.show(**context, query_errors=error.detail, status=400)
        invoices = rows.select_related("location").defer("snapshot")[page.bounds]
        return self.show(
            **context,
            page=page,
            invoices=[
                {"invoice": invoice, "state": state_of(invoice, now=filters["now"])} for invoice in invoices
            ],
            shown=[
                {
                    "name": name,
                    "value": value,
                    "label": label,
                    "is_current": shown_value(filters) == (name, value),
                }
                for name, value, label in SHOWN
            ],
            is_filtered=bool(filters.keys() - {"now"}),
        )

    def unit(self, unit_id: int) -> Vehicle | None:
        """Return the unit that the list is filtered by, or None if it is not, or no longer, the caller's."""
        return Vehicle.objects.visible_to(self.caller).filter(pk=unit_id).first()


def shown_value(filters: OwnInvoiceFilters) -> tuple[str, str]:
    """Return the entry of `SHOWN` that the filters stand for."""
    if filters.get("is_overdue"):
        return ("overdue", "true")
    if "is_open" in filters:
        return ("open", "true" if filters["is_open"] else "false")
    return ("", "")


class InvoicePage(FleetPage):
    """An invoice with its lines, and with what was paid and credited since."""

    template = "fleet/invoice.html"
    section = "invoices"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        invoice = get_own_invoice(self.caller, id, now=timezone.now())
        # The repair of an invoice that a company pays for another one is not theirs to see.
        repairs = RepairOrder.objects.visible_to(self.caller).filter(pk=invoice.repair_order_id or 0)
        return self.show(
            invoice=invoice,
            discounts=discount_rows(invoice.snapshot) if invoice.discount else [],
            state=state_of(invoice, now=timezone.now()),
            vehicle=invoice.snapshot.get("vehicle"),
            customer=invoice.snapshot["customer"],
            is_for_another=invoice.customer_id != self.caller.account,
            jobs=billed_jobs(invoice),
            repair=repairs.first(),
        )


class StatementsPage(FleetPage):
    """The monthly statements of the account."""

    template = "fleet/statements.html"
    section = "invoices"

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            query = ListQuery.read(request.GET)
            rows = find_own_statements(self.caller)
            number, size = query.get("page", 1), query.get("page_size", PAGE_SIZE)
            page = Page(number, size, rows.count(), request.get_full_path())
            if number > page.last:
                raise ValidationError({"page": [f"The last page is {page.last}."]})
        except ValidationError as error:
            return self.show(query_errors=error.detail, status=400)
        return self.show(page=page, statements=rows.defer("snapshot")[page.bounds])


class _PaperPage(FleetPage):
    def document(self, id: int) -> Document:
        raise NotImplementedError

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return pdf_response(self.document(id))


class InvoicePaperPage(_PaperPage):
    """An invoice as PDF."""

    def document(self, id: int) -> Document:
        return invoice_paper(get_billed(self.caller, id), now=timezone.now())


class CreditNotePaperPage(_PaperPage):
    """A credit note as PDF."""

    def document(self, id: int) -> Document:
        return credit_note_paper(get_own_credit_note(self.caller, id), now=timezone.now())


class ReceiptPage(_PaperPage):
    """The receipt of a payment as PDF."""

    def document(self, id: int) -> Document:
        return receipt_paper(get_own_payment(self.caller, id), now=timezone.now())


class StatementPaperPage(_PaperPage):
    """A statement as PDF."""

    def document(self, id: int) -> Document:
        return statement_paper(get_own_statement(self.caller, id), now=timezone.now())
