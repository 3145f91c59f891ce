"""Visits in the staff's admin."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from appointments.models import Appointment, AppointmentStatus
from testing import factories
from testing.admin import buttons, errors, filled, page, press
from testing.storms import parallel

PENDING, IN_PROGRESS = AppointmentStatus.PENDING, AppointmentStatus.IN_PROGRESS
COMPLETED, CANCELLED = AppointmentStatus.COMPLETED, AppointmentStatus.CANCELLED


NEW_YORK = ZoneInfo("America/New_York")
HALF_HOUR = timedelta(minutes=30)
ADD = "/admin/appointments/appointment/add/"


def two_oclock():
    """In the afternoon of some day soon in New York, where the project's clock shows another hour."""
    day = timezone.now().astimezone(NEW_YORK).date() + timedelta(days=3)
    return datetime.combine(day, time(14), NEW_YORK).astimezone(UTC)


def garage(**options):
    return factories.GarageFactory(time_zone="America/New_York", **options)


@pytest.fixture
def bay(db):
    return garage(bays=1).bays.get()


@pytest.fixture
def visit(alice, bay):
    """From two to half past in the afternoon in New York."""
    return factories.AppointmentFactory(
        vehicle=factories.VehicleFactory(customer=alice),
        bay=bay,
        technician=factories.TechnicianFactory(),
        start=two_oclock(),
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


def test_times_are_the_locations_own(desk, ada, visit):
    form, start = filled(desk, page(visit)), visit.start
    assert (form["start_0"], form["start_1"]) == (str(start.astimezone(NEW_YORK).date()), "14:00:00")
    assert desk.post(page(visit), form | {"start_1": "15:30:00"}).status_code == 302
    visit.refresh_from_db()
    assert (visit.start, visit.end) == (start + 3 * HALF_HOUR, start + 4 * HALF_HOUR)
    assert visit.history.latest().history_user == ada


def booking(vehicle, location, start="14:00", **fields):
    day = two_oclock().astimezone(NEW_YORK).date()
    return {"vehicle": vehicle.pk, "location": location.pk, "start_0": str(day), "start_1": start, **fields}


def test_a_booking_takes_customer_bay_and_end_by_itself(desk, ada, bob, bay):
    vehicle = factories.VehicleFactory(customer=bob)
    services = [factories.ServiceTypeFactory(minutes=45, name=name) for name in ("Oil change", "Tires")]
    sent = booking(
        vehicle, bay.location, services=[service.pk for service in services], notes="Key in the box"
    )
    assert desk.post(ADD, sent).status_code == 302
    visit = Appointment.objects.get()
    assert (visit.customer, visit.location, visit.bay, visit.status) == (bob, bay.location, bay, PENDING)
    assert (visit.start, visit.end) == (two_oclock(), two_oclock() + 3 * HALF_HOUR)
    assert (visit.description, visit.notes) == ("Oil change, Tires", "Key in the box")
    assert set(visit.services.all()) == set(services)
    assert visit.history.get().history_user == ada


def test_a_booking_may_wish_for_a_bay(desk, bob):
    location, vehicle = garage(), factories.VehicleFactory(customer=bob)
    wish = location.bays.order_by("-id")[0]
    assert desk.post(ADD, booking(vehicle, location, bay=wish.pk)).status_code == 302
    assert Appointment.objects.get().bay == wish
    (refusal,) = errors(desk.post(ADD, booking(vehicle, location, bay=wish.pk)))
    assert refusal.startswith("This bay is taken at that time. Next free: ")
    assert errors(desk.post(ADD, booking(vehicle, garage(), bay=wish.pk))) == [
        "This bay is at another location."
    ]
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize(
    ("start", "text"),
    [
        ("14:10", "Visits start every 30 minutes from 08:00 on."),
        ("18:00", "Springfield is open from 08:00 to 18:00 on that day; the visit takes 30 minutes."),
    ],
)
def test_a_booking_keeps_the_grid_and_the_hours(desk, bob, start, text):
    sent = booking(factories.VehicleFactory(customer=bob), garage(name="Springfield"), start)
    assert errors(desk.post(ADD, sent)) == [text]
    past = sent | {"start_0": "2024-01-15", "start_1": "14:00"}
    assert errors(desk.post(ADD, past)) == ["Choose a time in the future."]
    assert not Appointment.objects.exists()


def test_a_booking_without_a_time_says_so(desk, bob, bay):
    sent = booking(factories.VehicleFactory(customer=bob), bay.location) | {"start_0": "", "start_1": ""}
    assert errors(desk.post(ADD, sent)) == ["This field is required."]


def test_a_bay_is_never_booked_twice(desk, visit, bob):
    vehicle = factories.VehicleFactory(customer=bob)
    (refusal,) = errors(desk.post(ADD, booking(vehicle, visit.location)))
    assert refusal.startswith("That time is taken. Next free: ")
    assert desk.post(ADD, booking(vehicle, visit.location, "14:30")).status_code == 302
    form = filled(desk, page(visit))
    (refusal,) = errors(desk.post(page(visit), form | {"start_1": "14:30"}))
    assert refusal.startswith("That time is taken. Next free: ")
    visit.refresh_from_db()
    assert visit.start == two_oclock()


def test_a_move_takes_another_bay_when_its_own_is_held(desk, visit):
    factories.AppointmentFactory(bay=visit.bay, start=two_oclock() + HALF_HOUR)
    other = factories.BayFactory(location=visit.location)
    assert desk.post(page(visit), filled(desk, page(visit)) | {"start_1": "14:30"}).status_code == 302
    visit.refresh_from_db()
    assert (visit.bay, visit.start) == (other, two_oclock() + HALF_HOUR)


def test_a_move_to_another_location_takes_whichever_bay_is_free_there(desk, visit):
    elsewhere = garage()
    assert desk.post(page(visit), filled(desk, page(visit)) | {"location": elsewhere.pk}).status_code == 302
    visit.refresh_from_db()
    assert (visit.location, visit.bay.location, visit.start) == (elsewhere, elsewhere, two_oclock())


def test_other_services_and_words_in_one_save(desk, visit):
    brakes = factories.ServiceTypeFactory(minutes=90)
    sent = filled(desk, page(visit)) | {"services": [brakes.pk], "notes": "Two keys"}
    assert desk.post(page(visit), sent).status_code == 302
    visit.refresh_from_db()
    assert (visit.end - visit.start, visit.notes, visit.services.get()) == (3 * HALF_HOUR, "Two keys", brakes)


def test_words_change_without_asking_for_the_slot_again(desk, visit):
    """The visit should have begun; its time could not be booked any more."""
    Appointment.objects.update(
        start=two_oclock() - timedelta(days=9), end=two_oclock() - timedelta(days=9, hours=-1)
    )
    assert desk.post(page(visit), filled(desk, page(visit)) | {"notes": "Late."}).status_code == 302
    visit.refresh_from_db()
    assert visit.notes == "Late."


def test_a_visit_that_has_begun_stays_where_it_is(desk, visit):
    Appointment.objects.update(status=IN_PROGRESS)
    form = filled(desk, page(visit))
    assert not {"location", "bay", "start_0", "services"} & set(form)
    sent = form | {"description": "Brakes, too", "start_0": "2030-01-01", "start_1": "09:00"}
    assert desk.post(page(visit), sent).status_code == 302
    visit.refresh_from_db()
    assert (visit.description, visit.start) == ("Brakes, too", two_oclock())


def test_what_took_place_is_not_written_anew(desk, visit):
    Appointment.objects.update(status=COMPLETED)
    form = filled(desk, page(visit))
    assert (
        desk.post(page(visit), form | {"notes": "Left the keys.", "start_1": "09:00:00"}).status_code == 302
    )
    visit.refresh_from_db()
    assert (visit.notes, visit.start) == ("Left the keys.", two_oclock())


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
    response = desk.post(ADD, booking(vehicle, bay.location))
    assert "Select a valid choice" in errors(response)[0]
    assert not Appointment.objects.exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_bookings_at_the_desk_one_holds_the_bay(ada):
    """The others are told in the form, not by a fault: the bays are locked before the form looks."""
    location = garage(bays=1)
    vehicles = factories.VehicleFactory.create_batch(8)

    def book(number):
        client = Client()
        client.force_login(ada)
        return client.post(ADD, booking(vehicles[number], location))

    answers = parallel(8, book)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [302]
    refusals = [errors(answer) for answer in answers if answer.status_code == 200]
    assert {text.partition(".")[0] for (text,) in refusals} == {"That time is taken"}
    assert Appointment.objects.count() == 1
