"""The calls that a shop's web application makes on the screens of a customer, in their order and with their bodies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from appointments.models import Appointment
from customers.models import Customer
from repair_orders.models import RepairOrder
from testing import factories

pytestmark = pytest.mark.django_db

REGISTRATION = {
    "email": "alice.cooper@customer.com",
    "password": "Sturdy Horse 7",
    "firstName": "Alice",
    "lastName": "Cooper",
    "phone": "(555) 714-5422",
    "role": "customer",
}
LISTS = [f"/api/shop/{noun}/customers/me/{noun}/" for noun in ("appointments", "vehicles", "repair-orders")]


def bearer(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def garage(db):
    return factories.GarageFactory(is_default=True)


@pytest.fixture
def registered(api):
    """Return the body of the registration that the form sends."""
    response = api.post("/api/auth/register/", REGISTRATION, format="json")
    assert response.status_code == 201
    return response.json()


@pytest.fixture
def tokens(api, registered):
    """Return the tokens of the sign-in that follows it."""
    sent = {name: REGISTRATION[name] for name in ("email", "password")}
    response = api.post("/api/token/", sent, format="json")
    assert response.status_code == 200
    return response.json()


@pytest.fixture
def alice(registered):
    return Customer.objects.get(contact_id=registered["user_id"])


@pytest.fixture
def screens(tokens):
    return bearer(tokens["access"])


def test_sign_up_and_sign_in_answer_with_the_keys_that_are_read(registered, screens):
    assert {"message", "user_id", "email", "role"} <= registered.keys()
    user = screens.get("/api/auth/user/").json()
    read = {"id", "email", "username", "first_name", "last_name", "role", "role_display"}
    read |= {"is_email_verified", "date_joined", "permissions", "phone", "is_active", "last_login"}
    assert read <= user.keys()
    assert (user["id"], user["first_name"], user["role"]) == (registered["user_id"], "Alice", "customer")


def test_profile_is_read_and_changed(screens, alice):
    profile = screens.get("/api/auth/customer-profile/").json()
    assert profile == {
        "user_id": alice.contact_id,
        "customer": {
            "id": alice.pk,
            "name": "Alice Cooper",
            "email": "alice.cooper@customer.com",
            "phone": "(555) 714-5422",
            "address": "",
            "phone_number": "(555) 714-5422",
        },
        "user_role": "customer",
    }
    sent = {"first_name": "Alicia", "last_name": "Cooper", "username": "alicia"}
    assert screens.put("/api/auth/user/update/", sent, format="json").json()["first_name"] == "Alicia"
    assert screens.get("/api/auth/customer-profile/").json()["customer"]["name"] == "Alicia Cooper"


def test_dashboard_reads_its_lists_with_its_filters(screens, alice):
    for url in LISTS:
        body = screens.get(url).json()
        assert (body["results"], body["count"], body["customer_id"]) == ([], 0, alice.pk)
    assert (
        screens.get(LISTS[0], {"status": "pending,in_progress", "dateFrom": "2025-09-01"}).status_code == 200
    )
    assert screens.get(LISTS[2], {"status": "pending,in_progress"}).status_code == 200


def test_appointment_is_booked_and_listed(screens, alice, garage):
    """The form joins a day and a time without a zone, and sends a state of its own."""
    car = factories.VehicleFactory(customer=alice)
    day = timezone.now().date() + timedelta(days=2)
    sent = {
        "vehicle_id": str(car.pk),
        "date": f"{day}T09:30:00",
        "description": "Oil Change service",
        "status": "pending",
    }
    booked = screens.post("/api/shop/appointments/", sent, format="json")
    appointment = Appointment.objects.get()
    assert (booked.status_code, appointment.location, appointment.vehicle) == (201, garage, car)
    body = booked.json()
    assert {"id", "date", "status", "vehicle_id", "description", "vehicle"} <= body.keys()
    assert (body["date"], body["status"]) == (f"{day}T09:30:00Z", "pending")
    assert screens.get(LISTS[0], {"status": "pending"}).json()["results"] == [body]
    # The same time again: the vehicle is taken, and a clear message says so.
    again = screens.post("/api/shop/appointments/", sent, format="json")
    assert (again.status_code, again.json()["error"]) == (409, "Vehicle has another appointment")


@pytest.mark.parametrize(
    ("url", "name"),
    [("/api/shop/vehicle-problems/", "vehicle_id"), ("/api/vehicle-problems/", "vehicle")],
)
def test_problem_is_reported_and_offered_when_booking(screens, alice, garage, url, name):
    car = factories.VehicleFactory(customer=alice)
    sent = {name: car.pk, "description": "The brakes squeal.", "resolved": False}
    reported = screens.post(url, sent, format="json")
    order = RepairOrder.objects.get()
    assert (reported.status_code, order.status, order.location) == (201, "requested", garage)
    read = {"id", "vehicle_id", "description", "status", "reported_date", "resolved_date", "vehicle_details"}
    assert read <= reported.json().keys()
    offered = screens.get("/api/shop/vehicle-problems/", {"vehicle_id": str(car.pk), "status": "open"}).json()
    assert offered["results"] == [reported.json()]
    [row] = screens.get(LISTS[2]).json()["results"]
    assert (row["id"], row["status"]) == (order.pk, "pending")


def test_session_is_refreshed_at_both_addresses_and_ended(api, tokens, screens):
    sent = {"refresh": tokens["refresh"]}
    for url in ("/api/token/refresh/", "/api/auth/refresh/"):
        fresh = api.post(url, sent, format="json").json()
        assert bearer(fresh["access"]).get("/api/auth/user/").status_code == 200
    assert api.post("/api/auth/logout/", sent, format="json").status_code == 204
    assert screens.get("/api/auth/user/").status_code == 401
