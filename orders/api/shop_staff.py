"""The staff API: orders of parts, and their returns."""

from __future__ import annotations

from decimal import Decimal

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.money import PaymentMethod
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.fields import Instant, Money, PrefixedId, StrictBoolean, Word
from common.http.filters import ChoiceListFilter, IdFilter, SearchFilter, apply, order, query_of
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer
from customers.models import Customer
from orders import actions, returns
from orders.models import ORDER_PREFIX, RETURN_PREFIX, Order, OrderStatus, ReturnRequest, ReturnStatus
from orders.queries import has_expired_orders

ORDERING = {"id": ()}


class StaffOrderItemSerializer(Serializer):
    id = serializers.IntegerField()
    part_id = serializers.IntegerField()
    name = serializers.CharField(source="product_name")
    quantity = serializers.IntegerField()
    unit_price = Money()
    amount = Money(source="subtotal", help_text="Price of all pieces.")
    refunded = Money()


class StaffOrderSerializer(Serializer):
    id = serializers.IntegerField()
    number = PrefixedId(ORDER_PREFIX, source="id")
    customer_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    total = Derived(sum, "items.subtotal", output=Money())
    items = StaffOrderItemSerializer(many=True)
    courier_name = serializers.CharField(allow_blank=True)
    courier_contact = serializers.CharField(allow_blank=True)
    tracking_number = serializers.CharField(allow_blank=True)
    current_location = serializers.CharField(allow_blank=True)
    estimated_delivery = Instant(allow_null=True)
    created_at = Instant()
    expires_at = Instant(help_text="When it is cancelled if it is not paid by then.")
    confirmed_at = Instant(
        allow_null=True, help_text="When the order was paid and confirmed. Null until then."
    )
    packed_at = Instant(allow_null=True, help_text="When the order was packed. Null until then.")
    shipped_at = Instant(allow_null=True, help_text="When the courier took the parcel. Null until then.")
    delivered_at = Instant(allow_null=True, help_text="When the parcel was delivered. Null until then.")
    cancelled_at = Instant(allow_null=True)
    returned_at = Instant(allow_null=True, help_text="When all of the order had come back. Null until then.")
    return_ids = Derived(
        list,
        "returns.id",
        output=serializers.ListField(
            child=serializers.IntegerField(), help_text="Ids of the returns of the order."
        ),
    )


class ConfirmInput(Serializer):
    method = Word(choices=PaymentMethod.choices, required=False, help_text="`other` by default.")
    reference = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="Check number, slip of the terminal, …"
    )


class ShipInput(Serializer):
    courier_name = serializers.CharField(max_length=100)
    tracking_number = serializers.CharField(max_length=100)
    courier_contact = serializers.CharField(max_length=100, required=False, allow_blank=True)
    current_location = serializers.CharField(max_length=200, required=False, allow_blank=True)
    estimated_delivery = Instant(required=False, allow_null=True)


class OrderFilter(django_filters.FilterSet):
    status = ChoiceListFilter(choices=OrderStatus.choices, lookup_expr="in")
    customer_id = IdFilter(Customer, "customer_id")
    search = SearchFilter(
        "customer", "customer__contact", help_text="Searches the customer, as the customers' own search does."
    )

    class Meta:
        model = Order
        fields: list[str] = []


class StaffOrders(StaffViewSet):
    """List the orders of parts, newest first."""

    resource = "orders"
    model = Order
    serializer_class = StaffOrderSerializer
    query = query_of(OrderFilter, ORDERING)
    inputs = {"confirm": ConfirmInput, "ship": ShipInput}
    verbs = ("confirm", "pack", "ship", "deliver", "cancel")
    permissions = actions.PERMISSIONS

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Order]:
        rows = apply(Order.objects.visible_to(caller), OrderFilter, filters)
        return order(rows, ORDERING, filters, "-id")

    def check(self, filters: Values) -> None:
        self._cancel_expired()
        super().check(filters)

    def _cancel_expired(self) -> None:
        """Cancel the orders that have expired, so that no response shows one as open."""
        now = timezone.now()
        if has_expired_orders(self.caller, now):
            actions.expire_unpaid(now=now)

    def retrieve(self, request: Request, id: int) -> JSONResponse:
        """Retrieve an order of parts."""
        self._cancel_expired()
        return self.show(id)

    def confirm(self, request: Request, id: int) -> JSONResponse:
        """Confirm an order that is paid for.

        One payment of its total is booked and used for it. The customer is notified.
        """
        actions.confirm(order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def pack(self, request: Request, id: int) -> JSONResponse:
        """Record that an order is packed."""
        actions.pack(order=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def ship(self, request: Request, id: int) -> JSONResponse:
        """Record that a courier has the parcel.

        Its pieces leave the shelf.
        """
        actions.ship(order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def deliver(self, request: Request, id: int) -> JSONResponse:
        """Record the delivery.

        Items can be returned within 30 days.
        """
        actions.deliver(order=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def cancel(self, request: Request, id: int) -> JSONResponse:
        """Cancel an order that is not shipped.

        Its pieces are released, and what was paid is refunded by the same method.
        """
        actions.cancel(order=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)


class StaffReturnLineSerializer(Serializer):
    """An item that comes back, with all its pieces."""

    item_id = serializers.IntegerField(help_text="Id of the item of the order.")
    name = serializers.CharField(source="item.product_name")
    quantity = serializers.IntegerField(source="item.quantity")
    amount = Money(source="item.subtotal", help_text="Price of all pieces.")
    refunded = Money(source="item.refunded")


class StaffReturnSerializer(Serializer):
    id = serializers.IntegerField()
    number = PrefixedId(RETURN_PREFIX, source="id")
    order_id = serializers.IntegerField()
    customer_id = serializers.IntegerField(source="order.customer_id")
    status = serializers.ChoiceField(choices=ReturnStatus.choices)
    reason = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    refund_amount = Money(help_text="What was paid for the items. After the refund: what was refunded.")
    refusal_reason = serializers.CharField(
        allow_blank=True, help_text="Why the return was refused. Empty unless it was."
    )
    lines = StaffReturnLineSerializer(many=True)
    created_at = Instant()
    approved_at = Instant(allow_null=True)
    received_at = Instant(allow_null=True, help_text="When the items arrived. Null until then.")
    refunded_at = Instant(allow_null=True, help_text="When the money was given back. Null until then.")
    refused_at = Instant(allow_null=True, help_text="When the return was refused. Null unless it was.")


class RefuseInput(Serializer):
    reason = serializers.CharField(max_length=10_000, required=False, allow_blank=True)


class ReturnRefundInput(Serializer):
    amount = Money(
        min_value=Decimal("0.00"), required=False, help_text="What was paid for the items by default."
    )
    restock = StrictBoolean(required=False, help_text="True: the pieces go back on the shelf.")


class ReturnFilter(django_filters.FilterSet):
    status = ChoiceListFilter(choices=ReturnStatus.choices, lookup_expr="in")
    order_id = IdFilter(Order, "order_id")
    customer_id = IdFilter(Customer, "order__customer_id")
    search = SearchFilter(
        "order__customer",
        "order__customer__contact",
        help_text="Searches the customer, as the customers' own search does.",
    )

    class Meta:
        model = ReturnRequest
        fields: list[str] = []


class StaffReturns(StaffViewSet):
    """List the returns, newest first."""

    resource = "returns"
    model = ReturnRequest
    serializer_class = StaffReturnSerializer
    query = query_of(ReturnFilter, ORDERING)
    inputs = {"refuse": RefuseInput, "refund": ReturnRefundInput}
    verbs = ("approve", "receive", "refuse", "refund")
    permissions = returns.PERMISSIONS

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[ReturnRequest]:
        rows = apply(ReturnRequest.objects.visible_to(caller), ReturnFilter, filters)
        return order(rows, ORDERING, filters, "-id")

    def approve(self, request: Request, id: int) -> JSONResponse:
        """Approve a return.

        The customer may send the items, and is notified.
        """
        returns.approve(request=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def receive(self, request: Request, id: int) -> JSONResponse:
        """Record that the items of a return have arrived."""
        returns.receive(request=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def refuse(self, request: Request, id: int) -> JSONResponse:
        """Refuse a return.

        Its items can be part of another one later.
        """
        returns.refuse(request=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def refund(self, request: Request, id: int) -> JSONResponse:
        """Refund a return that has arrived, as a whole or in part.

        The money goes back by the method of its payment.
        """
        returns.refund(request=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)


urlpatterns = [*StaffOrders.routes(), *StaffReturns.routes()]
