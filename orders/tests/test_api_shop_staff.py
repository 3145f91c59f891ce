"""The staff's API of parts orders and returns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import Payment
from catalogue.models import Part
from orders import actions
from orders.models import Order, ReturnRequest
from orders.tests.builders import delivered, received, request_return, snapshot
from testing.factories import (
    CustomerFactory,
    LocationFactory,
    OrderFactory,
    OrderItemFactory,
    ReturnLineFactory,
    ReturnRequestFactory,
    UserFactory,
)
from testing.suites import StaffNounSuite, invalid

D = Decimal
CREATED = datetime(2026, 1, 15, 15, 30, tzinfo=UTC)
ORDERS, RETURNS = "/api/shop/orders/", "/api/shop/returns/"
STAMPS = ("confirmed_at", "packed_at", "shipped_at", "delivered_at", "cancelled_at", "returned_at")


def zulu(instant):
    return instant and instant.isoformat().replace("+00:00", "Z")


def order_body(order):
    items = list(order.items.in_order())
    return {
        "id": order.pk,
        "number": f"ORD{order.pk}",
        "customer_id": order.customer_id,
        "status": order.status,
        "total": str(sum((item.subtotal for item in items), D("0.00"))),
        "items": [
            {
                "id": item.pk,
                "part_id": item.part_id,
                "name": item.product_name,
                "quantity": item.quantity,
                "unit_price": str(item.unit_price),
                "amount": str(item.subtotal),
                "refunded": str(item.refunded),
            }
            for item in items
        ],
        "courier_name": order.courier_name,
        "courier_contact": order.courier_contact,
        "tracking_number": order.tracking_number,
        "current_location": order.current_location,
        "estimated_delivery": zulu(order.estimated_delivery),
        "created_at": zulu(order.created_at),
        "expires_at": zulu(order.expires_at),
        **{name: zulu(getattr(order, name)) for name in STAMPS},
        "return_ids": list(order.returns.order_by("id").values_list("pk", flat=True)),
    }


def return_body(request):
    items = [line.item for line in request.lines.in_order()]
    return {
        "id": request.pk,
        "number": f"RET{request.pk}",
        "order_id": request.order_id,
        "customer_id": request.order.customer_id,
        "status": request.status,
        "reason": request.reason,
        "description": request.description,
        "refund_amount": str(request.refund_amount),
        "refusal_reason": request.refusal_reason,
        "lines": [
            {
                "item_id": item.pk,
                "name": item.product_name,
                "quantity": item.quantity,
                "amount": str(item.subtotal),
                "refunded": str(item.refunded),
            }
            for item in items
        ],
        "created_at": zulu(request.created_at),
        "approved_at": zulu(request.approved_at),
        "received_at": zulu(request.received_at),
        "refunded_at": zulu(request.refunded_at),
        "refused_at": zulu(request.refused_at),
    }


def again(row):
    return type(row).objects.get(pk=row.pk)


class TestOrders(StaffNounSuite):
    noun, name = "orders", "Order"
    allow, item_allow = "GET, HEAD", "GET, HEAD"
    ordering = ("id",)

    def make(self, **values):
        order = OrderFactory(
            **{
                "status": "delivered",
                "courier_name": "Parcels Inc.",
                "courier_contact": "555 0100",
                "tracking_number": "T-1",
                "current_location": "Depot",
                "estimated_delivery": CREATED,
                "created_at": CREATED,
                **values,
            }
        )
        item = OrderItemFactory(order=order, quantity=2, refunded=D("0.01"))
        OrderItemFactory(order=order, product_name="Wiper")
        asked = ReturnRequestFactory(order=order)
        ReturnLineFactory(return_request=asked, item=item)
        return order

    def row(self, order):
        return order_body(order)

    def called(self, text):
        return self.make(customer=CustomerFactory(company_name=text))

    def test_filters(self, as_ada):
        first, other = self.make(), self.make(status="cancelled")
        for params, found in (
            ({"status": "cancelled"}, [other]),
            ({"status": "cancelled,delivered"}, [other, first]),
            ({"customer_id": first.customer_id}, [first]),
        ):
            assert self.found(as_ada, **params) == [row.pk for row in found], params

    def test_order_that_was_not_paid_in_time_is_cancelled(self, as_ada):
        for _ in range(2):
            order = OrderFactory(expires_at=timezone.now() - timedelta(hours=1))
            OrderItemFactory(order=order)
        assert as_ada.get(self.item(order)).json()["status"] == "cancelled"
        order = OrderFactory(expires_at=timezone.now() - timedelta(hours=1))
        assert {row["status"] for row in as_ada.get(self.url).json()["results"]} == {"cancelled"}


class TestReturns(StaffNounSuite):
    noun, name = "returns", "Return"
    allow, item_allow = "GET, HEAD", "GET, HEAD"
    ordering = ("id",)

    def make(self, **values):
        asked = ReturnRequestFactory(
            **{
                "status": "refused",
                "description": "Bent",
                "refusal_reason": "Used",
                "created_at": CREATED,
                "approved_at": CREATED,
                "received_at": CREATED,
                "refused_at": CREATED,
                **values,
            }
        )
        for _ in range(2):
            ReturnLineFactory(return_request=asked)
        return asked

    def row(self, request):
        return return_body(request)

    def called(self, text):
        return self.make(order=OrderFactory(status="delivered", customer__company_name=text))

    def test_filters(self, as_ada):
        first, other = self.make(), self.make(status="requested")
        for params, found in (
            ({"status": "requested"}, [other]),
            ({"status": "requested,refused"}, [other, first]),
            ({"order_id": first.order_id}, [first]),
            ({"customer_id": other.order.customer_id}, [other]),
        ):
            assert self.found(as_ada, **params) == [row.pk for row in found], params


@pytest.fixture
def as_advisor(sign_in, db):
    return sign_in(UserFactory(role="advisor"))


@pytest.fixture
def as_manager(sign_in, db):
    return sign_in(UserFactory(role="manager"))


@pytest.fixture
def order(db):
    LocationFactory()
    item = OrderItemFactory(quantity=2, unit_price=D("10.00"))
    return item.order


def post(client, url, row, verb, body=None, **headers):
    return client.post(f"{url}{row.pk}/{verb}/", body or {}, format="json", headers=headers)


class TestSteps:
    def test_order_from_its_payment_to_its_delivery(self, as_advisor, order):
        steps = [
            ("confirm", {"method": "card", "reference": "T 12"}, "confirmed"),
            ("pack", {}, "packed"),
            ("ship", {"courier_name": "Parcels Inc.", "tracking_number": "T-1"}, "shipped"),
            ("deliver", {}, "delivered"),
        ]
        for verb, body, status in steps:
            response = post(as_advisor, ORDERS, order, verb, body)
            assert (response.status_code, response.json()) == (200, order_body(again(order)))
            assert response.json()["status"] == status
        payment = Payment.objects.get()
        assert (payment.amount, payment.method, payment.reference, payment.open) == (
            D("20.00"),
            "card",
            "T 12",
            D("0.00"),
        )
        assert again(order).tracking_number == "T-1"

    def test_payment_is_other_by_default(self, as_advisor, order):
        assert post(as_advisor, ORDERS, order, "confirm").status_code == 200
        assert Payment.objects.get().method == "other"

    def test_same_key_confirms_once(self, as_advisor, order):
        first, second = (
            post(as_advisor, ORDERS, order, "confirm", **{"Idempotency-Key": "once"}) for _ in range(2)
        )
        assert (first.status_code, second.json()) == (200, first.json())
        assert Payment.objects.count() == 1

    def test_cancelled_order_gives_the_money_back(self, as_advisor, order):
        actions.confirm(order=order, by=None, now=timezone.now(), method="card")
        response = post(as_advisor, ORDERS, order, "cancel")
        assert (response.status_code, response.json()) == (200, order_body(again(order)))
        refund = Payment.objects.get(kind="refund")
        assert (refund.amount, refund.method, refund.reason) == (
            D("20.00"),
            "card",
            f"Parts order ORD{order.pk} cancelled",
        )

    def test_step_that_the_state_does_not_allow_is_409(self, as_advisor, order):
        before = snapshot()
        response = post(as_advisor, ORDERS, order, "deliver")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Not possible in this state",
                "detail": "This order is placed and cannot become delivered.",
                "code": "illegal_transition",
            },
        )
        assert snapshot() == before

    def test_expired_order_cannot_be_confirmed(self, as_advisor, order):
        Order.objects.update(expires_at=timezone.now())
        response = post(as_advisor, ORDERS, order, "confirm")
        assert (response.status_code, response.json()["code"]) == (409, "order_expired")
        assert not Payment.objects.exists()

    @pytest.mark.parametrize(
        ("verb", "body", "field", "message"),
        [
            (
                "confirm",
                {"method": "barter"},
                "method",
                '"barter" is not a valid choice. Choose one of: cash, check, card, transfer, other.',
            ),
            ("ship", {"tracking_number": "T-1"}, "courier_name", "This field is required."),
        ],
    )
    def test_wrong_body_is_400(self, as_advisor, order, verb, body, field, message):
        response = post(as_advisor, ORDERS, order, verb, body)
        assert (response.status_code, response.json()) == (400, invalid(field, message))

    def test_unknown_key_is_400(self, as_advisor, order):
        response = post(as_advisor, ORDERS, order, "pack", {"colour": "red"})
        message = "Unknown field. This request takes no fields."
        assert (response.status_code, response.json()) == (
            400,
            {**invalid("colour", message), "code": "unknown_field"},
        )

    def test_technician_may_not(self, as_tim, order):
        for response in (as_tim.get(ORDERS), as_tim.get(RETURNS), post(as_tim, ORDERS, order, "confirm")):
            assert (response.status_code, response.json()["code"]) == (403, "role_may_not")
        assert again(order).status == "placed"


class TestReturnSteps:
    def test_return_from_its_approval_to_its_refund(self, as_advisor, as_manager, order, now):
        actions.confirm(order=order, by=None, now=now, method="card")
        Order.objects.filter(pk=order.pk).update(
            status="delivered", packed_at=now, shipped_at=now, delivered_at=now
        )
        item = order.items.get()
        request = request_return(again(order), item.product_name, now=now)
        for verb, status in (("approve", "approved"), ("receive", "received")):
            response = post(as_advisor, RETURNS, request, verb)
            assert (response.status_code, response.json()) == (200, return_body(again(request)))
            assert response.json()["status"] == status
        body = {"amount": "15.00", "restock": True}
        assert post(as_advisor, RETURNS, request, "refund", body).status_code == 403
        response = post(as_manager, RETURNS, request, "refund", body)
        assert (response.status_code, response.json()) == (200, return_body(again(request)))
        assert (response.json()["status"], response.json()["refund_amount"]) == ("refunded", "15.00")
        refund = Payment.objects.get(kind="refund")
        assert (refund.amount, refund.method, refund.reason) == (
            D("15.00"),
            "card",
            f"Return RET{request.pk}",
        )
        assert (again(order).status, Part.objects.get(pk=item.part_id).stock) == ("returned", 4)

    def test_refused_return(self, as_advisor, now, db):
        request = request_return(delivered("10.00"), "Part 0", now=now)
        response = post(as_advisor, RETURNS, request, "refuse", {"reason": "Used"})
        assert (response.status_code, response.json()) == (200, return_body(again(request)))
        assert (response.json()["status"], response.json()["refusal_reason"]) == ("refused", "Used")

    def test_more_than_was_paid_is_400(self, as_manager, now, db):
        request = received(delivered("10.00"), "Part 0", now=now)
        before = snapshot()
        response = post(as_manager, RETURNS, request, "refund", {"amount": "10.01"})
        message = "Refund more than 0.00 and at most 10.00, not 10.01."
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Invalid input",
                "detail": message,
                "fields": {"amount": [message]},
                "code": "wrong_refund",
            },
        )
        assert snapshot() == before

    def test_refund_before_the_items_arrived_is_409(self, as_manager, now, db):
        request = request_return(delivered("10.00"), "Part 0", now=now)
        response = post(as_manager, RETURNS, request, "refund")
        assert (response.status_code, response.json()["code"]) == (409, "illegal_transition")
        assert ReturnRequest.objects.get().status == "requested"
