"""Contract 003, "Appointments": retrieve, move, cancel and list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from appointments.models import HOLDS_A_BAY, Appointment, AppointmentStatus
from appointments.tests.test_api_member_locations import NO_SUCH_ROUTE, NO_TOKEN, NOT_STAFF, location_body, z
from customers.models import Customer
from testing.factories import (
    AppointmentFactory,
    GarageFactory,
    ServiceTypeFactory,
    VehicleFactory,
)
from testing.suites import count_queries, stored

pytestmark = pytest.mark.django_db
LIST, BOOK, UPCOMING = "/api/appointments/", "/api/appointments/book/", "/api/appointments/upcoming/"
HALF_HOUR = timedelta(minutes=30)
STATUSES = {
    "pending": "scheduled",
    "in_progress": "in_progress",
    "completed": "completed",
    "cancelled": "cancelled",
}


def body_of(appointment, services=()):
    """Return an appointment as the contract prints it."""
    return {
        "id": str(appointment.uuid),
        "userId": str(appointment.customer.contact.uuid),
        "vehicleId": str(appointment.vehicle.uuid),
        "locationId": str(appointment.location.uuid),
        "location": location_body(appointment.location),
        "startTime": z(appointment.start),
        "endTime": z(appointment.end),
        "services": list(services),
        "status": STATUSES[appointment.status],
        "createdAt": z(appointment.created_at),
    }


def booking_data(car, garage, start, services=None) -> dict[str, Any]:
    body = {"vehicleId": str(car.uuid), "locationId": str(garage.uuid), "startTime": z(start)}
    return body if services is None else {**body, "services": services}


def field_error(field, text):
    """Return the 400 body of a domain error: the key that the apps show, and the field."""
    return {"error": text, field: [text]}


def item(appointment):
    return f"{LIST}{appointment.uuid}/"


@pytest.fixture
def appointment(garage, car, ten):
    return AppointmentFactory(vehicle=car, bay=garage.bays.order_by("id")[0], start=ten, end=ten + HALF_HOUR)


class TestOne:
    def test_body_matches_the_contract(self, as_alice, appointment):
        assert as_alice.get(item(appointment)).json() == body_of(appointment)
        assert as_alice.get(item(appointment).rstrip("/")).json() == body_of(appointment)

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_unknown_or_foreign_id_gets_404(self, as_bob, appointment, method):
        before = stored(appointment)
        for route, body in (
            (item(appointment), {"error": "Appointment not found"}),
            (f"{LIST}{uuid4()}/", {"error": "Appointment not found"}),
            (f"{LIST}{appointment.pk}/", {"error": "Appointment not found"}),
            (f"{item(appointment)}/", NO_SUCH_ROUTE),
        ):
            response = getattr(as_bob, method)(route, {}, format="json")
            assert (response.status_code, response.json()) == (404, body)
        assert stored(appointment) == before

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_only_customers_have_access(self, api, as_tim, appointment, method):
        before = stored(appointment)
        for client, status, body in ((api, 401, NO_TOKEN), (as_tim, 403, NOT_STAFF)):
            response = getattr(client, method)(item(appointment), {}, format="json")
            assert (response.status_code, response.json()) == (status, body)
        assert stored(appointment) == before

    def test_user_is_null_without_a_contact(self, as_alice, alice, appointment):
        Customer.objects.filter(pk=alice.pk).update(contact=None)
        assert as_alice.get(item(appointment)).json()["userId"] is None


@pytest.mark.parametrize("method", ["put", "patch"])
class TestMove:
    def test_every_field_can_be_changed(self, as_alice, alice, appointment, ten, method):
        other, other_location = VehicleFactory(customer=alice), GarageFactory()
        ServiceTypeFactory(code="brake_service", minutes=90)
        data = booking_data(other, other_location, ten + HALF_HOUR, ["Brake service"])
        response = getattr(as_alice, method)(item(appointment), data, format="json")
        appointment.refresh_from_db()
        assert (response.status_code, response.json()) == (200, body_of(appointment, ["brake_service"]))
        assert (appointment.vehicle, appointment.location, appointment.start) == (
            other,
            other_location,
            ten + HALF_HOUR,
        )
        assert appointment.end - appointment.start == timedelta(minutes=90)
        assert appointment.history.latest().history_user == alice.contact

    def test_fields_left_out_keep_their_values(self, as_alice, appointment, ten, method):
        appointment.services.add(ServiceTypeFactory(code="oil_change"))
        before = body_of(appointment, ["oil_change"])
        data = {"startTime": z(ten + HALF_HOUR), "endTime": "ignored", "vehicleId": None, "services": None}
        assert getattr(as_alice, method)(item(appointment), data, format="json").json() == {
            **before, "startTime": z(ten + HALF_HOUR), "endTime": z(ten + 2 * HALF_HOUR)
        }  # fmt: skip
        before = stored(appointment)
        assert getattr(as_alice, method)(item(appointment), {}, format="json").status_code == 200
        assert stored(appointment) == before

    def test_move_is_validated_like_booking(self, as_alice, bob, appointment, garage, ten, method):
        for bay in garage.bays.all():
            AppointmentFactory(bay=bay, start=ten + HALF_HOUR, end=ten + 2 * HALF_HOUR)
        before = stored(appointment)
        grid = "Appointments start every 30 minutes from 08:00 on."
        for data, status, body in (
            ({"startTime": z(ten + timedelta(minutes=1))}, 400, field_error("startTime", grid)),
            ({"startTime": "soon"}, 400, None),
            (
                {"services": ["teleport"]},
                400,
                field_error(
                    "services[0]", "There is no service “teleport”. Use the code or the name of a service."
                ),
            ),
            ({"vehicleId": str(VehicleFactory(customer=bob).uuid)}, 404, {"error": "Vehicle not found"}),
            ({"locationId": str(uuid4())}, 404, {"error": "Location not found"}),
        ):
            response = getattr(as_alice, method)(item(appointment), data, format="json")
            assert response.status_code == status
            assert body is None or response.json() == body
        response = getattr(as_alice, method)(
            item(appointment), {"startTime": z(ten + HALF_HOUR)}, format="json"
        )
        assert (response.status_code, list(response.json())) == (409, ["error", "alternatives"])
        assert [slot["start"] for slot in response.json()["alternatives"]] == [
            z(ten + n * HALF_HOUR) for n in (2, 3, 4)
        ]
        assert stored(appointment) == before

    @pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
    def test_started_or_closed_appointment_cannot_be_moved(self, as_alice, appointment, ten, method, status):
        Appointment.objects.update(status=status)
        before = stored(appointment)
        response = getattr(as_alice, method)(
            item(appointment), {"startTime": z(ten + HALF_HOUR)}, format="json"
        )
        text = f"This appointment is {status.replace('_', ' ')} and cannot become moved."
        assert (response.status_code, response.json()) == (409, {"error": text})
        assert stored(appointment) == before


class TestCancel:
    def test_cancel_works_once(self, as_alice, alice, appointment):
        response = as_alice.delete(item(appointment))
        assert (response.status_code, response.content) == (204, b"")
        appointment.refresh_from_db()
        assert (appointment.status, appointment.cancelled_at is not None) == ("cancelled", True)
        assert appointment.history.latest().history_user == alice.contact
        assert as_alice.get(item(appointment)).json() == body_of(appointment)
        before = stored(appointment)
        response = as_alice.delete(item(appointment))
        text = "This appointment is cancelled and cannot become cancelled."
        assert (response.status_code, response.json(), stored(appointment)) == (409, {"error": text}, before)

    @pytest.mark.parametrize("status", ["in_progress", "completed"])
    def test_started_or_completed_appointment_cannot_be_cancelled(self, as_alice, appointment, status):
        Appointment.objects.update(status=status)
        before = stored(appointment)
        response = as_alice.delete(item(appointment))
        text = f"This appointment is {status.replace('_', ' ')} and cannot become cancelled."
        assert (response.status_code, response.json(), stored(appointment)) == (409, {"error": text}, before)


@pytest.fixture
def appointments(car, garage, ten):
    """One appointment of each status, a day apart, and a past one."""
    starts = {status.value: ten + n * timedelta(days=1) for n, status in enumerate(AppointmentStatus)}
    made = {
        status: AppointmentFactory(vehicle=car, location=garage, status=status, start=start)
        for status, start in starts.items()
    }
    return made | {"over": AppointmentFactory(vehicle=car, location=garage, start=ten - timedelta(days=4))}


class TestLists:
    def ids(self, client, route=LIST, **params):
        response = client.get(route, params)
        assert response.status_code == 200, response.content
        return [row["id"] for row in response.json()]

    def test_lists_all_latest_first(self, as_alice, appointments):
        appointments["pending"].services.add(ServiceTypeFactory(code="oil_change"))
        codes = {appointments["pending"].pk: ["oil_change"]}
        order = ("cancelled", "completed", "in_progress", "pending", "over")
        assert as_alice.get(LIST).json() == [
            body_of(appointments[name], codes.get(appointments[name].pk, [])) for name in order
        ]

    def test_upcoming_lists_open_appointments_next_first(self, as_alice, appointments):
        assert as_alice.get(UPCOMING).json() == [body_of(appointments[name]) for name in HOLDS_A_BAY]

    def test_upcoming_contains_ongoing_appointments(self, as_alice, appointment, now):
        begun = AppointmentFactory(
            vehicle=appointment.vehicle,
            location=appointment.location,
            start=now - HALF_HOUR,
            end=now + HALF_HOUR,
        )
        AppointmentFactory(vehicle=appointment.vehicle, start=now - 2 * HALF_HOUR, end=now - HALF_HOUR)
        assert self.ids(as_alice, UPCOMING) == [str(begun.uuid), str(appointment.uuid)]

    def test_filters_narrow_the_list(self, as_alice, alice, appointments, ten, garage):
        other = AppointmentFactory(vehicle=VehicleFactory(customer=alice), start=ten + timedelta(days=20))
        ids = {name: str(row.uuid) for name, row in appointments.items()}
        assert self.ids(as_alice, status="scheduled") == [str(other.uuid), ids["pending"], ids["over"]]
        assert self.ids(as_alice, status="In-Progress,cancelled") == [ids["cancelled"], ids["in_progress"]]
        assert self.ids(as_alice, vehicleId=str(other.vehicle.uuid)) == [str(other.uuid)]
        assert self.ids(as_alice, locationId=str(other.location.uuid)) == [str(other.uuid)]
        assert self.ids(as_alice, dateTo=str(ten.date())) == [ids["pending"], ids["over"]]
        assert self.ids(as_alice, dateFrom=str(ten.date()), dateTo=str(ten.date())) == [ids["pending"]]
        assert len(self.ids(as_alice, status="", dateFrom="")) == 6

    def test_invalid_filters_are_reported(self, as_alice, bob, appointments):
        words = "scheduled, in_progress, completed, cancelled"
        for params, status, body in (
            ({"status": "pending"}, 400, {"status": [f'"pending" is not one of {words}.']}),
            ({"vehicleId": "7"}, 400, {"vehicleId": ["Must be a valid UUID."]}),
            (
                {"dateFrom": "2030-01-02", "dateTo": "2030-01-01"},
                400,
                {"dateFrom": ["Must not be after dateTo."]},
            ),
            ({"now": "2030-01-01T00:00:00Z"}, 400, {"now": ["Unknown parameter."]}),
            ({"vehicleId": str(VehicleFactory(customer=bob).uuid)}, 404, {"error": "Vehicle not found"}),
            ({"locationId": str(uuid4())}, 404, {"error": "Location not found"}),
        ):
            response = as_alice.get(LIST, params)
            assert (response.status_code, response.json()) == (status, body)
        response = as_alice.get(UPCOMING, {"now": "2030-01-01T00:00:00Z"})
        assert (response.status_code, response.json()) == (400, {"now": ["Unknown parameter."]})

    @pytest.mark.parametrize("route", [LIST, UPCOMING])
    def test_customers_see_only_their_own_appointments(
        self, api, as_bob, as_tim, sign_in, carol, appointments, route
    ):
        assert self.ids(as_bob, route) == []
        assert self.ids(sign_in(carol), route) == []
        for client, status, body in ((api, 401, NO_TOKEN), (as_tim, 403, NOT_STAFF)):
            response = client.get(route)
            assert (response.status_code, response.json()) == (status, body)

    @pytest.mark.parametrize("route", [LIST, UPCOMING])
    def test_number_of_queries_is_constant_and_paging_uses_headers(self, as_alice, appointment, route):
        as_alice.get(route)
        one = count_queries(lambda: as_alice.get(route))
        for number in range(29):
            other = AppointmentFactory(
                vehicle=appointment.vehicle, start=appointment.start + timedelta(hours=number + 1)
            )
            other.services.add(ServiceTypeFactory())
        assert len(self.ids(as_alice, route)) == 30
        assert count_queries(lambda: as_alice.get(route)) == one
        page = as_alice.get(route, {"page_size": "7", "page": "5"})
        assert (len(page.json()), page["X-Total-Count"]) == (2, "30")
        assert page.json() == as_alice.get(route).json()[28:]

    @pytest.mark.parametrize("route", [LIST, UPCOMING])
    def test_trailing_slash_is_optional(self, as_alice, appointment, route):
        assert as_alice.get(route.rstrip("/")).json() == as_alice.get(route).json() == [body_of(appointment)]
        assert as_alice.get(f"{route}/").json() == NO_SUCH_ROUTE
