"""Tests of the order's actions. The expected transitions are written out here, not read from the code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from catalogue.models import Part
from catalogue.stock import NotEnoughStock
from common.domain.errors import IllegalTransition, Missing
from customers.models import Notification
from orders import actions
from orders.models import ORDER_MACHINE, Order, OrderItem
from testing.factories import OrderFactory, OrderItemFactory, PartFactory, UserFactory
from testing.storms import parallel
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
        "stock": dict(Part.objects.values_list("pk", "stock")),
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
    assert after["stock"] == {item.part_id: 3 if verb == "cancel" else 0}
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
        assert dict(Part.objects.values_list("pk", "stock")) == {part.pk: 2, other.pk: 0}
        assert Notification.objects.get().message == f"Your order ORD{order.pk} has been placed"
        assert order.history.get().history_type == "+"

    def test_product_listed_twice_becomes_one_line(self, alice, now):
        part = PartFactory(stock=5)
        order = self.place(alice, (part.pk, 2), (part.pk, 3), now=now)
        assert list(order.items.values_list("part_id", "quantity")) == [(part.pk, 5)]
        assert Part.objects.get().stock == 0

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

    def test_total_and_pieces_stay_within_their_maximum(self, alice, now):
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
        assert dict(Part.objects.values_list("pk", "stock")) == {scarce.pk: 0, plenty.pk: 1_000 - 74}
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
        assert Part.objects.get(pk=item.part_id).stock == (2 if verb == "cancel" else 0)

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
        assert Part.objects.get(pk=item.part_id).stock == winner
