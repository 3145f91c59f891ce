"""Database constraints of orders and returns."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from common.domain.database import violates
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from testing.factories import OrderFactory, OrderItemFactory, ReturnLineFactory, ReturnRequestFactory

pytestmark = pytest.mark.django_db


def assert_refused(model, constraint, write):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    assert violates(error.value, model, constraint), error.value


def test_str_is_the_number_that_the_customer_sees():
    order = OrderFactory(id=123)
    assert str(order) == order.number == "ORD123"
    request = ReturnRequestFactory(id=7, order=order)
    assert str(request) == request.number == "RET7"
    item = OrderItemFactory(order=order, quantity=2)
    assert str(item) == "2 × Oil Filter"
    assert str(ReturnLineFactory(item=item, return_request=request)) == f"Item {item.pk}"


@pytest.mark.parametrize("refunded", ["-0.01", "9.50", "99999999.99"])
def test_refund_cannot_exceed_the_price(refunded):
    item = OrderItemFactory()
    assert_refused(
        OrderItem,
        "no_more_refunded_than_paid",
        lambda: OrderItem.objects.update(refunded=Decimal(refunded)),
    )
    OrderItem.objects.update(refunded=Decimal("9.49"))
    item.refresh_from_db()
    assert item.refunded == item.subtotal


@pytest.mark.parametrize(
    ("price", "quantity"), [("1.15", 3), ("0.07", 100), ("9999.99", 10_000), ("0.01", 1)]
)
def test_full_price_can_be_refunded(price, quantity):
    item = OrderItemFactory(unit_price=Decimal(price), quantity=quantity)
    OrderItem.objects.update(refunded=Decimal(price) * quantity)
    item.refresh_from_db()
    assert item.refunded == item.subtotal == Decimal(price) * quantity


def test_item_is_in_one_return_that_is_not_refused():
    item = OrderItemFactory()
    ReturnLineFactory(item=item, is_refused=True)
    ReturnLineFactory(item=item, is_refused=True)
    line = ReturnLineFactory(item=item)
    assert_refused(ReturnLine, "item_is_returned_once", lambda: ReturnLineFactory(item=item))
    assert_refused(ReturnLine, "item_is_returned_once", lambda: ReturnLine.objects.update(is_refused=False))
    assert list(OrderItem.objects.returnable()) == []
    ReturnLine.objects.filter(pk=line.pk).update(is_refused=True)
    assert list(OrderItem.objects.returnable()) == [item]


def test_product_is_in_one_line_of_an_order():
    item = OrderItemFactory()
    assert_refused(
        OrderItem, "product_once_in_an_order", lambda: OrderItemFactory(order=item.order, part=item.part)
    )
    OrderItemFactory(part=item.part)


@pytest.mark.parametrize(
    ("model", "constraint", "values"),
    [
        (OrderItem, "item_quantity_is_possible", {"quantity": 0}),
        (OrderItem, "item_quantity_is_possible", {"quantity": 10_001}),
        (OrderItem, "item_price_not_negative", {"unit_price": Decimal("-0.01")}),
        (ReturnRequest, "return_status_is_known", {"status": "lost"}),
        (ReturnRequest, "refund_not_negative", {"refund_amount": Decimal("-0.01")}),
    ],
)
def test_invalid_values_are_refused(model, constraint, values):
    ReturnLineFactory()
    assert_refused(model, constraint, lambda: model.objects.update(**values))


def test_unknown_order_status_is_refused():
    OrderFactory()
    assert_refused(Order, "order_status_is_known", lambda: Order.objects.update(status="lost"))


@pytest.mark.parametrize("stamp", ["confirmed_at", "packed_at", "shipped_at", "delivered_at"])
def test_timestamps_match_the_status(now, stamp):
    order, constraint = OrderFactory(status="delivered"), f"order_{stamp}_fits_status"
    assert_refused(Order, constraint, lambda: Order.objects.update(**{stamp: None}))
    placed = Order.objects.filter(pk=OrderFactory().pk)
    assert_refused(Order, constraint, lambda: placed.update(**{stamp: now}))
    assert order.delivered_at == order.created_at


def test_part_of_an_order_cannot_be_deleted():
    item = OrderItemFactory()
    with pytest.raises(ProtectedError):
        item.part.delete()
