"""Tests of the return's actions: its transitions, the request, and parallel calls. `test_refunds` has the refund."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from catalogue.models import Part
from common.domain.errors import DomainError, IllegalTransition
from customers.models import Notification
from orders import returns
from orders.models import RETURN_MACHINE, Order, ReturnLine, ReturnRequest
from orders.tests.builders import delivered, received, refunded, request_return, snapshot
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
ACTIONS = {
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


def test_machine_matches_the_expected_transitions():
    moves = {(source, target) for source, targets in RETURN_MACHINE.items() for target in targets}
    assert moves == {(state, ACTIONS[verb][1]) for state, verb in LEGAL}
    assert set(RETURN_MACHINE) == set(STATES)


@pytest.mark.parametrize("verb", ACTIONS)
@pytest.mark.parametrize("state", STATES)
def test_each_action_in_each_state(state, verb, tim, now):
    order = delivered("9.49", "1.00")
    item = order.items.in_order()[0]
    request = ReturnRequestFactory(order=order, status=state)
    line = ReturnLineFactory(return_request=request, item=item, is_refused=state == "refused")
    before = snapshot()
    action, target = ACTIONS[verb]
    if (state, verb) not in LEGAL:
        with pytest.raises(IllegalTransition) as error:
            action(request=request, by=tim.pk, now=now)
        assert error.value.text == f"This return is {state} and cannot become {target}."
        assert snapshot() == before
        return
    action(request=request, by=tim.pk, now=now)
    after = snapshot()
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
    assert (after["available"], after["orders"]) == (before["available"], before["orders"])
    assert [
        (sent["customer_id"], sent["type"], sent["title"], sent["message"]) for sent in after["notifications"]
    ] == [
        (
            order.customer_id,
            "REFUND",
            "Refund Update",
            f"Your return RET{request.pk} of order ORD{order.pk} has been {target}",
        )
    ]


class TestRequest:
    def test_refund_amount_is_the_price_that_was_paid(self, now):
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
    def test_order_must_be_delivered(self, now, state):
        order = OrderFactory(status=state)
        OrderItemFactory(order=order)
        before = snapshot()
        with pytest.raises(returns.NotDelivered) as error:
            request_return(order, "Oil Filter", now=now)
        assert error.value.text == f"Only a delivered order can be returned. This order is {state}."
        assert snapshot() == before

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
    def test_order_must_be_delivered_within_thirty_days(self, now, age, is_open):
        order = delivered("1.00", created_at=now - timedelta(days=90))
        Order.objects.update(delivered_at=now - age)
        if is_open:
            assert request_return(order, "Part 0", now=now).status == "requested"
            return
        before = snapshot()
        with pytest.raises(returns.ReturnWindowClosed, match="within 30 days of its delivery"):
            request_return(order, "Part 0", now=now)
        assert snapshot() == before

    def test_item_must_belong_to_the_order(self, now):
        order, _other = delivered("1.00"), delivered("1.00", names=["Elsewhere"])
        before = snapshot()
        with pytest.raises(returns.NotInOrder, match="Elsewhere is not in this order"):
            request_return(order, "Part 0", "Elsewhere", now=now)
        assert snapshot() == before

    @pytest.mark.parametrize("state", ["requested", "approved", "received", "refunded"])
    def test_item_is_returned_once(self, now, state):
        order = delivered("1.00", "2.00")
        request_return(order, "Part 0", now=now)
        ReturnRequest.objects.update(status=state)
        before = snapshot()
        for products in (["Part 0"], ["Part 1", "Part 0"], ["Part 1", "Part 1"]):
            with pytest.raises(returns.ReturnedAlready, match="is already part of a return of this order"):
                request_return(order, *products, now=now)
            assert snapshot() == before
        assert request_return(order, "Part 1", now=now).refund_amount == Decimal("2.00")

    def test_item_can_be_requested_again_after_a_refusal(self, now):
        order = delivered("1.00")
        returns.refuse(request=request_return(order, "Part 0", now=now), by=None, now=now, reason="Worn.")
        assert request_return(order, "Part 0", now=now).refund_amount == Decimal("1.00")

    def test_items_of_the_same_name_are_chosen_earliest_first(self, now):
        order = delivered("1.00", "2.00", "4.00", names=["Filter", "Filter", "Filter"])
        assert request_return(order, "Filter", now=now).refund_amount == Decimal("1.00")
        assert request_return(order, "Filter", "Filter", now=now).refund_amount == Decimal("6.00")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    @pytest.mark.parametrize(("state", "verb"), sorted(LEGAL))
    def test_parallel_identical_actions_succeed_once(self, state, verb, now):
        order, by = delivered("9.49"), UserFactory()
        request = request_return(order, "Part 0", now=now)
        ReturnRequest.objects.update(status=state)
        action, target = ACTIONS[verb]
        options = {"restock": True} if verb == "refund" else {}

        def work(_):
            action(request=ReturnRequest.objects.get(pk=request.pk), by=by.pk, now=now, **options)
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

    def test_parallel_requests_for_an_item_create_one_return(self, now):
        order = delivered(*["1.00"] * 5)

        def work(number):
            fresh = Order.objects.get(pk=order.pk)
            outcomes = []
            for turn in range(5):  # several rounds, because the first threads still open their connections
                try:
                    outcomes.append(request_return(fresh, f"Part {(number + turn) % 5}", now=now).pk)
                except returns.ReturnedAlready:
                    outcomes.append(None)
            return outcomes

        outcomes = [outcome for several in parallel(30, work) for outcome in several]
        assert sorted(pk for pk in outcomes if pk) == sorted(
            ReturnRequest.objects.values_list("pk", flat=True)
        )
        assert ReturnLine.objects.count() == ReturnRequest.objects.count() == 5

    def test_parallel_refunds_and_refusals_end_each_return_once(self, now):
        order = delivered("1.00", "2.00", "3.00", "4.00")
        requests = [received(order, f"Part {number}", now=now).pk for number in range(4)]

        def work(number):
            request = ReturnRequest.objects.get(pk=requests[number % 4])
            action = returns.refund if number < 8 else returns.refuse
            return action(request=request, by=None, now=now)

        outcomes = parallel(12, work)
        assert all(outcome is None or isinstance(outcome, DomainError) for outcome in outcomes)
        assert sum(outcome is None for outcome in outcomes) == 4
        order.refresh_from_db()
        states = set(ReturnRequest.objects.values_list("status", flat=True))
        assert (order.status == "returned") is (states == {"refunded"})
