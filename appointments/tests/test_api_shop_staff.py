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
ILLEGAL = {"error": "Not possible in this state", "code": "illegal_transition"}
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
            "technician_id": appointment.technician_id,
            "location_id": appointment.location_id,
            "bay_id": appointment.bay_id,
            "start": "2030-01-15T12:00:00Z",
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
            refused(response, 409, {**ILLEGAL, "detail": detail}, appointment, before=before)

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
            refused(response, 409, {**ILLEGAL, "detail": detail}, appointment, before=before)

    def test_assign_reports_an_invalid_technician(self, as_ada):
        appointment = self.make()
        before = [stored(appointment)]
        for value, status, body in (
            (999_999, 404, {"error": "Not found", "detail": "Technician not found.", "code": "not_found"}),
            (0, 400, invalid("technician_id", "Ensure this value is greater than or equal to 1.")),
            ("x", 400, invalid("technician_id", "A valid integer is required.")),
            (10**22, 400, invalid("technician_id", "A valid integer is required.")),
        ):
            response = as_ada.post(self.item(appointment, "assign"), {"technician_id": value}, format="json")
            refused(response, status, body, appointment, before=before)

    def test_busy_technician_is_assigned_only_with_allow_overlap(self, as_ada, as_tim):
        tina = factories.TechnicianFactory(name="Tina")
        other, appointment = self.make(technician=tina), self.make(technician=None)
        before, url = [stored(appointment)], self.item(appointment, "assign")
        body = {"error": "Technician is busy", "detail": busy(tina, other), "code": "technician_is_busy"}
        for data in ({"technician_id": tina.pk}, {"technician_id": tina.pk, "allow_overlap": False}):
            refused(as_ada.post(url, data, format="json"), 409, body, appointment, before=before)
        response = as_ada.post(url, {"technician_id": tina.pk, "allow_overlap": "yes?"}, format="json")
        refused(
            response, 400, invalid("allow_overlap", "Must be a valid boolean."), appointment, before=before
        )
        response = as_ada.post(url, {"technician_id": tina.pk, "allow_overlap": True}, format="json")
        appointment.refresh_from_db()
        assert (response.status_code, appointment.technician) == (200, tina)

    def test_start_needs_a_technician(self, as_ada):
        appointment = self.make(technician=None)
        body = {
            "error": "No technician assigned",
            "detail": "Assign a technician before starting the appointment.",
            "code": "no_technician",
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
        body = {"error": "Not found", "detail": f"{name.capitalize()} not found.", "code": "not_found"}
        assert (response.status_code, response.json()) == (404, body)

    def test_date_from_after_date_to_is_rejected(self, as_ada):
        response = as_ada.get(self.url, {"date_from": "2030-01-02", "date_to": "2030-01-01"})
        assert (response.status_code, response.json()) == (
            400,
            invalid("date_from", "Must not be after date_to."),
        )

    @pytest.mark.parametrize(
        ("sent", "names"),
        [
            ({}, "technician_id"),
            ({"technician_id": 1, "assigned_technician_id": 2}, "assigned_technician_id"),
        ],
    )
    def test_assign_needs_one_technician(self, as_ada, sent, names):
        appointment = self.make()
        before = [stored(appointment)]
        message = "Differs from technician_id. Send one of the two." if sent else "This field is required."
        response = as_ada.post(self.item(appointment, "assign"), sent, format="json")
        refused(response, 400, invalid(names, message), appointment, before=before)

    def test_assign_takes_the_name_of_the_row(self, as_ada):
        appointment, tina = self.make(), factories.TechnicianFactory(name="Tina")
        body = {"assigned_technician_id": tina.pk}
        response = as_ada.post(self.item(appointment, "assign"), body, format="json")
        assert (response.status_code, response.json()["assigned_technician_id"]) == (200, tina.pk)


@pytest.fixture
def garage(db):
    return factories.GarageFactory(name="Springfield")


def named(start):
    """Return a start in UTC as a message names it."""
    return f"{start[:10]} at {start[11:16]}"


def busy(technician, other):
    return (
        f"{technician.name} has appointment {other.pk} on {named(other.start.isoformat())}, which overlaps. "
        "Choose another technician or time, or allow the overlap."
    )


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
                "detail": "vehicle_id: This field is required.",
                "fields": {field: ["This field is required."] for field in fields},
                "code": "invalid",
            },
        )

    def test_invalid_fields_are_reported(self, as_ada, booking, ten):
        for field, value, title, text in (
            ("start", "2024-01-15T10:00:00Z", "Time cannot be booked", "Choose a time in the future."),
            (
                "start", (ten + timedelta(minutes=1)).isoformat(), "Time cannot be booked",
                "Appointments start every 30 minutes from 08:00 on.",
            ),
        ):  # fmt: skip
            response = as_ada.post(self.url, {**booking, field: value}, format="json")
            body = {"error": title, "detail": text, "fields": {field: [text]}, "code": "not_a_slot"}
            assert (response.status_code, response.json()) == (400, body)
        factories.ServiceTypeFactory(code="oil_change")
        response = as_ada.post(self.url, {**booking, "services": ["oil_change", "teleport"]}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Unknown service",
                "detail": UNKNOWN_SERVICE,
                "fields": {"services[1]": [UNKNOWN_SERVICE]},
                "code": "unknown_service",
            },
        )
        assert not Appointment.objects.exists()

    def test_unknown_ids_get_404(self, as_ada, bob, booking):
        of_bob = factories.VehicleFactory(customer=bob).pk
        for field, value, title, code, text in (
            ("customer_id", 999_999, "Not found", "not_found", "Customer not found."),
            ("vehicle_id", 999_999, "Not found", "not_found", "Vehicle not found."),
            ("vehicle_id", of_bob, "Vehicle not found", "vehicle_not_found", "Vehicle not found."),
            ("location_id", 999_999, "Not found", "not_found", "Location not found."),
            ("technician_id", 999_999, "Not found", "not_found", "Technician not found."),
        ):
            response = as_ada.post(self.url, {**booking, field: value}, format="json")
            assert (response.status_code, response.json()) == (
                404,
                {"error": title, "detail": text, "code": code},
            )
        assert not Appointment.objects.exists()

    def test_taken_slot_is_a_conflict_with_alternatives(self, as_ada, booking, ten):
        mine = {"customer_id": booking["customer_id"]}
        others = [factories.VehicleFactory(**mine).pk for _ in range(2)]
        for vehicle in others:
            as_ada.post(self.url, {**booking, "vehicle_id": vehicle}, format="json")
        response = as_ada.post(self.url, booking, format="json")
        free = [ten + n * timedelta(minutes=30) for n in (1, 2, 3, 4)]
        z = [at.isoformat().replace("+00:00", "Z") for at in free]
        times = ", ".join(f"{at:%a %d %b %H:%M}" for at in free[:3])
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Slot taken",
                "detail": f"That time is taken. Next free: {times}.",
                "code": "slot_taken",
                "alternatives": [{"start": z[n], "end": z[n + 1]} for n in range(3)],
            },
        )
        assert Appointment.objects.count() == 2

    def test_vehicle_with_another_appointment_is_409_that_names_it(self, as_ada, booking):
        first = as_ada.post(self.url, booking, format="json").json()
        elsewhere = {**booking, "location_id": factories.GarageFactory().pk}
        response = as_ada.post(self.url, elsewhere, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Vehicle has another appointment",
                "detail": f"This vehicle has appointment {first['id']} on {named(booking['start'])}, which overlaps. "
                "Choose another time or move that one.",
                "code": "vehicle_is_booked",
            },
        )
        assert Appointment.objects.count() == 1

    def test_busy_technician_needs_allow_overlap(self, as_ada, booking):
        tina = factories.TechnicianFactory(name="Tina")
        data = {**booking, "technician_id": tina.pk}
        first = Appointment.objects.get(pk=as_ada.post(self.url, data, format="json").json()["id"])
        data["vehicle_id"] = factories.VehicleFactory(customer_id=data["customer_id"]).pk
        response = as_ada.post(self.url, data, format="json")
        assert (response.status_code, response.json()) == (
            409, {"error": "Technician is busy", "detail": busy(tina, first), "code": "technician_is_busy"}
        )  # fmt: skip
        assert Appointment.objects.count() == 1
        response = as_ada.post(self.url, {**data, "allow_overlap": True}, format="json")
        assert (response.status_code, response.json()["technician_id"]) == (201, tina.pk)

    def test_staff_book_more_than_customers_can(self, as_ada, booking, ten, settings):
        settings.MAX_APPOINTMENTS_VEHICLE = settings.MAX_APPOINTMENTS_CUSTOMER = 1
        for hours in range(3):
            start = (ten + timedelta(hours=hours)).isoformat()
            assert as_ada.post(self.url, {**booking, "start": start}, format="json").status_code == 201

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
        {**ILLEGAL, "detail": detail}
    ] * 49
    assert appointment.history.count() == count + 1
    assert appointment.history.latest().history_user_id == tim.pk
    assert Appointment.objects.get().status == "in_progress"

    def test_booking_takes_the_names_of_the_row(self, as_ada, booking, garage, ten):
        tina, bay = factories.TechnicianFactory(), garage.bays.order_by("-id")[0]
        data = {**booking, "date": booking.pop("start"), "assigned_technician_id": tina.pk, "bay_id": bay.pk}
        del data["start"]
        body = as_ada.post(self.url, data, format="json").json()
        assert (body["date"], body["start"]) == (data["date"], data["date"])
        assert (body["technician_id"], body["assigned_technician_id"], body["bay_id"]) == (
            tina.pk,
            tina.pk,
            bay.pk,
        )

    def test_bay_of_another_location_is_refused(self, as_ada, booking):
        response = as_ada.post(self.url, {**booking, "bay_id": factories.BayFactory().pk}, format="json")
        text = "This bay is not at the location of the appointment."
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Bay at another location",
                "detail": text,
                "fields": {"bay_id": [text]},
                "code": "bay_elsewhere",
            },
        )
        assert not Appointment.objects.exists()


class TestMoving:
    """An appointment is moved by `PATCH` and by its verb."""

    @pytest.fixture
    def appointment(self, as_ada, booking):
        body = as_ada.post("/api/shop/appointments/", booking, format="json").json()
        return Appointment.objects.get(pk=body["id"])

    @pytest.fixture(params=["patch", "move"])
    def ask(self, request, as_ada, appointment):
        url = f"/api/shop/appointments/{appointment.pk}/"
        if request.param == "patch":
            return lambda body: as_ada.patch(url, body, format="json")
        return lambda body: as_ada.post(f"{url}move/", body, format="json")

    @pytest.mark.parametrize("name", ["start", "date"])
    def test_time_place_vehicle_and_services_change(self, as_ada, ada, ask, appointment, garage, ten, name):
        factories.ServiceTypeFactory(code="oil_change", name="Oil change", minutes=45)
        car = factories.VehicleFactory(customer=appointment.customer)
        elsewhere = factories.GarageFactory(name="Shelbyville")
        bay = elsewhere.bays.order_by("-id")[0]
        at = (ten + timedelta(hours=2)).isoformat().replace("+00:00", "Z")
        before = as_ada.get(f"/api/shop/appointments/{appointment.pk}/").json()
        response = ask(
            {
                name: at,
                "location_id": elsewhere.pk,
                "bay_id": bay.pk,
                "vehicle_id": car.pk,
                "services": ["Oil change"],
            }
        )
        assert (response.status_code, response.json()) == (
            200,
            {
                **before,
                "start": at,
                "date": at,
                "end": (ten + timedelta(minutes=165)).isoformat().replace("+00:00", "Z"),
                "location_id": elsewhere.pk,
                "bay_id": bay.pk,
                "vehicle_id": car.pk,
                "vehicle": brief(car),
                "services": ["oil_change"],
                "description": "Oil change",
            },
        )
        assert appointment.history.latest().history_user_id == ada.pk

    def test_taken_time_is_409_and_changes_nothing(self, as_ada, ask, appointment, booking, ten):
        later = (ten + timedelta(minutes=30)).isoformat().replace("+00:00", "Z")
        for _ in range(2):
            other = factories.VehicleFactory(customer_id=booking["customer_id"])
            data = {**booking, "vehicle_id": other.pk, "start": later}
            assert as_ada.post("/api/shop/appointments/", data, format="json").status_code == 201
        before = stored(appointment)
        response = ask({"start": later})
        assert (response.status_code, response.json()["error"]) == (409, "Slot taken")
        assert stored(appointment) == before

    def test_busy_technician_moves_only_with_allow_overlap(self, ask, appointment, ten):
        tina = factories.TechnicianFactory(name="Tina")
        Appointment.objects.update(technician=tina)
        later = ten + timedelta(hours=2)
        other = factories.AppointmentFactory(technician=tina, start=later)
        before = stored(appointment)
        response = ask({"start": later.isoformat()})
        assert (response.status_code, response.json()) == (
            409, {"error": "Technician is busy", "detail": busy(tina, other), "code": "technician_is_busy"}
        )  # fmt: skip
        assert stored(appointment) == before
        response = ask({"start": later.isoformat(), "allow_overlap": True})
        assert (response.status_code, response.json()["technician_id"]) == (200, tina.pk)

    @pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
    def test_only_a_pending_appointment_moves(self, ask, appointment, ten, status):
        Appointment.objects.update(status=status)
        before = stored(appointment)
        response = ask({"start": (ten + timedelta(hours=1)).isoformat()})
        detail = f"This appointment is {status.replace('_', ' ')} and cannot become moved."
        assert (response.status_code, response.json()) == (409, {**ILLEGAL, "detail": detail})
        assert stored(appointment) == before

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({"start": "2030-01-15T10:00:00Z", "date": "2030-01-15T11:00:00Z"}, "date",
             "Differs from start. Send one of the two."),
            ({"services": ["x", ["y"]]}, "services[1]", "Not a valid string."),
            ({"bay_id": 0}, "bay_id", "Ensure this value is greater than or equal to 1."),
        ],
    )  # fmt: skip
    def test_wrong_values_are_named(self, ask, appointment, body, field, message):
        before = stored(appointment)
        response = ask(body)
        assert (response.status_code, response.json()) == (400, invalid(field, message))
        assert stored(appointment) == before

    @pytest.mark.parametrize("name", ["location", "bay", "vehicle"])
    def test_unknown_ids_are_404(self, ask, appointment, name):
        before = stored(appointment)
        response = ask({f"{name}_id": 999_999})
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": f"{name.capitalize()} not found.", "code": "not_found"},
        )
        assert stored(appointment) == before

    def test_move_needs_a_value(self, as_ada, appointment):
        response = as_ada.post(f"/api/shop/appointments/{appointment.pk}/move/", {}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            invalid("start", "Send at least one value that changes."),
        )

    def test_texts_and_time_change_together_or_not_at_all(self, as_ada, appointment, ten):
        before = stored(appointment)
        url = f"/api/shop/appointments/{appointment.pk}/"
        response = as_ada.patch(url, {"notes": "Two keys", "start": "2024-01-15T10:00:00Z"}, format="json")
        assert response.status_code == 400
        assert stored(appointment) == before
        at = (ten + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        body = as_ada.patch(url, {"notes": "Two keys", "start": at}, format="json").json()
        assert (body["notes"], body["start"]) == ("Two keys", at)
