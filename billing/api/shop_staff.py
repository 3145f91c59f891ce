"""The staff API: invoices and credit notes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Location
from billing import credit_notes, sending
from billing.api.filters import (
    LeftFilter,
    MoneyFilter,
    account_search_filter,
    totals_field,
    validate_days,
)
from billing.api.own import BilledLineSerializer
from billing.api.papers import SentSerializer, sent_body
from billing.api.problems import OVER_CREDIT
from billing.links import invoice_url
from billing.models import CreditKind, CreditNote, Invoice, InvoiceKind, LineKind
from billing.papers.actions import credit_note_paper, invoice_paper
from billing.states import is_overdue
from common.domain.caller import Caller
from common.domain.money import PaymentMethod
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import FinePercent, Id, Instant, Money, Quantity, StrictBoolean
from common.http.filters import IdFilter, apply, order, query_of
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from common.reads.serializers import AskedAt, Derived, Serializer
from customers.models import Customer
from repair_orders.api.answers import PDF
from repair_orders.models import RepairOrder
from repair_orders.papers.serving import pdf_response

ORDERING = {"issued": ("issued_at",)}
CREDIT_NOTE_ORDERING = {"posted": ("posted_at",)}
MAX_LINES = 500


def _used(
    payments: list[int], methods: list[str], references: list[str], amounts: list[Decimal]
) -> list[Json]:
    """Return what of which payment is used now, the first one first."""
    rows: dict[int, Json] = {}
    for payment, method, reference, amount in zip(payments, methods, references, amounts, strict=True):
        row = rows.setdefault(
            payment,
            {"payment_id": payment, "method": method, "reference": reference, "amount": Decimal("0.00")},
        )
        row["amount"] += amount
    return [row for row in rows.values() if row["amount"]]


class UsedPaymentSerializer(Serializer):
    """The part of a payment that is used for an invoice or kept for an order."""

    payment_id = serializers.IntegerField()
    method = serializers.ChoiceField(choices=PaymentMethod.choices)
    reference = serializers.CharField(allow_blank=True)
    amount = Money()


def used_payments_field() -> Derived:
    return Derived(
        _used,
        *("allocations.payment_id", "allocations.payment.method", "allocations.payment.reference"),
        "allocations.amount",
        output=UsedPaymentSerializer(many=True),
    )


class StaffInvoiceRowSerializer(Serializer):
    """An invoice of a list."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=InvoiceKind.choices)
    repair_order_id = serializers.IntegerField(allow_null=True)
    customer_id = serializers.IntegerField(help_text="The customer of the order.")
    bill_to_id = serializers.IntegerField(help_text="The customer who pays.")
    location_id = serializers.IntegerField()
    issued_at = Instant()
    issued_by = serializers.IntegerField(source="issued_by_id", allow_null=True, help_text="The acting user.")
    day = serializers.DateField(help_text="The day on which it counts, at its location.")
    due_on = serializers.DateField()
    po_number = serializers.CharField(allow_blank=True)
    tax_percent = FinePercent()
    totals = totals_field()
    credited = Money()
    paid = Money(help_text="What of payments is used for it.")
    balance = Money(help_text="`total - credited - paid`.")
    is_credited = serializers.BooleanField(help_text="As a whole, so that its order can be invoiced again.")


class CreditOfInvoiceSerializer(Serializer):
    """A credit note of an invoice."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=CreditKind.choices)
    posted_at = Instant()
    day = serializers.DateField()
    reason = serializers.CharField()
    total = Money()


class StaffInvoiceSerializer(StaffInvoiceRowSerializer):
    """An invoice with its lines, and what was paid and credited."""

    lines = BilledLineSerializer(many=True)
    allocations = used_payments_field()
    credit_notes = CreditOfInvoiceSerializer(many=True)


class LinkedInvoiceSerializer(StaffInvoiceSerializer):
    """An invoice with the link of its customer."""

    url = serializers.CharField(help_text="The customer's link.")


class CreditNoteLineSerializer(Serializer):
    id = serializers.IntegerField()
    line_id = serializers.IntegerField(
        source="invoice_line_id", allow_null=True, help_text="The line of the invoice. Null: an allowance."
    )
    kind = serializers.ChoiceField(choices=LineKind.choices)
    name = serializers.CharField()
    quantity = Quantity(allow_null=True, help_text="Pieces or hours.")
    restocked = serializers.IntegerField(help_text="Pieces that went back on the shelf.")
    amount = Money()
    discount = Money()
    net = Money()
    tax = Money()


class CreditNoteRowSerializer(Serializer):
    """A credit note of a list."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=CreditKind.choices)
    invoice_id = serializers.IntegerField()
    customer_id = serializers.IntegerField(help_text="The customer who was billed.")
    location_id = serializers.IntegerField()
    posted_at = Instant()
    by = serializers.IntegerField(source="by_id", allow_null=True, help_text="The acting user.")
    day = serializers.DateField(help_text="The day on which it counts, at its location.")
    reason = serializers.CharField()
    totals = totals_field()


class CreditNoteSerializer(CreditNoteRowSerializer):
    lines = CreditNoteLineSerializer(many=True)


class LineCreditInput(Serializer):
    line_id = Id()
    quantity = Quantity(required=False, help_text="Pieces or hours. Left out: all that is left of the line.")
    restock = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=10_000,
        help_text="Whole pieces of them that go back on the shelf. Left out: none.",
    )


class CreditInput(Serializer):
    """Lines of an invoice, an amount of it, or all that is left."""

    lines = LineCreditInput(many=True, required=False, allow_empty=False, max_length=MAX_LINES)  # type: ignore[call-arg]  # of a list
    amount = Money(required=False, min_value=Decimal("0.01"), help_text="Tax included.")
    all = StrictBoolean(required=False, help_text="True: all that is left of the invoice.")
    reason = serializers.CharField(max_length=10_000, help_text="Printed on the credit note.")

    def validate_all(self, value: bool) -> bool:
        if not value:
            raise serializers.ValidationError("Send true, or leave it out.")
        return value

    def validate(self, attrs: Json) -> Json:
        if len(attrs.keys() & {"lines", "amount", "all"}) != 1:
            raise serializers.ValidationError({"lines": ["Send one of lines, amount and all."]})
        return attrs


class InvoiceFilter(MoneyFilter):
    location_id = IdFilter(Location, "location_id")
    customer_id = IdFilter(Customer, "bill_to_id")
    repair_order_id = IdFilter(RepairOrder, "repair_order_id")
    number = django_filters.CharFilter("number", help_text="The whole number, such as `SG-17`.")
    open = LeftFilter("balance", help_text="With a balance, or with none.")
    search = account_search_filter("bill_to")

    class Meta:
        model = Invoice
        fields: list[str] = []


class InvoiceQuery(query_of(InvoiceFilter, ORDERING)):  # type: ignore[misc]  # made from declarations
    overdue = serializers.BooleanField(
        required=False,
        help_text="With a balance that is past due today, the longest overdue first, or all others.",
    )
    now = AskedAt()

    def validate_number(self, number: str) -> str:
        return number.upper()

    def validate(self, attrs: Json) -> Json:
        return validate_days(self, attrs)


class CreditNoteFilter(MoneyFilter):
    location_id = IdFilter(Location, "location_id")
    customer_id = IdFilter(Customer, "customer_id")
    invoice_id = IdFilter(Invoice, "invoice_id")
    search = account_search_filter("customer")

    class Meta:
        model = CreditNote
        fields: list[str] = []


class CreditNoteQuery(query_of(CreditNoteFilter, CREDIT_NOTE_ORDERING)):  # type: ignore[misc]  # made from declarations
    def validate(self, attrs: Json) -> Json:
        return validate_days(self, attrs)


def credit(invoice: Invoice, body: Json, *, by: int | None, now: datetime) -> CreditNote:
    """Credit what a body asks for: lines, an amount or all that is left."""
    given: Json = {"invoice": invoice, "reason": body["reason"], "by": by, "now": now}
    if "amount" in body:
        return credit_notes.credit_amount(amount=body["amount"], **given)
    if "lines" in body:
        lines = [
            credit_notes.LineCredit(line["line_id"], line.get("quantity"), line.get("restock", 0))
            for line in body["lines"]
        ]
        return credit_notes.credit_lines(lines=lines, **given)
    return credit_notes.credit_all(**given)


class StaffInvoices(StaffViewSet):
    """List the invoices, newest first."""

    resource = "invoices"
    model = Invoice
    serializer_class = StaffInvoiceRowSerializer
    item_class = StaffInvoiceSerializer
    detail_class = LinkedInvoiceSerializer
    query = InvoiceQuery
    inputs = {"credit": CreditInput}
    verbs = ("send",)
    creates = frozenset({"credit"})
    permissions = credit_notes.PERMISSIONS | sending.PERMISSIONS | {"pdf": "billing.view_invoice"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            *super().routes(),
            cls.address("<id:id>/credit-notes/", post="credit"),
            cls.address("<id:id>/pdf/", get="pdf"),
        ]

    @classmethod
    def read_one(cls, caller: Caller, id: int) -> Json:
        body = super().read_one(caller, id)
        linked = Invoice.objects.only("uuid", "token_hash").get(pk=id)
        return body | {"url": invoice_url(linked)}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Invoice]:
        rows = apply(Invoice.objects.visible_to(caller), InvoiceFilter, filters)
        if "overdue" in filters:
            overdue = is_overdue(filters["now"])
            rows = rows.filter(overdue if filters["overdue"] else ~overdue)
            if filters["overdue"] and "ordering" not in filters:
                return rows.order_by("due_on", "id")  # as the index of unpaid invoices has them
        return order(rows, ORDERING, filters, "-issued")

    @extend_schema(responses={201: CreditNoteSerializer, **OVER_CREDIT})
    def credit(self, request: Request, id: int) -> JSONResponse:
        """Credit lines, an amount or the whole of an invoice.

        A line returns its own net and tax. With `restock` its pieces go back on the shelf. An amount includes tax. What
        is not needed any more of payments is open on them. The answer is the credit note.
        """
        note = credit(self.row(id), self.read_body(), by=self.caller.user_id, now=timezone.now())
        body = StaffCreditNotes.read_one(self.caller, note.pk)
        return JSONResponse(body, status=201)

    @extend_schema(responses=PDF)
    def pdf(self, request: Request, id: int) -> HttpResponse:
        """Retrieve an invoice as PDF.

        It is set at the first request and never again.
        """
        Query.read(request.query_params)
        return pdf_response(invoice_paper(self.row(id), now=timezone.now()))

    @extend_schema(responses=SentSerializer)
    def send(self, request: Request, id: int) -> JSONResponse:
        """Mail the link of an invoice to the customer who is billed."""
        sent = sending.send_invoice(self.row(id), by=self.caller.user_id, now=timezone.now())
        return sent_body(sent)


class StaffCreditNotes(StaffViewSet):
    """List the credit notes, newest first."""

    resource = "credit-notes"
    model = CreditNote
    serializer_class = CreditNoteRowSerializer
    item_class = CreditNoteSerializer
    query = CreditNoteQuery
    permissions = {"pdf": "billing.view_creditnote"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [*super().routes(), cls.address("<id:id>/pdf/", get="pdf")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[CreditNote]:
        rows = apply(CreditNote.objects.visible_to(caller), CreditNoteFilter, filters)
        return order(rows, CREDIT_NOTE_ORDERING, filters, "-posted")

    @extend_schema(responses=PDF)
    def pdf(self, request: Request, id: int) -> HttpResponse:
        """Retrieve a credit note as PDF.

        It is set at the first request and never again.
        """
        Query.read(request.query_params)
        return pdf_response(credit_note_paper(self.row(id), now=timezone.now()))


urlpatterns = [*StaffInvoices.routes(), *StaffCreditNotes.routes()]
