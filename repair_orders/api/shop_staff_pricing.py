"""The staff API for a location's labour rates, tax rule, fees and overrun policy."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Location
from catalogue.models import Part
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import FinePercent, Id, Money, Word
from common.http.filters import IdFilter, SearchFilter, apply, order, query_of
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer
from repair_orders.pricing import actions
from repair_orders.pricing.models import (
    FeeKind,
    FeeRule,
    LabourRate,
    OverrunBasis,
    OverrunChoice,
    OverrunPolicy,
    TaxRule,
)

BY_NAME = {"name": ("name",)}
BY_LOCATION = {"location": ("location_id",)}


class _PriceViewSet(StaffViewSet):
    """A noun whose rows are of one location, which is named when a row is created and stays."""

    def body(self) -> Json:
        body = self.read_body()
        if "location_id" in body:
            self.one_of(Location, body["location_id"], field="location_id")
        return body


class LabourRateSerializer(Serializer):
    id = serializers.IntegerField()
    location_id = serializers.IntegerField()
    name = serializers.CharField()
    per_hour = Money()
    is_default = serializers.BooleanField()


class LabourRateInput(Serializer):
    name = serializers.CharField(max_length=100, required=False)
    per_hour = Money(min_value=0, required=False, help_text="Dollars an hour.")
    is_default = serializers.BooleanField(required=False)


class NewLabourRateInput(LabourRateInput):
    location_id = Id()
    name = serializers.CharField(max_length=100)
    per_hour = Money(min_value=0, help_text="Dollars an hour.")


class LabourRateFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Words to find in the name.")
    location_id = IdFilter(Location, "location_id")

    class Meta:
        model = LabourRate
        fields: list[str] = []


class StaffLabourRates(_PriceViewSet):
    """List the labour rates of all locations."""

    ORDERING = {**BY_NAME, "price": ("per_hour",)}
    resource = "labour-rates"
    model = LabourRate
    serializer_class = LabourRateSerializer
    query = query_of(LabourRateFilter, ORDERING)
    inputs = {"create": NewLabourRateInput, "partial_update": LabourRateInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[LabourRate]:
        rows = apply(LabourRate.objects.all(), LabourRateFilter, filters)
        return order(rows, StaffLabourRates.ORDERING, filters, "name")

    def create(self, request: Request) -> JSONResponse:
        """Add a labour rate.

        The first rate of a location is its default.
        """
        return self.show(actions.save_labour_rate(LabourRate(), **self.body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a labour rate.

        Orders keep the rates that they were sold at. `is_default: true` takes the default from the present one.
        """
        actions.save_labour_rate(self.row(id), **self.body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove a labour rate.

        The default is 409 while the location has others.
        """
        actions.remove_labour_rate(self.row(id))
        return JSONResponse(status=204)


class TaxRuleSerializer(Serializer):
    id = serializers.IntegerField()
    location_id = serializers.IntegerField()
    percent = FinePercent()
    taxes_parts = serializers.BooleanField()
    taxes_labour = serializers.BooleanField()
    taxes_fees = serializers.BooleanField()
    taxes_sublet = serializers.BooleanField()


class TaxRuleInput(Serializer):
    percent = FinePercent(required=False)
    taxes_parts = serializers.BooleanField(required=False)
    taxes_labour = serializers.BooleanField(required=False)
    taxes_fees = serializers.BooleanField(required=False)
    taxes_sublet = serializers.BooleanField(required=False)


class NewTaxRuleInput(TaxRuleInput):
    location_id = Id()
    percent = FinePercent()


class TaxRuleFilter(django_filters.FilterSet):
    location_id = IdFilter(Location, "location_id")

    class Meta:
        model = TaxRule
        fields: list[str] = []


class StaffTaxRules(_PriceViewSet):
    """List the tax rules of all locations."""

    ORDERING = {**BY_LOCATION, "percent": ("percent",)}
    resource = "tax-rules"
    model = TaxRule
    serializer_class = TaxRuleSerializer
    query = query_of(TaxRuleFilter, ORDERING)
    inputs = {"create": NewTaxRuleInput, "partial_update": TaxRuleInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[TaxRule]:
        rows = apply(TaxRule.objects.all(), TaxRuleFilter, filters)
        return order(rows, StaffTaxRules.ORDERING, filters, "location")

    def create(self, request: Request) -> JSONResponse:
        """Add the tax rule of a location.

        A location has one. Where two taxes are charged, enter their sum.
        """
        return self.show(actions.save_rule(TaxRule(), **self.body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a tax rule.

        Orders keep the rate that they took.
        """
        actions.save_rule(self.row(id), **self.body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove a tax rule.

        New orders of the location then take a tax of 0.
        """
        actions.remove_rule(self.row(id))
        return JSONResponse(status=204)


class FeeRuleSerializer(Serializer):
    id = serializers.IntegerField()
    location_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=FeeKind.choices)
    percent = FinePercent(allow_null=True)
    amount = Money(allow_null=True)
    cap = Money(allow_null=True)
    part_ids = Derived(
        sorted,
        "parts.id",
        output=serializers.ListField(
            child=serializers.IntegerField(), help_text="The parts whose pieces are counted."
        ),
    )
    taxable = serializers.BooleanField()
    is_active = serializers.BooleanField()


class FeeRuleInput(Serializer):
    name = serializers.CharField(max_length=100, required=False)
    kind = Word(choices=FeeKind.choices, required=False)
    percent = FinePercent(allow_null=True, required=False)
    amount = Money(
        min_value=0, allow_null=True, required=False, help_text="Of a fixed fee, or of each piece."
    )
    cap = Money(min_value=0, allow_null=True, required=False, help_text="The largest fee.")
    part_ids = serializers.ListField(
        child=Id(), source="parts", max_length=200, required=False, help_text="For a fee per piece."
    )
    taxable = serializers.BooleanField(required=False)
    is_active = serializers.BooleanField(required=False)


class NewFeeRuleInput(FeeRuleInput):
    location_id = Id()
    name = serializers.CharField(max_length=100)
    kind = Word(choices=FeeKind.choices)


class FeeRuleFilter(django_filters.FilterSet):
    search = SearchFilter("", help_text="Words to find in the name.")
    location_id = IdFilter(Location, "location_id")
    is_active = django_filters.BooleanFilter()

    class Meta:
        model = FeeRule
        fields: list[str] = []


class StaffFeeRules(_PriceViewSet):
    """List the fees of all locations."""

    resource = "fee-rules"
    model = FeeRule
    serializer_class = FeeRuleSerializer
    query = query_of(FeeRuleFilter, BY_NAME)
    inputs = {"create": NewFeeRuleInput, "partial_update": FeeRuleInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[FeeRule]:
        return order(apply(FeeRule.objects.all(), FeeRuleFilter, filters), BY_NAME, filters, "name")

    def create(self, request: Request) -> JSONResponse:
        """Add a fee.

        A percent fee has a `percent`, a fixed fee and a fee per piece an `amount`. The fee is rounded, then capped.
        """
        return self.show(actions.save_fee_rule(FeeRule(), **self.body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a fee.

        `part_ids` replace those that it has.
        """
        actions.save_fee_rule(self.row(id), **self.body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove a fee.

        Orders keep the fees that they were sold with.
        """
        actions.remove_rule(self.row(id))
        return JSONResponse(status=204)

    def body(self) -> Json:
        body = super().body()
        if "parts" in body:
            found = Part.objects.in_bulk(body["parts"])
            for number, part_id in enumerate(body["parts"]):
                if part_id not in found:
                    raise Missing("Part not found.", field="parts", item=number)
            body["parts"] = list(found.values())
        return body


class OverrunPolicySerializer(Serializer):
    id = serializers.IntegerField()
    location_id = serializers.IntegerField()
    percent = FinePercent(allow_null=True)
    amount = Money(allow_null=True)
    choose = serializers.ChoiceField(choices=OverrunChoice.choices)
    cap = Money(allow_null=True)
    basis = serializers.ChoiceField(choices=OverrunBasis.choices)


class OverrunPolicyInput(Serializer):
    percent = FinePercent(allow_null=True, required=False, help_text="Percent of the authorised amount.")
    amount = Money(min_value=0, allow_null=True, required=False, help_text="Dollars.")
    choose = Word(choices=OverrunChoice.choices, required=False, help_text="Which of the two counts.")
    cap = Money(min_value=0, allow_null=True, required=False, help_text="The largest overrun.")
    basis = Word(choices=OverrunBasis.choices, required=False)


class NewOverrunPolicyInput(OverrunPolicyInput):
    location_id = Id()


class OverrunPolicyFilter(django_filters.FilterSet):
    location_id = IdFilter(Location, "location_id")

    class Meta:
        model = OverrunPolicy
        fields: list[str] = []


class StaffOverrunPolicies(_PriceViewSet):
    """List the overrun policies of all locations."""

    resource = "overrun-policies"
    model = OverrunPolicy
    serializer_class = OverrunPolicySerializer
    query = query_of(OverrunPolicyFilter, BY_LOCATION)
    inputs = {"create": NewOverrunPolicyInput, "partial_update": OverrunPolicyInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[OverrunPolicy]:
        rows = apply(OverrunPolicy.objects.all(), OverrunPolicyFilter, filters)
        return order(rows, BY_LOCATION, filters, "location")

    def create(self, request: Request) -> JSONResponse:
        """Add the overrun policy of a location.

        A location has at most one. It has a percent, an amount or both.
        """
        return self.show(actions.save_rule(OverrunPolicy(), **self.body()).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update an overrun policy."""
        actions.save_rule(self.row(id), **self.body())
        return self.show(id)

    def destroy(self, request: Request, id: int) -> JSONResponse:
        """Remove an overrun policy.

        The authorised amount is the ceiling then.
        """
        actions.remove_rule(self.row(id))
        return JSONResponse(status=204)


urlpatterns = [
    *StaffLabourRates.routes(),
    *StaffTaxRules.routes(),
    *StaffFeeRules.routes(),
    *StaffOverrunPolicies.routes(),
]
