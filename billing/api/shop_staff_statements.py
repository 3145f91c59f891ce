"""The staff API: statements of a customer, and the runs that make those of all who owe."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.urls import URLPattern, register_converter
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from billing import sending
from billing import statements as actions
from billing.api.papers import SentSerializer, sent_body
from billing.links import statement_url
from billing.models import RunState, Statement, StatementRun
from billing.papers.actions import statement_paper
from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.fields import Id, Instant, Money, Month
from common.http.query import Query
from common.http.routing import route
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer
from customers.actions import CustomerIsMerged
from customers.models import Customer
from customers.queries import find_kept
from repair_orders.api.answers import PDF
from repair_orders.papers.serving import pdf_response


class MonthConverter:
    """Convert a month as YYYY-MM to its first day. Anything else does not match."""

    regex = "(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(f"{value}-01")

    def to_url(self, value: date) -> str:
        return f"{value:%Y-%m}"


register_converter(MonthConverter, "month")


def _month_of(first: date) -> str:
    return f"{first:%Y-%m}"


def month_field() -> Derived:
    return Derived(_month_of, "month", output=serializers.CharField(help_text="As YYYY-MM."))


class StaffStatementRowSerializer(Serializer):
    id = serializers.IntegerField()
    customer_id = serializers.IntegerField()
    month = month_field()
    made_at = Instant()
    sent_at = Instant(allow_null=True, help_text="When its mail was last ordered.")
    balance = Money(help_text="At the end of the month. Below 0.00 the shop owed.")


class StaffStatementSerializer(StaffStatementRowSerializer):
    url = serializers.CharField(help_text="The customer's link.")
    snapshot = serializers.DictField(help_text="The whole paper as it was made.")


class StatementRunSerializer(Serializer):
    id = serializers.IntegerField()
    month = month_field()
    state = serializers.ChoiceField(choices=RunState.choices)
    total = serializers.IntegerField(help_text="Customers with unpaid invoices at the end of the month.")
    made = serializers.IntegerField(help_text="Those of them that are done.")
    mailed = serializers.IntegerField(help_text="The mails that were ordered.")
    started_by = serializers.IntegerField(
        source="started_by_id", allow_null=True, help_text="The acting user."
    )
    started_at = Instant()
    finished_at = Instant(allow_null=True)


class StatementRunInput(Serializer):
    month = Month(help_text="A month that is over, as YYYY-MM.")


class _OfCustomer(Query):
    id = Id()


class StaffStatements(StaffViewSet):
    """List the statements of a customer, the latest month first."""

    resource = "statements"  # below a customer
    model = Statement
    serializer_class = StaffStatementRowSerializer
    detail_class = StaffStatementSerializer
    path_query = _OfCustomer
    matched = ""  # a statement never changes
    permissions = {
        "retrieve": actions.PERMISSIONS["make"],
        "pdf": actions.PERMISSIONS["make"],
        "send": sending.PERMISSIONS["send"],
    }

    @classmethod
    def routes(cls) -> list[URLPattern]:
        def address(tail: str, **methods: str) -> URLPattern:
            known: Json = methods
            return route(f"customers/<id:id>/{cls.resource}/{tail}", cls.as_view(known))

        return [
            address("", get="list"),
            address("<month:month>/", get="retrieve"),
            address("<month:month>/pdf/", get="pdf"),
            address("<month:month>/send/", post="send"),
        ]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Statement]:
        rows = Statement.objects.visible_to(caller)
        if "id" in filters:
            rows = rows.filter(customer_id=filters["id"])
        return rows.newest_first()

    def validate_parent(self, filters: Values) -> None:
        self.row(filters["id"])

    def row(self, id: int) -> Any:
        """Return the customer of the URL. Raises CustomerIsMerged, Missing."""
        if self._row is None:
            kept = find_kept(pk=id)
            if kept is not None:
                raise CustomerIsMerged(id, kept.pk)
            self._row = self.one_of(Customer, id)
        return self._row

    def statement_of(self, id: int, month: date) -> Statement:
        """Return the statement of a month, which is made if there is none. Raises MonthNotOver, Missing."""
        return actions.make_statement(self.row(id), month, now=timezone.now())

    def list(self, request: Request, id: int) -> HttpResponseBase:  # type: ignore[override]  # id: the customer
        return self.list_response(request)

    def retrieve(self, request: Request, id: int, month: date) -> JSONResponse:  # type: ignore[override]  # id: the customer
        """Retrieve the statement of a month that is over.

        It is made at the first request and never again.
        """
        Query.read(request.query_params)
        statement = self.statement_of(id, month)
        row = self.read_one(self.caller, statement.pk)
        return JSONResponse(row | {"url": statement_url(statement), "snapshot": statement.snapshot})

    @extend_schema(responses=PDF)
    def pdf(self, request: Request, id: int, month: date) -> HttpResponse:
        """Retrieve the statement of a month as PDF.

        It is set at the first request and never again.
        """
        Query.read(request.query_params)
        return pdf_response(statement_paper(self.statement_of(id, month), now=timezone.now()))

    @extend_schema(responses=SentSerializer)
    def send(self, request: Request, id: int, month: date) -> JSONResponse:
        """Mail the statement of a month to its customer."""
        statement, now = self.statement_of(id, month), timezone.now()
        return sent_body(sending.send_statement(statement, by=self.caller.user_id, now=now))


class StaffStatementRuns(StaffViewSet):
    """List the runs of monthly statements, newest first."""

    resource = "statement-runs"
    model = StatementRun
    serializer_class = StatementRunSerializer
    inputs = {"create": StatementRunInput}
    permissions = {
        "list": "billing.view_statement",
        "retrieve": "billing.view_statement",
        "create": actions.PERMISSIONS["run"],
    }

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[StatementRun]:
        return StatementRun.objects.order_by("-started_at", "-id")

    def create(self, request: Request) -> JSONResponse:
        """Make and mail the statements of a month, of all customers with unpaid invoices at its end.

        A task does the work. The run shows how many are done. A run of the month that is not finished is continued.
        """
        month = self.read_body()["month"]
        run = actions.run_statements(month, by=self.caller.user_id, now=timezone.now())
        return self.show(run.pk, status=201)


urlpatterns = [*StaffStatements.routes(), *StaffStatementRuns.routes()]
