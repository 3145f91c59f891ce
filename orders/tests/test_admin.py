"""Orders and returns in the staff's admin: buttons that fit the state, and nothing else that moves them."""

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
def asked(order, now):
    Order.objects.update(status="delivered", **dict.fromkeys(STAMPS, now))
    order.refresh_from_db()
    return returns.request_return(
        order=order, products=["Oil Filter"], reason="Wrong size", description="", now=now
    )


STAMPS = ("confirmed_at", "packed_at", "shipped_at", "delivered_at")


def test_an_order_goes_its_way_by_buttons_and_history_says_who(desk, ada, order):
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
    assert [told.message.rpartition(" ")[2] for told in Notification.objects.order_by("id")] == [
        "confirmed", "packed", "shipped", "delivered"
    ]  # fmt: skip


def test_a_cancelled_order_is_back_on_the_shelf(desk, order):
    assert press(desk, order, "cancel") == ["The order is cancelled."]
    assert order.items.get().part.stock == 2
    assert buttons(desk, order) == []


def test_a_step_that_the_state_does_not_allow_is_a_message(desk, order):
    assert press(desk, order, "deliver") == ["This order is placed and cannot become delivered."]
    order.refresh_from_db()
    assert (order.status, order.history.count()) == ("placed", 1)


def test_a_shipment_needs_a_courier_and_a_number(desk, order, now):
    Order.objects.update(status="packed", confirmed_at=now, packed_at=now)
    response = desk.post(page(order, "ship"), {"_form_submitted": "on", "courier_name": "FastShip"})
    assert response.status_code == 200
    order.refresh_from_db()
    assert order.status == "packed"


def test_a_parcels_place_is_written_without_a_word_to_the_customer(desk, order):
    form = filled(desk, page(order)) | {"current_location": "Mumbai Hub", "status": "delivered"}
    assert desk.post(page(order), form).status_code == 302
    order.refresh_from_db()
    assert (order.current_location, order.status) == ("Mumbai Hub", "placed")
    assert not Notification.objects.exists()


def test_what_was_typed_before_a_step_is_refused_not_lost(desk, order, now):
    form = filled(desk, page(order)) | {"current_location": "Mumbai Hub"}
    Order.objects.update(status="confirmed", confirmed_at=now)
    assert errors(desk.post(page(order), form)) == [
        "It has become confirmed since you opened this page. Nothing was saved: open it again."
    ]


@pytest.mark.parametrize("state", ["delivered", "cancelled", "returned"])
def test_an_order_that_came_to_its_end_is_fixed(desk, alice, state):
    order = OrderFactory(customer=alice, status=state)
    form = filled(desk, page(order)) | {"current_location": "Moon"}
    assert desk.post(page(order), form).status_code == 302
    order.refresh_from_db()
    assert order.current_location == ""


@pytest.mark.parametrize("text", ["ORD{0}", "ord{0} ", "TRK9", "cooper"])
def test_an_order_is_found_by_number_parcel_and_customer(desk, order, text):
    Order.objects.update(tracking_number="TRK9")
    OrderFactory(tracking_number=f"TRK{order.pk}{order.pk}")
    found = desk.get(changelist(Order), {"q": text.format(order.pk)}).context["cl"].queryset
    assert list(found) == [order]


def test_nobody_adds_orders_or_returns_by_hand(desk):
    for model in ("order", "returnrequest"):
        assert desk.get(reverse(f"admin:orders_{model}_add")).status_code == 403


def test_pages_show_what_was_paid(desk, order):
    text = desk.get(page(order)).content.decode()
    assert "$18.98" in text
    assert "123 Elm St" in text
    assert "$18.98" in desk.get(changelist(Order)).content.decode()


class TestReturns:
    def test_a_return_goes_its_way_by_buttons(self, desk, ada, asked):
        for offered, button, answers, state in (
            (["Approve", "Refuse"], "approve", {}, "approved"),
            (["Received", "Refuse"], "receive", {}, "received"),
            (["Refund", "Refuse"], "refund", {"amount": "10.00", "restock": "on"}, "refunded"),
        ):
            assert buttons(desk, asked) == offered
            assert press(desk, asked, button, **answers) == [f"The return is {state}."]
            asked.refresh_from_db()
            assert (asked.status, asked.history.latest().history_user) == (state, ada)
        assert buttons(desk, asked) == []
        item = asked.order.items.get()
        assert (asked.refund_amount, item.refunded, item.part.stock) == (
            Decimal("10.00"),
            Decimal("10.00"),
            2,
        )

    def test_a_refusal_says_why(self, desk, asked):
        assert press(desk, asked, "refuse", reason="Worn.") == ["The return is refused."]
        asked.refresh_from_db()
        assert (asked.status, asked.refusal_reason) == ("refused", "Worn.")
        assert "Worn." in desk.get(page(asked)).content.decode()

    def test_the_whole_amount_is_offered_and_no_more_is_paid(self, desk, asked):
        ReturnRequest.objects.update(status="received")
        assert 'value="18.98"' in desk.get(page(asked, "refund")).content.decode()
        assert press(desk, asked, "refund", amount="18.99") == ["Refund more than nothing and at most 18.98."]
        asked.refresh_from_db()
        assert (asked.status, asked.order.items.get().refunded) == ("received", Decimal("0.00"))

    def test_an_advisor_decides_and_a_manager_pays(self, client, asked):
        ReturnRequest.objects.update(status="received")
        client.force_login(UserFactory(role="advisor"))
        assert buttons(client, asked) == ["Refuse"]
        client.force_login(UserFactory(role="manager"))
        assert buttons(client, asked) == ["Refund", "Refuse"]

    @pytest.mark.parametrize("text", ["RET{0}", "ret{0}", "size"])
    def test_a_return_is_found_by_its_number(self, desk, asked, text):
        found = desk.get(changelist(ReturnRequest), {"q": text.format(asked.pk)}).context["cl"].queryset
        assert list(found) == [asked]
