"""The dashboard's figures: two queries, each by an index, however much there is."""

from __future__ import annotations

import pytest
from django.db import connection

from common.tests.factories import CustomerFactory, OrderFactory, ReturnRequestFactory
from common.tests.suites import count_queries
from customers.callers import caller_of_user
from orders.api.care import recent_orders
from orders.models import Order, OrderItem, OrderStatus, ReturnStatus
from orders.queries import Counts, counts_of

pytestmark = pytest.mark.django_db


def test_counts_are_the_customers_own(alice, bob):
    assert counts_of(alice.pk) == Counts(0, 0, 0)
    for customer in (alice, bob):
        for status in OrderStatus.values:
            OrderFactory(customer=customer, status=status)
    for status in ReturnStatus.values:
        ReturnRequestFactory(order=Order.objects.get(customer=alice, status="delivered"), status=status)
    assert counts_of(alice.pk) == Counts(total_orders=7, active_orders=4, pending_refunds=3)
    assert counts_of(bob.pk) == Counts(total_orders=7, active_orders=4, pending_refunds=0)


def test_thousands_of_orders_ask_no_more_than_ten(alice, now):
    others, caller = CustomerFactory.create_batch(5), caller_of_user(alice.contact)

    def fill(number):
        Order.objects.bulk_create(
            Order(customer=customer, created_at=now) for customer in (alice, *others) for _ in range(number)
        )

    def ask():
        return counts_of(alice.pk), recent_orders(caller)

    fill(10)
    ask()
    with_ten = count_queries(ask)
    fill(2_000 - 10)
    assert (count_queries(ask), with_ten) == (4, 4)
    assert counts_of(alice.pk) == Counts(2_000, 2_000, 0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    newest = Order.objects.filter(customer=alice).newest_first()[:5]
    counted = Order.objects.filter(customer=alice, status__in=["placed", "shipped"])
    assert "order_of_customer" in newest.explain()
    assert "order_of_customer" in counted.explain()
    assert not OrderItem.objects.exists()
