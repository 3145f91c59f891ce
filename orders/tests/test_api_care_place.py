"""Contract 002: place an order. The printed contract does not have this route."""

from __future__ import annotations

from decimal import Decimal

import pytest

from customers.models import Notification
from orders.models import Order, OrderItem
from testing.factories import PartFactory
from testing.shelf import available
from testing.storms import parallel
from testing.suites import CareGateSuite

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/customer/orders"


class TestPlaceOrder(CareGateSuite):
    url = ORDERS
    method = "post"

    def place(self, client, *lines, **extra):
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        return client.post(self.url, {"items": items}, format="json", **extra)

    @pytest.mark.parametrize("url", [ORDERS, f"{ORDERS}/"])
    def test_response_is_the_order(self, alice, as_alice, url):
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
        assert sum(available().values()) == 3
        assert order.customer == alice
        assert order.history.get().history_user == alice.contact

    def test_repeated_idempotency_key_places_one_order(self, as_alice):
        part = PartFactory(stock=5)
        headers = {"Idempotency-Key": "only-once"}
        first, again = (self.place(as_alice, (part.pk, 2), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert (Order.objects.count(), sum(available().values())) == (1, 3)
        other = self.place(as_alice, (part.pk, 1), headers=headers)
        assert (other.status_code, other.json()["error"]) == (422, "Idempotency key reused")

    def test_too_few_in_stock_is_409_and_names_the_product(self, as_alice):
        part = PartFactory(name="Wiper", stock=2)
        response = self.place(as_alice, (part.pk, 3))
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Not enough in stock",
                "detail": f"Not enough of Wiper (product {part.pk}): 2 in stock.",
            },
        )
        assert (Order.objects.count(), sum(available().values())) == (0, 2)

    def test_unknown_product_is_404_and_named(self, as_alice):
        part = PartFactory(stock=2)
        response = self.place(as_alice, (part.pk, 1), (999_999, 1))
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Product 999999 not found."},
        )
        assert (Order.objects.count(), sum(available().values())) == (0, 2)

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"items": ["This field is required."]}),
            ({"items": []}, {"items": ["This list may not be empty."]}),
            ({"items": None}, {"items": ["This field may not be null."]}),
            ({"items": "x"}, {"items": ['Expected a list of items but got type "str".']}),
            (
                {"items": [{"product_id": 1, "quantity": 1}] * 101},
                {"items": ["Ensure this field has no more than 100 elements."]},
            ),
            (
                {"items": [{"product_id": 1, "quantity": 1}, {"quantity": 0}]},
                {
                    "items[1].product_id": ["This field is required."],
                    "items[1].quantity": ["Ensure this value is greater than or equal to 1."],
                },
            ),
            (
                {"items": [{"product_id": "x", "quantity": 1.5}]},
                {
                    "items[0].product_id": ["A valid integer is required."],
                    "items[0].quantity": ["A valid integer is required."],
                },
            ),
            (
                {"items": [{"product_id": 2**63, "quantity": 10_001}]},
                {
                    "items[0].product_id": [f"Ensure this value is less than or equal to {2**63 - 1}."],
                    "items[0].quantity": ["Ensure this value is less than or equal to 10000."],
                },
            ),
        ],
    )
    def test_invalid_body_is_422_and_names_the_field(self, as_alice, body, fields):
        PartFactory(stock=2)
        response = as_alice.post(self.url, body, format="json")
        assert (response.status_code, response.json()["fields"]) == (422, fields)
        assert response.json()["error"] == "Invalid input"
        assert (Order.objects.count(), sum(available().values())) == (0, 2)

    def test_total_above_the_maximum_is_422(self, as_alice):
        part = PartFactory(stock=2, unit_price=Decimal("99999999.99"))
        response = self.place(as_alice, (part.pk, 2))
        text = "The order's total would exceed the maximum of 99999999.99."
        assert (response.status_code, response.json()) == (
            422,
            {"error": "Invalid input", "detail": text, "fields": {"items": [text]}},
        )
        assert not Order.objects.exists()


def test_too_many_unpaid_pieces_are_409_and_name_the_bound(as_alice, settings):
    settings.UNPAID_PIECES = 3
    part = PartFactory(stock=9)
    response = as_alice.post(ORDERS, {"items": [{"product_id": part.pk, "quantity": 4}]}, format="json")
    detail = (
        "Unpaid orders of a customer can hold at most 3 pieces. Yours hold 0, and this order has 4. "
        "Pay or cancel an order first, or order fewer."
    )
    assert (response.status_code, response.json()) == (
        409, {"error": "Too many unpaid pieces", "detail": detail}
    )  # fmt: skip
    assert (Order.objects.count(), sum(available().values())) == (0, 9)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_requests_never_sell_more_than_the_stock(alice, sign_in):
    part, client = PartFactory(stock=30), sign_in(alice.contact)
    token = client._credentials

    def buy(_):
        buyer = type(client)()
        buyer.credentials(**token)
        body = {"items": [{"product_id": part.pk, "quantity": 1}]}
        return buyer.post(ORDERS, body, format="json").status_code

    outcomes = parallel(100, buy)
    assert (outcomes.count(201), outcomes.count(409)) == (30, 70)
    assert (sum(available().values()), Order.objects.count()) == (0, 30)
    assert Notification.objects.count() == 30
