"""The staff API for the catalogue: parts and services."""

from __future__ import annotations

from operator import sub
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from catalogue import actions
from catalogue.models import Part, Service
from catalogue.shelf import actions as shelf
from catalogue.shelf.models import LARGEST_STOCK, MoveKind, StockMove
from catalogue.shelf.ordered import order_from_vendor
from catalogue.shelf.queries import find_needed_parts
from catalogue.shelf.sources import name_sources
from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.fields import Day, DecimalNumber, Id, Instant, Money
from common.http.filters import SearchFilter, apply, order, query_of
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer


def _unit_cost(**options: Any) -> DecimalNumber:
    return DecimalNumber(
        max_digits=12, decimal_places=4, allow_null=True, help_text="Dollars. Null is unknown.", **options
    )


def _hours(**options: Any) -> DecimalNumber:
    return DecimalNumber(max_digits=6, decimal_places=2, allow_null=True, **options)


class PartInput(Serializer):
    name = serializers.CharField(max_length=200)
    part_number = serializers.CharField(max_length=60)
    manufacturer = serializers.CharField(max_length=120, allow_blank=True, required=False)
    unit_price = Money(min_value=0)
    unit_cost = _unit_cost(min_value=0, required=False)
    core_charge = Money(
        min_value=0,
        required=False,
        allow_null=True,
        help_text="Charged with each piece until the old part is back.",
    )
    taxable = serializers.BooleanField(required=False)
    warranty_months = serializers.IntegerField(min_value=0, max_value=1200, required=False)
    is_listed = serializers.BooleanField(required=False)
    is_sold_online = serializers.BooleanField(required=False)


class VendorOrderSerializer(Serializer):
    """Pieces that are on order from a vendor and have not come in."""

    pieces = serializers.IntegerField(help_text="Pieces that have not come in.")
    vendor = serializers.CharField(help_text="From whom they are ordered.")
    reference = serializers.CharField(allow_blank=True, help_text="The vendor's number of the order.")
    expected_on = serializers.DateField(allow_null=True, help_text="The day on which they should come in.")
    by = serializers.IntegerField(source="by_id", allow_null=True, help_text="The user who ordered.")
    at = Instant(help_text="When it was noted.")


class PartSerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    part_number = serializers.CharField()
    manufacturer = serializers.CharField(allow_blank=True)
    unit_price = Money()
    unit_cost = _unit_cost()
    core_charge = Money(allow_null=True)
    taxable = serializers.BooleanField()
    warranty_months = serializers.IntegerField()
    is_listed = serializers.BooleanField()
    is_sold_online = serializers.BooleanField()
    is_stocked = serializers.BooleanField()
    stock = serializers.IntegerField(help_text="Pieces on the shelf.")
    reserved = serializers.IntegerField(help_text="Pieces that are kept for jobs and parts orders.")
    available = Derived(
        sub, "stock", "reserved", output=serializers.IntegerField(help_text="`stock - reserved`.")
    )
    on_order = VendorOrderSerializer(allow_null=True, help_text="What is on order from a vendor.")


class ReceiveInput(Serializer):
    pieces = serializers.IntegerField(min_value=1, max_value=LARGEST_STOCK)
    unit_cost = _unit_cost(min_value=0, required=False)
    reference = serializers.CharField(max_length=200, required=False, allow_blank=True)


class CountInput(Serializer):
    pieces = serializers.IntegerField(min_value=0, max_value=LARGEST_STOCK)
    reason = serializers.CharField(max_length=200)


class VendorReturnInput(Serializer):
    pieces = serializers.IntegerField(min_value=1, max_value=LARGEST_STOCK)
    reference = serializers.CharField(max_length=200)


class VendorOrderInput(Serializer):
    pieces = serializers.IntegerField(
        min_value=0, max_value=LARGEST_STOCK, help_text="All pieces that are on order. 0 ends it."
    )
    vendor = serializers.CharField(
        max_length=120,
        required=False,
        allow_blank=True,
        help_text="From whom they are ordered. Needed for more than 0 pieces.",
    )
    reference = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="The vendor's number of the order."
    )
    expected_on = Day(required=False, allow_null=True, help_text="The day on which they should come in.")


class StockMoveSerializer(Serializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=MoveKind.choices)
    pieces = serializers.IntegerField(help_text="Negative if they leave the shelf, or are released.")
    unit_cost = _unit_cost()
    source = serializers.CharField(allow_blank=True, help_text="Such as `job:812` or `order:55`.")  # type: ignore[assignment]
    note = serializers.CharField(allow_blank=True, help_text="The reason or reference.")
    by = serializers.IntegerField(source="by_id", allow_null=True, help_text="The acting user.")
    at = Instant()


def _missing_by_source(sources: list[str], pieces: list[int], filled: list[int]) -> list[Json]:
    rows = zip(sources, pieces, filled, strict=True)
    return [{"source": source, "pieces": needed - kept} for source, needed, kept in rows if needed > kept]


def _short(pieces: list[int], filled: list[int]) -> int:
    return sum(pieces) - sum(filled)


class NeededForSerializer(Serializer):
    """Who is short of pieces. The keys name a job of a repair order, or a parts order."""

    repair_order_id = serializers.IntegerField(required=False)
    job_id = serializers.IntegerField(required=False)
    order_id = serializers.IntegerField(required=False)
    source = serializers.CharField(required=False, help_text="Instead of ids, if its row is gone.")  # type: ignore[assignment]
    pieces = serializers.IntegerField()


class NeededPartSerializer(Serializer):
    part_id = serializers.IntegerField(source="id")
    name = serializers.CharField()
    part_number = serializers.CharField()
    short = Derived(
        _short,
        "reservations.pieces",
        "reservations.filled",
        output=serializers.IntegerField(help_text="Pieces that are missing."),
    )
    on_order = VendorOrderSerializer(allow_null=True, help_text="What is on order from a vendor.")


# `for` is a word of Python.
NeededPartSerializer._declared_fields["for"] = Derived(
    _missing_by_source,
    *("reservations.source", "reservations.pieces", "reservations.filled"),
    output=NeededForSerializer(many=True, help_text="What the pieces are for."),
)


class ServiceSerializer(Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    labor_cost = Money(min_value=0)
    hours = _hours(min_value=0, required=False, help_text="The usual labour time.")
    taxable = serializers.BooleanField(required=False)
    warranty_months = serializers.IntegerField(min_value=0, max_value=1200, required=False)
    is_listed = serializers.BooleanField(required=False)


class PartFilter(django_filters.FilterSet):
    search = SearchFilter(
        "",
        help_text="Words to find in the name, the part number or the manufacturer.",
    )
    taxable = django_filters.BooleanFilter()
    is_listed = django_filters.BooleanFilter()
    is_stocked = django_filters.BooleanFilter()

    class Meta:
        model = Part
        fields: list[str] = []


class ServiceFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Words to find in the name or the description.")
    taxable = django_filters.BooleanFilter()
    is_listed = django_filters.BooleanFilter()

    class Meta:
        model = Service
        fields: list[str] = []


class _ArticleViewSet(StaffViewSet):
    model: ClassVar[type[Part] | type[Service]]

    def create(self, request: Request) -> JSONResponse:
        return self.show(actions.save_article(self.model(), **self.read_body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        actions.save_article(self.row(id), **self.read_body(partial=True))
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove an article that was never sold."""
        actions.remove_article(self.row(id))
        return JSONResponse(status=204)


class StaffParts(_ArticleViewSet):
    """List the parts of the catalogue."""

    ORDERING = {"name": ("name",), "price": ("unit_price",), "number": ("part_number",)}
    resource = "parts"
    model = Part
    serializer_class = PartSerializer
    query = query_of(PartFilter, ORDERING)
    inputs = {
        "create": PartInput,
        "partial_update": PartInput,
        "receive": ReceiveInput,
        "count": CountInput,
        "return_to_vendor": VendorReturnInput,
        "order_from_vendor": VendorOrderInput,
    }
    verbs = ("receive", "count")
    permissions = shelf.PERMISSIONS

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            *super().routes(),
            cls.address("<id:id>/return-to-vendor/", post="return_to_vendor"),
            cls.address("<id:id>/order-from-vendor/", post="order_from_vendor"),
        ]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Part]:
        return order(
            apply(Part.objects.filter(is_placeholder=False), PartFilter, filters),
            StaffParts.ORDERING,
            filters,
            "name",
        )

    def receive(self, request: Request, id: int) -> JSONResponse:
        """Receive pieces of a part.

        They fill the oldest open reservations. `unit_cost` is the price paid for a piece and moves the average.
        """
        shelf.receive(part=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def count(self, request: Request, id: int) -> JSONResponse:
        """Count the pieces of a part.

        `pieces` is the number on the shelf. If fewer are there than are kept, the youngest reservations lose theirs.
        """
        shelf.count(part=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def return_to_vendor(self, request: Request, id: int) -> JSONResponse:
        """Return pieces of a part to the vendor.

        Only available pieces can be returned.
        """
        shelf.return_to_vendor(
            part=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(id)

    def order_from_vendor(self, request: Request, id: int) -> JSONResponse:
        """Record what is on order of a part.

        It takes the place of what was noted before. Receipts take their pieces from it, and end it.
        """
        order_from_vendor(part=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)


class _PartQuery(Query):
    id = Id()


class StaffPartMoves(StaffViewSet):
    """The moves of one part."""

    resource = "parts"
    model = StockMove
    serializer_class = StockMoveSerializer
    path_query = _PartQuery
    lists = ("moves",)
    permissions = {"moves": "catalogue.view_stockmove"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("<id:id>/moves/", get="moves")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[StockMove]:
        return StockMove.objects.visible_to(caller).filter(part=filters["id"]).newest_first()

    def validate_parent(self, filters: Values) -> None:
        self.one_of(Part, filters["id"])

    def moves(self, request: Request, id: int) -> HttpResponseBase:
        """List the moves of a part, newest first."""
        return self.list_response(request)


class StaffNeededParts(StaffViewSet):
    """List the parts that jobs and parts orders are short of.

    They are filled as pieces come in, the oldest reservation first.
    """

    resource = "needed-parts"
    model = Part
    serializer_class = NeededPartSerializer
    permissions = {"list": "catalogue.view_reservation"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", get="list")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Part]:
        return find_needed_parts(caller)

    def finish_rows(self, rows: list[Json]) -> list[Json]:
        """Name the rows of the sources."""
        shown = [row for row in rows if "for" in row]
        names = name_sources(entry["source"] for row in shown for entry in row["for"])
        for row in shown:
            row["for"] = [
                {**(names[entry["source"]].keys or {"source": entry["source"]}), "pieces": entry["pieces"]}
                for entry in row["for"]
            ]
        return rows


class StaffServices(_ArticleViewSet):
    """List the services of the catalogue."""

    ORDERING = {"name": ("name",), "price": ("labor_cost",)}
    resource = "services"
    model = Service
    serializer_class = ServiceSerializer
    query = query_of(ServiceFilter, ORDERING)
    inputs = {"create": ServiceSerializer, "partial_update": ServiceSerializer}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Service]:
        return order(
            apply(Service.objects.filter(is_placeholder=False), ServiceFilter, filters),
            StaffServices.ORDERING,
            filters,
            "name",
        )


urlpatterns = [
    *StaffParts.routes(),
    *StaffPartMoves.routes(),
    *StaffNeededParts.routes(),
    *StaffServices.routes(),
]
