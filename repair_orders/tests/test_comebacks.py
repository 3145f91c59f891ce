"""A comeback does work of a completed order again: price 0.00, with its cost (docs/design, D77)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.invoices import issue_invoice
from common.domain.errors import IllegalTransition
from repair_orders import actions
from repair_orders.estimates import actions as estimates
from repair_orders.models import Job, PartLine, RepairOrder, ServiceLine
from testing.admin import page, press
from testing.billed import completed
from testing.factories import UserFactory
from testing.worked_example import new_order, reload

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def advisor(sign_in):
    return sign_in(UserFactory(role="advisor"))


@pytest.fixture
def order():
    return completed()


def url(order, tail=""):
    return f"/api/shop/repair-orders/{order.pk}/{tail}"


def test_finished_jobs_are_done_again_for_nothing(order, now):
    PartLine.objects.filter(repair_order=order).update(unit_cost=D("7.00"))
    again = actions.come_back(order=order, by=None, now=now)
    assert (again.comeback_of, again.vehicle, again.status) == (order, order.vehicle, "requested")
    assert list(again.jobs.values_list("name", "status")) == [("Brakes", "proposed")]
    prices = PartLine.objects.filter(repair_order=again).in_order()
    assert list(prices.values_list("quantity", "unit_price", "amount", "unit_cost")) == [
        (D("1.00"), D("0.00"), D("0.00"), D("7.00")),
        (D("2.00"), D("0.00"), D("0.00"), D("7.00")),
        (D("0.50"), D("0.00"), D("0.00"), D("7.00")),
    ]
    work = ServiceLine.objects.filter(repair_order=again).in_order()
    assert list(work.values_list("kind", "hours", "rate", "amount", "cost")) == [
        ("labour", D("1.80"), D("0.00"), D("0.00"), None),
        ("sublet", None, None, D("0.00"), D("15.00")),
    ]


def test_comeback_is_invoiced_at_nothing_and_keeps_its_cost(order, now):
    PartLine.objects.filter(repair_order=order).update(unit_cost=D("7.00"))
    again = actions.come_back(order=order, by=None, now=now)
    estimates.send_estimate(order=again, by=None, now=now)
    estimates.approve(order=reload(again), by=None, now=now)
    actions.start(order=reload(again), by=None, now=now)
    actions.complete(order=reload(again), by=None, now=now)
    invoice = issue_invoice(order=reload(again), by=None, now=now)
    assert (invoice.total, invoice.balance, invoice.cost) == (D("0.00"), D("0.00"), D("39.50"))


def test_only_a_completed_order_comes_back(now):
    with pytest.raises(IllegalTransition):
        actions.come_back(order=new_order(), by=None, now=now)
    assert RepairOrder.objects.count() == 1


def test_named_jobs_are_finished_ones(advisor, order):
    done = order.jobs.get(status="done")
    declined = order.jobs.exclude(status="done").get()
    response = advisor.post(url(order, "comeback/"), {"jobs": [declined.pk]}, format="json")
    text = "Only finished jobs of this order can be done again."
    assert (response.status_code, response.json()["fields"]) == (400, {"jobs": [text]})
    assert RepairOrder.objects.count() == 1
    response = advisor.post(url(order, "comeback/"), {"jobs": [done.pk]}, format="json")
    body = response.json()
    assert (response.status_code, body["comeback_of"], body["totals"]["total"], body["fees"]) == (
        201,
        order.pk,
        "0.00",
        [],
    )
    assert Job.objects.filter(repair_order=body["id"]).count() == 1


def test_order_names_what_it_comes_back_of(advisor, order):
    body = {"vehicle_id": order.vehicle_id, "comeback_of_id": order.pk}
    made = advisor.post("/api/shop/repair-orders/", body, format="json")
    assert (made.status_code, made.json()["comeback_of"]) == (201, order.pk)
    other = url(RepairOrder.objects.get(pk=made.json()["id"]))
    for value in (None, order.pk):
        changed = advisor.patch(other, {"comeback_of_id": value}, format="json")
        assert (changed.status_code, changed.json()["comeback_of"]) == (200, value)


def test_comeback_of_another_vehicle_or_of_an_open_order_is_refused(advisor, order):
    text = "A comeback is of a completed order of the same vehicle."
    other = new_order()
    same = new_order(vehicle=order.vehicle, location=order.location)
    for vehicle, earlier in ((other.vehicle_id, order), (order.vehicle_id, same)):
        body = {"vehicle_id": vehicle, "comeback_of_id": earlier.pk}
        response = advisor.post("/api/shop/repair-orders/", body, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Invalid input",
                "detail": text,
                "fields": {"comeback_of_id": [text]},
                "code": "wrong_comeback",
            },
        )
    response = advisor.patch(url(other), {"comeback_of_id": order.pk}, format="json")
    assert (response.status_code, response.json()["code"]) == (400, "wrong_comeback")
    response = advisor.patch(url(other), {"comeback_of_id": 999_999}, format="json")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert RepairOrder.objects.count() == 3


def test_button_makes_the_order(desk, order):
    assert press(desk, order, "comeback") == ["The order of the comeback was made."]
    again = RepairOrder.objects.get(comeback_of=order)
    assert again.jobs.count() == 1
    assert (
        f"Repair order {order.reference}" in desk.get(page(again)).content.decode()
        or str(order) in desk.get(page(again)).content.decode()
    )
