"""Admin pages of orders and returns: the buttons of each state are the only way to move a row."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from customers.models import Notification
from orders import returns
from orders.models import Order, ReturnRequest
from testing.admin import buttons, changelist, errors, filled, page, press
from testing.factories import OrderFactory, OrderItemFactory, UserFactory

SHIPMENT = {
    "courier_name": "FastShip Express",
    "courier_contact": "+91-1800-123-4567",
    "tracking_number": "TRK123456789",
    "current_location": "Mumbai Hub",
    "estimated_delivery": "2030-01-15T18:00",
}


@pytest.fixture
def order(alice):
    order = OrderFactory(customer=alice)
    OrderItemFactory(order=order, quantity=2)
    return order


@pytest.fixture
def requested(order, now):
    Order.objects.update(status="delivered", **dict.fromkeys(STAMPS, now))
    order.refresh_from_db()
    return returns.request_return(
        order=order, products=["Oil Filter"], reason="Wrong size", description="", now=now
    )


STAMPS = ("confirmed_at", "packed_at", "shipped_at", "delivered_at")


def test_buttons_move_an_order_and_history_names_the_user(desk, ada, order):
    for offered, button, answers, state in (
        (["Confirm payment", "Cancel"], "confirm", {}, "confirmed"),
        (["Packed", "Cancel"], "pack", {}, "packed"),
        (["Ship", "Cancel"], "ship", SHIPMENT, "shipped"),
        (["Delivered"], "deliver", {}, "delivered"),
    ):
        assert buttons(desk, order) == offered
        assert press(desk, order, button, **answers) == [f"The order is {state}."]
        order.refresh_from_db()
        assert (order.status, order.history.latest().history_user) == (state, ada)
    assert buttons(desk, order) == []
    assert {name: getattr(order, name) for name in list(SHIPMENT)[:4]} == {
        name: SHIPMENT[name] for name in list(SHIPMENT)[:4]
    }
    assert order.estimated_delivery.isoformat() == "2030-01-15T18:00:00+00:00"
    assert [sent.message.rpartition(" ")[2] for sent in Notification.objects.order_by("id")] == [
        "confirmed", "packed", "shipped", "delivered"
    ]  # fmt: skip


def test_confirm_books_the_payment(desk, ada, order):
    answers = {"method": "check", "reference": "No. 17"}
    assert press(desk, order, "confirm", **answers) == ["The order is confirmed."]
    payment = order.allocations.get().payment
    assert (payment.amount, payment.method, payment.reference, payment.taken_by) == (
        Decimal("18.98"), "check", "No. 17", ada
    )  # fmt: skip


def test_unknown_method_is_asked_again(desk, order):
    response = desk.post(page(order, "confirm"), {"_form_submitted": "on", "method": "coins"})
    assert list(response.context["form"].errors) == ["method"]
    order.refresh_from_db()
    assert order.status == "placed"


def test_cancel_releases_pieces(desk, order):
    assert press(desk, order, "cancel") == ["The order is cancelled."]
    assert order.items.get().part.available == 2
    assert buttons(desk, order) == []


@pytest.mark.parametrize("url", [changelist(Order), None])
def test_expired_order_is_shown_as_cancelled(desk, order, now, url):
    Order.objects.update(expires_at=now)
    assert desk.get(url or page(order)).status_code == 200
    order.refresh_from_db()
    assert (order.status, order.items.get().part.available) == ("cancelled", 2)


def test_expired_order_is_not_confirmed(desk, order, now):
    Order.objects.update(expires_at=now)
    text = f"This order expired at {now:%Y-%m-%d %H:%M} UTC, because it was not paid."
    assert press(desk, order, "confirm") == [text]


def test_illegal_transition_shows_a_message(desk, order):
    assert press(desk, order, "deliver") == ["This order is placed and cannot become delivered."]
    order.refresh_from_db()
    assert (order.status, order.history.count()) == ("placed", 1)


def test_ship_requires_courier_and_tracking_number(desk, order, now):
    Order.objects.update(status="packed", confirmed_at=now, packed_at=now)
    response = desk.post(page(order, "ship"), {"_form_submitted": "on", "courier_name": "FastShip"})
    assert response.status_code == 200
    order.refresh_from_db()
    assert order.status == "packed"


def test_editing_the_current_location_sends_no_notification(desk, order):
    form = filled(desk, page(order)) | {"current_location": "Mumbai Hub", "status": "delivered"}
    assert desk.post(page(order), form).status_code == 302
    order.refresh_from_db()
    assert (order.current_location, order.status) == ("Mumbai Hub", "placed")
    assert not Notification.objects.exists()


def test_stale_form_is_refused(desk, order, now):
    form = filled(desk, page(order)) | {"current_location": "Mumbai Hub"}
    Order.objects.update(status="confirmed", confirmed_at=now)
    assert errors(desk.post(page(order), form)) == [
        "It has become confirmed since you opened this page. Nothing was saved: open it again."
    ]


@pytest.mark.parametrize("state", ["delivered", "cancelled", "returned"])
def test_final_order_is_read_only(desk, alice, state):
    order = OrderFactory(customer=alice, status=state)
    form = filled(desk, page(order)) | {"current_location": "Pune Hub"}
    assert desk.post(page(order), form).status_code == 302
    order.refresh_from_db()
    assert order.current_location == ""


@pytest.mark.parametrize("text", ["ORD{0}", "ord{0} ", "TRK9", "cooper"])
def test_search_finds_order_by_number_tracking_number_and_customer(desk, order, text):
    Order.objects.update(tracking_number="TRK9")
    OrderFactory(tracking_number=f"X{order.pk}{order.pk}")
    found = desk.get(changelist(Order), {"q": text.format(order.pk)}).context["cl"].queryset
    assert list(found) == [order]


def test_orders_and_returns_cannot_be_added(desk):
    for model in ("order", "returnrequest"):
        assert desk.get(reverse(f"admin:orders_{model}_add")).status_code == 403


def test_pages_show_the_total_and_the_address(desk, order):
    text = desk.get(page(order)).content.decode()
    assert "$18.98" in text
    assert "123 Elm St" in text
    assert "$18.98" in desk.get(changelist(Order)).content.decode()


class TestReturns:
    def test_buttons_move_a_return_and_history_names_the_user(self, desk, ada, requested):
        for offered, button, answers, state in (
            (["Approve", "Refuse"], "approve", {}, "approved"),
            (["Received", "Refuse"], "receive", {}, "received"),
            (["Refund", "Refuse"], "refund", {"amount": "10.00", "restock": "on"}, "refunded"),
        ):
            assert buttons(desk, requested) == offered
            assert press(desk, requested, button, **answers) == [f"The return is {state}."]
            requested.refresh_from_db()
            assert (requested.status, requested.history.latest().history_user) == (state, ada)
        assert buttons(desk, requested) == []
        item = requested.order.items.get()
        assert (requested.refund_amount, item.refunded, item.part.available) == (
            Decimal("10.00"),
            Decimal("10.00"),
            2,
        )

    def test_refusal_stores_and_shows_the_reason(self, desk, requested):
        assert press(desk, requested, "refuse", reason="Worn.") == ["The return is refused."]
        requested.refresh_from_db()
        assert (requested.status, requested.refusal_reason) == ("refused", "Worn.")
        assert "Worn." in desk.get(page(requested)).content.decode()

    def test_refund_is_prefilled_and_limited_to_the_price(self, desk, requested):
        ReturnRequest.objects.update(status="received")
        assert 'value="18.98"' in desk.get(page(requested, "refund")).content.decode()
        assert press(desk, requested, "refund", amount="18.99") == [
            "Refund more than 0.00 and at most 18.98, not 18.99."
        ]
        requested.refresh_from_db()
        assert (requested.status, requested.order.items.get().refunded) == ("received", Decimal("0.00"))

    def test_refund_button_requires_a_manager(self, client, requested):
        ReturnRequest.objects.update(status="received")
        client.force_login(UserFactory(role="advisor"))
        assert buttons(client, requested) == ["Refuse"]
        client.force_login(UserFactory(role="manager"))
        assert buttons(client, requested) == ["Refund", "Refuse"]

    @pytest.mark.parametrize("text", ["RET{0}", "ret{0}", "size"])
    def test_search_finds_return_by_number_and_reason(self, desk, requested, text):
        found = desk.get(changelist(ReturnRequest), {"q": text.format(requested.pk)}).context["cl"].queryset
        assert list(found) == [requested]
