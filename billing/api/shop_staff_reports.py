"""The staff API for reports, the journal and the closing of days."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Location
from appointments.queries import local_time
from billing import days
from billing.api.problems import DAY_CLOSED
from billing.invoices import today_of_shop
from billing.models import ClosedDay
from billing.reports.base import Report, Scope, head_of
from billing.reports.journal import journal
from billing.reports.receivables import receivables
from billing.reports.sheet import day_sheet, find_rows
from billing.reports.tax import tax_by_rate
from billing.reports.work import comebacks, declined_work, open_orders, technicians_hours
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Day, Id, Instant, Money
from common.http.filters import IdFilter, apply, order, query_of
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer

BY_DAY = {"day": ("day", "location_id")}
_PRINTS = "billing.view_closedday"
_REPORTS = "billing.report_closedday"


class ReportQuery(Query):
    location_id = Id(required=False, help_text="Id of the location. All locations by default.")
    format = serializers.ChoiceField(choices=["json", "csv"], default="json")


class DayQuery(ReportQuery):
    day = Day(
        required=False,
        help_text="Day of the report. Today at the location by default, or at the default one.",
    )


class PeriodQuery(ReportQuery):
    to = Day(
        source="last",
        required=False,
        help_text="Inclusive. Today at the location by default, or at the default one.",
    )

    def get_fields(self) -> Json:
        # `from` is a keyword of Python and cannot name a class attribute.
        first = Day(source="first", required=False, help_text="Inclusive. The first of its month by default.")
        return {"from": first} | super().get_fields()

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "from", "to")
        return attrs


class HeadSerializer(Serializer):
    report = serializers.CharField(help_text="Name of the report, as in its URL.")
    title = serializers.CharField()
    location_id = serializers.IntegerField(allow_null=True)
    location = serializers.CharField(help_text="Name of the location, or of all locations.")
    to = serializers.DateField(help_text="Last day of the report, inclusive.")
    zone = serializers.CharField(help_text="The time zone of the days.")
    date_rule = serializers.CharField(help_text="The rule by which rows count on a day.")

    def get_fields(self) -> Json:
        return {"from": serializers.DateField(help_text="First day of the report.")} | super().get_fields()


class ReportSerializer(HeadSerializer):
    rows = serializers.ListField(
        child=serializers.DictField(), help_text="Amounts are texts. Ids name the rows behind the figures."
    )
    totals = serializers.DictField(help_text="The sums of the rows.")


class SheetRowSerializer(Serializer):
    label = serializers.CharField(help_text="What the figure is.")  # type: ignore[assignment]  # DRF does not read the attribute
    amount = Money()


class SectionSerializer(Serializer):
    title = serializers.CharField()
    rows = SheetRowSerializer(many=True, help_text="The figures of the section.")
    total = SheetRowSerializer(help_text="The sum of the section.")


class SheetSerializer(HeadSerializer):
    sections = SectionSerializer(many=True, help_text="The sheet, section by section.")
    cash_expected = Money(help_text="Cash payments less cash refunds of the day.")
    lists = serializers.DictField(help_text="The ids of the rows behind the figures, by kind.")
    closed = serializers.DictField(allow_null=True, help_text="The sheet as it was closed and printed.")


class ClosedDaySerializer(Serializer):
    id = serializers.IntegerField()
    location_id = serializers.IntegerField()
    day = serializers.DateField()
    closed_at = Instant(help_text="When the day was closed.")
    closed_by_id = serializers.IntegerField(
        allow_null=True, help_text="Id of the user who closed the day. Null if the account was deleted."
    )
    cash_counted = Money(allow_null=True)
    note = serializers.CharField()


class ClosingInput(Serializer):
    location_id = Id()
    day = Day(help_text="Today or a past day at the location.")
    cash_counted = Money(
        required=False, allow_null=True, min_value=0, help_text="The money of the day that is in the till."
    )
    note = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class ClosedDayFilter(django_filters.FilterSet):
    location_id = IdFilter(Location, "location_id")

    class Meta:
        model = ClosedDay
        fields: list[str] = []


_TABLE = {200: ReportSerializer, (200, "text/csv"): OpenApiTypes.STR}
_SHEET = {200: SheetSerializer, (200, "text/csv"): OpenApiTypes.STR}


class StaffClosedDays(StaffViewSet):
    """List the closed days, the latest first."""

    ORDERING = BY_DAY
    resource = "reports"
    model = ClosedDay
    serializer_class = ClosedDaySerializer
    query = query_of(ClosedDayFilter, BY_DAY)
    inputs = {"close": ClosingInput}
    creates = frozenset({"close"})
    permissions = {"close": days.PERMISSIONS["close"]}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("closed-days/", get="list"), cls.address("day-sheet/close/", post="close")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[ClosedDay]:
        return order(apply(ClosedDay.objects.all(), ClosedDayFilter, filters), BY_DAY, filters, "-day")

    @extend_schema(responses={201: ClosedDaySerializer, **DAY_CLOSED})
    def close(self, request: Request) -> JSONResponse:
        """Close a day of a location.

        The sheet is stored, and what is posted on the day from now on counts on the next day.
        """
        body = self.read_body()
        closed = days.close_day(
            self.one_of(Location, body["location_id"], field="location_id"),
            body["day"],
            cash_counted=body.get("cash_counted"),
            note=body.get("note", ""),
            by=self.caller.user_id,
            now=timezone.now(),
        )
        return self.show(closed.pk, status=201)


class StaffReports(StaffViewSet):
    """Reports of billing and of the work."""

    resource = "reports"
    model = ClosedDay
    serializer_class = ReportSerializer
    matched = ""  # no row
    names: ClassVar[dict[str, str]] = {
        "day-sheet": "day_sheet",
        "tax": "tax",
        "receivables": "receivables",
        "open-orders": "open_orders",
        "hours": "hours",
        "declined": "declined",
        "comebacks": "comebacks",
        "journal": "journal",
    }
    lists = ()
    permissions = {"day_sheet": _PRINTS} | dict.fromkeys(list(names.values())[1:], _REPORTS)

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address(f"{noun}/", get=action) for noun, action in cls.names.items()]

    @extend_schema(responses=_SHEET, parameters=[DayQuery])
    def day_sheet(self, request: Request) -> HttpResponse:
        """Retrieve the day sheet.

        Sales by kind, less discounts, with tax, are the invoices less the credit notes of the day. Payments less
        refunds are its money. `closed` is the printed sheet of a closed day.
        """
        query = DayQuery.read(request.query_params)
        sheet = day_sheet(self._day(query))
        if query["format"] == "csv":
            return csv_response(sheet.report)
        location = sheet.scope.location
        closed = None if location is None else days.find_closed(location, sheet.scope.first)
        body = {
            **head_of(sheet.report),
            "sections": sheet.bodies,
            "cash_expected": str(sheet.cash),
            "lists": find_rows(sheet.scope),
            "closed": closed and closed.snapshot,
        }
        return JSONResponse(body)

    @extend_schema(responses=_TABLE, parameters=[PeriodQuery])
    def tax(self, request: Request) -> HttpResponse:
        """Retrieve sales and tax by rate.

        Credit notes are taken off on their own day.
        """
        query = PeriodQuery.read(request.query_params)
        return _response(tax_by_rate(self._period(query)), query)

    @extend_schema(responses=_TABLE, parameters=[DayQuery])
    def receivables(self, request: Request) -> HttpResponse:
        """Retrieve what customers owe at the end of a day, by days past due.

        Open payments and deposits are columns of their own.
        """
        query = DayQuery.read(request.query_params)
        return _response(receivables(self._day(query)), query)

    @extend_schema(responses=_TABLE, parameters=[ReportQuery])
    def open_orders(self, request: Request) -> HttpResponse:
        """Retrieve the open orders, and the completed ones without an invoice."""
        query = ReportQuery.read(request.query_params)
        return _response(open_orders(self._day(query), now=timezone.now()), query)

    @extend_schema(responses=_TABLE, parameters=[PeriodQuery])
    def hours(self, request: Request) -> HttpResponse:
        """Retrieve the sold and the worked hours by technician.

        The efficiency is sold ÷ worked hours, null without worked hours.
        """
        query = PeriodQuery.read(request.query_params)
        return _response(technicians_hours(self._period(query)), query)

    @extend_schema(responses=_TABLE, parameters=[PeriodQuery])
    def declined(self, request: Request) -> HttpResponse:
        """Retrieve the jobs that customers declined or deferred."""
        query = PeriodQuery.read(request.query_params)
        return _response(declined_work(self._period(query)), query)

    @extend_schema(responses=_TABLE, parameters=[PeriodQuery])
    def comebacks(self, request: Request) -> HttpResponse:
        """Retrieve the orders that do work again without charge, with their cost."""
        query = PeriodQuery.read(request.query_params)
        return _response(comebacks(self._period(query)), query)

    @extend_schema(responses=_TABLE, parameters=[PeriodQuery])
    def journal(self, request: Request) -> HttpResponse:
        """Retrieve the journal for accounting.

        Debits and credits are equal in every document. Closed days give the same lines again.
        """
        query = PeriodQuery.read(request.query_params)
        return _response(journal(self._period(query)), query)

    def _place(self, query: Json) -> tuple[Location | None, date]:
        """Return the location of a query and today there, of all locations at the default one. Raises Missing."""
        now = timezone.now()
        if "location_id" not in query:
            return None, today_of_shop(now)
        location = self.one_of(Location, query["location_id"], field="location_id")
        return location, local_time(location, now).date()

    def _day(self, query: Json) -> Scope:
        location, today = self._place(query)
        day = query.get("day", today)
        return Scope(day, day, location)

    def _period(self, query: Json) -> Scope:
        location, today = self._place(query)
        last = query.get("last") or max(today, query.get("first", today))
        return Scope(query.get("first") or last.replace(day=1), last, location)


def _response(report: Report, query: Json) -> HttpResponse:
    return csv_response(report) if query["format"] == "csv" else JSONResponse(report.body)


def csv_response(report: Report) -> HttpResponse:
    """Return a report as a CSV file in UTF-8 with a byte order mark, as spreadsheets expect it."""
    scope = report.scope
    place = "all" if scope.location is None else str(scope.location.pk)
    name = f"{report.name}-{place}-{scope.first}-{scope.last}.csv"
    return HttpResponse(
        "\ufeff" + report.csv,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": content_disposition_header(True, name) or "attachment",
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


urlpatterns = [*StaffClosedDays.routes(), *StaffReports.routes()]
