"""The staff API: recommendations."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Day, DecimalNumber, Id, Instant, Money, Word
from common.http.filters import ChoiceListFilter, IdFilter, apply, order, query_of
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from vehicles import recommendations as actions
from vehicles.models import Recommendation, RecommendationSource, RecommendationStatus, Urgency, Vehicle

ORDERING = {"id": ()}


def miles_or_null(**options: Any) -> DecimalNumber:
    return DecimalNumber(max_digits=9, decimal_places=2, allow_null=True, help_text="Miles.", **options)


class RecommendationSerializer(Serializer):
    id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField()
    source = serializers.ChoiceField(choices=RecommendationSource.choices)  # type: ignore[assignment]
    code = serializers.CharField(allow_blank=True, help_text="What it is about, such as `canned:5`.")
    text = serializers.CharField(allow_blank=True)
    urgency = serializers.ChoiceField(choices=Urgency.choices)
    amount = Money(allow_null=True, help_text="Before discount, fees and tax. Null is unknown.")
    status = serializers.ChoiceField(choices=RecommendationStatus.choices)
    due_on = serializers.DateField(allow_null=True)
    due_miles = miles_or_null()
    created_at = Instant()


class RecommendationInput(Serializer):
    text = serializers.CharField(max_length=10_000, required=False)
    urgency = Word(choices=Urgency.values, required=False)
    amount = Money(min_value=0, required=False, allow_null=True)
    due_on = Day(required=False, allow_null=True)
    due_miles = miles_or_null(min_value=0, required=False)


class NewRecommendationInput(RecommendationInput):
    vehicle_id = Id()
    text = serializers.CharField(max_length=10_000)


class RecommendationFilter(django_filters.FilterSet):
    vehicle_id = IdFilter(Vehicle, "vehicle_id")
    status = ChoiceListFilter(choices=RecommendationStatus.choices, lookup_expr="in")

    class Meta:
        model = Recommendation
        fields: list[str] = []


class StaffRecommendations(StaffViewSet):
    """List the work that is recommended for vehicles.

    The newest come first.
    """

    resource = "recommendations"
    model = Recommendation
    serializer_class = RecommendationSerializer
    query = query_of(RecommendationFilter, ORDERING)
    inputs = {"create": NewRecommendationInput, "partial_update": RecommendationInput}
    verbs = ("dismiss",)
    permissions = actions.PERMISSIONS

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Recommendation]:
        rows = apply(Recommendation.objects.visible_to(caller), RecommendationFilter, filters)
        return order(rows, ORDERING, filters, "-id")

    def create(self, request: Request) -> JSONResponse:
        """Recommend work for a vehicle in use."""
        body = self.read_body()
        vehicle = self.one_of(Vehicle, body.pop("vehicle_id"), field="vehicle_id")
        return self.show(actions.add_recommendation(vehicle=vehicle, **body).pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a recommendation that is open or quoted."""
        actions.change_recommendation(recommendation=self.row(id), **self.read_body())
        return self.show(id)

    def dismiss(self, request: Request, id: int) -> JSONResponse:
        """Dismiss an open recommendation."""
        actions.dismiss(recommendation=self.row(id))
        return self.show(id)


urlpatterns = StaffRecommendations.routes()
