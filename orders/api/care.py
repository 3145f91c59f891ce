"""Contract 002, "Orders APIs": list, read, track, place and cancel orders.

Placing and cancelling are not in the printed contract. Each read first cancels the caller's orders that have expired.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.urls import register_converter
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.days import day_of
from common.domain.errors import Missing
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareError, CareList, CareView
from common.http.fields import ChoiceList, Id, Instant, Money, PrefixedId
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery, Query, params_of
from common.http.routing import prefixed, route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from orders import actions
from orders.models import ITEM_PREFIX, MAX_PIECES, ORDER_PREFIX, PROCESSING, Order, OrderStatus
from orders.queries import has_expired_orders
from orders.querysets import OrderFilters

MAX_LINES = 100
RECENT_ORDERS = 5
# Each value of `?status=` -> its states. `all`, `pending` and `processing` stand for several states.
STATES_OF_PARAM: dict[str, list[str]] = {
    "all": OrderStatus.values,
    "pending": [OrderStatus.PLACED, OrderStatus.CONFIRMED],
    "processing": [*PROCESSING],
    **{status: [status] for status in OrderStatus.values},
}
STEPS = ("Order Placed", "Payment Confirmed", "Packed", "Shipped", "Delivered")


def upper_case_choice(source: str, choices: list[str]) -> Derived:
    """Return a field that serializes a state in upper case, as this contract does."""
    return Derived(
        str.upper, source, output=serializers.ChoiceField(choices=[value.upper() for value in choices])
    )


def text_or_null(source: str) -> Derived:
    """Return a field that serializes an empty text as null."""
    return Derived(_text_or_none, source, output=serializers.CharField(allow_null=True))


def _text_or_none(text: str) -> str | None:
    return text or None


def tracking_steps(
    status: str,
    confirmed_at: datetime | None,
    packed_at: datetime | None,
    shipped_at: datetime | None,
    delivered_at: datetime | None,
) -> list[Json]:
    """Return the five tracking steps. An order that is cancelled or returned has no current step."""
    completed = [True, *(stamp is not None for stamp in (confirmed_at, packed_at, shipped_at, delivered_at))]
    has_current = status not in (OrderStatus.CANCELLED, OrderStatus.RETURNED)
    current = sum(completed) - 1 if has_current else None
    return [
        {"label": label, "completed": is_completed, "current": number == current}
        for number, (label, is_completed) in enumerate(zip(STEPS, completed, strict=True))
    ]


class OrderItemSerializer(Serializer):
    id = PrefixedId(ITEM_PREFIX)
    product_name = serializers.CharField(help_text="Name of the part when it was ordered.")
    quantity = serializers.IntegerField()
    price = Money(as_number=True, source="unit_price")
    subtotal = Money(as_number=True)


class OrderBriefSerializer(Serializer):
    """An order of the dashboard. `item_count` is the number of pieces, and `itemCount` the same."""

    id = PrefixedId(ORDER_PREFIX)
    status = upper_case_choice("status", OrderStatus.values)
    total = Derived(sum, "items.subtotal", output=Money(as_number=True))
    created_at = Instant()
    item_count = Derived(
        sum, "items.quantity", output=serializers.IntegerField(help_text="Number of pieces.")
    )
    itemCount = Derived(
        sum, "items.quantity", output=serializers.IntegerField(help_text="The same as `item_count`.")
    )
    date = Derived(day_of, "created_at", output=serializers.DateField())


class OrderSerializer(Serializer):
    id = PrefixedId(ORDER_PREFIX)
    status = upper_case_choice("status", OrderStatus.values)
    total = Derived(sum, "items.subtotal", output=Money(as_number=True))
    created_at = Instant()
    estimated_delivery = Instant(allow_null=True)
    tracking_number = text_or_null("tracking_number")
    items = OrderItemSerializer(many=True)


class StepSerializer(Serializer):
    label = serializers.ChoiceField(choices=STEPS, help_text="Name of the step.")  # type: ignore[assignment]  # the contract's key
    completed = serializers.BooleanField(help_text="Whether the order has passed the step.")
    current = serializers.BooleanField(help_text="Whether the order is at this step.")


class TrackingSerializer(Serializer):
    order_id = PrefixedId(ORDER_PREFIX, source="id")
    status = upper_case_choice("status", OrderStatus.values)
    tracking_number = text_or_null("tracking_number")
    current_location = text_or_null("current_location")
    estimated_delivery = Instant(required=False, help_text="Left out where there is none.")
    courier_name = text_or_null("courier_name")
    courier_contact = text_or_null("courier_contact")
    steps = Derived(
        tracking_steps,
        *("status", "confirmed_at", "packed_at", "shipped_at", "delivered_at"),
        output=StepSerializer(many=True, help_text="The steps from the order to the delivery."),
    )
    items = OrderItemSerializer(many=True)
    total = Derived(sum, "items.subtotal", output=Money(as_number=True))


class OrderQuery(ListQuery):
    status = ChoiceList(
        list(STATES_OF_PARAM),
        help_text="Comma-separated states. `pending` is placed or confirmed, `processing` also packed.",
    )
    search = serializers.CharField(required=False, max_length=200, help_text="Substring of the order's id.")

    def validate_status(self, values: list[str]) -> list[str]:
        """Return the states that the contract's values stand for."""
        return [state for value in values for state in STATES_OF_PARAM[value]]


class OrderIdQuery(Query):
    id = Id()


def _order_rows(caller: Caller, filters: OrderFilters) -> QuerySet[Order]:
    return Order.objects.visible_to(caller).matching(filters).newest_first()


def _order_row(caller: Caller, filters: Values) -> QuerySet[Order]:
    return Order.objects.visible_to(caller).filter(pk=filters["id"])


_RECENT = Read(_order_rows, OrderBriefSerializer)
_ORDER = Read(_order_row, OrderSerializer, params_of(OrderIdQuery))
_TRACKING = Read(_order_row, TrackingSerializer, params_of(OrderIdQuery))


def cancel_expired(caller: Caller) -> None:
    """Cancel the caller's orders that have expired, so that no response shows one as open."""
    now = timezone.now()
    if has_expired_orders(caller, now):
        actions.expire_unpaid(now=now, customer_id=caller.account)


def recent_orders(caller: Caller) -> list[Json]:
    """Return the bodies of the caller's newest five orders, in two queries."""
    return _RECENT.page(caller, {}, slice(0, RECENT_ORDERS))


def _order_body(read: Read, caller: Caller, id: int) -> Json:
    """Return the order's current body. Raises Missing if the caller cannot see such an order."""
    body: Json = read.one(caller, {"id": id}, Missing("Order not found."))
    return body


class OrderLineInput(Serializer):
    product_id = Id(help_text="Id of the part.")
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_PIECES)


class NewOrderInput(Serializer):
    items = OrderLineInput(many=True, allow_empty=False, max_length=MAX_LINES)  # type: ignore[call-arg]  # of a list


class Orders(CareList):
    """List the customer's orders, newest first."""

    permission_classes = [CustomersOnly]
    query = OrderQuery
    serializer_class = OrderSerializer
    input_class = NewOrderInput
    rows = staticmethod(_order_rows)

    def check(self, filters: Values) -> None:
        cancel_expired(self.caller)

    @extend_schema(responses={201: OrderSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Place an order.

        The prices are those of the catalogue at this moment. A product that is listed twice becomes
        one line. If the stock is too small, the response is a 409 that names the product. An order that is not paid
        in time is cancelled. Unpaid orders can hold a limited number of pieces.
        """
        items = [(line["product_id"], line["quantity"]) for line in self.read_body()["items"]]
        assert self.caller.customer_id is not None  # CustomersOnly
        order = actions.place_order(customer_id=self.caller.customer_id, items=items, now=timezone.now())
        return JSONResponse(_order_body(_ORDER, self.caller, order.pk), status=201)


class OrderDetail(CareView):
    """Retrieve an order."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=OrderSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        cancel_expired(self.caller)
        return JSONResponse(_order_body(_ORDER, self.caller, id))


class OrderTracking(CareView):
    """Track an order.

    The body has the shipment and the five steps.
    """

    permission_classes = [CustomersOnly]

    @extend_schema(responses=TrackingSerializer)
    def get(self, request: Request, id: int) -> JSONResponse:
        cancel_expired(self.caller)
        body = _order_body(_TRACKING, self.caller, id)
        if body["estimated_delivery"] is None:
            del body["estimated_delivery"]
        return JSONResponse(body)


class CancelOrder(CareView):
    """Cancel an order.

    An order can be cancelled until it is paid. Its pieces go back into stock.
    """

    permission_classes = [CustomersOnly]

    @extend_schema(responses={200: OrderSerializer, 409: CareError})
    def post(self, request: Request, id: int) -> JSONResponse:
        order = Order.objects.visible_to(self.caller).filter(pk=id).first()
        if order is None:
            raise Missing("Order not found.")
        actions.cancel_unpaid(order=order, by=self.caller.user_id, now=timezone.now())
        return JSONResponse(_order_body(_ORDER, self.caller, id))


register_converter(prefixed(ORDER_PREFIX), "order_id")

urlpatterns = [
    route("orders", Orders.as_view()),
    route("orders/<order_id:id>", OrderDetail.as_view()),
    route("orders/<order_id:id>/cancel", CancelOrder.as_view()),
    route("orders/track/<order_id:id>", OrderTracking.as_view()),
]
