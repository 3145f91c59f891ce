"""The staff's API on visits, technicians and locations."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from appointments.models import APPOINTMENT_MACHINE, Appointment, AppointmentStatus
from testing import factories
from testing.storms import parallel
from testing.suites import StaffNounSuite, WritableNounSuite, invalid, refused, stored
from vehicles.tests.test_api_shop import brief

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)
ILLEGAL = "Not possible in this state"
LEADS_TO = {"start": "in_progress", "complete": "completed", "cancel": "cancelled"}
STAMP = {"start": "started_at", "complete": "completed_at", "cancel": "cancelled_at"}


def technician_body(technician):
    return {
        "id": technician.pk,
        "name": technician.name,
        "role": "technician",
        "email": "tech@example.com",
        "user_id": None,
    }


class TestAppointments(StaffNounSuite):
    noun, name, ordering = "appointments", "Appointment", ("start", "created")

    def make(self, **values):
        owner = {
            "vehicle__customer__contact__first_name": "Pat",
            "vehicle__customer__contact__last_name": "C",
        }
        visit = factories.AppointmentFactory(
            **{**owner, "start": NOON, "technician": factories.TechnicianFactory()} | values
        )
        visit.services.add(factories.ServiceTypeFactory())
        return visit

    def called(self, text):
        return self.make(description=text)

    def row(self, visit):
        return {
            "id": visit.pk,
            "vehicle_id": visit.vehicle_id,
            "vehicle": brief(visit.vehicle),
            "reported_problem_id": None,
            "reported_problem": None,
            "assigned_technician_id": visit.technician_id,
            "assigned_technician": technician_body(visit.technician) if visit.technician else None,
            "customer_id": visit.customer_id,
            "customer_name": "Pat C",
            "description": visit.description,
            "date": "2030-01-15T12:00:00Z",
            "status": visit.status,
            "assigned_at": None,
            "started_at": None,
            "completed_at": None,
            "location_id": visit.location_id,
            "bay_id": visit.bay_id,
            "end": "2030-01-15T12:30:00Z",
            "services": [service.code for service in visit.services.all()],
            "notes": "",
            "created_at": visit.created_at.isoformat().replace("+00:00", "Z"),
            "cancelled_at": None,
        }

    def test_words_change_and_history_says_who(self, as_ada, ada):
        visit = self.make()
        body = {"description": "Brakes, too", "notes": "Key in the box"}
        assert as_ada.patch(self.item(visit), body, format="json").json() == {**self.row(visit), **body}
        assert visit.history.latest().history_user_id == ada.pk

    @pytest.mark.parametrize("field", ["description", "notes"])
    def test_wrong_words_are_named(self, as_ada, field):
        visit = self.make()
        before = [stored(visit)]
        for value, message in (
            ("a\x00b", "Null characters are not allowed."),
            ("x" * 10_001, "Ensure this field has no more than 10000 characters."),
            (None, "This field may not be null."),
        ):
            response = as_ada.patch(self.item(visit), {field: value}, format="json")
            refused(response, 400, invalid(field, message), visit, before=before)

    @pytest.mark.parametrize("verb", LEADS_TO)
    @pytest.mark.parametrize("status", AppointmentStatus.values)
    def test_every_cell_of_the_machine(self, as_ada, ada, status, verb):
        visit = self.make(status=status)
        before = [stored(visit)]
        response = as_ada.post(self.item(visit, verb), {}, format="json")
        to = LEADS_TO[verb]
        if to in APPOINTMENT_MACHINE[status]:
            stamp = {STAMP[verb]: response.json()[STAMP[verb]]}
            assert response.status_code == 200
            assert response.json() == {**self.row(visit), "status": to, **stamp}
            assert stamp[STAMP[verb]] is not None
            assert visit.history.count() == before[0][1] + 1
            assert visit.history.latest().history_user_id == ada.pk
        else:
            state, word = status.replace("_", " "), to.replace("_", " ")
            detail = f"This appointment is {state} and cannot become {word}."
            refused(response, 409, {"error": ILLEGAL, "detail": detail}, visit, before=before)

    @pytest.mark.parametrize("status", AppointmentStatus.values)
    def test_assign(self, as_ada, ada, status):
        visit, tina = self.make(status=status), factories.TechnicianFactory(name="Tina")
        before = [stored(visit)]
        response = as_ada.post(self.item(visit, "assign"), {"technician_id": tina.pk}, format="json")
        if status in ("pending", "in_progress"):
            visit.refresh_from_db()
            assert (visit.technician, response.status_code) == (tina, 200)
            assert response.json() == {**self.row(visit), "assigned_at": response.json()["assigned_at"]}
            assert visit.history.latest().history_user_id == ada.pk
        else:
            detail = f"This appointment is {status} and cannot become assigned."
            refused(response, 409, {"error": ILLEGAL, "detail": detail}, visit, before=before)

    def test_assign_names_what_is_wrong(self, as_ada):
        visit = self.make()
        before = [stored(visit)]
        for value, status, body in (
            (999_999, 404, {"error": "Not found", "detail": "Technician not found."}),
            (0, 400, invalid("technician_id", "Ensure this value is greater than or equal to 1.")),
            ("x", 400, invalid("technician_id", "A valid integer is required.")),
            (10**22, 400, invalid("technician_id", "A valid integer is required.")),
        ):
            response = as_ada.post(self.item(visit, "assign"), {"technician_id": value}, format="json")
            refused(response, status, body, visit, before=before)

    def test_start_needs_a_technician(self, as_ada):
        visit = self.make(technician=None)
        body = {
            "error": "No technician assigned",
            "detail": "Assign a technician before starting the appointment.",
        }
        refused(as_ada.post(self.item(visit, "start")), 409, body, visit, before=[stored(visit)])

    def test_a_step_once_for_one_key(self, as_ada):
        visit = self.make()
        count, headers = visit.history.count(), {"Idempotency-Key": "k"}
        first, again = (as_ada.post(self.item(visit, "start"), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
        assert visit.history.count() == count + 1

    def test_filters(self, as_ada):
        visit = self.make(status="in_progress")
        free = self.make(technician=None, start=NOON + timedelta(days=2))
        assert self.found(as_ada, status="in-progress,COMPLETED") == [visit.pk]
        assert self.found(as_ada, customer_id=free.customer_id) == [free.pk]
        assert self.found(as_ada, vehicle_id=free.vehicle_id) == [free.pk]
        assert self.found(as_ada, location_id=visit.location_id) == [visit.pk]
        assert self.found(as_ada, technician_id=visit.technician_id) == [visit.pk]
        assert self.found(as_ada, unassigned="true") == [free.pk]
        assert self.found(as_ada, unassigned="false") == [visit.pk]
        assert self.found(as_ada, date_from="2030-01-16") == [free.pk]
        assert self.found(as_ada, date_to="2030-01-15") == [visit.pk]
        assert self.found(as_ada, date_from="2030-01-15", date_to="2030-01-17") == [visit.pk, free.pk]
        assert self.found(as_ada, search=free.vehicle.vin.lower()) == [free.pk]
        assert self.found(as_ada, search="pat c") == [visit.pk, free.pk]
        type(free.vehicle).objects.filter(pk=free.vehicle_id).update(unit_number="A-123")
        assert self.found(as_ada, search="a-12") == [free.pk]

    @pytest.mark.parametrize("thing", ["customer", "vehicle", "location", "technician"])
    def test_an_id_nobody_has_is_404(self, as_ada, thing):
        response = as_ada.get(self.url, {f"{thing}_id": "999999"})
        body = {"error": "Not found", "detail": f"{thing.capitalize()} not found."}
        assert (response.status_code, response.json()) == (404, body)

    def test_days_upside_down(self, as_ada):
        response = as_ada.get(self.url, {"date_from": "2030-01-02", "date_to": "2030-01-01"})
        assert (response.status_code, response.json()) == (
            400,
            invalid("date_from", "Must not be after date_to."),
        )


@pytest.fixture
def ten():
    """Ten o'clock the day after tomorrow."""
    day = timezone.now().astimezone(UTC).date() + timedelta(days=2)
    return datetime.combine(day, time(10), UTC)


@pytest.fixture
def garage(db):
    return factories.GarageFactory(name="Springfield")


@pytest.fixture
def booking(alice, garage, ten):
    vehicle = factories.VehicleFactory(customer=alice)
    return {
        "customer_id": alice.pk,
        "vehicle_id": vehicle.pk,
        "location_id": garage.pk,
        "start": ten.isoformat().replace("+00:00", "Z"),
    }


class TestBooking:
    url = "/api/shop/appointments/"

    def test_with_everything(self, as_ada, ada, alice, booking, garage, ten):
        factories.ServiceTypeFactory(code="oil_change", minutes=45)
        tina = factories.TechnicianFactory()
        sent = {
            **booking, "services": ["Oil change"], "description": "It squeaks.", "notes": "Two keys",
            "technician_id": tina.pk,
        }  # fmt: skip
        response = as_ada.post(self.url, sent, format="json")
        visit = Appointment.objects.get()
        assert (response.status_code, response.json()) == (201, as_ada.get(f"{self.url}{visit.pk}/").json())
        assert (visit.customer, visit.location, visit.technician) == (alice, garage, tina)
        assert (visit.start, visit.end) == (ten, ten + timedelta(minutes=45))
        assert (visit.description, visit.notes, visit.assigned_at is None) == (
            "It squeaks.",
            "Two keys",
            False,
        )
        assert [row.history_user for row in visit.history.all()] == [ada]

    def test_with_what_is_needed(self, as_ada, booking, ten):
        body = as_ada.post(self.url, {**booking, "technician_id": None}, format="json").json()
        visit = Appointment.objects.get()
        assert (body["id"], visit.end, visit.technician, visit.description) == (
            visit.pk, ten + timedelta(minutes=30), None, ""
        )  # fmt: skip

    def test_what_is_missing_is_named(self, as_ada):
        fields = ("customer_id", "vehicle_id", "location_id", "start")
        response = as_ada.post(self.url, {}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Invalid input",
                "detail": "customer_id: This field is required.",
                "fields": {field: ["This field is required."] for field in fields},
            },
        )

    def test_what_is_wrong_is_named(self, as_ada, booking, ten):
        for field, value, title, text in (
            ("start", "2024-01-15T10:00:00Z", "Not a time to book", "Choose a time in the future."),
            (
                "start", (ten + timedelta(minutes=1)).isoformat(), "Not a time to book",
                "Visits start every 30 minutes from 08:00 on.",
            ),
            ("services", ["teleport"], "Unknown service", "There is no service “teleport”."),
        ):  # fmt: skip
            response = as_ada.post(self.url, {**booking, field: value}, format="json")
            body = {"error": title, "detail": text, "fields": {field: [text]}}
            assert (response.status_code, response.json()) == (400, body)
        assert not Appointment.objects.exists()

    def test_what_is_not_there(self, as_ada, bob, booking):
        anothers = factories.VehicleFactory(customer=bob).pk
        for field, value, title, text in (
            ("customer_id", 999_999, "Not found", "Customer not found."),
            ("vehicle_id", 999_999, "Not found", "Vehicle not found."),
            ("vehicle_id", anothers, "Vehicle not found", "Vehicle not found."),
            ("location_id", 999_999, "Not found", "Location not found."),
            ("technician_id", 999_999, "Not found", "Technician not found."),
        ):
            response = as_ada.post(self.url, {**booking, field: value}, format="json")
            assert (response.status_code, response.json()) == (404, {"error": title, "detail": text})
        assert not Appointment.objects.exists()

    def test_a_taken_slot(self, as_ada, booking, ten):
        for _ in range(2):
            as_ada.post(self.url, booking, format="json")
        response = as_ada.post(self.url, booking, format="json")
        free = [ten + n * timedelta(minutes=30) for n in (1, 2, 3, 4)]
        z = [at.isoformat().replace("+00:00", "Z") for at in free]
        times = ", ".join(f"{at:%a %d %b %H:%M}" for at in free[:3])
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Slot taken",
                "detail": f"That time is taken. Next free: {times}.",
                "alternatives": [{"start": z[n], "end": z[n + 1]} for n in range(3)],
            },
        )
        assert Appointment.objects.count() == 2

    def test_once_for_one_key(self, as_ada, booking):
        headers = {"Idempotency-Key": "once"}
        first, again = (as_ada.post(self.url, booking, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, again.json(), Appointment.objects.count()) == (201, first.json(), 1)


class TestAvailability:
    def url(self, garage):
        return f"/api/shop/locations/{garage.pk}/availability/"

    def test_what_is_free(self, as_tim, ten):
        garage = factories.GarageFactory(bays=1, hours=(time(9), time(12)))
        factories.ServiceTypeFactory(code="brake_service", minutes=90)
        factories.AppointmentFactory(bay=garage.bays.get(), start=ten, end=ten + timedelta(minutes=30))
        response = as_tim.get(self.url(garage), {"date": str(ten.date()), "services": "Brake service"})
        day = ten.date()
        assert (response.status_code, response.json()) == (
            200,
            {"available_slots": [{"start": f"{day}T10:30:00Z", "end": f"{day}T12:00:00Z"}]},
        )
        assert as_tim.get(self.url(garage).rstrip("/"), {"date": str(day)}).status_code == 200

    def test_what_is_wrong_is_named(self, as_tim, garage, ten):
        too_far, text = str(ten.date() + timedelta(days=89)), "Visits are booked at most 90 days ahead."
        for params, body in (
            ({}, invalid("date", "This field is required.")),
            (
                {"date": "x"},
                invalid("date", "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."),
            ),
            ({"date": str(ten.date()), "bay": "1"}, invalid("bay", "Unknown parameter.")),
            ({"date": too_far}, {"error": "Invalid input", "detail": text, "fields": {"date": [text]}}),
        ):
            response = as_tim.get(self.url(garage), params)
            assert (response.status_code, response.json()) == (400, body)

    def test_nobodys_location(self, as_tim, ten):
        response = as_tim.get("/api/shop/locations/999999/availability/", {"date": str(ten.date())})
        body = {"error": "Not found", "detail": "Location not found."}
        assert (response.status_code, response.json()) == (404, body)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_fifty_parallel_starts_one_wins(sign_in):
    tim = factories.UserFactory(role="technician")
    visit = factories.AppointmentFactory(technician=factories.TechnicianFactory())
    client, count = sign_in(tim), visit.history.count()
    answers = parallel(50, lambda _: client.post(f"/api/shop/appointments/{visit.pk}/start/"))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    detail = "This appointment is in progress and cannot become in progress."
    assert [a.json() for a in answers if a.status_code == 409] == [{"error": ILLEGAL, "detail": detail}] * 49
    assert visit.history.count() == count + 1
    assert visit.history.latest().history_user_id == tim.pk
    assert Appointment.objects.get().status == "in_progress"


class TestTechnicians(WritableNounSuite):
    noun, name, ordering = "technicians", "Technician", ("name",)
    new: ClassVar[dict[str, Any]] = {"name": "Tina Torque"}
    change: ClassVar[dict[str, Any]] = {"name": "Tina", "role": "master", "email": ""}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        ("role", "x" * 61, "Ensure this field has no more than 60 characters."),
        ("email", "nobody", "Enter a valid email address."),
        ("location_id", -1, "Ensure this value is greater than or equal to 1."),
    ]

    def make(self, **values):
        return factories.TechnicianFactory(**values)

    def called(self, text):
        return self.make(name=text)

    def row(self, technician):
        return {**technician_body(technician), "location_id": technician.location_id}

    def test_at_a_location(self, as_ada):
        technician, place = self.make(), factories.LocationFactory()
        response = as_ada.patch(self.item(technician), {"location_id": place.pk}, format="json")
        assert response.json() == {**self.row(technician), "location_id": place.pk}
        assert self.found(as_ada, location_id=place.pk) == [technician.pk]
        before = [stored(technician)]
        response = as_ada.patch(self.item(technician), {"location_id": 999_999}, format="json")
        body = {"error": "Not found", "detail": "Location not found."}
        refused(response, 404, body, technician, before=before)
        response = as_ada.patch(self.item(technician), {"location_id": None}, format="json")
        assert response.json()["location_id"] is None


class TestLocations(StaffNounSuite):
    noun, name, ordering = "locations", "Location", ("name",)
    allow, item_allow = "GET, HEAD", "GET, HEAD"

    def make(self, **values):
        location = factories.LocationFactory(**values)
        factories.BayFactory(location=location)
        return location

    def called(self, text):
        return self.make(name=text)

    def row(self, location):
        return {
            "id": location.pk,
            "uuid": str(location.uuid),
            "name": location.name,
            "address": "500 Main St",
            "latitude": "40.712800",
            "longitude": "-74.006000",
            "phone": "",
            "time_zone": "UTC",
            "bays": [bay.name for bay in location.bays.order_by("id")],
        }
