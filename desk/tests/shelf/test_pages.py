"""The page *Needed parts*: what is to be ordered, what is on order, and what came in."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.utils import timezone

from catalogue.models import Part
from catalogue.shelf.actions import reserve
from catalogue.shelf.models import VendorOrder
from catalogue.shelf.ordered import order_from_vendor
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/admin/needed-parts/"


@pytest.fixture
def garage():
    return factories.LocationFactory(is_default=True, name="Downtown", time_zone="America/New_York")


@pytest.fixture
def pads():
    return factories.PartFactory(name="Brake pads", part_number="BP-1", is_stocked=True, stock=0)


@pytest.fixture
def job(garage, alice):
    order = factories.RepairOrderFactory(customer=alice, vehicle__customer=alice, location=garage)
    return factories.JobFactory(repair_order=order, name="Front brakes")


def need(part, job, pieces=2):
    reserve(source=f"job:{job.pk}", pieces={part.pk: pieces}, by=None, now=timezone.now())


def rows(response):
    return [row for row, _ in response.context["rows"]]


def send(desk, part, do, url=URL, **values):
    form = next(
        form
        for row, forms in desk.get(url).context["rows"]
        if row.part == part
        for name, _, form, _ in forms
        if name == do
    )
    data = {name: form[name].value() or "" for name in form.fields}
    return desk.post(url, {**data, "part": part.pk, "do": do, **values})


def test_row_names_who_waits_for_the_part(desk, pads, job):
    need(pads, job)
    response = desk.get(URL)
    content = response.content.decode().partition('class="what"')[2].partition("</div>")[0]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", content)).removeprefix(">").strip()
    order = job.repair_order
    assert text == (
        f"Brake pads BP-1 2 to order 2 missing, 0 available on the shelf 2 for "
        f"Repair order {order.reference}: Front brakes , Alice Cooper, {order.vehicle}"
    )
    assert f'href="/admin/orders/{order.pk}/"' in content


def test_ordered_part_moves_to_the_other_tab_until_it_comes(desk, pads, job):
    need(pads, job)
    response = send(desk, pads, "order", vendor="NAPA", expected_on="2020-01-02")
    assert response.headers["Location"] == f"{URL}?view=to-order"
    assert rows(desk.get(URL)) == []
    response = desk.get(URL, {"view": "on-order"})
    [row] = rows(response)
    assert (row.short, row.to_order, row.on_order.vendor, row.is_late) == (2, 0, "NAPA", True)
    assert [count for _, _, count in response.context["views"]] == [0, 1]

    send(desk, pads, "receive", f"{URL}?view=on-order", unit_cost="$3.10")
    assert rows(desk.get(URL, {"view": "on-order"})) == []
    pads.refresh_from_db()
    assert (pads.stock, pads.available, str(pads.unit_cost)) == (2, 0, "3.1000")
    assert not VendorOrder.objects.exists()


def test_part_of_which_too_few_are_on_order_stays_to_be_ordered(desk, pads, job):
    need(pads, job, 3)
    order_from_vendor(part=pads, pieces=1, vendor="NAPA", by=None, now=timezone.now())
    [row] = rows(desk.get(URL))
    assert (row.short, row.to_order) == (3, 2)


def test_refusal_stands_at_the_form_with_what_was_typed(desk, pads, job):
    need(pads, job)
    response = send(desk, pads, "order", vendor="", reference="PO 4711")
    assert response.status_code == 400
    content = response.content.decode()
    assert "Name the vendor from which the pieces are ordered." in content
    assert 'value="PO 4711"' in content
    assert content.count("<details open>") == 1
    assert not VendorOrder.objects.exists()


@pytest.mark.parametrize("pieces", ["0", "-1", "1.5", "many", ""])
def test_number_that_cannot_be_received_is_refused(desk, pads, job, pieces):
    need(pads, job)
    assert send(desk, pads, "receive", pieces=pieces).status_code == 400
    assert Part.objects.get(pk=pads.pk).stock == 0


def test_form_that_is_sent_twice_acts_once(desk, pads, job):
    need(pads, job)
    forms = {name: form for name, _, form, _ in desk.get(URL).context["rows"][0][1]}
    data = {"key": forms["receive"]["key"].value(), "pieces": "2", "part": pads.pk, "do": "receive"}
    assert desk.post(URL, data).status_code == 302
    response = desk.post(URL, data)
    assert response.status_code == 400
    assert Part.objects.get(pk=pads.pk).stock == 2
    assert [row.part for row in rows(response)] == [pads]  # which nobody needs any more
    assert "This form was sent before." in response.content.decode()


def test_part_on_order_that_nobody_needs_is_shown_as_well(desk, pads):
    order_from_vendor(
        part=pads, pieces=4, vendor="NAPA", by=None, now=timezone.now(), expected_on=date(2999, 1, 1)
    )
    [row] = rows(desk.get(URL, {"view": "on-order"}))
    assert (row.part, row.short, row.needs, row.is_late) == (pads, 0, [], False)


def test_unknown_part_or_step_is_not_found(desk, pads):
    assert desk.post(URL, {"do": "receive", "part": "x"}).status_code == 404
    assert desk.post(URL, {"do": "sell", "part": pads.pk}).status_code == 404


def test_technician_sees_the_parts_and_has_no_forms(client, pads, job):
    need(pads, job)
    client.force_login(factories.UserFactory(role="technician"))
    response = client.get(URL)
    assert [row.part for row in rows(response)] == [pads]
    assert b"Put on the shelf" not in response.content
    assert client.post(URL, {"do": "receive", "part": pads.pk, "pieces": 2}).status_code == 403


@pytest.mark.parametrize("view", ["to-order", "on-order"])
def test_queries_do_not_depend_on_the_number_of_parts(desk, job, ada, view):
    def fill(number):
        for _ in range(number):
            part = factories.PartFactory(is_stocked=True, stock=0)
            need(part, job)
            if view == "on-order":
                order_from_vendor(part=part, pieces=2, vendor="NAPA", by=ada.pk, now=timezone.now())

    fill(1)
    few = count_queries(lambda: desk.get(URL, {"view": view}))
    fill(5)
    assert count_queries(lambda: desk.get(URL, {"view": view})) == few
