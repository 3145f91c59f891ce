"""The page *Follow-ups*: whom to call about work that was put off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from appointments.models import Location
from desk.follow_ups.pages import FURTHEST
from testing.billed import again
from testing.factories import (
    AppointmentFactory,
    JobFactory,
    LocationFactory,
    RecommendationFactory,
    RepairOrderFactory,
    UserFactory,
    VehicleFactory,
)
from testing.suites import count_queries
from testing.worked_example import answer, estimated, priced_location
from vehicles.models import Recommendation

pytestmark = pytest.mark.django_db
URL = "/admin/follow-ups/"


@pytest.fixture
def garage():
    return LocationFactory(is_default=True)


def put_off(garage, *, days=0, customer=None, **fields):
    """Return a recommendation of a job that a customer declined some days ago."""
    vehicle = VehicleFactory(**({"customer": customer} if customer else {}))
    order = RepairOrderFactory(location=garage, vehicle=vehicle)
    row = RecommendationFactory(vehicle=order.vehicle, **fields)
    JobFactory(repair_order=order, status="declined", recommendation=row)
    Recommendation.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=days))
    return again(row)


def shown(response):
    """Return the customers with the texts of their work."""
    return [
        (call.customer, [work.text for car in call.cars for work in car.works])
        for call in response.context["calls"]
    ]


def told(response):
    return [str(message) for message in response.context["messages"]]


def test_customers_come_by_the_age_of_their_oldest_work(desk, garage):
    late = put_off(garage, days=1, text="Wipers")
    early = put_off(garage, days=9, text="Front brakes\nAsk in spring", amount="240.00")
    second = put_off(garage, days=2, text="Tires", customer=early.vehicle.customer, amount="400.00")
    put_off(LocationFactory(), days=20)
    response = desk.get(URL)
    assert shown(response) == [
        (early.vehicle.customer, [early.text, second.text]),
        (late.vehicle.customer, ["Wipers"]),
    ]
    assert [str(call.total) for call in response.context["calls"]] == ["640.00", "0.00"]


def test_time_counts_from_the_answer_and_not_from_when_the_work_was_written_down(desk):
    garage = priced_location()
    Location.objects.filter(pk=garage.pk).update(is_default=True)
    order, brakes, oil = estimated(location=garage)
    asked = timezone.now() - timedelta(days=3)
    answer(order, {brakes: "approved", oil: "declined"}, now=asked)
    work = Recommendation.objects.get()
    assert work.created_at > asked
    response = desk.get(URL)
    [call] = response.context["calls"]
    assert call.since == asked
    assert "put off 3\xa0days ago" in response.content.decode()


def test_vehicle_with_a_visit_ahead_names_it_and_is_not_booked_again(desk, garage):
    work = put_off(garage)
    book = f"/admin/intake/?customer={work.vehicle.customer_id}&amp;vehicle={work.vehicle_id}"
    assert book in desk.get(URL).content.decode()
    start = timezone.now() + timedelta(days=2)
    visit = AppointmentFactory(vehicle=work.vehicle, start=start, end=start + timedelta(hours=1))
    page = desk.get(URL).content.decode()
    assert f"/admin/visits/{visit.pk}/" in page
    assert book not in page


def test_work_that_is_asked_about_later_comes_back_on_its_day(desk, garage):
    work = put_off(garage, text="Wipers")
    day = timezone.localdate() + timedelta(days=20)
    response = desk.post(f"{URL}{work.pk}/later/", {"due_on": str(day)}, follow=True)
    assert (again(work).due_on, shown(response)) == (day, [])
    assert told(response) == [f"“Wipers” comes back on {day:%a} {day.day} {day:%b}."]


@pytest.mark.parametrize("day", ["", "soon", "1999-01-01", "9999-12-31"])
def test_day_that_cannot_be_used_is_said(desk, garage, day):
    work = put_off(garage)
    response = desk.post(f"{URL}{work.pk}/later/", {"due_on": day}, follow=True)
    assert again(work).due_on is None
    assert len(told(response)) == 1


def test_furthest_day_is_taken_and_the_next_is_not(desk, garage):
    work, today = put_off(garage), desk.get(URL).context["today"]
    for day in (today, today + FURTHEST + timedelta(days=1)):
        desk.post(f"{URL}{work.pk}/later/", {"due_on": str(day)})
        assert again(work).due_on is None
    desk.post(f"{URL}{work.pk}/later/", {"due_on": str(today + FURTHEST)})
    assert again(work).due_on == today + FURTHEST


def test_work_that_is_let_go_is_dismissed_once(desk, garage):
    work = put_off(garage, text="Wipers")
    response = desk.post(f"{URL}{work.pk}/dismiss/", follow=True)
    assert (again(work).status, shown(response)) == ("dismissed", [])
    response = desk.post(f"{URL}{work.pk}/dismiss/", follow=True)
    assert told(response) == ["“Wipers”: This recommendation is done or dismissed."]


def test_unknown_step_and_row_are_not_found(desk, garage):
    work = put_off(garage)
    assert desk.post(f"{URL}{work.pk}/burn/").status_code == 404
    assert desk.post(f"{URL}{work.pk + 1}/dismiss/").status_code == 404
    assert desk.get(f"{URL}{work.pk}/dismiss/").status_code == 405


def test_technician_has_no_follow_ups(client, garage):
    client.force_login(UserFactory(role="technician"))
    assert client.get(URL).status_code == 403


def test_it_costs_the_same_queries_for_many_rows(desk, garage):
    put_off(garage)
    desk.get(URL)
    few = count_queries(lambda: desk.get(URL))
    for n in range(6):
        put_off(garage, days=n)
    assert count_queries(lambda: desk.get(URL)) == few


def test_page_shows_25_customers_and_links_the_others(desk, garage):
    for n in range(26):
        put_off(garage, days=n)
    assert len(shown(desk.get(URL))) == 25
    assert len(shown(desk.get(URL, {"page": "2"}))) == 1


def test_shop_without_a_location_says_so(desk):
    assert desk.get(URL).status_code == 200
