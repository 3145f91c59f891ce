"""The page *Prices*: what a percentage does, what is written, and what is not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import Part
from desk.prices.lists import raised
from testing.billed import again
from testing.factories import PartFactory, ServiceFactory, UserFactory
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/admin/prices/"
D = Decimal


@pytest.fixture
def pads():
    return PartFactory(name="Brake pads", part_number="BP-1", manufacturer="Acme", unit_price=D("49.99"))


def shown(response):
    return [(price.row, str(price.old), price.new, price.error) for price in response.context["prices"]]


def told(response):
    return [str(message) for message in response.context["messages"]]


def save(desk, typed, was, **query):
    fields = {f"price-{row.pk}": text for row, text in typed.items()}
    fields |= {f"was-{row.pk}": text for row, text in was.items()}
    response = desk.post(URL, fields, query_params=query)
    return desk.get(response["Location"]) if response.status_code == 302 else response


@pytest.mark.parametrize("text", ["brake", "bp1", "ACME pads"])
def test_parts_are_found_by_name_number_and_brand(desk, pads, text):
    PartFactory(name="Oil filter", part_number="OF-9", manufacturer="Other")
    PartFactory(name="Brake pads, old", part_number="BP-1X", manufacturer="Acme", is_listed=False)
    assert shown(desk.get(URL, {"q": text})) == [(pads, "49.99", "49.99", "")]


def test_percentage_fills_the_fields_and_stores_nothing(desk, pads):
    response = desk.get(URL, {"kind": "parts", "percent": "5", "step": "0.05"})
    assert shown(response) == [(pads, "49.99", "52.50", "")]
    assert again(pads).unit_price == D("49.99")
    assert b"Save 1 change" in response.content


def test_changed_prices_are_written_with_who_changed_them(desk, ada, pads):
    other = PartFactory(name="Rotor", unit_price=D("80.00"))
    response = save(
        desk, {pads: "52.50", other: "80.00"}, {pads: "49.99", other: "80.00"}, kind="parts", q=""
    )
    assert told(response) == ["1 price changed."]
    assert [again(row).unit_price for row in (pads, other)] == [D("52.50"), D("80.00")]
    assert (pads.history.first().history_user, other.history.count()) == (ada, 1)


def test_price_of_a_service_is_its_labor_cost(desk):
    service = ServiceFactory(labor_cost=D("100.00"))
    save(desk, {service: "110"}, {service: "100.00"}, kind="services")
    assert again(service).labor_cost == D("110.00")


@pytest.mark.parametrize("text", ["", "cheap", "-1", "1.005", "1e99", "NaN"])
def test_text_that_is_no_price_stores_nothing_and_stays(desk, pads, text):
    other = PartFactory(name="Rotor", unit_price=D("80.00"))
    response = save(desk, {pads: text, other: "90"}, {pads: "49.99", other: "80.00"})
    assert response.status_code == 400
    assert [again(row).unit_price for row in (pads, other)] == [D("49.99"), D("80.00")]
    [(_, _, new, error), (_, _, kept, none)] = shown(response)
    assert (new, bool(error), kept, none) == (text, True, "90", "")


def test_price_that_somebody_changed_meanwhile_is_not_overwritten(desk, pads):
    other = PartFactory(name="Rotor", unit_price=D("80.00"))
    Part.objects.filter(pk=pads.pk).update(unit_price=D("47.00"))
    typed = {pads: "52.50", other: "90.00"}
    response = save(desk, typed, {pads: "49.99", other: "80.00"})
    assert response.status_code == 409
    assert [again(row).unit_price for row in (pads, other)] == [D("47.00"), D("80.00")]
    [(_, old, new, error), _] = shown(response)
    assert (old, new) == ("47.00", "52.50")
    assert error == "Somebody changed this price meanwhile. The field has what you entered."
    assert told(save(desk, typed, {pads: "47.00", other: "80.00"})) == ["2 prices changed."]


def test_row_that_is_not_listed_is_left_alone(desk):
    part = PartFactory(is_listed=False, unit_price=D("5.00"))
    save(desk, {part: "6.00"}, {part: "5.00"})
    assert again(part).unit_price == D("5.00")


@pytest.mark.parametrize("query", [{"kind": "cars"}, {"percent": "-100"}, {"percent": "x"}, {"step": "0.03"}])
def test_question_that_cannot_be_answered_is_said(desk, pads, query):
    response = desk.get(URL, query)
    assert response.status_code == 400
    assert shown(response) == []


def test_only_who_may_change_the_catalogue_sees_prices(client, pads):
    for role, status in (("technician", 403), ("advisor", 403), ("manager", 200)):
        client.force_login(UserFactory(role=role))
        assert client.get(URL).status_code == status


def test_it_costs_the_same_queries_for_many_rows(desk, pads):
    desk.get(URL)
    few = count_queries(lambda: desk.get(URL))
    PartFactory.create_batch(12)
    assert count_queries(lambda: desk.get(URL)) == few


@given(
    st.decimals(0, 99_999, places=2),
    st.decimals(-99, 900, places=3),
    st.sampled_from(["0.01", "0.05", "0.10", "0.50", "1.00"]),
)
def test_raised_price_is_the_nearest_step(price, percent, step):
    new = raised(price, percent=percent, step=D(step))
    exact = price * (100 + percent) / 100
    assert new % D(step) == 0
    assert abs(new - exact) <= D(step) / 2
    assert new.as_tuple().exponent == -2
