"""What goes back: the table is the oracle, and no cent is paid back that was not paid."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import Part
from common.domain.errors import DomainError, IllegalTransition
from customers.models import Notification
from orders import returns
from orders.models import RETURN_MACHINE, Order, OrderItem, ReturnLine, ReturnRequest
from testing.factories import (
    OrderFactory,
    OrderItemFactory,
    ReturnLineFactory,
    ReturnRequestFactory,
    UserFactory,
)
from testing.storms import parallel

pytestmark = pytest.mark.django_db

STATES = ("requested", "approved", "received", "refunded", "refused")
VERBS = {
    "approve": (returns.approve, "approved"),
    "receive": (returns.receive, "received"),
    "refund": (returns.refund, "refunded"),
    "refuse": (returns.refuse, "refused"),
}
LEGAL = {
    ("requested", "approve"),
    ("approved", "receive"),
    ("received", "refund"),
    ("requested", "refuse"),
    ("approved", "refuse"),
    ("received", "refuse"),
}


def delivered(*prices, names=None, **fields):
    """A delivered order of one piece each."""
    order = OrderFactory(status="delivered", **fields)
    for number, price in enumerate(prices):
        name = names[number] if names else f"Part {number}"
        OrderItemFactory(order=order, part__name=name, unit_price=Decimal(price))
    return order


def ask(order, *products, now):
    return returns.request_return(
        order=order, products=products, reason="Product is defective", description="", now=now
    )


def received(order, *products, now):
    request = ask(order, *products, now=now)
    ReturnRequest.objects.filter(pk=request.pk).update(status="received")
    return ReturnRequest.objects.get(pk=request.pk)


def refunded(order):
    return list(order.items.in_order().values_list("refunded", flat=True))


def world():
    """Everything a verb may touch."""
    return {
        "orders": list(Order.objects.order_by("id").values()),
        "items": list(OrderItem.objects.order_by("id").values()),
        "returns": list(ReturnRequest.objects.order_by("id").values()),
        "lines": list(ReturnLine.objects.order_by("id").values()),
        "stock": dict(Part.objects.values_list("pk", "stock")),
        "told": list(Notification.objects.order_by("id").values()),
        "history": Order.history.count() + ReturnRequest.history.count(),
    }


def test_the_machine_is_designs():
    moves = {(source, target) for source, targets in RETURN_MACHINE.items() for target in targets}
    assert moves == {(state, VERBS[verb][1]) for state, verb in LEGAL}
    assert set(RETURN_MACHINE) == set(STATES)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", STATES)
def test_every_cell_of_the_table(state, verb, tim, now):
    order = delivered("9.49", "1.00")
    item = order.items.in_order()[0]
    request = ReturnRequestFactory(order=order, status=state)
    line = ReturnLineFactory(return_request=request, item=item, is_refused=state == "refused")
    before = world()
    step, target = VERBS[verb]
    if (state, verb) not in LEGAL:
        with pytest.raises(IllegalTransition) as error:
            step(request=request, by=tim.pk, now=now)
        assert error.value.text == f"This return is {state} and cannot become {target}."
        assert world() == before
        return
    step(request=request, by=tim.pk, now=now)
    after = world()
    stored, old = after["returns"][0], before["returns"][0]
    changed = {name: value for name, value in stored.items() if value != old[name]}
    assert changed == {"status": target, f"{target}_at": now}
    row = request.history.latest("history_id")
    assert (row.history_user_id, row.history_change_reason, row.history_date) == (
        tim.pk, f"status: {target}", now
    )  # fmt: skip
    line.refresh_from_db()
    assert line.is_refused is (verb == "refuse")
    assert refunded(order) == [Decimal("9.49" if verb == "refund" else "0.00"), Decimal("0.00")]
    assert (after["stock"], after["orders"]) == (before["stock"], before["orders"])
    assert [
        (told["customer_id"], told["type"], told["title"], told["message"]) for told in after["told"]
    ] == [
        (
            order.customer_id,
            "REFUND",
            "Refund Update",
            f"Your return RET{request.pk} of order ORD{order.pk} has been {target}",
        )
    ]


class TestRequest:
    def test_it_asks_for_what_was_paid(self, now):
        order = delivered("10.00", "5.50", "1.00")
        request = returns.request_return(
            order=order, products=["Part 2", "Part 0"], reason="Wrong size", description="Too big.", now=now
        )
        assert (request.status, request.refund_amount, request.created_at) == (
            "requested", Decimal("11.00"), now
        )  # fmt: skip
        assert (request.reason, request.description) == ("Wrong size", "Too big.")
        assert list(request.lines.in_order().values_list("item__product_name", "is_refused")) == [
            ("Part 0", False),
            ("Part 2", False),
        ]
        assert not Notification.objects.exists()

    @pytest.mark.parametrize("state", ["placed", "confirmed", "packed", "shipped", "cancelled", "returned"])
    def test_only_a_delivered_order(self, now, state):
        order = OrderFactory(status=state)
        OrderItemFactory(order=order)
        before = world()
        with pytest.raises(returns.NotDelivered) as error:
            ask(order, "Oil Filter", now=now)
        assert error.value.text == f"Only a delivered order can be returned; this one is {state}."
        assert world() == before

    @pytest.mark.parametrize(
        ("age", "is_open"),
        [
            (timedelta(0), True),
            (timedelta(days=30) - timedelta(microseconds=1), True),
            (timedelta(days=30), True),
            (timedelta(days=30, microseconds=1), False),
            (timedelta(days=31), False),
        ],
    )
    def test_within_thirty_days_of_the_delivery(self, now, age, is_open):
        order = delivered("1.00", created_at=now - timedelta(days=90))
        Order.objects.update(delivered_at=now - age)
        if is_open:
            assert ask(order, "Part 0", now=now).status == "requested"
            return
        before = world()
        with pytest.raises(returns.ReturnWindowClosed, match="within 30 days of its delivery"):
            ask(order, "Part 0", now=now)
        assert world() == before

    def test_an_item_of_the_order(self, now):
        order, _other = delivered("1.00"), delivered("1.00", names=["Elsewhere"])
        before = world()
        with pytest.raises(returns.NotInOrder, match="Elsewhere is not in this order"):
            ask(order, "Part 0", "Elsewhere", now=now)
        assert world() == before

    @pytest.mark.parametrize("state", ["requested", "approved", "received", "refunded"])
    def test_an_item_once(self, now, state):
        order = delivered("1.00", "2.00")
        ask(order, "Part 0", now=now)
        ReturnRequest.objects.update(status=state)
        before = world()
        for products in (["Part 0"], ["Part 1", "Part 0"], ["Part 1", "Part 1"]):
            with pytest.raises(returns.ReturnedAlready, match="is in a return of this order already"):
                ask(order, *products, now=now)
            assert world() == before
        assert ask(order, "Part 1", now=now).refund_amount == Decimal("2.00")

    def test_again_after_a_refusal(self, now):
        order = delivered("1.00")
        returns.refuse(request=ask(order, "Part 0", now=now), by=None, now=now, reason="Worn.")
        assert ask(order, "Part 0", now=now).refund_amount == Decimal("1.00")

    def test_two_items_of_one_name_go_one_after_the_other(self, now):
        order = delivered("1.00", "2.00", "4.00", names=["Filter", "Filter", "Filter"])
        assert ask(order, "Filter", now=now).refund_amount == Decimal("1.00")
        assert ask(order, "Filter", "Filter", now=now).refund_amount == Decimal("6.00")


class TestRefund:
    def test_all_of_it_and_nothing_is_left(self, now, tim):
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

    def test_one_after_the_other_until_nothing_is_left(self, now):
        order = delivered("10.00", "5.50")
        first, second = (received(order, name, now=now) for name in ("Part 1", "Part 0"))
        returns.refund(request=first, by=None, now=now)
        order.refresh_from_db()
        assert (order.status, refunded(order)) == ("delivered", [Decimal("0.00"), Decimal("5.50")])
        returns.refund(request=second, by=None, now=now)
        order.refresh_from_db()
        assert (order.status, refunded(order)) == ("returned", [Decimal("10.00"), Decimal("5.50")])

    def test_a_refused_item_is_left(self, now):
        order = delivered("10.00", "5.50")
        first, second = (received(order, name, now=now) for name in ("Part 1", "Part 0"))
        returns.refuse(request=first, by=None, now=now)
        returns.refund(request=second, by=None, now=now)
        order.refresh_from_db()
        assert order.status == "delivered"

    def test_good_as_new_goes_back_on_the_shelf(self, now):
        order = OrderFactory(status="delivered")
        item = OrderItemFactory(order=order, quantity=3)
        returns.refund(request=received(order, "Oil Filter", now=now), by=None, now=now, restock=True)
        assert Part.objects.get(pk=item.part_id).stock == 3

    @pytest.mark.parametrize("amount", ["0", "-0.01", "15.51", "99999999.99"])
    def test_more_than_nothing_and_at_most_what_was_paid(self, now, amount):
        order = delivered("10.00", "5.50")
        request = received(order, "Part 0", "Part 1", now=now)
        before = world()
        with pytest.raises(returns.WrongRefund, match="Refund more than nothing and at most 15"):
            returns.refund(request=request, by=None, now=now, amount=Decimal(amount))
        assert world() == before

    def test_what_was_free_is_refunded_for_nothing(self, now):
        order = delivered("0.00")
        returns.refund(request=received(order, "Part 0", now=now), by=None, now=now)
        order.refresh_from_db()
        assert (order.status, refunded(order)) == ("returned", [Decimal("0.00")])

    @given(data=st.data())
    def test_cents_add_up_and_never_exceed_what_was_paid(self, now, data):
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


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    @pytest.mark.parametrize(("state", "verb"), sorted(LEGAL))
    def test_of_fifty_identical_steps_one_wins(self, state, verb, now):
        order, by = delivered("9.49"), UserFactory()
        request = ask(order, "Part 0", now=now)
        ReturnRequest.objects.update(status=state)
        step, target = VERBS[verb]
        options = {"restock": True} if verb == "refund" else {}

        def work(_):
            step(request=ReturnRequest.objects.get(pk=request.pk), by=by.pk, now=now, **options)
            return "won"

        outcomes = parallel(50, work)
        assert outcomes.count("won") == 1
        assert sum(isinstance(outcome, IllegalTransition) for outcome in outcomes) == 49
        request.refresh_from_db()
        is_refund = verb == "refund"
        assert (request.status, request.history.count()) == (target, 2)
        assert Notification.objects.count() == (2 if is_refund else 1)
        assert refunded(order) == [Decimal("9.49") if is_refund else Decimal("0.00")]
        assert Part.objects.get().stock == int(is_refund)

    def test_of_parallel_requests_for_an_item_one_stands(self, now):
        order = delivered(*["1.00"] * 5)

        def work(number):
            fresh = Order.objects.get(pk=order.pk)
            outcomes = []
            for turn in range(5):  # while the first of them still open their connections, others are at it
                try:
                    outcomes.append(ask(fresh, f"Part {(number + turn) % 5}", now=now).pk)
                except returns.ReturnedAlready:
                    outcomes.append(None)
            return outcomes

        outcomes = [outcome for several in parallel(30, work) for outcome in several]
        assert sorted(pk for pk in outcomes if pk) == sorted(
            ReturnRequest.objects.values_list("pk", flat=True)
        )
        assert ReturnLine.objects.count() == ReturnRequest.objects.count() == 5

    def test_returns_of_one_order_end_it_once(self, now):
        order = delivered("1.00", "2.00", "3.00", "4.00")
        requests = [received(order, f"Part {number}", now=now).pk for number in range(4)]

        def work(number):
            request = ReturnRequest.objects.get(pk=requests[number % 4])
            verb = returns.refund if number < 8 else returns.refuse
            return verb(request=request, by=None, now=now)

        outcomes = parallel(12, work)
        assert all(outcome is None or isinstance(outcome, DomainError) for outcome in outcomes)
        assert sum(outcome is None for outcome in outcomes) == 4
        order.refresh_from_db()
        states = set(ReturnRequest.objects.values_list("status", flat=True))
        assert (order.status == "returned") is (states == {"refunded"})
