"""The staff API: appointments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from appointments.models import APPOINTMENT_MACHINE, Appointment, AppointmentStatus
from testing import factories
from testing.storms import parallel
from testing.suites import StaffNounSuite, invalid, refused, stored
from vehicles.tests.test_api_shop import brief

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)
UNKNOWN_SERVICE = "There is no service “teleport”. Use the code or the name of a service."
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
        appointment = factories.AppointmentFactory(
            **{**owner, "start": NOON, "technician": factories.TechnicianFactory()} | values
        )
        appointment.services.add(factories.ServiceTypeFactory())
        return appointment

    def called(self, text):
        return self.make(description=text)

    def row(self, appointment):
        return {
            "id": appointment.pk,
            "vehicle_id": appointment.vehicle_id,
            "vehicle": brief(appointment.vehicle),
            "reported_problem_id": None,
            "reported_problem": None,
            "assigned_technician_id": appointment.technician_id,
            "assigned_technician": technician_body(appointment.technician)
            if appointment.technician
            else None,
            "customer_id": appointment.customer_id,
            "customer_name": "Pat C",
            "description": appointment.description,
            "date": "2030-01-15T12:00:00Z",
            "status": appointment.status,
            "assigned_at": None,
            "started_at": None,
            "completed_at": None,
            "location_id": appointment.location_id,
            "bay_id": appointment.bay_id,
            "end": "2030-01-15T12:30:00Z",
            "services": [service.code for service in appointment.services.all()],
            "notes": "",
            "created_at": appointment.created_at.isoformat().replace("+00:00", "Z"),
            "cancelled_at": None,
        }

    def test_texts_change_and_record_the_user(self, as_ada, ada):
        appointment = self.make()
        body = {"description": "Brakes, too", "notes": "Key in the box"}
        assert as_ada.patch(self.item(appointment), body, format="json").json() == {
            **self.row(appointment),
            **body,
        }
        assert appointment.history.latest().history_user_id == ada.pk

    @pytest.mark.parametrize("field", ["description", "notes"])
    def test_invalid_texts_are_reported(self, as_ada, field):
        appointment = self.make()
        before = [stored(appointment)]
        for value, message in (
            ("a\x00b", "Null characters are not allowed."),
            ("x" * 10_001, "Ensure this field has no more than 10000 characters."),
            (None, "This field may not be null."),
        ):
            response = as_ada.patch(self.item(appointment), {field: value}, format="json")
            refused(response, 400, invalid(field, message), appointment, before=before)

    @pytest.mark.parametrize("verb", LEADS_TO)
    @pytest.mark.parametrize("status", AppointmentStatus.values)
    def test_transition_follows_the_machine(self, as_ada, ada, status, verb):
        appointment = self.make(status=status)
        before = [stored(appointment)]
        response = as_ada.post(self.item(appointment, verb), {}, format="json")
        to = LEADS_TO[verb]
        if to in APPOINTMENT_MACHINE[status]:
            stamp = {STAMP[verb]: response.json()[STAMP[verb]]}
            assert response.status_code == 200
            assert response.json() == {**self.row(appointment), "status": to, **stamp}
            assert stamp[STAMP[verb]] is not None
            assert appointment.history.count() == before[0][1] + 1
            assert appointment.history.latest().history_user_id == ada.pk
        else:
            state, word = status.replace("_", " "), to.replace("_", " ")
            detail = f"This appointment is {state} and cannot become {word}."
            refused(response, 409, {"error": ILLEGAL, "detail": detail}, appointment, before=before)

    @pytest.mark.parametrize("status", AppointmentStatus.values)
    def test_assign_follows_the_status(self, as_ada, ada, status):
        appointment, tina = self.make(status=status), factories.TechnicianFactory(name="Tina")
        before = [stored(appointment)]
        response = as_ada.post(self.item(appointment, "assign"), {"technician_id": tina.pk}, format="json")
        if status in ("pending", "in_progress"):
            appointment.refresh_from_db()
            assert (appointment.technician, response.status_code) == (tina, 200)
            assert response.json() == {**self.row(appointment), "assigned_at": response.json()["assigned_at"]}
            assert appointment.history.latest().history_user_id == ada.pk
        else:
            detail = f"This appointment is {status} and cannot become assigned."
            refused(response, 409, {"error": ILLEGAL, "detail": detail}, appointment, before=before)

    def test_assign_reports_an_invalid_technician(self, as_ada):
        appointment = self.make()
        before = [stored(appointment)]
        for value, status, body in (
            (999_999, 404, {"error": "Not found", "detail": "Technician not found."}),
            (0, 400, invalid("technician_id", "Ensure this value is greater than or equal to 1.")),
            ("x", 400, invalid("technician_id", "A valid integer is required.")),
            (10**22, 400, invalid("technician_id", "A valid integer is required.")),
        ):
            response = as_ada.post(self.item(appointment, "assign"), {"technician_id": value}, format="json")
            refused(response, status, body, appointment, before=before)

    def test_start_needs_a_technician(self, as_ada):
        appointment = self.make(technician=None)
        body = {
            "error": "No technician assigned",
            "detail": "Assign a technician before starting the appointment.",
        }
        refused(
            as_ada.post(self.item(appointment, "start")), 409, body, appointment, before=[stored(appointment)]
        )

    def test_idempotency_key_starts_once(self, as_ada):
        appointment = self.make()
        count, headers = appointment.history.count(), {"Idempotency-Key": "k"}
        first, again = (as_ada.post(self.item(appointment, "start"), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
        assert appointment.history.count() == count + 1

    def test_filters_narrow_the_list(self, as_ada):
        appointment = self.make(status="in_progress")
        free = self.make(technician=None, start=NOON + timedelta(days=2))
        assert self.found(as_ada, status="in-progress,COMPLETED") == [appointment.pk]
        assert self.found(as_ada, customer_id=free.customer_id) == [free.pk]
        assert self.found(as_ada, vehicle_id=free.vehicle_id) == [free.pk]
        assert self.found(as_ada, location_id=appointment.location_id) == [appointment.pk]
        assert self.found(as_ada, technician_id=appointment.technician_id) == [appointment.pk]
        assert self.found(as_ada, unassigned="true") == [free.pk]
        assert self.found(as_ada, unassigned="false") == [appointment.pk]
        assert self.found(as_ada, date_from="2030-01-16") == [free.pk]
        assert self.found(as_ada, date_to="2030-01-15") == [appointment.pk]
        assert self.found(as_ada, date_from="2030-01-15", date_to="2030-01-17") == [appointment.pk, free.pk]
        assert self.found(as_ada, search=free.vehicle.vin.lower()) == [free.pk]
        assert self.found(as_ada, search="pat c") == [appointment.pk, free.pk]
        type(free.vehicle).objects.filter(pk=free.vehicle_id).update(unit_number="A-123")
        assert self.found(as_ada, search="a-12") == [free.pk]

    @pytest.mark.parametrize("name", ["customer", "vehicle", "location", "technician"])
    def test_filter_by_unknown_id_gets_404(self, as_ada, name):
        response = as_ada.get(self.url, {f"{name}_id": "999999"})
        body = {"error": "Not found", "detail": f"{name.capitalize()} not found."}
        assert (response.status_code, response.json()) == (404, body)

    def test_date_from_after_date_to_is_rejected(self, as_ada):
        response = as_ada.get(self.url, {"date_from": "2030-01-02", "date_to": "2030-01-01"})
        assert (response.status_code, response.json()) == (
            400,
            invalid("date_from", "Must not be after date_to."),
        )


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

    def test_booking_with_all_fields(self, as_ada, ada, alice, booking, garage, ten):
        factories.ServiceTypeFactory(code="oil_change", minutes=45)
        tina = factories.TechnicianFactory()
        data = {
            **booking, "services": ["Oil change"], "description": "It squeaks.", "notes": "Two keys",
            "technician_id": tina.pk,
        }  # fmt: skip
        response = as_ada.post(self.url, data, format="json")
        appointment = Appointment.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            as_ada.get(f"{self.url}{appointment.pk}/").json(),
        )
        assert (appointment.customer, appointment.location, appointment.technician) == (alice, garage, tina)
        assert (appointment.start, appointment.end) == (ten, ten + timedelta(minutes=45))
        assert (appointment.description, appointment.notes, appointment.assigned_at is None) == (
            "It squeaks.",
            "Two keys",
            False,
        )
        assert [row.history_user for row in appointment.history.all()] == [ada]

    def test_booking_with_required_fields(self, as_ada, booking, ten):
        body = as_ada.post(self.url, {**booking, "technician_id": None}, format="json").json()
        appointment = Appointment.objects.get()
        assert (body["id"], appointment.end, appointment.technician, appointment.description) == (
            appointment.pk, ten + timedelta(minutes=30), None, ""
        )  # fmt: skip

    def test_missing_fields_are_reported(self, as_ada):
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

    def test_invalid_fields_are_reported(self, as_ada, booking, ten):
        for field, value, title, text in (
            ("start", "2024-01-15T10:00:00Z", "Time cannot be booked", "Choose a time in the future."),
            (
                "start", (ten + timedelta(minutes=1)).isoformat(), "Time cannot be booked",
                "Appointments start every 30 minutes from 08:00 on.",
            ),
            ("services", ["teleport"], "Unknown service", UNKNOWN_SERVICE),
        ):  # fmt: skip
            response = as_ada.post(self.url, {**booking, field: value}, format="json")
            body = {"error": title, "detail": text, "fields": {field: [text]}}
            assert (response.status_code, response.json()) == (400, body)
        assert not Appointment.objects.exists()

    def test_unknown_ids_get_404(self, as_ada, bob, booking):
        of_bob = factories.VehicleFactory(customer=bob).pk
        for field, value, title, text in (
            ("customer_id", 999_999, "Not found", "Customer not found."),
            ("vehicle_id", 999_999, "Not found", "Vehicle not found."),
            ("vehicle_id", of_bob, "Vehicle not found", "Vehicle not found."),
            ("location_id", 999_999, "Not found", "Location not found."),
            ("technician_id", 999_999, "Not found", "Technician not found."),
        ):
            response = as_ada.post(self.url, {**booking, field: value}, format="json")
            assert (response.status_code, response.json()) == (404, {"error": title, "detail": text})
        assert not Appointment.objects.exists()

    def test_taken_slot_is_a_conflict_with_alternatives(self, as_ada, booking, ten):
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

    def test_idempotency_key_books_once(self, as_ada, booking):
        headers = {"Idempotency-Key": "once"}
        first, again = (as_ada.post(self.url, booking, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, again.json(), Appointment.objects.count()) == (201, first.json(), 1)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_starts_have_one_winner(sign_in):
    tim = factories.UserFactory(role="technician")
    appointment = factories.AppointmentFactory(technician=factories.TechnicianFactory())
    client, count = sign_in(tim), appointment.history.count()
    responses = parallel(50, lambda _: client.post(f"/api/shop/appointments/{appointment.pk}/start/"))
    assert sorted(response.status_code for response in responses) == [200] + [409] * 49
    detail = "This appointment is in progress and cannot become in progress."
    assert [response.json() for response in responses if response.status_code == 409] == [
        {"error": ILLEGAL, "detail": detail}
    ] * 49
    assert appointment.history.count() == count + 1
    assert appointment.history.latest().history_user_id == tim.pk
    assert Appointment.objects.get().status == "in_progress"
