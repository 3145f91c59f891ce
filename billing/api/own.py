"""Invoices, statements and the account as their customer reads them with a login.

Contracts 000, 001 and 003 have the same bodies, each with its own names, envelope, errors and format of amounts. What
an invoice says is that of its paper. What was paid and credited since follows the ledger (docs/design, D94).
"""

from __future__ import annotations

from typing import Unpack

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from billing.models import InvoiceKind, LineKind
from billing.own import (
    get_billed,
    get_own_account,
    get_own_credit_note,
    get_own_invoice,
    get_own_payment,
    get_own_statement,
    jobs_of,
)
from billing.papers.actions import credit_note_paper, invoice_paper, receipt_paper, statement_paper
from billing.states import STATES, invoice_state
from common.domain.money import PaymentMethod
from common.http.bodies import JSONResponse
from common.http.fields import AmountOptions, Instant, Money, Quantity
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query
from common.http.views import ContractView, serialize
from common.reads.serializers import AskedAt, Derived, Serializer
from files.papers import Document
from repair_orders.api.answers import PDF
from repair_orders.api.workbench import TotalsSerializer
from repair_orders.papers.serving import pdf_response


def state_field() -> Derived:
    return Derived(
        invoice_state,
        "balance",
        "is_credited",
        "due_on",
        "location.time_zone",
        "now",
        output=serializers.ChoiceField(
            choices=STATES,
            help_text="`open` until the due date, then `overdue`. `credited` as a whole, else `paid`.",
        ),
    )


class InvoiceRowSerializer(Serializer):
    """An invoice in a list. `balance` = total - credited - paid."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=InvoiceKind.values)
    state = state_field()
    repair_order_id = serializers.IntegerField(allow_null=True)
    vehicle_label = serializers.CharField(allow_null=True, help_text="Null for an opening balance.")
    po_number = serializers.CharField(allow_blank=True)
    day = serializers.DateField(help_text="The day on which it was issued, where the shop is.")
    due_on = serializers.DateField()
    total = Money()
    credited = Money(help_text="By credit notes.")
    paid = Money()
    balance = Money(help_text="What is left to pay.")


class BilledJobSerializer(Serializer):
    id = serializers.IntegerField()
    position = serializers.IntegerField()
    name = serializers.CharField()
    concern = serializers.CharField(allow_blank=True)
    cause = serializers.CharField(allow_blank=True)
    correction = serializers.CharField(allow_blank=True)


class BilledLineSerializer(Serializer):
    """A line with its share of the discount and the tax of the invoice."""

    id = serializers.IntegerField()
    job_id = serializers.IntegerField(allow_null=True, help_text="Null for fees.")
    kind = serializers.ChoiceField(choices=LineKind.values)
    name = serializers.CharField()
    quantity = Quantity(allow_null=True, help_text="Pieces or hours.")
    amount = Money()
    discount = Money()
    net = Money()
    tax = Money()


class CreditNoteBriefSerializer(Serializer):
    id = serializers.IntegerField()
    number = serializers.CharField()
    day = serializers.DateField()
    reason = serializers.CharField(allow_blank=True)
    total = Money()


class UseSerializer(Serializer):
    """A payment, and how much of it is used for the invoice."""

    id = serializers.IntegerField(source="payment.pk", help_text="The id of the payment.")
    day = serializers.DateField(source="payment.day")
    method = serializers.ChoiceField(source="payment.method", choices=PaymentMethod.values)
    reference = serializers.CharField(source="payment.reference", allow_blank=True)
    amount = Money()


class OwnInvoiceSerializer(InvoiceRowSerializer):
    """An invoice with its lines, and with what was paid and credited since."""

    issued_at = Instant()
    customer_name = serializers.CharField(
        source="snapshot.customer.name",
        help_text="The customer of the repair, who may be another one than who pays.",
    )
    jobs = Derived(jobs_of, "snapshot", output=BilledJobSerializer(many=True))
    lines = BilledLineSerializer(many=True)
    totals = TotalsSerializer(source="*")
    credit_notes = CreditNoteBriefSerializer(many=True)
    payments = UseSerializer(source="uses", many=True, help_text="Payments that are used for the invoice.")


class StatementRowSerializer(Serializer):
    id = serializers.IntegerField()
    month = serializers.DateField(help_text="The first day of its month.")
    made_at = Instant()
    balance = Money(help_text="At the end of the month. Below 0 if the shop owed.")


class Sum(Money):
    """The sum of many amounts, of either sign."""

    def __init__(self, *, as_number: bool = False, **options: Unpack[AmountOptions]) -> None:
        super().__init__(as_number=as_number, **options)
        self.max_digits = 14


class AgeingSerializer(Serializer):
    """The open balances by days past due."""

    current = Sum(help_text="Not yet due.")
    d30 = Sum(help_text="1 to 30 days past due.")
    d60 = Sum()
    d90 = Sum()
    over = Sum(help_text="More than 90 days past due.")


class AccountSerializer(Serializer):
    """The sums that the customer was invoiced, credited, paid and given back."""

    invoiced = Sum(help_text="With parts orders, while they are paid for.")
    credited = Sum()
    paid = Sum()
    refunded = Sum()
    balance = Sum(help_text="invoiced - credited - paid + refunded. Below 0 if the shop owes.")
    open_payments = Sum(help_text="Paid, and not used for anything.")
    deposits = Sum(help_text="Paid, and kept for repairs that are not invoiced.")
    ageing = AgeingSerializer()


class OwnInvoicesQuery(ListQuery):
    """The parameters of a list of invoices, without those of a day, which each contract spells in its own way."""

    now = AskedAt()
    open = serializers.BooleanField(
        source="is_open", required=False, help_text="Whether a balance is left to pay."
    )
    overdue = serializers.BooleanField(
        source="is_overdue", required=False, help_text="Whether a balance is past due."
    )


# --- Views, without a contract ----------------------------------------------------------------------------


class OwnView(ContractView):
    """A view of the caller's own account. Rows of others are 404."""

    permission_classes = [CustomersOnly]
    serializer_class: type[Serializer]


class ShowInvoice(OwnView):
    def get(self, request: Request, id: int) -> JSONResponse:
        Query.read(request.query_params)
        found = get_own_invoice(self.caller, id, now=timezone.now())
        return JSONResponse(serialize(self.serializer_class, found))


class ShowAccount(OwnView):
    def get(self, request: Request) -> JSONResponse:
        Query.read(request.query_params)
        account = get_own_account(self.caller, now=timezone.now())
        return JSONResponse(serialize(self.serializer_class, account))


class _ShowPdf(OwnView):
    def document(self, id: int) -> Document:
        raise NotImplementedError

    @extend_schema(responses=PDF)
    def get(self, request: Request, id: int) -> HttpResponse:
        Query.read(request.query_params)
        return pdf_response(self.document(id))


class ShowInvoicePdf(_ShowPdf):
    def document(self, id: int) -> Document:
        return invoice_paper(get_billed(self.caller, id), now=timezone.now())


class ShowCreditNotePdf(_ShowPdf):
    def document(self, id: int) -> Document:
        return credit_note_paper(get_own_credit_note(self.caller, id), now=timezone.now())


class ShowReceiptPdf(_ShowPdf):
    def document(self, id: int) -> Document:
        return receipt_paper(get_own_payment(self.caller, id), now=timezone.now())


class ShowStatementPdf(_ShowPdf):
    def document(self, id: int) -> Document:
        return statement_paper(get_own_statement(self.caller, id), now=timezone.now())
