"""Contract 000's pattern: the customer's invoices, statements and account."""

from __future__ import annotations

from django.db.models import QuerySet

from billing.api.own import (
    AccountSerializer,
    InvoiceRowSerializer,
    OwnInvoiceSerializer,
    OwnInvoicesQuery,
    ShowAccount,
    ShowCreditNotePdf,
    ShowInvoice,
    ShowInvoicePdf,
    ShowReceiptPdf,
    ShowStatementPdf,
    StatementRowSerializer,
)
from billing.models import Invoice, Statement
from billing.own import OwnInvoiceFilters, find_own_invoices, find_own_statements
from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.contracts.shop import ShopCustomerList, ShopView
from common.http.fields import Day
from common.http.routing import route


class CustomerInvoicesQuery(OwnInvoicesQuery):
    dateFrom = Day(source="date_from", required=False, help_text="First day of issue, inclusive.")
    dateTo = Day(source="date_to", required=False, help_text="Last day of issue, inclusive.")

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "dateFrom", "dateTo")
        return attrs


class CustomerInvoices(ShopCustomerList):
    """List the invoices that are billed to the customer, newest first."""

    query = CustomerInvoicesQuery
    serializer_class = InvoiceRowSerializer

    @staticmethod
    def rows(caller: Caller, filters: OwnInvoiceFilters) -> QuerySet[Invoice]:
        return find_own_invoices(caller, filters)


class CustomerInvoice(ShowInvoice, ShopView):
    """Retrieve an invoice with its lines, credit notes and payments."""

    serializer_class = OwnInvoiceSerializer


class CustomerStatements(ShopCustomerList):
    """List the customer's monthly statements, latest first."""

    serializer_class = StatementRowSerializer

    @staticmethod
    def rows(caller: Caller, filters: Values) -> QuerySet[Statement]:
        return find_own_statements(caller)


class CustomerAccount(ShowAccount, ShopView):
    """Retrieve the balance of the customer's account and its ageing."""

    serializer_class = AccountSerializer


class CustomerInvoicePdf(ShowInvoicePdf, ShopView):
    """Retrieve an invoice as PDF.

    It is set at the first request and never again.
    """


class CustomerCreditNotePdf(ShowCreditNotePdf, ShopView):
    """Retrieve a credit note as PDF.

    It is set at the first request and never again.
    """


class CustomerReceiptPdf(ShowReceiptPdf, ShopView):
    """Retrieve the receipt of a payment or a refund as PDF.

    It is set at the first request and never again.
    """


class CustomerStatementPdf(ShowStatementPdf, ShopView):
    """Retrieve a monthly statement as PDF.

    It is set at the first request and never again.
    """


_INVOICES = "invoices/customers/me/invoices/"
_STATEMENTS = "statements/customers/me/statements/"
urlpatterns = [
    route(_INVOICES, CustomerInvoices.as_view()),
    route(f"{_INVOICES}<id:id>/", CustomerInvoice.as_view()),
    route(f"{_INVOICES}<id:id>/pdf/", CustomerInvoicePdf.as_view()),
    route("invoices/customers/me/credit-notes/<id:id>/pdf/", CustomerCreditNotePdf.as_view()),
    route("invoices/customers/me/payments/<id:id>/pdf/", CustomerReceiptPdf.as_view()),
    route(_STATEMENTS, CustomerStatements.as_view()),
    route(f"{_STATEMENTS}<id:id>/pdf/", CustomerStatementPdf.as_view()),
    route("invoices/customers/me/account/", CustomerAccount.as_view()),
]
