"""Hours until 24:00, closures of some hours, local starts, and changes of hours over booked appointments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from zeal import zeal_ignore

from appointments.actions import AppointmentsOutsideHours, watch_appointments
from appointments.models import Appointment, Closure, Location, OpeningHours
from appointments.queries import NotASlot, get_available_slots, get_slot, resolve_start
from appointments.slots import opening_of_day
from appointments.tests.booking import book
from testing.admin import changelist, errors, filled, page
from testing.factories import (
    AppointmentFactory,
    BayFactory,
    ClosureFactory,
    GarageFactory,
    LocationFactory,
    OpeningHoursFactory,
    VehicleFactory,
)
from testing.storms import overlapping

pytestmark = pytest.mark.django_db
NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)  # a Monday
TUESDAY = date(2027, 1, 5)
HALF_HOUR = timedelta(minutes=30)
NEW_YORK = ZoneInfo("America/New_York")


def starts(garage, day=TUESDAY, length=HALF_HOUR):
    return [f"{s.start:%H:%M}" for s in get_available_slots(location=garage, day=day, length=length, now=NOW)]


@pytest.fixture
def late():
    garage = LocationFactory(time_zone="UTC")
    BayFactory(location=garage)
    OpeningHoursFactory(location=garage, weekday=1, opens=time(22), closes=time(0))
    return garage


class TestMidnight:
    def test_slots_end_at_midnight(self, late):
        assert starts(late) == ["22:00", "22:30", "23:00", "23:30"]
        assert starts(late, length=2 * HALF_HOUR) == ["22:00", "22:30", "23:00"]

    def test_refusal_names_24_00(self, late):
        start = datetime(2027, 1, 5, 23, 30, tzinfo=UTC)
        with pytest.raises(NotASlot) as refusal:
            get_slot(location=late, start=start, length=2 * HALF_HOUR, now=NOW)
        assert "is open from 22:00 to 24:00 on that day" in refusal.value.text

    @pytest.mark.parametrize(("day", "hours"), [(date(2027, 3, 14), 23), (date(2027, 11, 7), 25)])
    def test_whole_day_has_the_hours_of_its_day(self, day, hours):
        found = opening_of_day(day, opens=time(0), closes=time(0), zone=NEW_YORK)
        assert found.end - found.start == timedelta(hours=hours)

    def test_admin_reads_and_writes_24_00(self, desk, late):
        row = OpeningHours.objects.get()
        data = filled(desk, page(row))
        assert data["closes"] == "24:00"
        assert desk.post(page(row), data | {"opens": "21:00:00"}).status_code == 302
        row.refresh_from_db()
        assert (row.opens, row.closes, str(row)) == (time(21), time(0), "Tuesday 21:00–24:00")

    def test_member_sees_24_00(self, as_alice, late):
        hours = as_alice.get("/api/appointments/locations/").json()
        assert "22:00–24:00" in str(hours)

    @pytest.mark.parametrize("closes", ["25:00", "24:01", "x"])
    def test_other_times_after_midnight_are_refused(self, desk, late, closes):
        row = OpeningHours.objects.get()
        response = desk.post(page(row), filled(desk, page(row)) | {"closes": closes})
        assert errors(response) == ["Enter a valid time."]


class TestClosedHours:
    def test_slots_within_are_not_offered_and_refused(self):
        garage = GarageFactory()
        ClosureFactory(location=garage, day=TUESDAY, begins=time(9, 15), ends=time(12))
        assert starts(garage)[:4] == ["08:00", "08:30", "12:00", "12:30"]
        with pytest.raises(NotASlot) as refusal:
            get_slot(location=garage, start=datetime(2027, 1, 5, 9, tzinfo=UTC), length=HALF_HOUR, now=NOW)
        assert refusal.value.text == f"{garage.name} is closed at that time. Choose another time."

    def test_closure_until_midnight(self, late):
        ClosureFactory(location=late, day=TUESDAY, begins=time(23), ends=time(0))
        assert starts(late) == ["22:00", "22:30"]

    @pytest.mark.parametrize(("begins", "ends"), [(time(9), None), (None, time(9)), (time(9), time(9))])
    def test_half_a_span_is_refused(self, begins, ends):
        closure = Closure(location=GarageFactory(), day=TUESDAY, begins=begins, ends=ends)
        with pytest.raises(ValidationError) as refusal:
            closure.full_clean()
        assert refusal.value.messages == [
            "Enter both times, the earlier one first, or none for the whole day."
        ]


class TestLocalStart:
    @pytest.fixture
    def there(self):
        return LocationFactory(time_zone="America/New_York")

    def test_start_without_a_zone_is_local(self, there):
        assert resolve_start(there, datetime(2027, 1, 5, 9)) == datetime(2027, 1, 5, 14, tzinfo=UTC)  # noqa: DTZ001

    def test_repeated_time_is_the_first(self, there):
        assert resolve_start(there, datetime(2027, 11, 7, 1, 30)) == datetime(  # noqa: DTZ001
            2027, 11, 7, 5, 30, tzinfo=UTC
        )

    def test_skipped_time_is_refused(self, there):
        with pytest.raises(NotASlot) as refusal:
            resolve_start(there, datetime(2027, 3, 14, 2, 30))  # noqa: DTZ001
        assert refusal.value.text == (
            "02:30 does not exist on 2027-03-14 in America/New_York, because the clocks skip it."
        )

    def test_start_at_the_end_of_the_calendar_is_refused(self, there):
        with pytest.raises(NotASlot) as refusal:
            resolve_start(there, datetime(9999, 12, 31, 23))  # noqa: DTZ001
        assert refusal.value.text == "Choose a time in the future."


def test_every_way_to_book_reads_a_start_without_a_zone_as_local(as_ada, as_alice, alice):
    garage = GarageFactory(time_zone="America/New_York")
    day = timezone.now().date() + timedelta(days=7)
    cars = VehicleFactory.create_batch(2, customer=alice)
    member = {"locationId": str(garage.uuid), "vehicleId": str(cars[0].uuid), "startTime": f"{day}T10:00:00"}
    staff = {
        "location_id": garage.pk,
        "vehicle_id": cars[1].pk,
        "customer_id": alice.pk,
        "start": f"{day}T10:00",
    }
    assert as_alice.post("/api/appointments/book/", member, format="json").status_code == 201
    assert as_ada.post("/api/shop/appointments/", staff, format="json").status_code == 201
    ten = datetime.combine(day, time(10), NEW_YORK)
    assert list(Appointment.objects.values_list("start", flat=True)) == [ten, ten]


def test_every_way_to_move_reads_a_start_without_a_zone_as_local(as_ada, as_alice, alice):
    garage = GarageFactory(time_zone="America/New_York")
    day = timezone.now().date() + timedelta(days=7)
    vehicle = VehicleFactory(customer=alice)
    visit = AppointmentFactory(customer=alice, vehicle=vehicle, location=garage, bay=garage.bays.first())
    member, staff = f"/api/appointments/{visit.uuid}/", f"/api/shop/appointments/{visit.pk}/"
    for hour, (ask, url, name) in enumerate(
        [
            (as_alice.patch, member, "startTime"),
            (as_ada.patch, staff, "start"),
            (as_ada.patch, staff, "date"),
            (as_ada.post, f"{staff}move/", "start"),
            (as_ada.post, f"{staff}move/", "date"),
        ],
        start=9,
    ):
        response = ask(url, {name: f"{day}T{hour:02}:00:00"}, format="json")
        visit.refresh_from_db()
        assert (response.status_code, visit.start) == (200, datetime.combine(day, time(hour), NEW_YORK))


def test_availability_for_a_move_offers_what_the_appointment_holds(as_ada, as_alice, alice):
    garage = GarageFactory()
    day = timezone.now().date() + timedelta(days=7)
    start = datetime.combine(day, time(10), UTC)
    bay = garage.bays.first()
    moving = AppointmentFactory(
        customer=alice, location=garage, bay=bay, start=start, end=start + 2 * HALF_HOUR
    )
    for extra in garage.bays.exclude(pk=bay.pk):
        AppointmentFactory(location=garage, bay=extra, start=start, end=start + 2 * HALF_HOUR)
    shop = f"/api/shop/locations/{garage.pk}/availability/"
    asked = {"date": f"{day}"}
    wire = f"{start:%Y-%m-%dT%H:%M:%SZ}"
    offered = lambda rows: [(row["start"], row["end"]) for row in rows]  # noqa: E731
    held = (wire, f"{start + 2 * HALF_HOUR:%Y-%m-%dT%H:%M:%SZ}")
    assert wire not in [start for start, _ in offered(as_ada.get(shop, asked).json()["available_slots"])]
    body = as_ada.get(shop, asked | {"appointment_id": moving.pk}).json()
    assert held in offered(body["available_slots"])
    member = {"locationId": str(garage.uuid), "date": f"{day}", "appointmentId": str(moving.uuid)}
    body = as_alice.get("/api/appointments/availability/", member).json()
    assert held in offered(body["availableSlots"])
    other = AppointmentFactory()
    response = as_alice.get("/api/appointments/availability/", member | {"appointmentId": str(other.uuid)})
    assert response.status_code == 404


class TestChangeOverAppointments:
    @pytest.fixture
    def garage(self):
        return GarageFactory()

    @pytest.fixture
    def booked(self, garage):
        day = timezone.now().date() + timedelta(days=7)
        start = datetime.combine(day, time(10), UTC)
        bay = garage.bays.first()
        return AppointmentFactory(location=garage, bay=bay, start=start, end=start + HALF_HOUR)

    def assert_asks(self, client, url, data, booked):
        """Check that the page names the appointment and saves only when it is confirmed."""
        asked = client.post(url, data)
        assert asked.status_code == 409
        assert [row["id"] for row in asked.context["appointments"]] == [booked.pk]
        sent = {name: value for name, value in asked.context["sent"] if name != "csrfmiddlewaretoken"}
        return lambda: client.post(url, sent | {"_anyway": "1"})

    def test_closure_asks(self, desk, garage, booked):
        url = f"{changelist(Closure)}add/"
        data = {
            "location": garage.pk,
            "day": f"{booked.start:%Y-%m-%d}",
            "reason": "",
            "begins": "",
            "ends": "",
        }
        confirm = self.assert_asks(desk, url, data, booked)
        assert Closure.objects.count() == 0
        assert confirm().status_code == 302
        assert Closure.objects.get().day == booked.start.date()
        booked.refresh_from_db()
        assert booked.status == "pending"

    def test_closure_beside_the_appointment_does_not_ask(self, desk, garage, booked):
        data = {"location": garage.pk, "day": f"{booked.start:%Y-%m-%d}", "begins": "11:00", "ends": "24:00"}
        assert desk.post(f"{changelist(Closure)}add/", data).status_code == 302
        assert Closure.objects.get().ends == time(0)

    def test_shorter_hours_ask(self, desk, garage, booked):
        row = OpeningHours.objects.get(location=garage, weekday=booked.start.weekday())
        data = filled(desk, page(row)) | {"opens": "11:00:00"}
        confirm = self.assert_asks(desk, page(row), data, booked)
        row.refresh_from_db()
        assert row.opens == time(8)
        assert confirm().status_code == 302
        row.refresh_from_db()
        assert row.opens == time(11)

    def test_deleted_hours_ask(self, desk, garage, booked):
        row = OpeningHours.objects.get(location=garage, weekday=booked.start.weekday())
        confirm = self.assert_asks(desk, page(row, "delete"), {"post": "yes"}, booked)
        assert OpeningHours.objects.filter(pk=row.pk).exists()
        assert confirm().status_code == 302
        assert not OpeningHours.objects.filter(pk=row.pk).exists()

    def test_another_zone_asks(self, desk, garage, booked):
        data = filled(desk, page(garage)) | {"time_zone": "Pacific/Auckland"}
        with zeal_ignore():  # a formset reads its rows one by one
            confirm = self.assert_asks(desk, page(garage), data, booked)
            garage.refresh_from_db()
            assert garage.time_zone == "UTC"
            assert confirm().status_code == 302
        assert Location.objects.get(pk=garage.pk).time_zone == "Pacific/Auckland"

    def test_appointment_that_was_outside_already_does_not_ask(self, desk, garage, booked):
        OpeningHours.objects.filter(location=garage, weekday=booked.start.weekday()).delete()
        data = {"location": garage.pk, "day": f"{booked.start:%Y-%m-%d}", "begins": "", "ends": ""}
        assert desk.post(f"{changelist(Closure)}add/", data).status_code == 302


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallelChange:
    """Of a booking and a change of hours at the same time, the later one sees the other."""

    def close(self, garage):
        with watch_appointments(garage, now=NOW):
            return Closure.objects.create(location=garage, day=TUESDAY)

    @pytest.mark.parametrize(
        ("is_booked_first", "refusal"), [(True, AppointmentsOutsideHours), (False, NotASlot)]
    )
    def test_second_waits_and_is_refused(self, is_booked_first, refusal):
        garage, vehicle = GarageFactory(), VehicleFactory()
        verbs = [lambda: book(garage, vehicle=vehicle), lambda: self.close(garage)]
        done, refused = overlapping(*(verbs if is_booked_first else reversed(verbs)))
        assert isinstance(done, Appointment if is_booked_first else Closure)
        assert isinstance(refused, refusal)
        assert (Appointment.objects.count(), Closure.objects.count()) == (
            is_booked_first, not is_booked_first
        )  # fmt: skip
