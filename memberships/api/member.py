"""Contract 003, "Offers", and the plans and memberships that its user body and offers refer to.

The routes under `users/` and `payments/` are those of the contract's web client (docs/design, D17).
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import DateTimeField, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from appointments.models import Location
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList, MemberView
from common.http.fields import Degrees, Instant, Money, OptionalText, PublicId
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import AskedAt, Derived, Serializer
from common.reads.statements import as_expression
from memberships.actions import cancel, join, switch_renewal
from memberships.models import Membership, MembershipStatus, Offer, Plan, Tier
from memberships.queries import get_active_membership
from memberships.querysets import OfferFilters
from memberships.renewals import renews_at
from vehicles.models import Vehicle

_TIERS: list[str] = Tier.values  # stored once, because `values` builds a new list on each access
_TextList = serializers.ListField(child=serializers.CharField())


def required_tiers(*flags: bool) -> list[str]:
    """Return the tiers that an offer is limited to, lowest first. An offer for all customers has none."""
    return [tier for tier, is_required in zip(_TIERS, flags, strict=True) if is_required]


def is_missing(value: object) -> bool:
    return value is None


class PlanSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    tier = serializers.ChoiceField(choices=Tier.values, help_text="Tier of the plan.")
    price = Money(as_number=True, help_text="Price a month.")
    features = Derived(str.splitlines, "features", output=_TextList)


class MembershipSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    plan = PlanSerializer(help_text="The plan of the membership.")
    status = serializers.ChoiceField(choices=MembershipStatus.values)
    startedAt = Instant(source="started_at")
    renewsAt = Derived(
        renews_at,
        "started_at",
        "now",
        output=Instant(help_text="When the membership renews, or ends if it does not renew."),
    )
    autoRenew = Derived(
        is_missing, "ends_at", output=serializers.BooleanField(help_text="False: it ends at `renewsAt`.")
    )


class ClientPlanSerializer(PlanSerializer):
    price_monthly = Money(source="price", as_number=True, help_text="As `price`, by the web client's name.")


class ClientMembershipSerializer(MembershipSerializer):
    auto_renew = Derived(is_missing, "ends_at", output=serializers.BooleanField(help_text="As `autoRenew`."))


class OfferSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    terms = serializers.CharField(allow_blank=True)
    expiry = Instant()
    eligibleMemberships = Derived(required_tiers, "for_basic", "for_plus", "for_premium", output=_TextList)
    locations = Derived(
        sorted,
        "locations.uuid",
        output=serializers.ListField(
            child=serializers.UUIDField(),
            help_text="Ids of the locations at which it is valid. Empty if it is valid at all.",
        ),
    )
    createdAt = Instant(source="created_at")


class Plans(MemberList):
    """List the plans on sale, cheapest first."""

    permission_classes = [CustomerRole]
    serializer_class = PlanSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Plan]:
        return Plan.objects.visible_to(caller).order_by("price", "id")


class PaymentPlans(MemberView):
    """The plans on sale, open to everyone, for the page that presents them."""

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(responses=ClientPlanSerializer(many=True))
    def get(self, request: Request) -> JSONResponse:
        """List the plans on sale without a login."""
        plans = Plan.objects.on_sale().order_by("price", "id")
        return JSONResponse([serialize(ClientPlanSerializer, plan) for plan in plans])


class JoinInput(Serializer):
    planId = PublicId(source="plan")


class _MyMembershipQuery(Query):
    now = AskedAt()


def _my_membership(caller: Caller, filters: dict[str, datetime]) -> QuerySet[Membership]:
    rows = Membership.objects.visible_to(caller).current(filters["now"])
    return rows.annotate(now=as_expression(filters["now"], DateTimeField())).order_by("id")


class MyMembership(MemberView):
    """The caller's own membership. Without one the response is 404."""

    permission_classes = [CustomerRole]
    input_class = JoinInput
    read = Read(_my_membership, MembershipSerializer, params_of(_MyMembershipQuery))

    @extend_schema(responses=MembershipSerializer)
    def get(self, request: Request) -> JSONResponse:
        """Retrieve the caller's membership."""
        return self._respond(timezone.now())

    @extend_schema(responses={201: MembershipSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Join a plan.

        If the caller already has an active membership, the response is 409.
        """
        plan_id, now = self.read_body()["plan"], timezone.now()
        plan = Plan.objects.visible_to(self.caller).filter(uuid=plan_id).first()
        if plan is None:
            raise Missing("Plan not found")
        join(user_id=self.caller.user_id, plan=plan, now=now)
        return self._respond(now, status=201)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> JSONResponse:
        """Cancel the membership.

        It ends immediately.
        """
        now = timezone.now()
        cancel(membership=_own_membership(self.caller, now), by=self.caller.user_id, now=now)
        return JSONResponse(status=204)

    def _respond(self, now: datetime, status: int = 200) -> JSONResponse:
        return JSONResponse(
            self.read.one(self.caller, {"now": now}, Missing("Membership not found")), status=status
        )


def _own_membership(caller: Caller, now: datetime) -> Membership:
    membership = get_active_membership(caller.user_id, now)
    if membership is None:
        raise Missing("Membership not found")
    return membership


class CancellationInput(Serializer):
    reason = OptionalText(max_length=2000)


class Cancelled(Serializer):
    """A cancelled membership, also under the names of the web client."""

    message = serializers.CharField(default="The membership was cancelled.")
    membershipStatus = serializers.ChoiceField(
        source="status", choices=MembershipStatus.values, help_text="State of the membership."
    )
    cancelledAt = Instant(source="cancelled_at")
    membership_status = serializers.ChoiceField(
        source="status", choices=MembershipStatus.values, help_text="State of the membership."
    )
    cancelled_at = Instant()


class CancelMembership(MemberView):
    """Cancel the membership, as `DELETE /api/memberships/me/` does, with the member's reason."""

    permission_classes = [CustomerRole]
    input_class = CancellationInput

    @extend_schema(responses=Cancelled)
    def post(self, request: Request) -> JSONResponse:
        """Cancel the membership and give a reason.

        It ends immediately. Without a membership the response is 404.
        """
        body, now = self.read_body(), timezone.now()
        membership = _own_membership(self.caller, now)
        cancel(membership=membership, by=self.caller.user_id, now=now, **body)
        return JSONResponse(serialize(Cancelled, membership))


class RenewalInput(Serializer):
    """`autoRenew`, also under the name that the web client sends."""

    autoRenew = serializers.BooleanField(
        source="renews", required=False, help_text="Whether the membership renews by itself."
    )
    auto_renew = serializers.BooleanField(required=False, help_text="The same as `autoRenew`.")

    def validate(self, attrs: Json) -> Json:
        other = attrs.pop("auto_renew", None)
        if attrs.setdefault("renews", other) is None:
            raise serializers.ValidationError({"autoRenew": ["This field is required."]}, code="required")
        if other is not None and other != attrs["renews"]:
            raise serializers.ValidationError({"autoRenew": ["Differs from auto_renew."]})
        return attrs


class ToggleRenewal(MemberView):
    """Switch the renewal of the membership off or on."""

    permission_classes = [CustomerRole]
    input_class = RenewalInput
    read = Read(_my_membership, ClientMembershipSerializer, params_of(_MyMembershipQuery))

    @extend_schema(responses=ClientMembershipSerializer)
    def post(self, request: Request) -> JSONResponse:
        """Switch the renewal of the membership off or on.

        Without renewal the membership ends at `renewsAt`. Until then it can be switched on again.
        """
        body, now = self.read_body(), timezone.now()
        membership = _own_membership(self.caller, now)
        switch_renewal(membership=membership, by=self.caller.user_id, now=now, **body)
        return JSONResponse(self.read.one(self.caller, {"now": now}, Missing("Membership not found")))


class OfferQuery(ListQuery):
    now = AskedAt()
    vehicleId = PublicId(
        source="vehicle",
        required=False,
        help_text="A vehicle of the caller. Selects offers for its make and model year.",
    )
    locationId = PublicId(
        source="location",
        required=False,
        help_text="Selects offers that are valid at this location.",
    )
    lat = Degrees(
        limit=90,
        required=False,
        help_text="Latitude in degrees, together with `lng`. Orders the nearest offers first.",
    )
    lng = Degrees(limit=180, required=False, help_text="Longitude in degrees.")

    def validate(self, attrs: Json) -> Json:
        for name, other in (("lat", "lng"), ("lng", "lat")):
            if name not in attrs and other in attrs:
                raise serializers.ValidationError({name: ["Send lat and lng together."]})
        return attrs


class Offers(MemberList):
    """List the offers that are valid for the caller's tier.

    Expired offers are not listed. Offers that expire first come first, or with `lat` and `lng` the nearest.
    """

    permission_classes = [CustomerRole]
    query = OfferQuery
    serializer_class = OfferSerializer

    @staticmethod
    def rows(caller: Caller, filters: OfferFilters) -> QuerySet[Offer]:
        return Offer.objects.visible_to(caller, filters["now"]).matching(filters)

    def check(self, filters: Values) -> None:
        if "vehicle" in filters:
            own = Vehicle.objects.visible_to(self.caller).in_use()
            if not own.filter(uuid=filters["vehicle"]).exists():
                raise Missing("Vehicle not found")
        if "location" in filters and not Location.objects.filter(uuid=filters["location"]).exists():
            raise Missing("Location not found")


urlpatterns = [
    route("memberships/plans/", Plans.as_view()),
    route("memberships/me/", MyMembership.as_view()),
    route("offers/", Offers.as_view()),
    route("payments/plans/", PaymentPlans.as_view()),
    route("users/cancel-membership/", CancelMembership.as_view()),
    route("users/toggle-auto-renew/", ToggleRenewal.as_view()),
]
