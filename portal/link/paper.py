"""The papers behind links, without a login."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from billing.models import Invoice, Statement
from billing.papers.actions import credit_note_paper, invoice_paper, receipt_paper, statement_paper
from billing.queries import find_receipts
from common.domain.errors import DomainError, Missing
from common.http.problems import STATUS
from files.papers import Document
from inspections.papers.actions import inspection_paper
from inspections.queries import get_finished
from portal.link.inspections import shown_through
from portal.link.view import EstimateView, InvoiceView, LinkView, Row, StatementView
from repair_orders.estimates.models import Estimate
from repair_orders.papers.actions import NothingAuthorised, authorisations_paper, estimate_paper
from repair_orders.papers.serving import pdf_response


class LinkPaper(LinkView[Row]):
    """A PDF, or the reason that there is none as plain text."""

    http_method_names = ["get", "head"]

    def paper(self, row: Row, **names: object) -> Document:
        """Return the paper of a row, or the one with these names from the URL. Raises a DomainError."""
        raise NotImplementedError

    @sensitive_variables("token")
    def get(self, request: HttpRequest, token: str, **names: object) -> HttpResponse:
        row = self.find(token)
        if row is None:
            return self.show_ended()
        try:
            return pdf_response(self.paper(row, **names))
        except DomainError as error:
            return HttpResponse(
                error.text, status=STATUS[error.kind], content_type="text/plain; charset=utf-8"
            )


class EstimatePaper(LinkPaper[Estimate], EstimateView):
    """The paper of a revision as it was sent, also after it was answered, superseded or has expired."""

    def paper(self, row: Estimate, **names: object) -> Document:
        return estimate_paper(row, now=timezone.now())


class AuthorisationsPaper(LinkPaper[Estimate], EstimateView):
    """The record of the answers to a revision that was answered, and to those before it.

    Later ones are not shown, because their links may have gone to another address.
    """

    def paper(self, row: Estimate, **names: object) -> Document:
        if not hasattr(row, "authorisation"):
            raise NothingAuthorised("This estimate was not answered yet.")
        return authorisations_paper(row.repair_order, now=timezone.now(), through=row)


class InspectionPaper(LinkPaper[Estimate], EstimateView):
    """The paper of a finished inspection of the order that the link shows."""

    def paper(self, row: Estimate, **names: object) -> Document:
        pk = int(str(names["inspection_id"]))
        found = get_finished(row.repair_order, pk, through=shown_through(row))
        return inspection_paper(found, now=timezone.now())


class InvoicePaper(LinkPaper[Invoice], InvoiceView):
    """The paper of an invoice as it was issued."""

    def paper(self, row: Invoice, **names: object) -> Document:
        return invoice_paper(row, now=timezone.now())


class CreditNotePaper(LinkPaper[Invoice], InvoiceView):
    """The paper of a credit note of the invoice."""

    def paper(self, row: Invoice, **names: object) -> Document:
        note = row.credit_notes.filter(number=names["number"]).first()
        if note is None:
            raise Missing("This invoice has no such credit note.")
        return credit_note_paper(note, now=timezone.now())


class ReceiptPaper(LinkPaper[Invoice], InvoiceView):
    """The receipt of a payment that was used for the invoice, or of a refund of one."""

    def paper(self, row: Invoice, **names: object) -> Document:
        payment = find_receipts(row).filter(pk=names["payment_id"]).first()
        if payment is None:
            raise Missing("This invoice has no such payment.")
        return receipt_paper(payment, now=timezone.now())


class StatementPaper(LinkPaper[Statement], StatementView):
    """The paper of a statement."""

    def paper(self, row: Statement, **names: object) -> Document:
        return statement_paper(row, now=timezone.now())
