"""Contract 003, "Appointments": book."""

from __future__ import annotations

from datetime import time, timedelta
from uuid import uuid4

import pytest

from appointments.models import Appointment
from appointments.tests.test_api_member import BOOK, HALF_HOUR, body_of, booking_data, field_error
from appointments.tests.test_api_member_locations import NO_TOKEN, NOT_STAFF, z
from customers.models import Customer
from testing.factories import (
    AppointmentFactory,
    CustomerFactory,
    GarageFactory,
    ServiceTypeFactory,
    VehicleFactory,
)
from testing.storms import parallel

pytestmark = pytest.mark.django_db
FORMAT = "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]"


class TestBook:
    def test_contract_example(self, as_alice, alice, garage, car, ten):
        for code in ("oil_change", "tire_rotation"):
            ServiceTypeFactory(code=code, name=code.replace("_", " ").capitalize())
        response = as_alice.post(
            BOOK, booking_data(car, garage, ten, ["tire_rotation", "oil_change"]), format="json"
        )
        appointment = Appointment.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            body_of(appointment, ["tire_rotation", "oil_change"]),
        )
        assert (appointment.start, appointment.end, appointment.status) == (
            ten,
            ten + timedelta(hours=1),
            "pending",
        )
        assert (appointment.customer, appointment.description) == (alice, "Tire rotation, Oil change")
        assert appointment.history.get().history_user == alice.contact

    def test_request_of_the_web_client(self, as_alice, garage, car, ten):
        """The client sends service names, no vehicle, and an end that is ignored."""
        ServiceTypeFactory(code="oil_change", minutes=60)
        data = {"locationId": str(garage.uuid), "startTime": z(ten), "endTime": "whenever"}
        bare = as_alice.post(BOOK, data, format="json").json()
        assert (bare["vehicleId"], bare["endTime"], bare["services"]) == (
            str(car.uuid),
            z(ten + HALF_HOUR),
            [],
        )
        oil = as_alice.post(
            BOOK,
            {**data, "services": ["Oil change"], "vehicleId": None, "startTime": z(ten + HALF_HOUR)},
            format="json",
        ).json()
        assert (oil["services"], oil["endTime"]) == (["oil_change"], z(ten + timedelta(minutes=90)))

    def test_vehicle_can_be_left_out_only_with_one_vehicle(self, as_alice, as_bob, alice, garage, car, ten):
        VehicleFactory(customer=alice)
        data = {"locationId": str(garage.uuid), "startTime": z(ten)}
        for client, text in (
            (as_alice, "You have several vehicles. Choose one of them."),
            (as_bob, "Add a vehicle first."),
        ):
            response = client.post(BOOK, data, format="json")
            assert (response.status_code, response.json()) == (400, field_error("vehicleId", text))
        assert not Appointment.objects.exists()

    def test_login_without_customer_record_cannot_book(self, sign_in, carol, garage, ten):
        before = Customer.objects.count()
        response = sign_in(carol).post(
            BOOK, {"locationId": str(garage.uuid), "startTime": z(ten)}, format="json"
        )
        assert (response.status_code, response.json()) == (
            400,
            field_error("vehicleId", "Add a vehicle first."),
        )
        assert (Customer.objects.count(), Appointment.objects.count()) == (before, 0)

    def test_missing_or_invalid_fields_are_reported(self, as_alice, garage, car, ten):
        good = booking_data(car, garage, ten)
        required = ["This field is required."]
        response = as_alice.post(BOOK, {}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {"locationId": required, "startTime": required},
        )
        null, uuid = ["This field may not be null."], ["Must be a valid UUID."]
        for field, value, messages in (
            ("locationId", None, null),
            ("locationId", "x", uuid),
            ("vehicleId", "", uuid),
            ("startTime", None, null),
            (
                "startTime",
                "tomorrow",
                [f"Datetime has wrong format. Use one of these formats instead: {FORMAT}."],
            ),
            ("startTime", "0001-01-01T00:00:00+14:00", ["Datetime value out of range."]),
            ("services", "oil_change", ['Expected a list of items but got type "str".']),
            ("services", ["x"] * 51, ["Ensure this field has no more than 50 elements."]),
        ):  # fmt: skip
            response = as_alice.post(BOOK, {**good, field: value}, format="json")
            assert (response.status_code, response.json()) == (400, {field: messages})
        response = as_alice.post(BOOK, {**good, "services": ["x", {}]}, format="json")
        assert (response.status_code, response.json()) == (400, {"services[1]": ["Not a valid string."]})
        assert not Appointment.objects.exists()

    @pytest.mark.parametrize(
        ("shift", "text"),
        [
            (timedelta(minutes=10), "Appointments start every 30 minutes from 08:00 on."),
            (
                timedelta(hours=-3),
                "Springfield is open from 08:00 to 18:00 on that day. The appointment takes 30 minutes.",
            ),
            (timedelta(days=-9), "Choose a time in the future."),
            (timedelta(days=90), "Appointments can be booked at most 90 days ahead."),
        ],
    )
    def test_start_that_is_not_a_slot_is_reported(self, as_alice, car, ten, shift, text):
        garage = GarageFactory(name="Springfield")
        response = as_alice.post(BOOK, booking_data(car, garage, ten + shift), format="json")
        assert (response.status_code, response.json()) == (400, field_error("startTime", text))
        assert not Appointment.objects.exists()

    def test_unknown_service_is_reported(self, as_alice, garage, car, ten):
        ServiceTypeFactory(code="oil_change")
        response = as_alice.post(
            BOOK, booking_data(car, garage, ten, ["oil change", "Flux capacitor"]), format="json"
        )
        text = "There is no service “Flux capacitor”. Use the code or the name of a service."
        assert (response.status_code, response.json()) == (400, field_error("services[1]", text))
        assert not Appointment.objects.exists()

    def test_taken_slot_is_a_conflict_with_alternatives(self, as_alice, as_bob, bob, garage, car, ten):
        for vehicle in (car, VehicleFactory(customer=car.customer)):
            assert as_alice.post(BOOK, booking_data(vehicle, garage, ten), format="json").status_code == 201
        response = as_bob.post(BOOK, booking_data(VehicleFactory(customer=bob), garage, ten), format="json")
        free = [ten + n * HALF_HOUR for n in (1, 2, 3)]
        times = ", ".join(f"{start:%a %d %b %H:%M}" for start in free)
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": f"That time is taken. Next free: {times}.",
                "alternatives": [{"start": z(start), "end": z(start + HALF_HOUR)} for start in free],
            },
        )
        assert Appointment.objects.count() == 2

    def test_vehicle_with_another_appointment_is_a_conflict_that_names_it(self, as_alice, garage, car, ten):
        assert as_alice.post(BOOK, booking_data(car, garage, ten), format="json").status_code == 201
        first = Appointment.objects.get()
        response = as_alice.post(BOOK, booking_data(car, GarageFactory(), ten), format="json")
        text = (
            f"This vehicle has appointment {first.pk} on {ten:%Y-%m-%d at %H:%M}, which overlaps. "
            "Choose another time or move that one."
        )
        assert (response.status_code, response.json()) == (409, {"error": text})
        assert Appointment.objects.get() == first

    def test_vehicle_has_at_most_five_appointments_ahead(self, as_alice, alice, garage, car, ten):
        Customer.objects.update(is_verified=True)
        for hours in range(5):
            start = ten + timedelta(hours=hours)
            assert as_alice.post(BOOK, booking_data(car, garage, start), format="json").status_code == 201
        late = ten + timedelta(hours=5)
        response = as_alice.post(BOOK, booking_data(car, garage, late), format="json")
        text = "A vehicle can have at most 5 appointments ahead. Cancel one, or ask the shop to book for you."
        assert (response.status_code, response.json()) == (409, {"error": text})
        assert Appointment.objects.count() == 5
        Appointment.objects.filter(start=ten).update(status="cancelled")
        assert as_alice.post(BOOK, booking_data(car, garage, late), format="json").status_code == 201

    def test_customer_whom_the_shop_has_not_verified_has_at_most_ten(self, as_alice, alice, garage, ten):
        for _ in range(10):
            AppointmentFactory(vehicle__customer=alice)
        data = booking_data(VehicleFactory(customer=alice), garage, ten)
        response = as_alice.post(BOOK, data, format="json")
        text = (
            "A customer whom the shop has not verified can have at most 10 appointments ahead. Cancel one, or ask the "
            "shop to book for you."
        )
        assert (response.status_code, response.json()) == (409, {"error": text})
        assert Appointment.objects.count() == 10
        Customer.objects.update(is_verified=True)
        assert as_alice.post(BOOK, data, format="json").status_code == 201

    def test_unknown_vehicle_or_location_gets_404(self, as_alice, bob, garage, car, ten):
        good = booking_data(car, garage, ten)
        for field, value, text in (
            ("vehicleId", str(VehicleFactory(customer=bob).uuid), "Vehicle not found"),
            ("vehicleId", str(uuid4()), "Vehicle not found"),
            ("locationId", str(uuid4()), "Location not found"),
        ):
            response = as_alice.post(BOOK, {**good, field: value}, format="json")
            assert (response.status_code, response.json()) == (404, {"error": text})
        assert not Appointment.objects.exists()

    def test_idempotency_key_books_once(self, as_alice, garage, car, ten):
        headers, data = {"Idempotency-Key": "once"}, booking_data(car, garage, ten)
        first, again = (as_alice.post(BOOK, data, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert Appointment.objects.count() == 1

    def test_only_customers_can_book(self, api, as_tim, garage, car, ten):
        data = booking_data(car, garage, ten)
        for client, status, body in ((api, 401, NO_TOKEN), (as_tim, 403, NOT_STAFF)):
            response = client.post(BOOK, data, format="json")
            assert (response.status_code, response.json()) == (status, body)
        assert not Appointment.objects.exists()

    def test_available_slots_can_be_booked_and_are_then_gone(self, as_alice, car, ten):
        """The location's day differs from the project's day."""
        garage = GarageFactory(bays=1, time_zone="Pacific/Auckland", hours=(time(8), time(10)))
        params = {"locationId": str(garage.uuid), "date": str(ten.date())}
        offered = as_alice.get("/api/appointments/availability/", params).json()["availableSlots"]
        assert len(offered) == 4
        for slot in offered:
            data = booking_data(car, garage, ten) | {"startTime": slot["start"]}
            booked = as_alice.post(BOOK, data, format="json").json()
            assert (booked["startTime"], booked["endTime"]) == (slot["start"], slot["end"])
        assert as_alice.get("/api/appointments/availability/", params).json() == {"availableSlots": []}


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_200_parallel_bookings_of_two_bays_have_two_winners(sign_in, ten):
    garage = GarageFactory()
    people = CustomerFactory.create_batch(200)
    clients = [sign_in(customer.contact) for customer in people]
    cars = [VehicleFactory(customer=customer) for customer in people]

    def book(number):
        return clients[number].post(BOOK, booking_data(cars[number], garage, ten), format="json")

    responses = parallel(200, book)
    assert [response for response in responses if isinstance(response, Exception)] == []
    assert sorted(response.status_code for response in responses) == [201] * 2 + [409] * 198
    booked = {response.json()["id"] for response in responses if response.status_code == 201}
    appointments = Appointment.objects.all()
    assert booked == {str(appointment.uuid) for appointment in appointments}
    assert {appointment.bay_id for appointment in appointments} == set(
        garage.bays.values_list("id", flat=True)
    )
    taken = [response.json() for response in responses if response.status_code == 409]
    assert {body["error"].partition(".")[0] for body in taken} == {"That time is taken"}
    assert {body["alternatives"][0]["start"] for body in taken} == {z(ten + HALF_HOUR)}
