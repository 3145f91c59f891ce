"""Contract 003: locations and their availability."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from testing.factories import (
    AppointmentFactory,
    ClosureFactory,
    GarageFactory,
    LocationFactory,
    ServiceTypeFactory,
    VehicleFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
LOCATIONS = "/api/appointments/locations/"
AVAILABILITY = "/api/appointments/availability/"
NO_TOKEN = {"error": "Authentication credentials were not provided."}
NOT_STAFF = {"error": "This endpoint is only accessible to customers."}
NO_SUCH_ROUTE = {"error": "There is nothing at this address."}
UNKNOWN_SERVICE = "There is no service “teleport”. Use the code or the name of a service."
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def z(instant):
    return instant.isoformat().replace("+00:00", "Z")


def location_body(location, **hours):
    """Return a location as the contract prints it."""
    return {
        "id": str(location.uuid),
        "name": location.name,
        "address": "500 Main St",
        "lat": 40.7128,
        "lng": -74.006,
        "phone": location.phone,
        "hours": dict.fromkeys(WEEKDAYS, "08:00–18:00") | hours,
        "createdAt": z(location.created_at),
    }


class TestLocations:
    def test_locations_are_sorted_by_name(self, as_alice, alice):
        west = GarageFactory(name="West", phone="(555) 010-2000")
        west.opening_hours.filter(weekday=6).delete()
        west.opening_hours.filter(weekday=5).update(opens=time(9, 30), closes=time(13))
        east = GarageFactory(name="East")
        body = as_alice.get(LOCATIONS).json()
        west_body = location_body(west, saturday="09:30–13:00", sunday="Closed")
        assert body == [location_body(east), west_body]
        assert list(body[0]["hours"]) == list(WEEKDAYS)
        assert as_alice.get(f"{LOCATIONS}{west.uuid}/").json() == west_body

    def test_location_without_hours_is_closed(self, as_alice):
        LocationFactory()
        (body,) = as_alice.get(LOCATIONS).json()
        assert body["hours"] == dict.fromkeys(WEEKDAYS, "Closed")

    def test_list_without_locations_is_empty(self, as_alice):
        assert as_alice.get(LOCATIONS).json() == []

    def test_login_without_customer_record_sees_locations(self, sign_in, carol):
        garage = GarageFactory()
        assert sign_in(carol).get(LOCATIONS).json() == [location_body(garage)]

    def test_number_of_queries_is_constant(self, as_alice):
        GarageFactory()
        one = count_queries(lambda: as_alice.get(LOCATIONS))
        GarageFactory.create_batch(29)
        assert len(as_alice.get(LOCATIONS).json()) == 30
        assert count_queries(lambda: as_alice.get(LOCATIONS)) == one

    def test_paging_uses_headers(self, as_alice):
        garages = [GarageFactory(name=name) for name in "ABC"]
        response = as_alice.get(LOCATIONS, {"page": "2", "page_size": "2"})
        assert response.json() == [location_body(garages[2])]
        assert response["X-Total-Count"] == "3"
        assert 'rel="prev"' in response["Link"]

    def test_unknown_parameter_is_reported(self, as_alice):
        response = as_alice.get(LOCATIONS, {"near": "me"})
        assert (response.status_code, response.json()) == (400, {"near": ["Unknown parameter."]})

    @pytest.mark.parametrize("id", [uuid4(), "1", "not-a-uuid"])
    def test_unknown_location_gets_404(self, as_alice, id):
        GarageFactory()
        response = as_alice.get(f"{LOCATIONS}{id}/")
        assert (response.status_code, response.json()) == (404, {"error": "Location not found"})

    @pytest.mark.parametrize("route", [LOCATIONS, f"{LOCATIONS}{UUID(int=1)}/", AVAILABILITY])
    def test_only_customers_have_access(self, api, as_tim, route):
        response = api.get(route)
        assert (response.status_code, response.json()) == (401, NO_TOKEN)
        response = as_tim.get(route)
        assert (response.status_code, response.json()) == (403, NOT_STAFF)

    @pytest.mark.parametrize("route", [LOCATIONS, AVAILABILITY])
    def test_trailing_slash_is_optional_and_other_methods_get_405(self, as_alice, route):
        GarageFactory()
        assert as_alice.get(route.rstrip("/")).json() == as_alice.get(route).json()
        assert as_alice.get(f"{route}/").json() == NO_SUCH_ROUTE
        for method in ("post", "put", "patch", "delete"):
            response = getattr(as_alice, method)(route, {}, format="json")
            assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
            assert response.json() == {"error": f'Method "{method.upper()}" not allowed.'}


@pytest.fixture
def tomorrow():
    return timezone.now().astimezone(UTC).date() + timedelta(days=1)


def get_availability(client, garage, day, **params):
    return client.get(AVAILABILITY, {"locationId": str(garage.uuid), "date": str(day), **params})


def slots(*pairs):
    return {"availableSlots": [{"start": start, "end": end} for start, end in pairs]}


class TestAvailability:
    def test_body_matches_the_contract(self, as_alice, tomorrow):
        garage = GarageFactory(hours=(time(8), time(9)))
        response = get_availability(as_alice, garage, tomorrow)
        assert (response.status_code, response.json()) == (
            200,
            slots(
                (f"{tomorrow}T08:00:00Z", f"{tomorrow}T08:30:00Z"),
                (f"{tomorrow}T08:30:00Z", f"{tomorrow}T09:00:00Z"),
            ),
        )

    def test_slots_are_free_for_the_whole_length(self, as_alice, alice, tomorrow):
        garage = GarageFactory(bays=1, hours=(time(8), time(11)))
        ServiceTypeFactory(code="oil_change", minutes=30)
        ServiceTypeFactory(code="brake_service", minutes=45)
        AppointmentFactory(
            bay=garage.bays.get(),
            start=datetime.combine(tomorrow, time(9), UTC),
            end=datetime.combine(tomorrow, time(9, 30), UTC),
        )
        vehicle = VehicleFactory(customer=alice)
        response = get_availability(
            as_alice, garage, tomorrow, services="Oil change, brake-service,", vehicleId=str(vehicle.uuid)
        )
        assert response.json() == slots((f"{tomorrow}T09:30:00Z", f"{tomorrow}T10:45:00Z"))
        repeated = as_alice.get(
            f"{AVAILABILITY}?locationId={garage.uuid}&date={tomorrow}&services=oil_change&services=brake_service"
        )
        assert repeated.json() == response.json()

    def test_past_or_closed_day_has_no_slots(self, as_alice, tomorrow):
        garage = GarageFactory()
        ClosureFactory(location=garage, day=tomorrow)
        assert get_availability(as_alice, garage, tomorrow).json() == slots()
        assert get_availability(as_alice, garage, "2024-01-15").json() == slots()

    def test_day_can_be_ninety_days_ahead(self, as_alice, tomorrow):
        garage = GarageFactory(hours=(time(8), time(8, 30)))
        last = tomorrow + timedelta(days=89)
        assert get_availability(as_alice, garage, last).json() == slots(
            (f"{last}T08:00:00Z", f"{last}T08:30:00Z")
        )
        text = "Appointments can be booked at most 90 days ahead."
        for day in (last + timedelta(days=1), "9999-12-31"):
            response = get_availability(as_alice, garage, day)
            assert (response.status_code, response.json()) == (400, {"error": text, "date": [text]})

    def test_missing_or_invalid_parameters_are_reported(self, as_alice, tomorrow):
        garage = GarageFactory()
        required = ["This field is required."]
        response = as_alice.get(AVAILABILITY)
        assert (response.status_code, response.json()) == (400, {"locationId": required, "date": required})
        for params, body in (
            (
                {"date": "15.01.2024"},
                {"date": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
            ),
            ({"locationId": "1"}, {"locationId": ["Must be a valid UUID."]}),
            ({"vehicleId": "x"}, {"vehicleId": ["Must be a valid UUID."]}),
            ({"bays": "2"}, {"bays": ["Unknown parameter."]}),
            (
                {"services": "teleport"},
                {"error": UNKNOWN_SERVICE, "services": [UNKNOWN_SERVICE]},
            ),
        ):
            response = get_availability(as_alice, garage, tomorrow, **params)
            assert (response.status_code, response.json()) == (400, body)

    def test_unknown_location_or_vehicle_gets_404(self, as_alice, bob, alice, tomorrow, now):
        garage = GarageFactory()
        response = get_availability(as_alice, LocationFactory.build(), tomorrow)
        assert (response.status_code, response.json()) == (404, {"error": "Location not found"})
        for vehicle in (VehicleFactory(customer=bob), VehicleFactory(customer=alice, archived_at=now)):
            response = get_availability(as_alice, garage, tomorrow, vehicleId=str(vehicle.uuid))
            assert (response.status_code, response.json()) == (404, {"error": "Vehicle not found"})

    def test_number_of_queries_is_constant(self, as_alice, alice, tomorrow):
        garage, vehicle = GarageFactory(bays=5), VehicleFactory(customer=alice)
        ServiceTypeFactory(code="oil_change")
        params = {"services": "oil_change", "vehicleId": str(vehicle.uuid)}
        get_availability(as_alice, garage, tomorrow, **params)
        empty = count_queries(lambda: get_availability(as_alice, garage, tomorrow, **params))
        start = datetime.combine(tomorrow, time(8), UTC)
        for bay in garage.bays.all():
            for number in range(6):
                begin = start + number * timedelta(hours=1)
                AppointmentFactory(bay=bay, start=begin, end=begin + timedelta(minutes=30))
        assert count_queries(lambda: get_availability(as_alice, garage, tomorrow, **params)) == empty
        assert empty <= 9
