"""What the database refuses, whoever writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from common.domain.database import violates
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from testing.factories import OrderFactory, OrderItemFactory, ReturnLineFactory, ReturnRequestFactory

pytestmark = pytest.mark.django_db


def refused(model, constraint, write):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    assert violates(error.value, model, constraint), error.value


def test_numbers_are_what_the_customer_knows():
    order = OrderFactory(id=123)
    assert str(order) == order.number == "ORD123"
    asked = ReturnRequestFactory(id=7, order=order)
    assert str(asked) == asked.number == "RET7"
    item = OrderItemFactory(order=order, quantity=2)
    assert str(item) == "2 × Oil Filter"
    assert str(ReturnLineFactory(item=item, return_request=asked)) == f"Item {item.pk}"


@pytest.mark.parametrize("refunded", ["-0.01", "9.50", "99999999.99"])
def test_no_more_is_refunded_than_was_paid(refunded):
    item = OrderItemFactory()
    refused(
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
def test_all_that_was_paid_can_be_refunded(price, quantity):
    item = OrderItemFactory(unit_price=Decimal(price), quantity=quantity)
    OrderItem.objects.update(refunded=Decimal(price) * quantity)
    item.refresh_from_db()
    assert item.refunded == item.subtotal == Decimal(price) * quantity


def test_an_item_is_in_one_return_unless_refused():
    item = OrderItemFactory()
    ReturnLineFactory(item=item, is_refused=True)
    ReturnLineFactory(item=item, is_refused=True)
    line = ReturnLineFactory(item=item)
    refused(ReturnLine, "item_is_returned_once", lambda: ReturnLineFactory(item=item))
    refused(ReturnLine, "item_is_returned_once", lambda: ReturnLine.objects.update(is_refused=False))
    assert list(OrderItem.objects.still_there()) == []
    ReturnLine.objects.filter(pk=line.pk).update(is_refused=True)
    assert list(OrderItem.objects.still_there()) == [item]


def test_a_product_is_once_in_an_order():
    item = OrderItemFactory()
    refused(OrderItem, "product_once_in_an_order", lambda: OrderItemFactory(order=item.order, part=item.part))
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
def test_values_that_cannot_be(model, constraint, values):
    ReturnLineFactory()
    refused(model, constraint, lambda: model.objects.update(**values))


def test_an_order_stands_in_a_known_state():
    OrderFactory()
    refused(Order, "order_status_is_known", lambda: Order.objects.update(status="lost"))


@pytest.mark.parametrize("stamp", ["confirmed_at", "packed_at", "shipped_at", "delivered_at"])
def test_a_stamp_stands_where_the_step_was_taken(now, stamp):
    order, fits = OrderFactory(status="delivered"), f"order_{stamp}_fits_status"
    refused(Order, fits, lambda: Order.objects.update(**{stamp: None}))
    placed = Order.objects.filter(pk=OrderFactory().pk)
    refused(Order, fits, lambda: placed.update(**{stamp: now}))
    assert order.delivered_at == order.created_at


def test_what_was_sold_stays_in_the_catalogue():
    item = OrderItemFactory()
    with pytest.raises(ProtectedError):
        item.part.delete()
