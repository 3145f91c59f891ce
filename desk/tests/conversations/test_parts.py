"""Parts by mail at the desk: each order and return stands where its next step is."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.models import Payment
from orders.models import Order, ReturnRequest
from testing.factories import (
    LocationFactory,
    OrderFactory,
    OrderItemFactory,
    ReturnLineFactory,
    ReturnRequestFactory,
    UserFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/admin/parts-desk/"
D = Decimal


def told(response):
    return [str(message) for message in response.context["messages"]]


def text_of(response):
    """Return the text of a page without tags, as one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def take(client, row, step, **answers):
    name = "parts-order-step" if isinstance(row, Order) else "return-step"
    return client.post(reverse(name, args=[row.pk, step]), answers, follow=True)


@pytest.fixture
def order(db):
    LocationFactory()
    return OrderItemFactory(order=OrderFactory(status="placed"), quantity=2).order


@pytest.fixture
def returned(db):
    LocationFactory()
    order = OrderFactory(status="delivered")
    item = OrderItemFactory(order=order)
    request = ReturnRequestFactory(order=order, refund_amount=item.subtotal)
    ReturnLineFactory(return_request=request, item=item)
    return request


def test_orders_and_returns_stand_where_their_step_is(desk, returned):
    orders = {
        status: OrderFactory(status=status)
        for status in ("placed", "confirmed", "packed", "shipped", "delivered")
    }
    context = desk.get(URL).context
    assert [
        (found["title"], found["count"], [row["order"] for row in found["rows"]])
        for found in context["lists"]
    ] == [
        ("Not paid", 1, [orders["placed"]]),
        ("To pack", 1, [orders["confirmed"]]),
        ("To ship", 1, [orders["packed"]]),
        ("On the way", 1, [orders["shipped"]]),
    ]
    assert [(found["title"], found["rows"]) for found in context["returns"]] == [
        ("Returns to decide", [returned]),
        ("Returns on their way", []),
        ("Returns to refund", []),
    ]


def test_order_goes_its_whole_way(desk, ada, order):
    total = sum(item.subtotal for item in order.items.all())
    assert told(take(desk, order, "confirm", method="card")) == [f"{order.number} is paid for."]
    payment = Payment.objects.get()
    assert (payment.amount, payment.method, payment.customer, payment.taken_by) == (
        total, "card", order.customer, ada
    )  # fmt: skip
    assert told(take(desk, order, "pack")) == [f"{order.number} is packed."]
    response = take(desk, order, "ship", courier_name="UPS", tracking_number="1Z")
    assert told(response) == [f"{order.number} is shipped."]
    order.refresh_from_db()
    assert (order.status, order.courier_name, order.tracking_number) == ("shipped", "UPS", "1Z")
    take(desk, order, "deliver")
    order.refresh_from_db()
    assert order.status == "delivered"


def test_return_goes_its_whole_way(desk, returned):
    take(desk, returned, "approve")
    take(desk, returned, "receive")
    response = take(desk, returned, "refund", amount=str(returned.refund_amount))
    assert told(response) == [f"{returned.number} is refunded."]
    returned.refresh_from_db()
    assert returned.status == "refunded"


def test_return_is_refused_with_a_reason(desk, returned):
    assert told(take(desk, returned, "refuse")) == [f"{returned.number}: Reason: This field is required."]
    take(desk, returned, "refuse", reason="Used")
    returned.refresh_from_db()
    assert (returned.status, returned.refusal_reason) == ("refused", "Used")


@pytest.mark.parametrize(
    ("step", "answers", "message"),
    [
        ("deliver", {}, "This order is placed and cannot become delivered."),
        ("ship", {}, "Courier: This field is required."),
        (
            "confirm",
            {"method": "shells"},
            "Method: Select a valid choice. shells is not one of the available choices.",
        ),
    ],
)
def test_step_that_does_not_fit_is_refused(desk, order, step, answers, message):
    assert f"{order.number}: {message}" in told(take(desk, order, step, **answers))
    order.refresh_from_db()
    assert (order.status, Payment.objects.count()) == ("placed", 0)


def test_more_than_was_paid_is_not_refunded(desk, returned):
    ReturnRequest.objects.filter(pk=returned.pk).update(status="received")
    response = take(desk, returned, "refund", amount=str(returned.refund_amount + 1))
    assert "Refund more than 0.00 and at most" in told(response)[0]
    returned.refresh_from_db()
    assert (returned.status, Payment.objects.count()) == ("received", 0)


def test_unknown_rows_and_steps_are_not_found(desk, order):
    assert take(desk, order, "explode").status_code == 404
    assert desk.post(reverse("parts-order-step", args=[999_999, "pack"])).status_code == 404
    assert desk.post(reverse("return-step", args=[999_999, "approve"])).status_code == 404
    assert desk.get(reverse("parts-order-step", args=[order.pk, "pack"])).status_code == 405


def test_roles_see_and_do_their_part(client, tim, order, returned):
    client.force_login(tim)
    assert client.get(URL).status_code == 403
    assert (
        client.post(reverse("parts-order-step", args=[order.pk, "confirm"]), {"method": "card"}).status_code
        == 403
    )
    client.force_login(UserFactory(role="advisor"))
    ReturnRequest.objects.filter(pk=returned.pk).update(status="received")
    text = text_of(client.get(URL))
    assert "Paid $" in text
    assert (
        client.post(reverse("return-step", args=[returned.pk, "refund"]), {"amount": "1"}).status_code == 403
    )
    returned.refresh_from_db()
    assert returned.status == "received"


def test_number_of_queries_is_constant(desk, order, returned):
    def more():
        OrderItemFactory(order=OrderFactory(status="placed"))
        OrderItemFactory(order=OrderFactory(status="packed"))
        request = ReturnRequestFactory(order=OrderFactory(status="delivered"))
        ReturnLineFactory(return_request=request, item=OrderItemFactory(order=request.order))

    more()
    desk.get(URL)
    one = count_queries(lambda: desk.get(URL))
    for _ in range(5):
        more()
    assert count_queries(lambda: desk.get(URL)) == one
