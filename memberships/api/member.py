"""Contract 003, "Offers", and the plans and memberships that its user body and offers speak of."""

from __future__ import annotations

from datetime import datetime

from django.db.models import DateTimeField, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Location
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json, Values
from common.http.contracts.member import MemberList, MemberView
from common.http.fields import Degrees, Instant, Money, PublicId
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.responses import JSONResponse
from common.http.routing import route
from common.reads.fields import AskedAt, Derived
from common.reads.params import as_expression
from common.reads.read import Read
from common.reads.serializers import Serializer
from memberships.actions import cancel, join
from memberships.models import Membership, MembershipStatus, Offer, Plan, Tier
from memberships.queries import active_membership
from memberships.querysets import OfferFilters
from memberships.renewals import renews_at
from vehicles.models import Vehicle

_TIERS: list[str] = Tier.values  # which the enumeration makes anew each time
_Words = serializers.ListField(child=serializers.CharField())


def tiers_of(*asked: bool) -> list[str]:
    """The tiers an offer asks for, lowest first; none where it asks for none."""
    return [tier for tier, is_asked in zip(_TIERS, asked, strict=True) if is_asked]


class PlanSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    tier = serializers.ChoiceField(choices=Tier.values)
    price = Money(as_number=True)
    features = Derived(str.splitlines, "features", output=_Words)


class MembershipSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    plan = PlanSerializer()
    status = serializers.ChoiceField(choices=MembershipStatus.values)
    startedAt = Instant(source="started_at")
    renewsAt = Derived(renews_at, "started_at", "now", output=Instant())


class OfferSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    terms = serializers.CharField(allow_blank=True)
    expiry = Instant()
    eligibleMemberships = Derived(tiers_of, "for_basic", "for_plus", "for_premium", output=_Words)
    locations = Derived(sorted, "locations.uuid", output=serializers.ListField(child=serializers.UUIDField()))
    createdAt = Instant(source="created_at")


class Plans(MemberList):
    """The plans on sale, the cheapest first."""

    permission_classes = [CustomerRole]
    serializer_class = PlanSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Plan]:
        return Plan.objects.visible_to(caller).order_by("price", "id")


class JoinInput(Serializer):
    planId = PublicId(source="plan")


class _MyMembershipQuery(Query):
    now = AskedAt()


def _my_membership(caller: Caller, filters: dict[str, datetime]) -> QuerySet[Membership]:
    rows = Membership.objects.visible_to(caller).active()
    return rows.annotate(now=as_expression(filters["now"], DateTimeField())).order_by("id")


class MyMembership(MemberView):
    """The caller's own membership. One who has none gets 404."""

    permission_classes = [CustomerRole]
    input_class = JoinInput
    read = Read(_my_membership, MembershipSerializer, params_of(_MyMembershipQuery))

    @extend_schema(responses=MembershipSerializer)
    def get(self, request: Request) -> JSONResponse:
        """One's own membership."""
        return self._show(timezone.now())

    @extend_schema(responses={201: MembershipSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Join a plan. Who is a member already gets 409, whatever the plan."""
        plan_id, now = self.read_body()["plan"], timezone.now()
        plan = Plan.objects.visible_to(self.caller).filter(uuid=plan_id).first()
        if plan is None:
            raise Missing("Plan not found")
        join(user_id=self.caller.user_id, plan=plan, now=now)
        return self._show(now, status=201)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> JSONResponse:
        """Leave, at once."""
        membership = active_membership(self.caller.user_id)
        if membership is None:
            raise Missing("Membership not found")
        cancel(membership=membership, by=self.caller.user_id, now=timezone.now())
        return JSONResponse(status=204)

    def _show(self, now: datetime, status: int = 200) -> JSONResponse:
        return JSONResponse(
            self.read.one(self.caller, {"now": now}, Missing("Membership not found")), status=status
        )


class OfferQuery(ListQuery):
    now = AskedAt()
    vehicleId = PublicId(
        source="vehicle", required=False, help_text="One's own vehicle: offers for its make and year."
    )
    locationId = PublicId(
        source="location", required=False, help_text="Offers that are good at this location."
    )
    lat = Degrees(limit=90, required=False, help_text="With `lng`: the nearest first.")
    lng = Degrees(limit=180, required=False)

    def validate(self, attrs: Json) -> Json:
        for name, other in (("lat", "lng"), ("lng", "lat")):
            if name not in attrs and other in attrs:
                raise serializers.ValidationError({name: ["lat and lng come together."]})
        return attrs


class Offers(MemberList):
    """What is on offer for the caller: by his tier, and what asks for none. Expired ones are not listed.

    What ends first comes first, or with `lat` and `lng` the nearest.
    """

    permission_classes = [CustomerRole]
    query = OfferQuery
    serializer_class = OfferSerializer

    @staticmethod
    def rows(caller: Caller, filters: OfferFilters) -> QuerySet[Offer]:
        return Offer.objects.visible_to(caller).matching(filters)

    def check(self, filters: Values) -> None:
        if "vehicle" in filters:
            mine = Vehicle.objects.visible_to(self.caller).in_use()
            if not mine.filter(uuid=filters["vehicle"]).exists():
                raise Missing("Vehicle not found")
        if "location" in filters and not Location.objects.filter(uuid=filters["location"]).exists():
            raise Missing("Location not found")


urlpatterns = [
    route("memberships/plans/", Plans.as_view()),
    route("memberships/me/", MyMembership.as_view()),
    route("offers/", Offers.as_view()),
]
