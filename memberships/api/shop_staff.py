"""The staff API: the discounts of a plan, an offer and points on a repair order (docs/design, D135)."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import FinePercent, Id, Money
from common.http.query import Query
from common.http.views import serialize
from common.reads.serializers import Serializer
from memberships.discounts import find_offers, give_plan, most_points, redeem_offer, spend_points
from memberships.models import Offer
from repair_orders.api.shop_staff import StaffRepairOrders
from repair_orders.api.shop_staff_jobs import VersionInput
from repair_orders.discounts.actions import take_off
from repair_orders.discounts.rule import DiscountKind

KINDS = [kind.value for kind in DiscountKind]


class DiscountInput(VersionInput):
    """A kind of discount, with the offer or the number of points."""

    kind = serializers.ChoiceField(choices=KINDS)
    offer_id = Id(required=False, help_text="Of kind `offer`.")
    points = serializers.IntegerField(
        required=False, min_value=1, max_value=2_147_483_647, help_text="Of kind `points`."
    )

    def validate(self, attrs: Json) -> Json:
        needed = {DiscountKind.OFFER.value: "offer_id", DiscountKind.POINTS.value: "points"}.get(
            attrs["kind"]
        )
        for name in ("offer_id", "points"):
            if name == needed and name not in attrs:
                raise serializers.ValidationError({name: ["This field is required."]}, code="required")
            if name != needed and name in attrs:
                raise serializers.ValidationError({name: [f"Not of a discount of kind {attrs['kind']}."]})
        return attrs


class RedeemableSerializer(Serializer):
    """An offer that can be redeemed on the order."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    off_parts = FinePercent(help_text="Percent off parts.")
    off_labour = FinePercent(help_text="Percent off labor.")
    off_jobs = FinePercent(help_text="Percent off the canned jobs that the offer names.")
    off_amount = Money(help_text="Dollars off the order.")
    discount_cap = Money(
        allow_null=True, help_text="The most that the offer takes off an order. Null without a limit."
    )
    combines = serializers.BooleanField(
        help_text="Whether it is given beside the discount of the plan. Otherwise the larger one counts."
    )


class AvailableSerializer(Serializer):
    """The discounts that can still be given on an order."""

    offers = RedeemableSerializer(many=True, help_text="The offers that can be redeemed.")
    points = serializers.IntegerField(help_text="The balance of the customer's contact.")
    most_points = serializers.IntegerField(help_text="The most that the order can take.")


class StaffOrderDiscounts(StaffRepairOrders):
    """The discounts of a repair order, which its own room cannot give, because it does not know plans and offers."""

    inputs: ClassVar[dict[str, type[Serializer]]] = {"add_discount": DiscountInput}
    creates = frozenset({"add_discount"})
    permissions = {
        "discounts": "repair_orders.view_repairorder",
        "add_discount": "repair_orders.change_repairorder",
        "remove_discount": "repair_orders.change_repairorder",
    }

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            cls.address("<id:id>/discounts/", get="discounts", post="add_discount"),
            cls.address("<id:id>/discounts/<id:discount_id>/", delete="remove_discount"),
        ]

    @extend_schema(responses=AvailableSerializer)
    def discounts(self, request: Request, id: int) -> JSONResponse:
        """Retrieve the offers and the points that can be used on a repair order."""
        Query.read(request.query_params)
        order = self.row(id)
        offers: QuerySet[Offer] = find_offers(order, timezone.now())
        contact = order.customer.contact
        return JSONResponse(
            {
                "offers": [serialize(RedeemableSerializer, offer) for offer in offers],
                "points": contact.rewards_balance if contact else 0,
                "most_points": most_points(order),
            }
        )

    def add_discount(self, request: Request, id: int) -> JSONResponse:
        """Give the discount of the customer's plan, redeem an offer, or spend points.

        An order has at most one of each. Points are taken from the balance of the customer's contact.
        """
        body = self.read_body()
        given = {"order": self.row(id), "by": self.caller.user_id, "now": timezone.now()}
        if body["kind"] == DiscountKind.OFFER:
            redeem_offer(offer=self.one_of(Offer, body["offer_id"], field="offer_id"), **given)
        elif body["kind"] == DiscountKind.POINTS:
            spend_points(points=body["points"], **given)
        else:
            give_plan(**given)
        return self.show(id, status=201)

    def remove_discount(self, request: Request, id: int, discount_id: int) -> JSONResponse:
        """Take a discount off. Points that were spent for it go back."""
        take_off(order=self.row(id), discount_id=discount_id, by=self.caller.user_id, now=timezone.now())
        return self.show(id)


urlpatterns = StaffOrderDiscounts.routes()
