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
NOUNS = ("appointments", "vehicles", "repair-orders")
LISTS = [f"/api/shop/{noun}/customers/me/{noun}/" for noun in NOUNS]


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


@pytest.fixture
def rows(alice):
    """Make a row of each list for Alice, and one of each for another customer."""
    for customer in (alice, factories.CustomerFactory()):
        car = factories.VehicleFactory(customer=customer)
        factories.AppointmentFactory(customer=customer, vehicle=car)
        factories.RepairOrderFactory(vehicle=car)


@pytest.mark.parametrize(("noun", "own"), [*zip(NOUNS, LISTS, strict=True)])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?customer_id={user}&limit=1000",
        "?customer_id={customer}",
        # The client's serializer of parameters writes a question mark of its own.
        "??customer_id={user}&page_size=1000",
        "??customerId={user}&limit=1000",
    ],
)
def test_dashboard_reads_the_customers_rows_at_the_address_of_the_staff(
    screens, alice, rows, noun, own, query
):
    sent = query.format(user=alice.contact_id, customer=alice.pk)
    body = screens.get(f"/api/shop/{noun}/{sent}").json()
    expected = screens.get(own).json()
    assert (len(body["results"]), body["customer_id"]) == (1, alice.pk)
    assert {name: body[name] for name in expected} == expected
    assert body.keys() - expected.keys() == (
        {"next", "previous"} if "limit" in sent or "size" in sent else set()
    )


@pytest.mark.parametrize("noun", NOUNS)
def test_list_at_the_address_of_the_staff_names_what_is_wrong(screens, alice, rows, sign_in, carol, noun):
    url = f"/api/shop/{noun}/"
    other = Customer.objects.exclude(pk=alice.pk).first()
    missing = screens.get(url, {"customer_id": other.pk})
    assert (missing.status_code, missing.json()) == (
        404,
        {"error": "Not found", "detail": "Customer not found."},
    )
    unknown = screens.get(url, {"colour": "red"})
    assert (unknown.status_code, unknown.json()["fields"]) == (400, {"colour": ["Unknown parameter."]})
    size = screens.get(url, {"limit": "1001"})
    assert (size.status_code, size.json()["fields"]) == (
        400,
        {"limit": ["Ensure this value is less than or equal to 1000."]},
    )
    # One row and other methods stay those of staff.
    assert screens.get(f"{url}1/").json()["detail"] == "This endpoint is only accessible to staff."
    assert screens.patch(url, {}, format="json").status_code == 403
    assert sign_in(carol).get(url).status_code == 404


@pytest.mark.parametrize("noun", NOUNS)
def test_staff_read_all_rows_at_the_same_address(as_ada, rows, noun):
    body = as_ada.get(f"/api/shop/{noun}/").json()
    assert (list(body), body["count"]) == (["results", "count", "next", "previous"], 2)


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
