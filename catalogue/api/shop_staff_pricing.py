"""The staff API for price matrices and canned jobs."""

from __future__ import annotations

from decimal import Decimal

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from catalogue.models import Part, Service
from catalogue.pricing import actions
from catalogue.pricing.models import (
    LARGEST_FACTOR,
    LARGEST_HOURS,
    LARGEST_MARGIN,
    LARGEST_QUANTITY,
    CannedJob,
    CannedLineKind,
    PriceMatrix,
)
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import DecimalNumber, FineDecimal, FinePercent, Id, Money, Word
from common.http.filters import SearchFilter, apply, order, query_of
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer

BY_NAME = {"name": ("name",)}
_MOST_ROWS = 100
_LEAST = Decimal("0.01")


class BandSerializer(Serializer):
    from_cost = Money(min_value=0, help_text="The band begins at this cost. The boundary belongs to it.")
    multiplier = FineDecimal(
        max_digits=8, min_value=0, max_value=LARGEST_FACTOR, allow_null=True, required=False
    )
    margin = FinePercent(
        max_value=LARGEST_MARGIN, allow_null=True, required=False, help_text="Percent of the price."
    )


class PriceMatrixSerializer(Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=100)
    is_default = serializers.BooleanField(required=False)
    bands = BandSerializer(
        many=True, max_length=_MOST_ROWS, required=False, help_text="The bands by cost, the lowest first."
    )  # type: ignore[call-arg]  # of the list


class PriceMatrixInput(PriceMatrixSerializer):
    name = serializers.CharField(max_length=100, required=False)


class PriceMatrixFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Words to find in the name.")

    class Meta:
        model = PriceMatrix
        fields: list[str] = []


class StaffPriceMatrices(StaffViewSet):
    """List the price matrices with their bands."""

    resource = "price-matrices"
    model = PriceMatrix
    serializer_class = PriceMatrixSerializer
    query = query_of(PriceMatrixFilter, BY_NAME)
    inputs = {"create": PriceMatrixSerializer, "partial_update": PriceMatrixInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[PriceMatrix]:
        return order(apply(PriceMatrix.objects.all(), PriceMatrixFilter, filters), BY_NAME, filters, "name")

    def create(self, request: Request) -> JSONResponse:
        """Add a price matrix.

        The first one is the default. A cost belongs to the band with the largest `from_cost` that is not above it.
        """
        return self.show(actions.save_matrix(PriceMatrix(), **self.read_body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a price matrix.

        `bands` replace those that it has. `is_default: true` takes the default from the present one.
        """
        actions.save_matrix(self.row(id), **self.read_body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove a price matrix.

        The default is 409 while there are others.
        """
        actions.remove_matrix(self.row(id))
        return JSONResponse(status=204)


class CannedLineSerializer(Serializer):
    kind = Word(choices=CannedLineKind.choices)
    part_id = Id(allow_null=True, required=False)
    service_id = Id(allow_null=True, required=False)
    name = serializers.CharField(max_length=200, allow_blank=True, required=False)
    quantity = DecimalNumber(
        max_digits=7,
        decimal_places=2,
        min_value=_LEAST,
        max_value=LARGEST_QUANTITY,
        allow_null=True,
        required=False,
    )
    hours = DecimalNumber(
        max_digits=6,
        decimal_places=2,
        min_value=_LEAST,
        max_value=LARGEST_HOURS,
        allow_null=True,
        required=False,
    )
    amount = Money(min_value=0, allow_null=True, required=False)
    cost = Money(
        min_value=0,
        allow_null=True,
        required=False,
        help_text="What the shop pays for sublet work. Null otherwise.",
    )


class CannedJobSerializer(Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=200)
    concern = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    is_listed = serializers.BooleanField(required=False)
    lines = CannedLineSerializer(many=True, max_length=_MOST_ROWS, required=False)  # type: ignore[call-arg]  # of the list


class CannedJobInput(CannedJobSerializer):
    name = serializers.CharField(max_length=200, required=False)


class CannedJobFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Words to find in the name or the concern.")
    is_listed = django_filters.BooleanFilter()

    class Meta:
        model = CannedJob
        fields: list[str] = []


class StaffCannedJobs(StaffViewSet):
    """List the canned jobs with their lines."""

    resource = "canned-jobs"
    model = CannedJob
    serializer_class = CannedJobSerializer
    query = query_of(CannedJobFilter, BY_NAME)
    inputs = {"create": CannedJobSerializer, "partial_update": CannedJobInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[CannedJob]:
        return order(apply(CannedJob.objects.all(), CannedJobFilter, filters), BY_NAME, filters, "name")

    def create(self, request: Request) -> JSONResponse:
        """Add a canned job.

        A part line has a part and a quantity. A labour line has a service, or a name with hours or an amount. A sublet
        line has a name and an amount.
        """
        return self.show(actions.save_canned_job(CannedJob(), **self._body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a canned job.

        `lines` replace those that it has. Orders that have copied the job keep theirs.
        """
        actions.save_canned_job(self.row(id), **self._body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove a canned job.

        Orders that have copied it keep their lines.
        """
        actions.remove_canned_job(self.row(id))
        return JSONResponse(status=204)

    def _body(self) -> Json:
        """Return the body. Raises Missing if a line names a part or a service that does not exist."""
        body = self.read_body()
        for name, model in (("part", Part), ("service", Service)):
            ids = [line.get(f"{name}_id") for line in body.get("lines", ())]
            known = set(model._default_manager.filter(pk__in=filter(None, ids)).values_list("pk", flat=True))
            for number, pk in enumerate(ids):
                if pk is not None and pk not in known:
                    raise Missing(f"{name.capitalize()} not found.", field=f"lines[{number}].{name}_id")
        return body


urlpatterns = [*StaffPriceMatrices.routes(), *StaffCannedJobs.routes()]
