"""Contract 002's orders: list, one, tracking as printed; and ordering."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from catalogue.models import Part
from customers.callers import caller_of_user
from customers.models import Notification
from orders.api.care import recent_orders
from orders.models import Order, OrderItem, OrderStatus
from testing.factories import OrderFactory, OrderItemFactory, PartFactory
from testing.storms import parallel
from testing.suites import NOTHING_HERE, CareGateSuite, CareOwnListSuite, care_invalid

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/customer/orders"
NOT_FOUND = {"error": "Not found", "detail": "Order not found."}
CREATED = datetime(2024, 1, 10, 10, tzinfo=UTC)
ESTIMATE = datetime(2024, 1, 15, 18, tzinfo=UTC)


def printed(customer, status="delivered", **fields):
    """ORD123 as the contract prints it."""
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
    def test_as_printed(self, alice, as_alice, url):
        printed(alice)
        body = as_alice.get(url).json()
        assert body == [PRINTED]
        assert (list(body[0]), list(body[0]["items"][0])) == (list(PRINTED), list(PRINTED["items"][0]))

    def test_the_newest_comes_first(self, alice, as_alice):
        old, new = self.make(alice, created_at=CREATED), self.make(alice)
        same = self.make(alice, created_at=new.created_at)
        assert [row["id"] for row in as_alice.get(self.url).json()] == [
            f"ORD{order.pk}" for order in (same, new, old)
        ]

    @pytest.mark.parametrize(
        ("words", "states"),
        [
            ("all", OrderStatus.values),
            ("ALL", OrderStatus.values),
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
    def test_status_filters(self, alice, as_alice, words, states):
        for status in OrderStatus.values:
            self.make(alice, status=status)
        found = [row["status"] for row in as_alice.get(self.url, {"status": words}).json()]
        assert sorted(found) == sorted(state.upper() for state in states)

    @pytest.mark.parametrize("word", ["lost", "in-progress", "shipped,lost", ","])
    def test_an_unknown_status_is_422(self, alice, as_alice, word):
        words = "all, processing, placed, confirmed, packed, shipped, delivered, cancelled, returned"
        message = (
            f"Name at least one of {words}." if word == ","
            else f'"{word.split(",")[-1].replace("-", "_")}" is not one of {words}.'
        )  # fmt: skip
        response = as_alice.get(self.url, {"status": word})
        assert (response.status_code, response.json()) == (422, care_invalid("status", message))

    @pytest.mark.parametrize(
        ("text", "numbers"),
        [("ORD123", [123]), ("ord12", [123, 12]), ("23", [123]), ("RD9", [9]), ("%", []), ("Oil", [])],
    )
    def test_search_is_in_the_number(self, alice, as_alice, text, numbers):
        for number in (9, 12, 123):
            self.make(alice, id=number)
        found = [row["id"] for row in as_alice.get(self.url, {"search": text}).json()]
        assert sorted(found) == sorted(f"ORD{number}" for number in numbers)

    def test_search_and_status_and_paging_together(self, alice, as_alice):
        for number in range(100, 106):
            self.make(alice, id=number, status="shipped" if number % 2 else "placed")
        asked = {"search": "ord10", "status": "shipped", "page_size": "2"}
        response = as_alice.get(self.url, asked)
        assert [row["id"] for row in response.json()] == ["ORD105", "ORD103"]
        assert response["X-Total-Count"] == "3"


class TestOrder(CareGateSuite):
    url = f"{ORDERS}/ORD123"

    @pytest.mark.parametrize("url", [url, f"{url}/"])
    def test_as_in_the_list(self, alice, as_alice, url):
        printed(alice)
        response = as_alice.get(url)
        assert (response.status_code, response.json()) == (200, PRINTED)

    def test_a_strangers_is_a_missing_one(self, alice, as_bob):
        printed(alice)
        for url in (self.url, f"{ORDERS}/ORD999999", f"{ORDERS}/track/ORD123", f"{ORDERS}/track/ORD9"):
            response = as_bob.get(url)
            assert (response.status_code, response.json()) == (404, NOT_FOUND)

    @pytest.mark.parametrize(
        "id", ["123", "ord123", "ORD", "ORD0", "ORD0123", "ORDx", "ORD" + "9" * 19, "TKT1"]
    )
    def test_what_is_no_id_is_no_address(self, alice, as_alice, id):
        printed(alice)
        for url in (f"{ORDERS}/{id}", f"{ORDERS}/track/{id}"):
            response = as_alice.get(url)
            assert (response.status_code, response.json()) == (404, NOTHING_HERE)


STEPS = ["Order Placed", "Payment Confirmed", "Packed", "Shipped", "Delivered"]


class TestTracking(CareGateSuite):
    url = f"{ORDERS}/track/ORD123"

    @pytest.mark.parametrize("url", [url, f"{url}/"])
    def test_as_printed(self, alice, as_alice, url):
        printed(alice, status="shipped")
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
        }
        response = as_alice.get(url)
        assert (response.status_code, response.json()) == (200, expected)
        assert list(response.json()) == list(expected)

    def test_what_nobody_knows_yet_is_null(self, alice, as_alice):
        OrderFactory(id=123, customer=alice)
        body = as_alice.get(self.url).json()
        unknown = (
            "tracking_number",
            "current_location",
            "estimated_delivery",
            "courier_name",
            "courier_contact",
        )
        assert {name: body[name] for name in unknown} == dict.fromkeys(unknown)

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
    def test_steps_are_those_of_the_state(self, alice, as_alice, status, completed, current):
        OrderFactory(id=123, customer=alice, status=status)
        body = as_alice.get(self.url).json()
        assert body["status"] == status.upper()
        assert body["steps"] == [
            {"label": label, "completed": number < completed, "current": label == current}
            for number, label in enumerate(STEPS)
        ]

    def test_a_cancelled_order_shows_how_far_it_came(self, alice, as_alice, now):
        OrderFactory(id=123, customer=alice, status="cancelled", confirmed_at=now)
        steps = as_alice.get(self.url).json()["steps"]
        assert [step["completed"] for step in steps] == [True, True, False, False, False]
        assert not any(step["current"] for step in steps)


class TestOrdering(CareGateSuite):
    url = ORDERS
    method = "post"

    def order(self, client, *lines, **extra):
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        return client.post(self.url, {"items": items}, format="json", **extra)

    @pytest.mark.parametrize("url", [ORDERS, f"{ORDERS}/"])
    def test_it_answers_the_order(self, alice, as_alice, url):
        part = PartFactory(name="Wiper", unit_price=Decimal("12.50"), stock=5)
        body = {"items": [{"product_id": part.pk, "quantity": 2}]}
        response = as_alice.post(url, body, format="json")
        assert response.status_code == 201, response.content
        order = Order.objects.get()
        assert response.json() == as_alice.get(f"{ORDERS}/ORD{order.pk}").json()
        assert response.json() == {
            "id": f"ORD{order.pk}",
            "status": "PLACED",
            "total": 25.0,
            "created_at": order.created_at.isoformat().replace("+00:00", "Z"),
            "estimated_delivery": None,
            "tracking_number": None,
            "items": [
                {
                    "id": f"ITEM{OrderItem.objects.get().pk}", "product_name": "Wiper", "quantity": 2,
                    "price": 12.5, "subtotal": 25.0,
                }
            ],
        }  # fmt: skip
        assert Part.objects.get().stock == 3
        assert order.customer == alice
        assert order.history.get().history_user == alice.contact

    def test_once_for_one_key(self, as_alice):
        part = PartFactory(stock=5)
        headers = {"Idempotency-Key": "only-once"}
        first, again = (self.order(as_alice, (part.pk, 2), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert (Order.objects.count(), Part.objects.get().stock) == (1, 3)
        other = self.order(as_alice, (part.pk, 1), headers=headers)
        assert (other.status_code, other.json()["error"]) == (422, "Idempotency key reused")

    def test_more_than_the_stock_is_409_and_names_the_product(self, as_alice):
        part = PartFactory(name="Wiper", stock=2)
        response = self.order(as_alice, (part.pk, 3))
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Not enough in stock",
                "detail": f"Not enough of Wiper (product {part.pk}): 2 in stock.",
            },
        )
        assert (Order.objects.count(), Part.objects.get().stock) == (0, 2)

    def test_an_unknown_product_is_404_and_named(self, as_alice):
        part = PartFactory(stock=2)
        response = self.order(as_alice, (part.pk, 1), (999_999, 1))
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Product 999999 not found."},
        )
        assert (Order.objects.count(), Part.objects.get().stock) == (0, 2)

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"items": ["This field is required."]}),
            ({"items": []}, {"items": {"non_field_errors": ["This list may not be empty."]}}),
            ({"items": None}, {"items": ["This field may not be null."]}),
            (
                {"items": "x"},
                {"items": {"non_field_errors": ['Expected a list of items but got type "str".']}},
            ),
            (
                {"items": [{"product_id": 1, "quantity": 1}] * 101},
                {"items": {"non_field_errors": ["Ensure this field has no more than 100 elements."]}},
            ),
            (
                {"items": [{"product_id": 1, "quantity": 1}, {"quantity": 0}]},
                {
                    "items": {
                        "1": {
                            "product_id": ["This field is required."],
                            "quantity": ["Ensure this value is greater than or equal to 1."],
                        }
                    }
                },
            ),
            (
                {"items": [{"product_id": "x", "quantity": 1.5}]},
                {
                    "items": {
                        "0": {
                            "product_id": ["A valid integer is required."],
                            "quantity": ["A valid integer is required."],
                        }
                    }
                },
            ),
            (
                {"items": [{"product_id": 2**63, "quantity": 10_001}]},
                {
                    "items": {
                        "0": {
                            "product_id": [f"Ensure this value is less than or equal to {2**63 - 1}."],
                            "quantity": ["Ensure this value is less than or equal to 10000."],
                        }
                    }
                },
            ),
        ],
    )
    def test_a_wrong_body_is_422_and_names_the_field(self, as_alice, body, fields):
        PartFactory(stock=2)
        response = as_alice.post(self.url, body, format="json")
        assert (response.status_code, response.json()["fields"]) == (422, fields)
        assert response.json()["error"] == "Invalid input"
        assert (Order.objects.count(), Part.objects.get().stock) == (0, 2)

    def test_too_much_money_is_422(self, as_alice):
        part = PartFactory(stock=2, unit_price=Decimal("99999999.99"))
        response = self.order(as_alice, (part.pk, 2))
        text = "The order would cost more than 99999999.99."
        assert (response.status_code, response.json()) == (
            422,
            {"error": "Invalid input", "detail": text, "fields": {"items": [text]}},
        )
        assert not Order.objects.exists()


class TestRecent:
    def test_the_newest_five_as_the_dashboard_prints_them(self, alice, bob, django_assert_num_queries):
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
        }

    def test_nobody_has_none(self, alice):
        assert recent_orders(caller_of_user(alice.contact)) == []


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_a_hundred_buyers_over_http(alice, sign_in):
    part, client = PartFactory(stock=30), sign_in(alice.contact)
    token = client._credentials

    def buy(_):
        buyer = type(client)()
        buyer.credentials(**token)
        body = {"items": [{"product_id": part.pk, "quantity": 1}]}
        return buyer.post(ORDERS, body, format="json").status_code

    outcomes = parallel(100, buy)
    assert (outcomes.count(201), outcomes.count(409)) == (30, 70)
    assert (Part.objects.get().stock, Order.objects.count()) == (0, 30)
    assert Notification.objects.count() == 30
