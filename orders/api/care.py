"""Contract 002, "Orders APIs": what a customer ordered and where it is; and ordering, which it does not print."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import register_converter
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json, Values
from common.http.contracts.care import CareList, CareView
from common.http.fields import ChoiceList, Id, Instant, Money, PrefixedId
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query, params_of
from common.http.responses import JSONResponse
from common.http.routing import prefixed, route
from common.reads.fields import Derived
from common.reads.read import Read
from common.reads.serializers import Serializer
from orders import actions
from orders.models import ITEM_PREFIX, MOST_PIECES, ORDER_PREFIX, PROCESSING, Order, OrderStatus
from orders.querysets import OrderFilters

MOST_LINES = 100
NEWEST = 5
# The words of `?status=`: the states, and two that stand for several.
WORDS: dict[str, list[str]] = {
    "all": OrderStatus.values,
    "processing": [*PROCESSING],
    **{status: [status] for status in OrderStatus.values},
}
STEPS = ("Order Placed", "Payment Confirmed", "Packed", "Shipped", "Delivered")


def in_capitals(source: str, choices: list[str]) -> Derived:
    """A state as this contract spells it."""
    return Derived(
        str.upper, source, output=serializers.ChoiceField(choices=[word.upper() for word in choices])
    )


def known(source: str) -> Derived:
    """Text that is null until somebody knows it."""
    return Derived(_text_or_none, source, output=serializers.CharField(allow_null=True))


def _text_or_none(text: str) -> str | None:
    return text or None


def steps_of(
    status: str,
    confirmed_at: datetime | None,
    packed_at: datetime | None,
    shipped_at: datetime | None,
    delivered_at: datetime | None,
) -> list[Json]:
    """The five printed steps. One that was cancelled or returned stands at none of them."""
    taken = [True, *(stamp is not None for stamp in (confirmed_at, packed_at, shipped_at, delivered_at))]
    gone = status in (OrderStatus.CANCELLED, OrderStatus.RETURNED)
    present = None if gone else sum(taken) - 1
    return [
        {"label": label, "completed": completed, "current": number == present}
        for number, (label, completed) in enumerate(zip(STEPS, taken, strict=True))
    ]


class OrderItemSerializer(Serializer):
    id = PrefixedId(ITEM_PREFIX)
    product_name = serializers.CharField()
    quantity = serializers.IntegerField()
    price = Money(as_number=True, source="unit_price")
    subtotal = Money(as_number=True)


class OrderBriefSerializer(Serializer):
    """An order on the dashboard; `item_count` counts pieces."""

    id = PrefixedId(ORDER_PREFIX)
    status = in_capitals("status", OrderStatus.values)
    total = Derived(sum, "items.subtotal", output=Money(as_number=True))
    created_at = Instant()
    item_count = Derived(sum, "items.quantity", output=serializers.IntegerField())


class OrderSerializer(Serializer):
    id = PrefixedId(ORDER_PREFIX)
    status = in_capitals("status", OrderStatus.values)
    total = Derived(sum, "items.subtotal", output=Money(as_number=True))
    created_at = Instant()
    estimated_delivery = Instant(allow_null=True)
    tracking_number = known("tracking_number")
    items = OrderItemSerializer(many=True)


class StepSerializer(Serializer):
    label = serializers.ChoiceField(choices=STEPS)  # type: ignore[assignment]  # the contract's key
    completed = serializers.BooleanField()
    current = serializers.BooleanField()


class TrackingSerializer(Serializer):
    order_id = PrefixedId(ORDER_PREFIX, source="id")
    status = in_capitals("status", OrderStatus.values)
    tracking_number = known("tracking_number")
    current_location = known("current_location")
    estimated_delivery = Instant(allow_null=True)
    courier_name = known("courier_name")
    courier_contact = known("courier_contact")
    steps = Derived(
        steps_of,
        *("status", "confirmed_at", "packed_at", "shipped_at", "delivered_at"),
        output=StepSerializer(many=True),
    )


class OrderQuery(ListQuery):
    status = ChoiceList(
        list(WORDS), help_text="Comma-separated; `processing` is placed, confirmed or packed."
    )
    search = serializers.CharField(required=False, max_length=200, help_text="In the order's id.")

    def validate_status(self, words: list[str]) -> list[str]:
        """The contract's words as the states they stand for."""
        return [state for word in words for state in WORDS[word]]


class OneQuery(Query):
    id = Id()


def _rows(caller: Caller, filters: OrderFilters) -> QuerySet[Order]:
    return Order.objects.visible_to(caller).matching(filters).newest_first()


def _one(caller: Caller, filters: Values) -> QuerySet[Order]:
    return Order.objects.visible_to(caller).filter(pk=filters["id"])


_RECENT = Read(_rows, OrderBriefSerializer)
_ORDER = Read(_one, OrderSerializer, params_of(OneQuery))
_TRACKING = Read(_one, TrackingSerializer, params_of(OneQuery))


def recent_orders(caller: Caller) -> list[Any]:
    """The dashboard's newest five. Two queries."""
    return _RECENT.page(caller, {}, slice(0, NEWEST))


def _show(read: Read, caller: Caller, id: int) -> Any:
    """An order's body as it stands now. Missing where there is none for this caller."""
    return read.one(caller, {"id": id}, Missing("Order not found."))


class OrderLineInput(Serializer):
    product_id = Id()
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_PIECES)


class NewOrderInput(Serializer):
    items = OrderLineInput(many=True, allow_empty=False, max_length=MOST_LINES)  # type: ignore[call-arg]  # of a list


class Orders(CareList):
    """The signed-in customer's orders, the newest first."""

    permission_classes = [CustomersOnly]
    query = OrderQuery
    serializer_class = OrderSerializer
    input_class = NewOrderInput
    rows = staticmethod(_rows)

    @extend_schema(responses={201: OrderSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Order products at today's prices.

        The same product twice is one line. More than the stock is a 409 that names the product.
        """
        wanted = [(line["product_id"], line["quantity"]) for line in self.read_body()["items"]]
        assert self.caller.customer_id is not None  # CustomersOnly
        order = actions.place_order(customer_id=self.caller.customer_id, items=wanted, now=timezone.now())
        return JSONResponse(_show(_ORDER, self.caller, order.pk), status=201)


class OrderDetail(CareView):
    """One order of the signed-in customer."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=OrderSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        return JSONResponse(_show(_ORDER, self.caller, id))


class OrderTracking(CareView):
    """Where an order is, and the five steps on its way."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=TrackingSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        return JSONResponse(_show(_TRACKING, self.caller, id))


register_converter(prefixed(ORDER_PREFIX), "order_id")

urlpatterns = [
    route("orders", Orders.as_view()),
    route("orders/<order_id:id>", OrderDetail.as_view()),
    route("orders/track/<order_id:id>", OrderTracking.as_view()),
]
