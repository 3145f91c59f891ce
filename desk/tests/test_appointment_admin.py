"""The appointment's page with the check-in of its vehicle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from repair_orders.models import RepairOrder
from testing.admin import buttons, page, press
from testing.factories import (
    AppointmentFactory,
    LocationFactory,
    RecommendationFactory,
    RepairOrderFactory,
    ServiceTypeFactory,
    UserFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def person(db):
    return UserFactory(role="advisor")


@pytest.fixture
def advisor(client, person):
    client.force_login(person)
    return client


@pytest.fixture
def visit():
    visit = AppointmentFactory(
        description="It squeals.", bay__location=LocationFactory(time_zone="America/New_York")
    )
    visit.services.add(ServiceTypeFactory(name="Brake service"))
    return visit


def fields(client, row):
    """Return the names of the dialog's fields that a user sees."""
    return [name for name in client.get(page(row, "check_in")).context["form"].fields if name[0] != "_"]


def test_vehicle_is_checked_in(advisor, person, visit):
    assert buttons(advisor, visit)[0] == "Check in"
    assert fields(advisor, visit) == ["odometer", "promised_at", "key_tag", "description"]
    told = press(
        advisor,
        visit,
        "check_in",
        odometer="30120.5",
        promised_at="2999-01-15T17:00",
        description="It squeals and pulls.",
    )
    assert told == ["The vehicle is checked in."]
    order = RepairOrder.objects.get()
    assert (order.appointment, order.advisor, order.odometer_in) == (visit, person, D("30120.50"))
    assert order.promised_at == datetime(2999, 1, 15, 22, tzinfo=UTC)  # 17:00 in New York
    assert (order.description, order.jobs.get().name) == ("It squeals and pulls.", "Brake service")


def test_page_leads_to_the_order(advisor, visit):
    press(advisor, visit, "check_in")
    assert "Check in" not in buttons(advisor, visit)
    assert page(RepairOrder.objects.get()) in advisor.get(page(visit)).text
    assert press(advisor, visit, "check_in") == [
        f"This appointment has repair order {RepairOrder.objects.get().reference}."
    ]


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_closed_appointment_has_no_button(advisor, visit, status):
    type(visit).objects.update(status=status)
    assert "Check in" not in buttons(advisor, visit)


def test_words_of_the_appointment_are_offered(advisor, visit):
    assert advisor.get(page(visit, "check_in")).context["form"]["description"].value() == "It squeals."
    type(visit).objects.update(description="Brake service")  # the names of its services
    assert advisor.get(page(visit, "check_in")).context["form"]["description"].value() == ""


def test_requested_order_is_offered_and_taken(advisor, visit):
    order = RepairOrderFactory(vehicle=visit.vehicle, description="It pulls left.")
    assert fields(advisor, visit) == ["odometer", "promised_at", "key_tag", "description", "order", "anyway"]
    offer = f"Take it (repair_order_id: {order.pk}), or make another order (anyway: true)."
    told = f"This vehicle has repair order {order.reference}, which is requested. {offer}"
    assert press(advisor, visit, "check_in") == [told]
    assert press(advisor, visit, "check_in", order=str(order.pk)) == ["The vehicle is checked in."]
    assert RepairOrder.objects.get().appointment == visit


def test_order_that_is_open_is_asked_about(advisor, visit):
    RepairOrderFactory(vehicle=visit.vehicle, status="approved")
    assert fields(advisor, visit) == ["odometer", "promised_at", "key_tag", "description", "anyway"]
    assert press(advisor, visit, "check_in", anyway="on") == ["The vehicle is checked in."]
    assert RepairOrder.objects.count() == 2


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ({"odometer": "-1"}, {"odometer": ["Ensure this value is greater than or equal to 0."]}),
        ({"promised_at": "soon"}, {"promised_at": ["Enter a valid date/time."]}),
    ],
)
def test_wrong_answer_is_asked_again(advisor, visit, answers, errors):
    response = advisor.post(page(visit, "check_in"), {"_form_submitted": "on", **answers})
    assert response.context["form"].errors == errors
    assert not RepairOrder.objects.exists()


def test_page_lists_the_advised_work(advisor, visit):
    RecommendationFactory(
        vehicle=visit.vehicle,
        text="Replace the rear pads\nThey squeal",
        source="declined",
        amount=D("1234.50"),
    )
    text = advisor.get(page(visit)).text
    assert "Replace the rear pads" in text
    assert "declined work" in text
    assert "1,234.50" in text


def test_number_of_queries_does_not_grow(advisor, visit):
    RecommendationFactory(vehicle=visit.vehicle)
    advisor.get(page(visit))
    with_one = count_queries(lambda: advisor.get(page(visit)))
    RecommendationFactory.create_batch(9, vehicle=visit.vehicle)
    assert count_queries(lambda: advisor.get(page(visit))) == with_one


def test_technicians_do_not_check_in(client, visit):
    client.force_login(UserFactory(role="technician"))
    assert "Check in" not in buttons(client, visit)
    assert client.post(page(visit, "check_in"), {"_form_submitted": "on"}).status_code == 403
    assert not RepairOrder.objects.exists()


def test_unknown_appointment_is_not_found(advisor, visit):
    url = page(visit, "check_in").replace(str(visit.pk), "999999")
    response = advisor.post(url, {"_form_submitted": "on"})
    assert response.status_code == 404
    assert not RepairOrder.objects.exists()


def test_time_that_does_not_exist_is_refused(advisor, visit):
    """The clocks skip from 02:00 to 03:00 on that night."""
    day = datetime(2027, 3, 14) + timedelta(hours=2, minutes=30)  # noqa: DTZ001  # local time
    response = advisor.post(
        page(visit, "check_in"), {"_form_submitted": "on", "promised_at": day.isoformat()}
    )
    assert list(response.context["form"].errors) == ["promised_at"]
    assert not RepairOrder.objects.exists()
