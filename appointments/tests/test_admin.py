"""Appointments in the staff's admin."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from appointments.models import Appointment, AppointmentStatus, Location
from testing import factories
from testing.admin import buttons, errors, filled, page, press
from testing.storms import parallel

PENDING, IN_PROGRESS = AppointmentStatus.PENDING, AppointmentStatus.IN_PROGRESS
COMPLETED, CANCELLED = AppointmentStatus.COMPLETED, AppointmentStatus.CANCELLED


NEW_YORK = ZoneInfo("America/New_York")
HALF_HOUR = timedelta(minutes=30)
ADD = "/admin/appointments/appointment/add/"


def two_pm():
    """Return two in the afternoon in New York, three days ahead. The project's time zone is another one."""
    day = timezone.now().astimezone(NEW_YORK).date() + timedelta(days=3)
    return datetime.combine(day, time(14), NEW_YORK).astimezone(UTC)


def garage(**options):
    return factories.GarageFactory(time_zone="America/New_York", **options)


@pytest.fixture
def bay(db):
    return garage(bays=1).bays.get()


@pytest.fixture
def appointment(alice, bay):
    """An appointment from 14:00 to 14:30 in New York."""
    return factories.AppointmentFactory(
        vehicle=factories.VehicleFactory(customer=alice),
        bay=bay,
        technician=factories.TechnicianFactory(),
        start=two_pm(),
    )


@pytest.mark.parametrize(
    ("status", "titles"),
    [
        (PENDING, ["Check in", "Assign", "Start", "Cancel appointment"]),
        (IN_PROGRESS, ["Check in", "Assign", "Complete", "Cancel appointment"]),
        (COMPLETED, []),
        (CANCELLED, []),
    ],
)
def test_only_legal_transitions_have_buttons(desk, appointment, status, titles):
    Appointment.objects.update(status=status)
    assert buttons(desk, appointment) == titles


@pytest.mark.parametrize(
    ("before", "button", "after"),
    [
        (PENDING, "start", IN_PROGRESS),
        (IN_PROGRESS, "complete", COMPLETED),
        (PENDING, "cancel", CANCELLED),
        (IN_PROGRESS, "cancel", CANCELLED),
    ],
)
def test_button_changes_the_status_and_records_the_user(desk, ada, appointment, before, button, after):
    Appointment.objects.update(status=before)
    press(desk, appointment, button)
    appointment.refresh_from_db()
    latest = appointment.history.latest()
    assert (appointment.status, latest.status, latest.history_user) == (after, after, ada)


def test_illegal_transition_shows_an_error_and_changes_nothing(desk, appointment):
    Appointment.objects.update(status=COMPLETED)
    rows = appointment.history.count()
    assert press(desk, appointment, "cancel") == [
        "This appointment is completed and cannot become cancelled."
    ]
    appointment.refresh_from_db()
    assert (appointment.status, appointment.cancelled_at, appointment.history.count()) == (
        COMPLETED,
        None,
        rows,
    )


def test_appointment_without_a_technician_does_not_start(desk, appointment):
    Appointment.objects.update(technician=None)
    assert press(desk, appointment, "start") == ["Assign a technician before starting the appointment."]


def test_assigning_sets_the_time(desk, appointment):
    other = factories.TechnicianFactory(name="Tess")
    assert press(desk, appointment, "assign", technician=other.pk) == ["The technician is assigned."]
    appointment.refresh_from_db()
    assert appointment.technician == other
    assert appointment.assigned_at is not None


def test_assigning_needs_a_technician(desk, appointment):
    response = desk.post(page(appointment, "assign"), {"_form_submitted": "on"})
    assert "This field is required." in response.content.decode()


def test_transitions_need_the_permission(client, tim, appointment):
    client.force_login(tim)
    assert buttons(client, appointment) == ["Start"]
    for button in ("assign", "cancel"):
        assert client.post(page(appointment, button), {"_form_submitted": "on"}).status_code == 403
    appointment.refresh_from_db()
    assert appointment.status == PENDING
    assert press(client, appointment, "start") == ["The appointment has started."]


def test_times_are_local_times_of_the_location(desk, ada, appointment):
    form, start = filled(desk, page(appointment)), appointment.start
    assert (form["start_0"], form["start_1"]) == (str(start.astimezone(NEW_YORK).date()), "14:00:00")
    assert desk.post(page(appointment), form | {"start_1": "15:30:00"}).status_code == 302
    appointment.refresh_from_db()
    assert (appointment.start, appointment.end) == (start + 3 * HALF_HOUR, start + 4 * HALF_HOUR)
    assert appointment.history.latest().history_user == ada


def booking(vehicle, location, start="14:00", **fields):
    day = two_pm().astimezone(NEW_YORK).date()
    return {"vehicle": vehicle.pk, "location": location.pk, "start_0": str(day), "start_1": start, **fields}


def test_booking_sets_customer_bay_and_end(desk, ada, bob, bay):
    vehicle = factories.VehicleFactory(customer=bob)
    services = [factories.ServiceTypeFactory(minutes=45, name=name) for name in ("Oil change", "Tires")]
    data = booking(
        vehicle, bay.location, services=[service.pk for service in services], notes="Key in the box"
    )
    assert desk.post(ADD, data).status_code == 302
    appointment = Appointment.objects.get()
    assert (appointment.customer, appointment.location, appointment.bay, appointment.status) == (
        bob,
        bay.location,
        bay,
        PENDING,
    )
    assert (appointment.start, appointment.end) == (
        two_pm(),
        two_pm() + 3 * HALF_HOUR,
    )
    assert (appointment.description, appointment.notes) == ("Oil change, Tires", "Key in the box")
    assert set(appointment.services.all()) == set(services)
    assert appointment.history.get().history_user == ada


def test_booking_can_name_a_bay(desk, bob):
    location, other, vehicle = garage(), garage(), factories.VehicleFactory(customer=bob)
    wanted = location.bays.order_by("-id")[0]
    assert desk.post(ADD, booking(vehicle, location, bay=wanted.pk)).status_code == 302
    assert Appointment.objects.get().bay == wanted
    (error,) = errors(desk.post(ADD, booking(vehicle, location, bay=wanted.pk)))
    assert error.startswith("This bay is taken at that time. Next free: ")
    assert errors(desk.post(ADD, booking(vehicle, other, bay=wanted.pk))) == [
        f"This bay is at another location. Choose a bay of {other}."
    ]
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize(
    ("start", "text"),
    [
        ("14:10", "Appointments start every 30 minutes from 08:00 on."),
        ("18:00", "Springfield is open from 08:00 to 18:00 on that day. The appointment takes 30 minutes."),
    ],
)
def test_booking_must_be_a_slot_within_the_hours(desk, bob, start, text):
    data = booking(factories.VehicleFactory(customer=bob), garage(name="Springfield"), start)
    assert errors(desk.post(ADD, data)) == [text]
    past = data | {"start_0": "2024-01-15", "start_1": "14:00"}
    assert errors(desk.post(ADD, past)) == ["Choose a time in the future."]
    assert not Appointment.objects.exists()


def test_booking_needs_a_time(desk, bob, bay):
    data = booking(factories.VehicleFactory(customer=bob), bay.location) | {"start_0": "", "start_1": ""}
    assert errors(desk.post(ADD, data)) == ["This field is required."]


def test_walk_in_begins_now_in_a_free_bay(desk, ada, bob):
    location, vehicle = garage(hours=(time(8), time(8, 30))), factories.VehicleFactory(customer=bob)
    first, second = location.bays.order_by("id")
    now = timezone.now()
    factories.AppointmentFactory(
        bay=first, start=now - HALF_HOUR, end=now - HALF_HOUR / 2, status="in_progress"
    )
    data = booking(vehicle, location) | {"start_0": "", "start_1": "", "is_walk_in": "on"}
    assert desk.post(ADD, data).status_code == 302
    made = vehicle.appointments.get()
    assert now <= made.start <= timezone.now()
    assert (made.end - made.start, made.bay, made.customer, made.status) == (HALF_HOUR, second, bob, PENDING)
    assert made.history.get().history_user == ada


def test_walk_in_that_cannot_be_booked_is_refused_on_the_form(desk, bob):
    location, vehicle = garage(bays=1), factories.VehicleFactory(customer=bob)
    data = booking(vehicle, location) | {"is_walk_in": "on"}
    assert errors(desk.post(ADD, data)) == ["Leave the start of a walk-in empty. It begins now."]
    data |= {"start_0": "", "start_1": ""}
    factories.AppointmentFactory(bay=location.bays.get(), start=timezone.now())
    (error,) = errors(desk.post(ADD, data))
    assert error.startswith("No bay is free for 30 minutes from now. ")
    assert not vehicle.appointments.exists()


def test_bay_cannot_be_booked_twice(desk, appointment, bob):
    vehicle = factories.VehicleFactory(customer=bob)
    (error,) = errors(desk.post(ADD, booking(vehicle, appointment.location)))
    assert error.startswith("That time is taken. Next free: ")
    assert desk.post(ADD, booking(vehicle, appointment.location, "14:30")).status_code == 302
    form = filled(desk, page(appointment))
    (error,) = errors(desk.post(page(appointment), form | {"start_1": "14:30"}))
    assert error.startswith("That time is taken. Next free: ")
    appointment.refresh_from_db()
    assert appointment.start == two_pm()


def test_move_takes_another_bay_if_its_own_is_taken(desk, appointment):
    factories.AppointmentFactory(bay=appointment.bay, start=two_pm() + HALF_HOUR)
    other = factories.BayFactory(location=appointment.location)
    assert (
        desk.post(page(appointment), filled(desk, page(appointment)) | {"start_1": "14:30"}).status_code
        == 302
    )
    appointment.refresh_from_db()
    assert (appointment.bay, appointment.start) == (other, two_pm() + HALF_HOUR)


def test_move_to_another_location_takes_a_free_bay_there(desk, appointment):
    other = garage()
    assert (
        desk.post(page(appointment), filled(desk, page(appointment)) | {"location": other.pk}).status_code
        == 302
    )
    appointment.refresh_from_db()
    assert (appointment.location, appointment.bay.location, appointment.start) == (
        other,
        other,
        two_pm(),
    )


def test_services_and_notes_change_in_one_save(desk, appointment):
    brakes = factories.ServiceTypeFactory(minutes=90)
    data = filled(desk, page(appointment)) | {"services": [brakes.pk], "notes": "Two keys"}
    assert desk.post(page(appointment), data).status_code == 302
    appointment.refresh_from_db()
    assert (appointment.end - appointment.start, appointment.notes, appointment.services.get()) == (
        3 * HALF_HOUR,
        "Two keys",
        brakes,
    )


def test_texts_change_without_a_check_of_the_slot(desk, appointment):
    """The start of the appointment is past and could not be booked any more."""
    Appointment.objects.update(start=two_pm() - timedelta(days=9), end=two_pm() - timedelta(days=9, hours=-1))
    assert (
        desk.post(page(appointment), filled(desk, page(appointment)) | {"notes": "Late."}).status_code == 302
    )
    appointment.refresh_from_db()
    assert appointment.notes == "Late."


def test_started_appointment_cannot_be_moved(desk, appointment):
    Appointment.objects.update(status=IN_PROGRESS)
    form = filled(desk, page(appointment))
    assert not {"location", "bay", "start_0", "services"} & set(form)
    data = form | {"description": "Brakes, too", "start_0": "2030-01-01", "start_1": "09:00"}
    assert desk.post(page(appointment), data).status_code == 302
    appointment.refresh_from_db()
    assert (appointment.description, appointment.start) == ("Brakes, too", two_pm())


def test_completed_appointment_takes_only_notes(desk, appointment):
    Appointment.objects.update(status=COMPLETED)
    form = filled(desk, page(appointment))
    assert (
        desk.post(page(appointment), form | {"notes": "Left the keys.", "start_1": "09:00:00"}).status_code
        == 302
    )
    appointment.refresh_from_db()
    assert (appointment.notes, appointment.start) == ("Left the keys.", two_pm())


def test_form_opened_before_a_transition_is_rejected(desk, appointment):
    form = filled(desk, page(appointment))
    Appointment.objects.update(status=COMPLETED)
    response = desk.post(page(appointment), form | {"notes": "Too late."})
    assert errors(response) == [
        "It has become completed since you opened this page. Nothing was saved: open it again."
    ]
    appointment.refresh_from_db()
    assert (appointment.status, appointment.notes) == (COMPLETED, "")


def test_archived_vehicle_cannot_be_booked(desk, bob, bay, now):
    vehicle = factories.VehicleFactory(customer=bob, archived_at=now)
    response = desk.post(ADD, booking(vehicle, bay.location))
    assert "Select a valid choice" in errors(response)[0]
    assert not Appointment.objects.exists()


def test_vehicle_has_one_appointment_at_a_time(desk, appointment):
    other = factories.AppointmentFactory(
        vehicle=appointment.vehicle, bay__location=appointment.location, start=two_pm() + HALF_HOUR
    )
    day = two_pm().astimezone(NEW_YORK).date()
    text = (
        f"This vehicle has appointment {other.pk} on {day} at 14:30, which overlaps. "
        "Choose another time or move that one."
    )
    assert errors(desk.post(ADD, booking(appointment.vehicle, garage(), "14:30"))) == [text]
    form = filled(desk, page(appointment))
    assert errors(desk.post(page(appointment), form | {"start_1": "14:30"})) == [text]
    appointment.refresh_from_db()
    assert (Appointment.objects.count(), appointment.start) == (2, two_pm())


def test_busy_technician_needs_the_consent_to_an_overlap(desk, appointment):
    tina = factories.TechnicianFactory(name="Tina")
    other = factories.AppointmentFactory(technician=tina, start=two_pm())
    at = f"{two_pm():%Y-%m-%d} at {two_pm():%H:%M}"
    text = (
        f"Tina has appointment {other.pk} on {at}, which overlaps. "
        "Choose another technician or time, or allow the overlap."
    )
    other.location.time_zone = "UTC"
    other.location.save()
    assert press(desk, appointment, "assign", technician=tina.pk) == [text]
    appointment.refresh_from_db()
    assert appointment.technician != tina
    done = press(desk, appointment, "assign", technician=tina.pk, allow_overlap="on")
    appointment.refresh_from_db()
    assert (done, appointment.technician) == (["The technician is assigned."], tina)


def test_move_to_a_time_at_which_the_technician_is_busy_needs_the_consent(desk, appointment):
    later = two_pm() + HALF_HOUR
    factories.AppointmentFactory(technician=appointment.technician, start=later)
    form = filled(desk, page(appointment)) | {"start_1": "14:30"}
    (error,) = errors(desk.post(page(appointment), form))
    assert error.endswith("which overlaps. Choose another technician or time, or allow the overlap.")
    appointment.refresh_from_db()
    assert appointment.start == two_pm()
    assert desk.post(page(appointment), form | {"allow_overlap": "on"}).status_code == 302
    appointment.refresh_from_db()
    assert (appointment.start, appointment.technician is None) == (later, False)


@pytest.mark.parametrize(
    ("fields", "is_offered"),
    [
        ({}, True),
        ({"technician": None}, False),
        ({"status": COMPLETED}, False),
        ({"status": IN_PROGRESS}, False),
    ],
)
def test_consent_to_an_overlap_is_offered_where_it_has_an_effect(desk, tim, appointment, fields, is_offered):
    viewer = Client()
    viewer.force_login(tim)
    assert "llow overlap" not in viewer.get(page(appointment)).content.decode()
    Appointment.objects.update(**fields)
    assert ('name="allow_overlap"' in desk.get(page(appointment)).content.decode()) is is_offered


def test_consent_is_offered_on_a_new_appointment_where_shifts_are_kept(desk, bob):
    location, vehicle = garage(), factories.VehicleFactory(customer=bob)
    assert "allow_overlap" not in desk.get(ADD).content.decode()
    factories.ShiftFactory(technician__location=location, weekday=(two_pm().weekday() + 1) % 7)
    assert "allow_overlap" in desk.get(ADD).content.decode()
    (error,) = errors(desk.post(ADD, booking(vehicle, location)))
    assert error.startswith("No technician is free at that time. ")
    assert desk.post(ADD, booking(vehicle, location) | {"allow_overlap": "on"}).status_code == 302
    assert Appointment.objects.get().start == two_pm()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_bookings_in_the_admin_have_one_winner(ada):
    """The bays are locked before the form checks the slot, so the other forms show an error and not a 500."""
    location = garage(bays=1)
    vehicles = factories.VehicleFactory.create_batch(8)

    def book(number):
        client = Client()
        client.force_login(ada)
        return client.post(ADD, booking(vehicles[number], location))

    responses = parallel(8, book)
    assert sorted(response.status_code for response in responses) == [200] * 7 + [302]
    form_errors = [errors(response) for response in responses if response.status_code == 200]
    assert {text.partition(".")[0] for (text,) in form_errors} == {"That time is taken"}
    assert Appointment.objects.count() == 1


def location_form(**values):
    managed = {
        f"{name}-{count}_FORMS": "0"
        for name in ("opening_hours", "bays", "closures")
        for count in ("TOTAL", "INITIAL")
    }
    place = {"address": "500 Main St", "latitude": "40.7", "longitude": "-74", "time_zone": "UTC"}
    return {
        **managed,
        **place,
        "allows_percent_fees": "on",
        "paper_size": "letter",
        "units": "metric",
        **values,
    }


@pytest.mark.django_db
def test_first_location_is_the_default_and_a_button_moves_it(desk):
    url = reverse("admin:appointments_location_add")
    for name in ("First", "Second"):
        response = desk.post(url, location_form(name=name, legal_name=f"{name} LLC", email="A@Example.com"))
        assert response.status_code == 302, errors(response)
    first, second = Location.objects.order_by("id")
    assert (first.is_default, second.is_default) == (True, False)
    assert (second.legal_name, second.email, second.allows_percent_fees, second.units) == (
        "Second LLC",
        "a@example.com",
        True,
        "metric",
    )
    assert (buttons(desk, first), buttons(desk, second)) == ([], ["Make default"])
    assert press(desk, second, "make_default") == ["This is the default location now."]
    assert list(Location.objects.filter(is_default=True)) == [second]
    assert desk.post(page(first), filled(desk, page(first))).status_code == 302
    assert list(Location.objects.filter(is_default=True)) == [second]
