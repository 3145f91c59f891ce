"""Contract 003 prints no route of invoices. These are ours, in its conventions (docs/design, D94).

The shop takes no payments online. The routes with which the contract's web client starts one say so (D17).
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from billing.api.own import state_field
from billing.models import Invoice, InvoiceKind, LineKind
from billing.own import OwnInvoiceFilters, find_own_invoices, get_billed, get_own_invoice, jobs_of
from billing.papers.actions import invoice_paper
from common.domain.caller import Caller
from common.domain.errors import DomainError, Kind
from common.domain.money import PaymentMethod
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberError, MemberList, MemberView
from common.http.fields import Instant, Money, PublicId, Quantity
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import AskedAt, Derived, Serializer
from repair_orders.api.answers import PDF
from repair_orders.papers.serving import pdf_response


class MemberInvoiceSerializer(Serializer):
    """An invoice in a list. `balance` = total - credited - paid."""

    id = serializers.UUIDField(source="uuid")
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=InvoiceKind.values)
    state = state_field()
    vehicleId = serializers.UUIDField(
        source="repair_order.vehicle.uuid", allow_null=True, help_text="Null for an opening balance."
    )
    vehicleLabel = serializers.CharField(source="vehicle_label", allow_null=True)
    issuedAt = Instant(source="issued_at")
    dueOn = serializers.DateField(source="due_on")
    total = Money(as_number=True)
    credited = Money(as_number=True, help_text="By credit notes.")
    paid = Money(as_number=True)
    balance = Money(as_number=True, help_text="What is left to pay.")


class MemberJobSerializer(Serializer):
    name = serializers.CharField()
    concern = serializers.CharField(allow_blank=True)
    cause = serializers.CharField(allow_blank=True)
    correction = serializers.CharField(allow_blank=True)


class MemberLineSerializer(Serializer):
    """A line with its share of the discount and the tax of the invoice."""

    kind = serializers.ChoiceField(choices=LineKind.values)
    name = serializers.CharField()
    quantity = Quantity(allow_null=True, help_text="Pieces or hours.")
    amount = Money(as_number=True)
    discount = Money(as_number=True)
    net = Money(as_number=True)
    tax = Money(as_number=True)


class MemberTotalsSerializer(Serializer):
    subtotal = Money(as_number=True)
    discount = Money(as_number=True)
    net = Money(as_number=True)
    tax = Money(as_number=True)
    total = Money(as_number=True)


class MemberCreditNoteSerializer(Serializer):
    number = serializers.CharField()
    day = serializers.DateField()
    reason = serializers.CharField(allow_blank=True)
    total = Money(as_number=True)


class MemberUseSerializer(Serializer):
    """A payment, and how much of it is used for the invoice."""

    day = serializers.DateField(source="payment.day")
    method = serializers.ChoiceField(source="payment.method", choices=PaymentMethod.values)
    amount = Money(as_number=True)


class OneMemberInvoiceSerializer(MemberInvoiceSerializer):
    """An invoice with its lines, and with what was paid and credited since."""

    jobs = Derived(jobs_of, "snapshot", output=MemberJobSerializer(many=True))
    lines = MemberLineSerializer(many=True)
    totals = MemberTotalsSerializer(source="*")
    creditNotes = MemberCreditNoteSerializer(source="credit_notes", many=True)
    payments = MemberUseSerializer(
        source="uses", many=True, help_text="Payments that are used for the invoice."
    )


class MemberInvoicesQuery(ListQuery):
    now = AskedAt()
    open = serializers.BooleanField(
        source="is_open", required=False, help_text="Whether a balance is left to pay."
    )
    vehicleId = PublicId(source="vehicle", required=False)


class MemberInvoices(MemberList):
    """List the invoices that are billed to the caller, newest first."""

    permission_classes = [CustomerRole]
    query = MemberInvoicesQuery
    serializer_class = MemberInvoiceSerializer

    @staticmethod
    def rows(caller: Caller, filters: OwnInvoiceFilters) -> QuerySet[Invoice]:
        return find_own_invoices(caller, filters)


class MemberInvoice(MemberView):
    """Retrieve an invoice with its lines, credit notes and payments."""

    permission_classes = [CustomerRole]

    @extend_schema(responses=OneMemberInvoiceSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        Query.read(request.query_params)
        found = get_own_invoice(self.caller, id, now=timezone.now())
        return JSONResponse(serialize(OneMemberInvoiceSerializer, found))


class MemberInvoicePdf(MemberView):
    """Retrieve an invoice as PDF.

    It is set at the first request and never again.
    """

    permission_classes = [CustomerRole]

    @extend_schema(responses=PDF)
    def get(self, request: Request, id: UUID | None) -> HttpResponse:
        Query.read(request.query_params)
        return pdf_response(invoice_paper(get_billed(self.caller, id), now=timezone.now()))


class NoOnlinePayment(DomainError):
    """Payments are taken at the desk (docs/design, D87)."""

    kind = Kind.UNAVAILABLE
    code = "no_online_payment"
    title = "Online payment is not set up"
    message = "Online payment is not set up. Please pay at the shop."


class CreatePaymentIntent(MemberView):
    """Answer that online payment is not set up."""

    permission_classes = [CustomerRole]

    @extend_schema(request=None, responses={503: MemberError})
    def post(self, request: Request) -> JSONResponse:
        raise NoOnlinePayment


class ConfirmPayment(CreatePaymentIntent):
    """Answer that online payment is not set up."""


urlpatterns = [
    route("invoices/", MemberInvoices.as_view()),
    route("invoices/<public_id:id>/", MemberInvoice.as_view()),
    route("invoices/<public_id:id>/pdf/", MemberInvoicePdf.as_view()),
    route("payments/create-payment-intent/", CreatePaymentIntent.as_view()),
    route("payments/confirm-payment/", ConfirmPayment.as_view()),
]
