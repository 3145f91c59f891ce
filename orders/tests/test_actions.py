"""Tests of the order's actions. The expected transitions are written out here, not read from the code."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from catalogue.models import Part
from catalogue.shelf.actions import NotEnoughStock
from common.domain.errors import IllegalTransition, Missing
from customers.models import Notification
from orders import actions
from orders.models import ORDER_MACHINE, Order, OrderItem
from testing.factories import OrderFactory, OrderItemFactory, PartFactory, UserFactory
from testing.shelf import assert_balanced, available
from testing.storms import overlapping, parallel
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

STATES = ("placed", "confirmed", "packed", "shipped", "delivered", "cancelled", "returned")
ACTIONS = {
    "confirm": (actions.confirm, "confirmed"),
    "pack": (actions.pack, "packed"),
    "ship": (
        lambda **common: actions.ship(
            **common, courier_name="FastShip Express", tracking_number="TRK123456789"
        ),
        "shipped",
    ),
    "deliver": (actions.deliver, "delivered"),
    "cancel": (actions.cancel, "cancelled"),
}
LEGAL = {
    ("placed", "confirm"),
    ("confirmed", "pack"),
    ("packed", "ship"),
    ("shipped", "deliver"),
    ("placed", "cancel"),
    ("confirmed", "cancel"),
    ("packed", "cancel"),
}


def snapshot():
    """Return every row that an action may change."""
    return {
        "orders": list(Order.objects.order_by("id").values()),
        "items": list(OrderItem.objects.order_by("id").values()),
        "available": available(),
        "notifications": list(Notification.objects.order_by("id").values()),
        "history": Order.history.count(),
    }


def test_machine_matches_the_expected_transitions():
    moves = {(source, target) for source, targets in ORDER_MACHINE.items() for target in targets}
    by_verbs = {(state, ACTIONS[verb][1]) for state, verb in LEGAL}
    assert moves == by_verbs | {("delivered", "returned")}
    assert set(ORDER_MACHINE) == set(STATES)


@pytest.mark.parametrize("verb", ACTIONS)
@pytest.mark.parametrize("state", STATES)
def test_each_action_in_each_state(state, verb, tim, now):
    order = OrderFactory(status=state)
    item = OrderItemFactory(order=order, quantity=3)
    before = snapshot()
    action, target = ACTIONS[verb]
    if (state, verb) not in LEGAL:
        with pytest.raises(IllegalTransition) as error:
            action(order=order, by=tim.pk, now=now)
        assert error.value.text == f"This order is {state} and cannot become {target}."
        assert snapshot() == before
        return
    action(order=order, by=tim.pk, now=now)
    after = snapshot()
    stored, old = after["orders"][0], before["orders"][0]
    changed = {name: value for name, value in stored.items() if value != old[name]}
    shipment = {"courier_name": "FastShip Express", "tracking_number": "TRK123456789"}
    assert changed == {"status": target, f"{target}_at": now} | (shipment if verb == "ship" else {})
    assert after["history"] == before["history"] + 1
    row = order.history.latest("history_id")
    assert (row.history_user_id, row.history_change_reason, row.status, row.history_date) == (
        tim.pk, f"status: {target}", target, now
    )  # fmt: skip
    assert after["available"] == {item.part_id: 3 if verb == "cancel" else 0}
    assert [
        (sent["customer_id"], sent["type"], sent["title"], sent["message"]) for sent in after["notifications"]
    ] == [(order.customer_id, "ORDER", "Order Update", f"Your order ORD{order.pk} has been {target}")]


class TestPlaceOrder:
    def place(self, customer, *items, now):
        return actions.place_order(customer_id=customer.pk, items=items, now=now)

    def test_stores_names_and_prices_and_takes_pieces_from_stock(self, alice, now):
        part = PartFactory(name="Wiper", unit_price=Decimal("12.50"), stock=5)
        other = PartFactory(stock=1)
        order = self.place(alice, (other.pk, 1), (part.pk, 3), now=now)
        Part.objects.update(name="Other", unit_price=Decimal("99.00"))
        assert (order.customer_id, order.status, order.created_at) == (alice.pk, "placed", now)
        rows = order.items.in_order().values_list(
            "part_id", "product_name", "quantity", "unit_price", "subtotal", "refunded"
        )
        assert list(rows) == [
            (other.pk, "Oil Filter", 1, Decimal("9.49"), Decimal("9.49"), Decimal("0.00")),
            (part.pk, "Wiper", 3, Decimal("12.50"), Decimal("37.50"), Decimal("0.00")),
        ]
        assert available() == {part.pk: 2, other.pk: 0}
        assert Notification.objects.get().message == f"Your order ORD{order.pk} has been placed"
        assert order.history.get().history_type == "+"

    def test_product_listed_twice_becomes_one_line(self, alice, now):
        part = PartFactory(stock=5)
        order = self.place(alice, (part.pk, 2), (part.pk, 3), now=now)
        assert list(order.items.values_list("part_id", "quantity")) == [(part.pk, 5)]
        assert available() == {part.pk: 0}

    @pytest.mark.parametrize("split", [[3], [1, 2], [2, 1]])
    def test_too_few_in_stock_changes_nothing_and_names_the_product(self, alice, now, split):
        plenty, few = PartFactory(stock=9), PartFactory(stock=2, name="Wiper")
        before = snapshot()
        with pytest.raises(NotEnoughStock, match=f"Not enough of Wiper \\(product {few.pk}\\): 2 in stock."):
            self.place(alice, (plenty.pk, 1), *((few.pk, n) for n in split), now=now)
        assert snapshot() == before

    def test_unknown_product_changes_nothing(self, alice, now):
        part = PartFactory(stock=9)
        before = snapshot()
        with pytest.raises(Missing, match="Product 999999 not found"):
            self.place(alice, (999_999, 1), (part.pk, 1), now=now)
        assert snapshot() == before

    def test_total_and_pieces_stay_within_their_maximum(self, alice, now, settings):
        settings.UNPAID_PIECES = 20_000
        expensive = PartFactory(stock=9, unit_price=actions.MAX_TOTAL)
        cent = PartFactory(stock=20_001, unit_price=Decimal("0.01"))
        before = snapshot()
        for error, items in (
            (actions.TotalTooLarge, [(expensive.pk, 2)]),
            (actions.TotalTooLarge, [(expensive.pk, 1), (cent.pk, 1)]),
            (actions.TooManyPieces, [(cent.pk, 10_000), (cent.pk, 1)]),
        ):
            with pytest.raises(error):
                self.place(alice, *items, now=now)
        assert snapshot() == before
        self.place(alice, (expensive.pk, 1), now=now)
        self.place(alice, (cent.pk, 10_000), now=now)

    def test_each_further_line_costs_one_statement(self, alice, now):
        items = [(part.pk, 1) for part in PartFactory.create_batch(10, stock=9)]
        queries = count_queries(lambda: self.place(alice, *items[:1], now=now))
        assert count_queries(lambda: self.place(alice, *items, now=now)) == queries + 9

    def test_unpaid_pieces_of_a_customer_are_bounded(self, alice, bob, now, settings):
        settings.UNPAID_PIECES = 5
        part, other = PartFactory(stock=50), PartFactory(stock=50)
        first = self.place(alice, (part.pk, 3), now=now)
        before = snapshot()
        with pytest.raises(actions.TooManyUnpaidPieces) as error:
            self.place(alice, (part.pk, 2), (other.pk, 1), now=now)
        assert error.value.text == (
            "Unpaid orders of a customer can hold at most 5 pieces. Yours hold 3, and this order has 3. "
            "Pay or cancel an order first, or order fewer."
        )
        assert snapshot() == before
        self.place(bob, (part.pk, 5), now=now)
        actions.confirm(order=first, by=None, now=now)
        self.place(alice, (part.pk, 5), now=now)

    def test_order_expires_after_the_hours_of_the_setting(self, alice, now, settings):
        settings.UNPAID_ORDER_HOURS = 3
        order = self.place(alice, (PartFactory(stock=1).pk, 1), now=now)
        assert order.expires_at == now + timedelta(hours=3)

    def test_expired_orders_count_no_pieces_and_give_theirs_to_the_next_order(
        self, alice, bob, now, settings
    ):
        settings.UNPAID_PIECES = 2
        part = PartFactory(stock=2)
        expired = self.place(alice, (part.pk, 2), now=now)
        with pytest.raises(NotEnoughStock):
            self.place(bob, (part.pk, 1), now=now + timedelta(hours=47))
        self.place(bob, (part.pk, 1), now=now + timedelta(hours=48))
        expired.refresh_from_db()
        assert (expired.status, available()) == ("cancelled", {part.pk: 1})
        self.place(alice, (part.pk, 1), now=now + timedelta(hours=48))


class TestExpiry:
    @pytest.mark.parametrize(("seconds", "is_expired"), [(-1, True), (0, True), (1, False)])
    def test_unpaid_order_is_cancelled_and_its_pieces_go_back(self, now, seconds, is_expired):
        order = OrderFactory(expires_at=now + timedelta(seconds=seconds))
        item = OrderItemFactory(order=order, quantity=3)
        before = snapshot()
        assert actions.expire_unpaid(now=now) == is_expired
        if not is_expired:
            assert snapshot() == before
            return
        order.refresh_from_db()
        assert (order.status, order.cancelled_at) == ("cancelled", now)
        assert available() == {item.part_id: 3}
        assert Notification.objects.get().message == f"Your order ORD{order.pk} has been cancelled"
        row = order.history.latest("history_id")
        assert (row.history_user_id, row.history_change_reason) == (None, "status: cancelled")
        assert actions.expire_unpaid(now=now) == 0

    @pytest.mark.parametrize("state", STATES[1:])
    def test_paid_and_closed_orders_do_not_expire(self, now, state):
        OrderItemFactory(order=OrderFactory(status=state, expires_at=now))
        before = snapshot()
        assert actions.expire_unpaid(now=now + timedelta(days=365)) == 0
        assert snapshot() == before

    def test_expired_order_cannot_be_confirmed_before_the_sweep(self, now):
        order = OrderFactory(expires_at=now)
        before = snapshot()
        with pytest.raises(actions.OrderExpired) as error:
            actions.confirm(order=order, by=None, now=now)
        assert error.value.text == f"This order expired at {now:%Y-%m-%d %H:%M} UTC, because it was not paid."
        assert snapshot() == before

    def test_only_the_named_customers_orders(self, alice, bob, now):
        mine, other = (OrderFactory(customer=customer, expires_at=now) for customer in (alice, bob))
        assert actions.expire_unpaid(now=now, customer_id=alice.pk) == 1
        assert [order.status for order in Order.objects.order_by("id")] == ["cancelled", "placed"]
        assert (mine.pk, other.pk) == tuple(Order.objects.order_by("id").values_list("pk", flat=True))

    def test_batches_reach_every_order(self, alice, now, monkeypatch):
        monkeypatch.setattr(actions, "_BATCH", 2)
        OrderFactory.create_batch(5, customer=alice, expires_at=now)
        assert actions.expire_unpaid(now=now) == 5


@pytest.mark.parametrize("state", STATES)
def test_customer_cancels_only_an_unpaid_order(state, now):
    order = OrderFactory(status=state)
    item = OrderItemFactory(order=order, quantity=3)
    before = snapshot()
    if state != "placed":
        with pytest.raises(IllegalTransition) as error:
            actions.cancel_unpaid(order=order, by=None, now=now)
        assert error.value.text == f"This order is {state} and cannot become cancelled."
        assert snapshot() == before
        return
    actions.cancel_unpaid(order=order, by=order.customer.contact_id, now=now)
    order.refresh_from_db()
    assert (order.status, order.cancelled_at, available()) == ("cancelled", now, {item.part_id: 3})
    assert order.history.latest("history_id").history_user_id == order.customer.contact_id


def test_ship_stores_the_shipment(now):
    order = OrderFactory(status="packed")
    actions.ship(
        order=order, by=None, now=now,
        courier_name="FastShip Express", courier_contact="+91-1800-123-4567",
        tracking_number="TRK123456789", current_location="Mumbai Hub", estimated_delivery=now,
    )  # fmt: skip
    order.refresh_from_db()
    assert (order.courier_name, order.courier_contact, order.tracking_number) == (
        "FastShip Express", "+91-1800-123-4567", "TRK123456789"
    )  # fmt: skip
    assert (order.current_location, order.estimated_delivery, order.shipped_at) == ("Mumbai Hub", now, now)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    def test_parallel_orders_never_sell_more_than_the_stock(self, alice, bob, now):
        scarce, plenty = PartFactory(stock=37), PartFactory(stock=1_000)

        def buy(number):
            lines = [(scarce.pk, 1), (plenty.pk, 2)]
            customer = (alice, bob)[number % 2]
            items = lines if number % 3 else lines[::-1]
            return actions.place_order(customer_id=customer.pk, items=items, now=now).pk

        outcomes = parallel(100, buy)
        bought = [outcome for outcome in outcomes if isinstance(outcome, int)]
        assert len(set(bought)) == 37
        assert sum(isinstance(outcome, NotEnoughStock) for outcome in outcomes) == 63
        assert available() == {scarce.pk: 0, plenty.pk: 1_000 - 74}
        assert_balanced()
        assert Order.objects.count() == Notification.objects.count() == 37
        assert OrderItem.objects.count() == 74

    @pytest.mark.parametrize(("state", "verb"), sorted(LEGAL))
    def test_parallel_identical_actions_succeed_once(self, state, verb, now):
        order, by = OrderFactory(status=state), UserFactory()
        item = OrderItemFactory(order=order, quantity=2)
        action, target = ACTIONS[verb]

        def work(_):
            action(order=Order.objects.get(pk=order.pk), by=by.pk, now=now)
            return "won"

        outcomes = parallel(50, work)
        assert outcomes.count("won") == 1
        assert sum(isinstance(outcome, IllegalTransition) for outcome in outcomes) == 49
        order.refresh_from_db()
        assert (order.status, order.history.count(), Notification.objects.count()) == (target, 2, 1)
        assert available() == {item.part_id: 2 if verb == "cancel" else 0}
        assert_balanced()

    def test_unpaid_pieces_stay_bounded_in_parallel_orders(self, alice, now, settings):
        settings.UNPAID_PIECES = 7
        parts = PartFactory.create_batch(3, stock=100)

        def buy(number):
            return actions.place_order(customer_id=alice.pk, items=[(parts[number % 3].pk, 2)], now=now).pk

        outcomes = parallel(20, buy)
        assert sum(isinstance(outcome, int) for outcome in outcomes) == 3
        assert sum(isinstance(outcome, actions.TooManyUnpaidPieces) for outcome in outcomes) == 17
        assert sum(OrderItem.objects.values_list("quantity", flat=True)) == 6

    def test_order_waits_until_the_pieces_of_another_one_count(self, alice, now, settings):
        settings.UNPAID_PIECES = 7
        parts = PartFactory.create_batch(2, stock=100)
        done, refused = overlapping(
            *(
                lambda part=part: actions.place_order(customer_id=alice.pk, items=[(part.pk, 4)], now=now)
                for part in parts
            )
        )
        assert isinstance(done, Order)
        assert isinstance(refused, actions.TooManyUnpaidPieces)

    def test_parallel_confirmations_and_expiries_have_one_outcome(self, now):
        """Confirmations begin before the order expires, and sweeps after it."""
        orders = OrderFactory.create_batch(10, expires_at=now)
        for order in orders:
            OrderItemFactory(order=order)

        def work(number):
            if number % 2:
                return actions.expire_unpaid(now=now)
            order = Order.objects.get(pk=orders[number // 2].pk)
            actions.confirm(order=order, by=None, now=now - timedelta(seconds=1))
            return "confirmed"

        outcomes = parallel(20, work)
        refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert all(isinstance(outcome, IllegalTransition) for outcome in refused)
        confirmed, expired = outcomes.count("confirmed"), sum(n for n in outcomes if isinstance(n, int))
        assert (confirmed + expired, confirmed + len(refused)) == (10, 10)
        assert Order.objects.filter(status="confirmed").count() == confirmed
        assert sum(available().values()) == expired
        assert_balanced()

    def test_parallel_sweeps_give_pieces_back_once(self, now):
        item = OrderItemFactory(order__expires_at=now, quantity=4)
        assert sum(parallel(10, lambda _: actions.expire_unpaid(now=now))) == 1
        assert (available(), Notification.objects.count()) == ({item.part_id: 4}, 1)
        assert_balanced()

    def test_parallel_ship_and_cancel_succeed_once(self, now):
        order = OrderFactory(status="packed")
        item = OrderItemFactory(order=order)

        def work(number):
            action = ACTIONS[("ship", "cancel")[number % 2]][0]
            action(order=Order.objects.get(pk=order.pk), by=None, now=now)
            return number % 2

        outcomes = parallel(20, work)
        (winner,) = (outcome for outcome in outcomes if isinstance(outcome, int))
        order.refresh_from_db()
        assert order.status == ("shipped", "cancelled")[winner]
        assert available() == {item.part_id: winner}
        assert_balanced()
