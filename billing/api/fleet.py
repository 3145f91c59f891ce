"""Contract 001: the fleet's invoices, statements and account. Amounts are numbers here."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from billing.api import own
from billing.models import Invoice, InvoiceKind, Statement
from billing.own import OwnInvoiceFilters, find_own_invoices, find_own_statements, jobs_of
from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.contracts.fleet import FleetList, FleetView
from common.http.fields import Day, Id, Instant, Money
from common.http.permissions import CustomersOnly
from common.http.routing import route
from common.reads.serializers import Derived, Serializer
from repair_orders.api.fleet_estimates import TotalsNumbers


class InvoiceNumbers(Serializer):
    """An invoice in a list. `balance` = total - credited - paid."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=InvoiceKind.values)
    state = own.state_field()
    repair_id = serializers.IntegerField(
        source="repair_order_id", allow_null=True, help_text="Id of the repair. Null for an opening balance."
    )
    unit_number = serializers.CharField(
        source="vehicle_label", allow_null=True, help_text="Null for an opening balance."
    )
    po_number = serializers.CharField(allow_blank=True)
    day = serializers.DateField(help_text="The day on which it was issued, where the shop is.")
    due_on = serializers.DateField()
    total = Money(as_number=True)
    credited = Money(as_number=True, help_text="By credit notes.")
    paid = Money(as_number=True)
    balance = Money(as_number=True, help_text="What is left to pay.")


class BilledLineNumbers(own.BilledLineSerializer):
    amount = Money(as_number=True)
    discount = Money(as_number=True)
    net = Money(as_number=True)
    tax = Money(as_number=True)


class CreditNoteNumbers(own.CreditNoteBriefSerializer):
    total = Money(as_number=True)


class UseNumbers(own.UseSerializer):
    amount = Money(as_number=True)


class OneInvoiceNumbers(InvoiceNumbers):
    """An invoice with its lines, and with what was paid and credited since."""

    issued_at = Instant()
    customer_name = serializers.CharField(
        source="snapshot.customer.name",
        help_text="The customer of the repair, who may be another one than who pays.",
    )
    jobs = Derived(jobs_of, "snapshot", output=own.BilledJobSerializer(many=True))
    lines = BilledLineNumbers(many=True)
    totals = TotalsNumbers(source="*")
    credit_notes = CreditNoteNumbers(many=True)
    payments = UseNumbers(source="uses", many=True, help_text="Payments that are used for the invoice.")


class StatementNumbers(own.StatementRowSerializer):
    balance = Money(as_number=True, help_text="At the end of the month. Below 0 if the shop owed.")


class AgeingNumbers(own.AgeingSerializer):
    current = own.Sum(as_number=True, help_text="Not yet due.")
    d30 = own.Sum(as_number=True, help_text="1 to 30 days past due.")
    d60 = own.Sum(as_number=True)
    d90 = own.Sum(as_number=True)
    over = own.Sum(as_number=True, help_text="More than 90 days past due.")


class AccountNumbers(own.AccountSerializer):
    invoiced = own.Sum(as_number=True, help_text="With parts orders, while they are paid for.")
    credited = own.Sum(as_number=True)
    paid = own.Sum(as_number=True)
    refunded = own.Sum(as_number=True)
    balance = own.Sum(
        as_number=True, help_text="invoiced - credited - paid + refunded. Below 0 if the shop owes."
    )
    open_payments = own.Sum(as_number=True, help_text="Paid, and not used for anything.")
    deposits = own.Sum(as_number=True, help_text="Paid, and kept for repairs that are not invoiced.")
    ageing = AgeingNumbers()


class InvoiceQuery(own.OwnInvoicesQuery):
    """The query parameters of a list of invoices, for the JSON and for the pages."""

    unit_id = Id(required=False)
    unit_number = serializers.CharField(
        required=False, max_length=30, help_text="Unit number, as the invoice has it, in upper or lower case."
    )
    date_from = Day(required=False, help_text="First day of issue, inclusive.")
    date_to = Day(required=False, help_text="Last day of issue, inclusive.")

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "date_from", "date_to")
        return attrs


class Invoices(FleetList):
    """List the invoices that are billed to the fleet, newest first."""

    permission_classes = [CustomersOnly]
    query = InvoiceQuery
    serializer_class = InvoiceNumbers

    @staticmethod
    def rows(caller: Caller, filters: OwnInvoiceFilters) -> QuerySet[Invoice]:
        return find_own_invoices(caller, filters)


class OneInvoice(own.ShowInvoice, FleetView):
    """Retrieve an invoice with its lines, credit notes and payments."""

    serializer_class = OneInvoiceNumbers


class Statements(FleetList):
    """List the fleet's monthly statements, latest first."""

    permission_classes = [CustomersOnly]
    serializer_class = StatementNumbers

    @staticmethod
    def rows(caller: Caller, filters: Values) -> QuerySet[Statement]:
        return find_own_statements(caller)


class FleetAccount(own.ShowAccount, FleetView):
    """Retrieve the balance of the fleet's account and its ageing."""

    serializer_class = AccountNumbers


class InvoicePdf(own.ShowInvoicePdf, FleetView):
    """Retrieve an invoice as PDF.

    It is set at the first request and never again.
    """


class CreditNotePdf(own.ShowCreditNotePdf, FleetView):
    """Retrieve a credit note as PDF.

    It is set at the first request and never again.
    """


class ReceiptPdf(own.ShowReceiptPdf, FleetView):
    """Retrieve the receipt of a payment or a refund as PDF.

    It is set at the first request and never again.
    """


class StatementPdf(own.ShowStatementPdf, FleetView):
    """Retrieve a monthly statement as PDF.

    It is set at the first request and never again.
    """


urlpatterns = [
    route("invoices/", Invoices.as_view()),
    route("invoices/<id:id>/", OneInvoice.as_view()),
    route("invoices/<id:id>/pdf/", InvoicePdf.as_view()),
    route("credit-notes/<id:id>/pdf/", CreditNotePdf.as_view()),
    route("payments/<id:id>/pdf/", ReceiptPdf.as_view()),
    route("statements/", Statements.as_view()),
    route("statements/<id:id>/pdf/", StatementPdf.as_view()),
    route("account/", FleetAccount.as_view()),
]
