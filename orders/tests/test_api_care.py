"""Contract 002: list, retrieve and track orders, and the recent orders of the dashboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from customers.callers import caller_of_user
from orders.api.care import recent_orders
from orders.models import Order, OrderStatus
from testing.factories import OrderFactory, OrderItemFactory
from testing.suites import NOTHING_HERE, CareGateSuite, CareOwnListSuite, care_invalid

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/customer/orders"
NOT_FOUND = {"error": "Not found", "detail": "Order not found."}
CREATED = datetime(2024, 1, 10, 10, tzinfo=UTC)
ESTIMATE = datetime(2024, 1, 15, 18, tzinfo=UTC)


def printed_order(customer, status="delivered", **fields):
    """Return ORD123 as the contract prints it."""
    order = OrderFactory(
        **{"id": 123, "customer": customer, "status": status, "created_at": CREATED} | fields,
        tracking_number="TRK123456789",
        courier_name="FastShip Express",
        courier_contact="+91-1800-123-4567",
        current_location="Mumbai Hub",
        estimated_delivery=ESTIMATE,
    )
    OrderItemFactory(id=1, order=order, part__name="Wireless Headphones", part__unit_price=Decimal("299.99"))
    return order


PRINTED = {
    "id": "ORD123",
    "status": "DELIVERED",
    "total": 299.99,
    "created_at": "2024-01-10T10:00:00Z",
    "estimated_delivery": "2024-01-15T18:00:00Z",
    "tracking_number": "TRK123456789",
    "items": [
        {
            "id": "ITEM1",
            "product_name": "Wireless Headphones",
            "quantity": 1,
            "price": 299.99,
            "subtotal": 299.99,
        }
    ],
}


class TestOrders(CareOwnListSuite):
    url = ORDERS
    allow = "GET, HEAD, POST"

    def make(self, customer, **fields):
        order = OrderFactory(customer=customer, **fields)
        OrderItemFactory(order=order, quantity=3)
        OrderItemFactory(order=order, unit_price=Decimal("1.00"))
        return order

    def row(self, order):
        first, second = order.items.in_order()
        return {
            "id": f"ORD{order.pk}",
            "status": "PLACED",
            "total": 29.47,
            "created_at": order.created_at.isoformat().replace("+00:00", "Z"),
            "estimated_delivery": None,
            "tracking_number": None,
            "items": [
                {
                    "id": f"ITEM{first.pk}", "product_name": "Oil Filter", "quantity": 3,
                    "price": 9.49, "subtotal": 28.47,
                },
                {
                    "id": f"ITEM{second.pk}", "product_name": "Oil Filter", "quantity": 1,
                    "price": 1.0, "subtotal": 1.0,
                },
            ],
        }  # fmt: skip

    @pytest.mark.parametrize("url", [ORDERS, f"{ORDERS}/"])
    def test_body_matches_the_contract(self, alice, as_alice, url):
        printed_order(alice)
        body = as_alice.get(url).json()
        assert body == [PRINTED]
        assert (list(body[0]), list(body[0]["items"][0])) == (list(PRINTED), list(PRINTED["items"][0]))

    def test_newest_order_is_first(self, alice, as_alice):
        old, new = self.make(alice, created_at=CREATED), self.make(alice)
        same = self.make(alice, created_at=new.created_at)
        assert [row["id"] for row in as_alice.get(self.url).json()] == [
            f"ORD{order.pk}" for order in (same, new, old)
        ]

    @pytest.mark.parametrize(
        ("value", "states"),
        [
            ("all", OrderStatus.values),
            ("ALL", OrderStatus.values),
            ("pending", ["placed", "confirmed"]),
            ("processing", ["placed", "confirmed", "packed"]),
            ("shipped", ["shipped"]),
            ("Delivered", ["delivered"]),
            ("CANCELLED", ["cancelled"]),
            ("returned", ["returned"]),
            ("placed,delivered", ["placed", "delivered"]),
            ("processing,packed", ["placed", "confirmed", "packed"]),
            ("", OrderStatus.values),
        ],
    )
    def test_status_filter(self, alice, as_alice, value, states):
        for status in OrderStatus.values:
            self.make(alice, status=status)
        found = [row["status"] for row in as_alice.get(self.url, {"status": value}).json()]
        assert sorted(found) == sorted(state.upper() for state in states)

    @pytest.mark.parametrize("value", ["lost", "in-progress", "shipped,lost", ","])
    def test_unknown_status_is_422(self, alice, as_alice, value):
        choices = (
            "all, pending, processing, placed, confirmed, packed, shipped, delivered, cancelled, returned"
        )
        message = (
            f"Name at least one of {choices}." if value == ","
            else f'"{value.split(",")[-1].replace("-", "_")}" is not one of {choices}.'
        )  # fmt: skip
        response = as_alice.get(self.url, {"status": value})
        assert (response.status_code, response.json()) == (422, care_invalid("status", message))

    @pytest.mark.parametrize(
        ("text", "numbers"),
        [("ORD123", [123]), ("ord12", [123, 12]), ("23", [123]), ("RD9", [9]), ("%", []), ("Oil", [])],
    )
    def test_search_matches_a_substring_of_the_number(self, alice, as_alice, text, numbers):
        for number in (9, 12, 123):
            self.make(alice, id=number)
        found = [row["id"] for row in as_alice.get(self.url, {"search": text}).json()]
        assert sorted(found) == sorted(f"ORD{number}" for number in numbers)

    def test_search_status_and_page_size_combine(self, alice, as_alice):
        for number in range(100, 106):
            self.make(alice, id=number, status="shipped" if number % 2 else "placed")
        params = {"search": "ord10", "status": "shipped", "page_size": "2"}
        response = as_alice.get(self.url, params)
        assert [row["id"] for row in response.json()] == ["ORD105", "ORD103"]
        assert response["X-Total-Count"] == "3"


class TestOrder(CareGateSuite):
    url = f"{ORDERS}/ORD123"

    @pytest.mark.parametrize("url", [url, f"{url}/"])
    def test_body_is_the_one_of_the_list(self, alice, as_alice, url):
        printed_order(alice)
        response = as_alice.get(url)
        assert (response.status_code, response.json()) == (200, PRINTED)

    def test_other_customers_order_is_404_like_a_missing_one(self, alice, as_bob):
        printed_order(alice)
        for url in (self.url, f"{ORDERS}/ORD999999", f"{ORDERS}/track/ORD123", f"{ORDERS}/track/ORD9"):
            response = as_bob.get(url)
            assert (response.status_code, response.json()) == (404, NOT_FOUND)

    @pytest.mark.parametrize(
        "id", ["123", "ord123", "ORD", "ORD0", "ORD0123", "ORDx", "ORD" + "9" * 19, "TKT1"]
    )
    def test_malformed_id_is_404(self, alice, as_alice, id):
        printed_order(alice)
        for url in (f"{ORDERS}/{id}", f"{ORDERS}/track/{id}"):
            response = as_alice.get(url)
            assert (response.status_code, response.json()) == (404, NOTHING_HERE)


STEPS = ["Order Placed", "Payment Confirmed", "Packed", "Shipped", "Delivered"]


class TestTracking(CareGateSuite):
    url = f"{ORDERS}/track/ORD123"

    @pytest.mark.parametrize("url", [url, f"{url}/"])
    def test_body_matches_the_contract(self, alice, as_alice, url):
        printed_order(alice, status="shipped")
        expected = {
            "order_id": "ORD123",
            "status": "SHIPPED",
            "tracking_number": "TRK123456789",
            "current_location": "Mumbai Hub",
            "estimated_delivery": "2024-01-15T18:00:00Z",
            "courier_name": "FastShip Express",
            "courier_contact": "+91-1800-123-4567",
            "steps": [
                {"label": "Order Placed", "completed": True, "current": False},
                {"label": "Payment Confirmed", "completed": True, "current": False},
                {"label": "Packed", "completed": True, "current": False},
                {"label": "Shipped", "completed": True, "current": True},
                {"label": "Delivered", "completed": False, "current": False},
            ],
            "items": PRINTED["items"],
            "total": 299.99,
        }
        response = as_alice.get(url)
        assert (response.status_code, response.json()) == (200, expected)
        assert list(response.json()) == list(expected)

    def test_unknown_shipment_fields_are_null_and_an_unknown_day_is_left_out(self, alice, as_alice):
        OrderFactory(id=123, customer=alice)
        body = as_alice.get(self.url).json()
        unknown = ("tracking_number", "current_location", "courier_name", "courier_contact")
        assert {name: body[name] for name in unknown} == dict.fromkeys(unknown)
        assert "estimated_delivery" not in body
        assert (body["items"], body["total"]) == ([], 0)

    @pytest.mark.parametrize(
        ("status", "completed", "current"),
        [
            ("placed", 1, "Order Placed"),
            ("confirmed", 2, "Payment Confirmed"),
            ("packed", 3, "Packed"),
            ("shipped", 4, "Shipped"),
            ("delivered", 5, "Delivered"),
            ("returned", 5, None),
            ("cancelled", 1, None),
        ],
    )
    def test_steps_follow_the_status(self, alice, as_alice, status, completed, current):
        OrderFactory(id=123, customer=alice, status=status)
        body = as_alice.get(self.url).json()
        assert body["status"] == status.upper()
        assert body["steps"] == [
            {"label": label, "completed": number < completed, "current": label == current}
            for number, label in enumerate(STEPS)
        ]

    def test_cancelled_order_keeps_its_completed_steps(self, alice, as_alice, now):
        OrderFactory(id=123, customer=alice, status="cancelled", confirmed_at=now)
        steps = as_alice.get(self.url).json()["steps"]
        assert [step["completed"] for step in steps] == [True, True, False, False, False]
        assert not any(step["current"] for step in steps)


class TestRecent:
    def test_newest_five_as_the_dashboard_prints_them(self, alice, bob, django_assert_num_queries):
        for number in range(1, 8):
            order = OrderFactory(id=number, customer=alice, created_at=CREATED + timedelta(days=number))
            OrderItemFactory(order=order, quantity=number)
            OrderItemFactory(order=order, quantity=1)
        OrderItemFactory(order__customer=bob)
        caller = caller_of_user(alice.contact)
        with django_assert_num_queries(2):
            recent = recent_orders(caller)
        assert [row["id"] for row in recent] == ["ORD7", "ORD6", "ORD5", "ORD4", "ORD3"]
        assert recent[0] == {
            "id": "ORD7",
            "status": "PLACED",
            "total": 75.92,
            "created_at": CREATED + timedelta(days=7),
            "item_count": 8,
            "itemCount": 8,
            "date": "2024-01-17",
        }

    def test_customer_without_orders_has_none(self, alice):
        assert recent_orders(caller_of_user(alice.contact)) == []


class TestCancel(CareGateSuite):
    url = f"{ORDERS}/ORD999999/cancel"
    method = "post"

    def test_unpaid_order_is_cancelled(self, as_alice, alice):
        item = OrderItemFactory(order__customer=alice, quantity=2)
        url = f"{ORDERS}/ORD{item.order_id}"
        response = as_alice.post(f"{url}/cancel")
        assert (response.status_code, response.json()["status"]) == (200, "CANCELLED")
        assert response.json() == as_alice.get(url).json()
        item.part.refresh_from_db()
        assert item.part.available == 2
        assert item.order.history.latest("history_id").history_user == alice.contact

    def test_other_states_are_409_and_change_nothing(self, as_alice, alice):
        for state in ("confirmed", "shipped", "cancelled"):
            order = OrderFactory(customer=alice, status=state)
            response = as_alice.post(f"{ORDERS}/ORD{order.pk}/cancel")
            detail = f"This order is {state} and cannot become cancelled."
            assert (response.status_code, response.json()) == (
                409, {"error": "Not possible in this state", "detail": detail}
            )  # fmt: skip
            assert Order.objects.get(pk=order.pk).status == state

    def test_another_customers_order_is_404(self, as_alice, bob):
        order = OrderFactory(customer=bob)
        for number in (order.pk, 999_999):
            response = as_alice.post(f"{ORDERS}/ORD{number}/cancel")
            assert (response.status_code, response.json()) == (
                404, {"error": "Not found", "detail": "Order not found."}
            )  # fmt: skip
        assert Order.objects.get().status == "placed"


@pytest.mark.parametrize(
    "url", [ORDERS, ORDERS + "/ORD{0}", ORDERS + "/track/ORD{0}", "/api/v1/customer/dashboard"]
)
def test_expired_order_is_nowhere_shown_as_open(as_alice, alice, bob, now, url):
    item = OrderItemFactory(order__customer=alice, order__expires_at=now)
    other = OrderFactory(customer=bob, expires_at=now)
    body = as_alice.get(url.format(item.order_id)).json()
    if "stats" in body:
        assert body["stats"]["active_orders"] == 0
        body = body["recent_orders"]
    body = body[0] if isinstance(body, list) else body
    assert body["status"] == "CANCELLED"
    item.part.refresh_from_db()
    assert (item.part.available, Order.objects.get(pk=other.pk).status) == (1, "placed")
    assert as_alice.get(ORDERS, {"status": "placed"}).json() == []
