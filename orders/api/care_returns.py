"""Contract 002: the bodies of a return, and the list of the customer's returns.

The route that requests one opens a ticket too, and stands in `chat/api/care_returns.py`.
"""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from common.domain.caller import Caller
from common.domain.types import Json
from common.http.contracts.care import CareList
from common.http.fields import Instant, Money, PrefixedId
from common.http.permissions import CustomersOnly
from common.http.query import params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from orders.api.care import MAX_LINES, OrderIdQuery, upper_case_choice
from orders.models import ORDER_PREFIX, RETURN_PREFIX, ReturnRequest, ReturnStatus


class ReturnSerializer(Serializer):
    id = PrefixedId(RETURN_PREFIX)
    order_id = PrefixedId(ORDER_PREFIX)
    status = upper_case_choice("status", ReturnStatus.values)
    items = Derived(
        list,
        "lines.item.product_name",
        output=serializers.ListField(
            child=serializers.CharField(), help_text="Names of the parts that come back."
        ),
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


def return_body(caller: Caller, id: int) -> Json:
    """Return the body of one of the caller's returns."""
    body: Json = _RETURN.one(caller, {"id": id})
    return body


class Returns(CareList):
    """List the customer's returns, newest first."""

    permission_classes = [CustomersOnly]
    serializer_class = ReturnSerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[ReturnRequest]:
        return ReturnRequest.objects.visible_to(caller).newest_first()


urlpatterns = [
    route("returns", Returns.as_view()),
]
