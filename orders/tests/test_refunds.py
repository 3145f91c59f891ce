"""Tests of refunds: no more is refunded than was paid, and no cent is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import Part
from customers.models import Notification
from orders import returns
from orders.models import ReturnRequest
from orders.tests.builders import delivered, received, refunded, snapshot
from testing.factories import OrderFactory, OrderItemFactory

pytestmark = pytest.mark.django_db


class TestRefund:
    def test_full_refund_moves_the_order_to_returned(self, now, tim):
        order = delivered("10.00", "5.50")
        request = received(order, "Part 0", "Part 1", now=now)
        returns.refund(request=request, by=tim.pk, now=now)
        order.refresh_from_db()
        assert (order.status, order.returned_at) == ("returned", now)
        assert refunded(order) == [Decimal("10.00"), Decimal("5.50")]
        assert sorted(Notification.objects.values_list("title", "message")) == [
            ("Order Update", f"Your order ORD{order.pk} has been returned"),
            ("Refund Update", f"Your return RET{request.pk} of order ORD{order.pk} has been refunded"),
        ]
        assert set(Part.objects.values_list("stock", flat=True)) == {0}

    def test_last_of_several_refunds_moves_the_order_to_returned(self, now):
        order = delivered("10.00", "5.50")
        first, second = (received(order, name, now=now) for name in ("Part 1", "Part 0"))
        returns.refund(request=first, by=None, now=now)
        order.refresh_from_db()
        assert (order.status, refunded(order)) == ("delivered", [Decimal("0.00"), Decimal("5.50")])
        returns.refund(request=second, by=None, now=now)
        order.refresh_from_db()
        assert (order.status, refunded(order)) == ("returned", [Decimal("10.00"), Decimal("5.50")])

    def test_order_with_a_refused_item_stays_delivered(self, now):
        order = delivered("10.00", "5.50")
        first, second = (received(order, name, now=now) for name in ("Part 1", "Part 0"))
        returns.refuse(request=first, by=None, now=now)
        returns.refund(request=second, by=None, now=now)
        order.refresh_from_db()
        assert order.status == "delivered"

    def test_restock_puts_pieces_back_in_stock(self, now):
        order = OrderFactory(status="delivered")
        item = OrderItemFactory(order=order, quantity=3)
        returns.refund(request=received(order, "Oil Filter", now=now), by=None, now=now, restock=True)
        assert Part.objects.get(pk=item.part_id).stock == 3

    @pytest.mark.parametrize("amount", ["0", "-0.01", "15.51", "99999999.99"])
    def test_amount_must_be_positive_and_at_most_the_price(self, now, amount):
        order = delivered("10.00", "5.50")
        request = received(order, "Part 0", "Part 1", now=now)
        before = snapshot()
        with pytest.raises(
            returns.WrongRefund, match=f"Refund more than 0.00 and at most 15.50, not {amount}."
        ):
            returns.refund(request=request, by=None, now=now, amount=Decimal(amount))
        assert snapshot() == before

    def test_free_item_is_refunded_with_zero(self, now):
        order = delivered("0.00")
        returns.refund(request=received(order, "Part 0", now=now), by=None, now=now)
        order.refresh_from_db()
        assert (order.status, refunded(order)) == ("returned", [Decimal("0.00")])

    @given(data=st.data())
    def test_distributed_cents_add_up_and_never_exceed_the_price(self, now, data):
        prices = data.draw(st.lists(st.decimals(0, 99_999, places=2), min_size=1, max_size=6))
        with transaction.atomic():
            order = delivered(*prices)
            names = [f"Part {number}" for number in range(len(prices))]
            chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
            request = received(order, *chosen, now=now)
            paid = [
                price if name in chosen else Decimal(0) for name, price in zip(names, prices, strict=True)
            ]
            assert request.refund_amount == sum(paid)
            cents = data.draw(st.integers(min(1, int(sum(paid) * 100)), int(sum(paid) * 100)))
            amount = Decimal(cents) / 100
            returns.refund(request=request, by=None, now=now, amount=amount)
            back = refunded(order)
            assert sum(back) == amount == ReturnRequest.objects.get(pk=request.pk).refund_amount
            assert all(0 <= part <= price for part, price in zip(back, paid, strict=True))
            for part, price in zip(back, paid, strict=True):  # in proportion, to the cent
                assert not sum(paid) or abs(part - amount * price / sum(paid)) < Decimal("0.01")
            order.refresh_from_db()
            assert (order.status == "returned") is (len(chosen) == len(prices))
            transaction.set_rollback(True)
