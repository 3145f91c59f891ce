"""Contract 002: `POST orders/return` as printed, and the list of returns."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from chat.models import SupportTicket
from orders.models import Order, ReturnRequest
from testing.factories import OrderFactory, OrderItemFactory, ReturnLineFactory, ReturnRequestFactory
from testing.suites import CareGateSuite, CareOwnListSuite

pytestmark = pytest.mark.django_db

RETURN = "/api/v1/customer/orders/return"
RETURNS = "/api/v1/customer/returns"
PRINTED = {
    "order_id": "ORD123",
    "items": ["Wireless Headphones"],
    "reason": "Product is defective",
    "description": "The left speaker is not working properly",
}


@pytest.fixture
def order(alice):
    """Return ORD123 of headphones and a cable, delivered just now."""
    order = OrderFactory(id=123, customer=alice, status="delivered")
    for name, price in (("Wireless Headphones", "299.99"), ("Cable", "5.00")):
        OrderItemFactory(order=order, part__name=name, unit_price=Decimal(price))
    return order


class TestRequest(CareGateSuite):
    url = RETURN
    method = "post"

    @pytest.mark.parametrize("url", [RETURN, f"{RETURN}/"])
    def test_response_matches_the_contract(self, order, as_alice, url):
        response = as_alice.post(url, PRINTED, format="json")
        assert response.status_code == 201, response.content
        created = ReturnRequest.objects.get()
        body = {
            "id": f"RET{created.pk}",
            "order_id": "ORD123",
            "status": "REQUESTED",
            "items": ["Wireless Headphones"],
            "reason": "Product is defective",
            "description": "The left speaker is not working properly",
            "refund_amount": 299.99,
            "created_at": created.created_at.isoformat().replace("+00:00", "Z"),
        }
        ticket = order.support_tickets.get()
        assert response.json() == body | {"ticket_id": ticket.number}
        assert list(response.json()) == [*body, "ticket_id"]
        assert as_alice.get(RETURNS).json() == [body]
        assert created.history.get().history_user == order.customer.contact

    def test_description_is_optional(self, order, as_alice):
        body = {name: value for name, value in PRINTED.items() if name != "description"}
        response = as_alice.post(self.url, body, format="json")
        assert (response.status_code, response.json()["description"]) == (201, "")

    def test_repeated_idempotency_key_creates_one_return(self, order, as_alice):
        headers = {"Idempotency-Key": "only-once"}
        first, again = (as_alice.post(self.url, PRINTED, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert (ReturnRequest.objects.count(), SupportTicket.objects.count()) == (1, 1)

    @pytest.mark.parametrize(
        ("prepare", "body", "detail"),
        [
            (
                {"status": "shipped", "delivered_at": None},
                {},
                "Only a delivered order can be returned. This order is shipped.",
            ),
            ({"age": 31}, {}, "An order can be returned within 30 days of its delivery."),
            ({}, {"items": ["Cable", "Radio"]}, "Radio is not in this order."),
            ({"is_requested": True}, {}, "Wireless Headphones is already part of a return of this order."),
        ],
    )
    def test_ineligible_return_is_400_with_the_reason(self, order, as_alice, now, prepare, body, detail):
        if "age" in prepare:
            Order.objects.update(delivered_at=now - timedelta(days=prepare["age"]))
        elif "is_requested" in prepare:
            assert as_alice.post(self.url, PRINTED, format="json").status_code == 201
        elif prepare:
            Order.objects.update(**prepare)
        count = ReturnRequest.objects.count()
        response = as_alice.post(self.url, PRINTED | body, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Cannot be returned", "detail": detail},
        )
        assert ReturnRequest.objects.count() == count

    def test_other_customers_order_is_404_like_a_missing_one(self, order, as_bob):
        for number in ("ORD123", "ORD999999"):
            response = as_bob.post(self.url, PRINTED | {"order_id": number}, format="json")
            assert (response.status_code, response.json()) == (
                404,
                {"error": "Not found", "detail": "Order not found."},
            )
        assert not ReturnRequest.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("order_id", "123", "Must be an id like ORD123."),
            ("order_id", "TKT123", "Must be an id like ORD123."),
            ("order_id", 123, "Must be an id like ORD123."),
            ("order_id", "ORD" + "9" * 19, "Must be an id like ORD123."),
            ("order_id", None, "This field may not be null."),
            ("items", [], "This list may not be empty."),
            ("items", "Wireless Headphones", 'Expected a list of items but got type "str".'),
            ("items", {"0": [""]}, 'Expected a list of items but got type "dict".'),
            ("reason", "", "This field may not be blank."),
            ("reason", "x" * 201, "Ensure this field has no more than 200 characters."),
            ("description", "x" * 10_001, "Ensure this field has no more than 10000 characters."),
        ],
    )
    def test_invalid_value_is_422_and_names_the_field(self, order, as_alice, field, value, message):
        response = as_alice.post(self.url, PRINTED | {field: value}, format="json")
        assert (response.status_code, response.json()) == (
            422,
            {"error": "Invalid input", "detail": f"{field}: {message}", "fields": {field: [message]}},
        )
        assert not ReturnRequest.objects.exists()

    @pytest.mark.parametrize("field", ["order_id", "items", "reason"])
    def test_missing_field_is_422_and_named(self, order, as_alice, field):
        body = {name: value for name, value in PRINTED.items() if name != field}
        response = as_alice.post(self.url, body, format="json")
        assert (response.status_code, response.json()["fields"]) == (
            422,
            {field: ["This field is required."]},
        )

    def test_get_is_405(self, as_alice):
        response = as_alice.get(self.url)
        assert (response.status_code, response["Allow"]) == (405, "POST")


class TestReturns(CareOwnListSuite):
    url = RETURNS

    def make(self, customer):
        created = ReturnRequestFactory(order__customer=customer, description="Too loud.", status="approved")
        for name in ("Headphones", "Cable"):
            ReturnLineFactory(return_request=created, item__product_name=name)
        return created

    def row(self, created):
        return {
            "id": f"RET{created.pk}",
            "order_id": f"ORD{created.order_id}",
            "status": "APPROVED",
            "items": ["Headphones", "Cable"],
            "reason": "Product is defective",
            "description": "Too loud.",
            "refund_amount": 9.49,
            "created_at": created.created_at.isoformat().replace("+00:00", "Z"),
        }

    def test_newest_return_is_first(self, alice, as_alice, now):
        old = ReturnRequestFactory(order__customer=alice, created_at=now - timedelta(days=1))
        new = ReturnRequestFactory(order__customer=alice, created_at=now)
        assert [row["id"] for row in as_alice.get(self.url).json()] == [f"RET{new.pk}", f"RET{old.pk}"]
