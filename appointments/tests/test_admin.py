"""Visits in the staff's admin."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from appointments.models import Appointment, AppointmentStatus
from common.tests import factories
from common.tests.admin import buttons, errors, filled, page, press
from common.tests.storms import parallel

PENDING, IN_PROGRESS = AppointmentStatus.PENDING, AppointmentStatus.IN_PROGRESS
COMPLETED, CANCELLED = AppointmentStatus.COMPLETED, AppointmentStatus.CANCELLED


@pytest.fixture
def bay(db):
    return factories.BayFactory(location__time_zone="America/New_York")


@pytest.fixture
def visit(alice, bay):
    """From two to three in the afternoon in New York, in winter."""
    return factories.AppointmentFactory(
        vehicle=factories.VehicleFactory(customer=alice),
        bay=bay,
        technician=factories.TechnicianFactory(),
        start=datetime(2030, 12, 2, 19, tzinfo=UTC),
        end=datetime(2030, 12, 2, 20, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("status", "titles"),
    [
        (PENDING, ["Assign", "Start", "Cancel visit"]),
        (IN_PROGRESS, ["Assign", "Complete", "Cancel visit"]),
        (COMPLETED, []),
        (CANCELLED, []),
    ],
)
def test_only_steps_that_are_possible_are_offered(desk, visit, status, titles):
    Appointment.objects.update(status=status)
    assert buttons(desk, visit) == titles


@pytest.mark.parametrize(
    ("before", "button", "after"),
    [
        (PENDING, "start", IN_PROGRESS),
        (IN_PROGRESS, "complete", COMPLETED),
        (PENDING, "cancel", CANCELLED),
        (IN_PROGRESS, "cancel", CANCELLED),
    ],
)
def test_a_button_moves_the_visit_and_history_says_who(desk, ada, visit, before, button, after):
    Appointment.objects.update(status=before)
    press(desk, visit, button)
    visit.refresh_from_db()
    latest = visit.history.latest()
    assert (visit.status, latest.status, latest.history_user) == (after, after, ada)


def test_an_illegal_step_changes_nothing_and_says_so(desk, visit):
    Appointment.objects.update(status=COMPLETED)
    rows = visit.history.count()
    assert press(desk, visit, "cancel") == ["This appointment is completed and cannot become cancelled."]
    visit.refresh_from_db()
    assert (visit.status, visit.cancelled_at, visit.history.count()) == (COMPLETED, None, rows)


def test_a_visit_without_a_technician_does_not_start(desk, visit):
    Appointment.objects.update(technician=None)
    assert press(desk, visit, "start") == ["Assign a technician before starting the appointment."]


def test_assigning_stamps_the_visit(desk, visit):
    other = factories.TechnicianFactory(name="Tess")
    assert press(desk, visit, "assign", technician=other.pk) == ["The technician is assigned."]
    visit.refresh_from_db()
    assert visit.technician == other
    assert visit.assigned_at is not None


def test_assigning_nobody_asks_again(desk, visit):
    response = desk.post(page(visit, "assign"), {"_form_submitted": "on"})
    assert "This field is required." in response.content.decode()


def test_steps_need_the_permission(client, tim, visit):
    client.force_login(tim)
    assert buttons(client, visit) == ["Start"]
    for button in ("assign", "cancel"):
        assert client.post(page(visit, button), {"_form_submitted": "on"}).status_code == 403
    visit.refresh_from_db()
    assert visit.status == PENDING
    assert press(client, visit, "start") == ["The visit has started."]


def test_times_are_the_locations_own(desk, visit):
    form = filled(desk, page(visit))
    assert (form["start_0"], form["start_1"], form["end_1"]) == ("2030-12-02", "14:00:00", "15:00:00")
    assert desk.post(page(visit), form | {"end_1": "15:30:00"}).status_code == 302
    visit.refresh_from_db()
    assert (visit.start, visit.end) == (
        datetime(2030, 12, 2, 19, tzinfo=UTC),
        datetime(2030, 12, 2, 20, 30, tzinfo=UTC),
    )


def booking(vehicle, bay, start="14:00", end="15:00"):
    return {
        "vehicle": vehicle.pk,
        "bay": bay.pk,
        "start_0": "2030-12-02",
        "start_1": start,
        "end_0": "2030-12-02",
        "end_1": end,
    }


def test_a_booking_takes_customer_and_location_from_vehicle_and_bay(desk, bob, bay):
    vehicle = factories.VehicleFactory(customer=bob)
    assert desk.post("/admin/appointments/appointment/add/", booking(vehicle, bay)).status_code == 302
    visit = Appointment.objects.get()
    assert (visit.customer, visit.location, visit.status) == (bob, bay.location, PENDING)
    assert visit.start == datetime(2030, 12, 2, 19, tzinfo=UTC)


def test_a_bay_is_never_booked_twice(desk, visit, bob):
    vehicle = factories.VehicleFactory(customer=bob)
    url = "/admin/appointments/appointment/add/"
    assert errors(desk.post(url, booking(vehicle, visit.bay, "14:30", "15:30"))) == [
        "This bay is taken at that time."
    ]
    assert desk.post(url, booking(vehicle, visit.bay, "15:00", "15:30")).status_code == 302


def test_what_took_place_is_not_written_anew(desk, visit):
    Appointment.objects.update(status=COMPLETED)
    form = filled(desk, page(visit))
    assert (
        desk.post(page(visit), form | {"notes": "Left the keys.", "start_1": "09:00:00"}).status_code == 302
    )
    visit.refresh_from_db()
    assert (visit.notes, visit.start.hour) == ("Left the keys.", 19)


def test_a_form_opened_before_a_step_is_refused(desk, visit):
    form = filled(desk, page(visit))
    Appointment.objects.update(status=COMPLETED)
    response = desk.post(page(visit), form | {"notes": "Too late."})
    assert errors(response) == [
        "It has become completed since you opened this page. Nothing was saved: open it again."
    ]
    visit.refresh_from_db()
    assert (visit.status, visit.notes) == (COMPLETED, "")


def test_an_archived_vehicle_is_not_booked(desk, bob, bay, now):
    vehicle = factories.VehicleFactory(customer=bob, archived_at=now)
    response = desk.post("/admin/appointments/appointment/add/", booking(vehicle, bay))
    assert "Select a valid choice" in errors(response)[0]
    assert not Appointment.objects.exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_bookings_at_the_desk_one_holds_the_bay(ada):
    """The others are told in the form, not by a fault: the bays are locked before the form looks."""
    bay = factories.BayFactory(location__time_zone="America/New_York")
    vehicles = factories.VehicleFactory.create_batch(8)

    def book(number):
        client = Client()
        client.force_login(ada)
        return client.post("/admin/appointments/appointment/add/", booking(vehicles[number], bay))

    answers = parallel(8, book)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [302]
    refusals = [errors(answer) for answer in answers if answer.status_code == 200]
    assert refusals == [["This bay is taken at that time."]] * 7
    assert Appointment.objects.count() == 1
