"""Contract 002, `POST orders/return`, and the list of the customer's returns."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareList, CareView
from common.http.fields import Instant, Money, PrefixedId
from common.http.permissions import CustomersOnly
from common.http.query import params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from orders import returns
from orders.api.care import MAX_LINES, OrderIdQuery, upper_case_choice
from orders.models import ORDER_PREFIX, RETURN_PREFIX, Order, ReturnRequest, ReturnStatus


class ReturnSerializer(Serializer):
    id = PrefixedId(RETURN_PREFIX)
    order_id = PrefixedId(ORDER_PREFIX)
    status = upper_case_choice("status", ReturnStatus.values)
    items = Derived(
        list, "lines.item.product_name", output=serializers.ListField(child=serializers.CharField())
    )
    reason = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    refund_amount = Money(as_number=True)
    created_at = Instant()


class ReturnInput(Serializer):
    order_id = PrefixedId(ORDER_PREFIX)
    items = serializers.ListField(
        child=serializers.CharField(max_length=200),
        source="products",
        allow_empty=False,
        max_length=MAX_LINES,
        help_text="Names of products of the order.",
    )
    reason = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, required=False, default="", allow_blank=True)


def _return_row(caller: Caller, filters: Json) -> QuerySet[ReturnRequest]:
    return ReturnRequest.objects.visible_to(caller).filter(pk=filters["id"])


_RETURN = Read(_return_row, ReturnSerializer, params_of(OrderIdQuery))


class RequestReturn(CareView):
    """Request a return.

    Items can be returned within 30 days of the delivery.
    """

    permission_classes = [CustomersOnly]
    input_class = ReturnInput

    @extend_schema(responses={201: ReturnSerializer})
    def post(self, request: Request) -> JSONResponse:
        body = self.read_body()
        order = Order.objects.visible_to(self.caller).filter(pk=body.pop("order_id")).first()
        if order is None:
            raise Missing("Order not found.")
        created = returns.request_return(order=order, **body, now=timezone.now())
        return JSONResponse(_RETURN.one(self.caller, {"id": created.pk}), status=201)


class Returns(CareList):
    """List the customer's returns, newest first."""

    permission_classes = [CustomersOnly]
    serializer_class = ReturnSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[ReturnRequest]:
        return ReturnRequest.objects.visible_to(caller).newest_first()


urlpatterns = [
    route("orders/return", RequestReturn.as_view()),
    route("returns", Returns.as_view()),
]
