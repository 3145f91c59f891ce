"""The staff API: the customers to call about work that they put off."""

from __future__ import annotations

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import URLPattern
from rest_framework import serializers

from appointments.models import Location
from common.domain.caller import Caller
from common.domain.types import AnyQuerySet, Json
from common.http.fields import Instant, Money
from common.http.filters import DayFilter, IdFilter, apply, order, query_of
from common.http.viewsets import StaffViewSet
from common.reads.serializers import AskedAt, Derived, Serializer
from customers.api.shop import contact_text, name_of
from repair_orders.models import Job
from repair_orders.queries import find_follow_ups
from vehicles.labels import unit_label
from vehicles.models import Recommendation, Urgency

ORDERING = {"id": ()}


class FollowUpSerializer(Serializer):
    """Work that a customer put off, and how to reach them."""

    id = serializers.IntegerField(help_text="Of the recommendation.")
    text = serializers.CharField(allow_blank=True)
    urgency = serializers.ChoiceField(choices=Urgency.choices)
    amount = Money(allow_null=True, help_text="Before discount, fees and tax.")
    created_at = Instant()
    due_on = serializers.DateField(allow_null=True, help_text="The day from which to ask again.")
    vehicle_id = serializers.IntegerField()
    vehicle = Derived(
        unit_label,
        "vehicle.unit_number",
        "vehicle.license_plate",
        "vehicle.vin",
        "vehicle.id",
        output=serializers.CharField(),
    )
    customer_id = serializers.IntegerField(source="vehicle.customer_id")
    customer_name = name_of("vehicle.customer.")
    phone = contact_text("vehicle.customer.contact.phone")
    email = contact_text("vehicle.customer.contact.email")


class PutOffAtFilter(IdFilter):
    """Rows whose work was put off in an order of a location."""

    def filter(self, qs: AnyQuerySet, value: object) -> AnyQuerySet:
        put_off: AnyQuerySet = Job.objects.put_off().filter(recommendation=OuterRef("pk"))
        return qs.filter(Exists(put_off.filter(repair_order__location=value)))


class FollowUpFilter(django_filters.FilterSet):
    location_id = PutOffAtFilter(Location, "location_id")
    created_to = DayFilter("created_at", "lte", help_text="Put off on or before this day.")

    class Meta:
        model = Recommendation
        fields: list[str] = []


class FollowUpQuery(query_of(FollowUpFilter, ORDERING)):  # type: ignore[misc]  # made from declarations
    now = AskedAt()


class StaffFollowUps(StaffViewSet):
    """List the work that customers put off, the oldest first.

    It is open, of a vehicle in use, and not to be asked about on a later day (`due_on`).
    """

    resource = "follow-ups"
    model = Recommendation
    serializer_class = FollowUpSerializer
    query = FollowUpQuery
    permissions = {"list": "vehicles.change_recommendation"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", get="list")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Recommendation]:
        rows = find_follow_ups(caller, now=filters["now"])
        return order(apply(rows, FollowUpFilter, filters), ORDERING, filters, "id")


urlpatterns = StaffFollowUps.routes()
