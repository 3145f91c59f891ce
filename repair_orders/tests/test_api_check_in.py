"""The staff's API of check-ins."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from repair_orders.estimates.snapshot import instant
from repair_orders.models import Job, RepairOrder
from testing import factories
from vehicles.models import OdometerReading

pytestmark = pytest.mark.django_db
WALK_IN = "/api/shop/repair-orders/check-in/"
FORBIDDEN = {
    "error": "Access denied",
    "detail": "Your role does not allow this.",
    "code": "role_may_not",
}


@pytest.fixture
def advisor(db):
    return factories.UserFactory(role="advisor")


@pytest.fixture
def client(sign_in, advisor):
    return sign_in(advisor)


@pytest.fixture
def visit():
    visit = factories.AppointmentFactory(description="It squeals.")
    visit.services.add(factories.ServiceTypeFactory(name="Brake service"))
    return visit


def url(visit):
    return f"/api/shop/appointments/{visit.pk}/check-in/"


def iso(value):
    return value.isoformat().replace("+00:00", "Z")


def problem(response):
    return response.status_code, response.json()


def test_appointment_is_answered_with_its_order(client, advisor, visit):
    promised = timezone.now().replace(microsecond=0) + timedelta(hours=4)
    body = {"odometer": 30120.5, "promised_at": instant(promised), "key_tag": "12"}
    response = client.post(url(visit), body, format="json")
    order = RepairOrder.objects.get()
    assert response.status_code == 201
    assert response.json() == client.get(f"/api/shop/repair-orders/{order.pk}/").json()
    shown = response.json()
    assert {name: shown[name] for name in ("appointment_id", "advisor_id", "odometer_in", "description")} == {
        "appointment_id": visit.pk,
        "advisor_id": advisor.pk,
        "odometer_in": 30120.5,
        "description": "It squeals.",
    }
    assert (shown["promised_at"], shown["checked_in_at"]) == (instant(promised), iso(order.checked_in_at))
    assert shown["key_tag"] == "12"
    assert [(job["name"], job["concern"]) for job in shown["jobs"]] == [("Brake service", "It squeals.")]


def test_walk_in_is_answered_with_its_order(client):
    vehicle, place = factories.VehicleFactory(), factories.LocationFactory()
    body = {"vehicle_id": vehicle.pk, "location_id": place.pk, "description": "It grinds."}
    response = client.post(WALK_IN, body, format="json")
    order = RepairOrder.objects.get()
    assert response.status_code == 201
    assert response.json() == client.get(f"/api/shop/repair-orders/{order.pk}/").json()
    assert (order.vehicle, order.location, order.description) == (vehicle, place, "It grinds.")


def test_second_check_in_names_the_order(client, visit):
    client.post(url(visit))
    order = RepairOrder.objects.get()
    assert problem(client.post(url(visit))) == (
        409,
        {
            "error": "Appointment has a repair order",
            "detail": f"This appointment has repair order {order.reference}.",
            "code": "appointment_has_order",
            "repair_order_id": order.pk,
            "number": order.number,
        },
    )
    assert RepairOrder.objects.get() == order


def test_open_order_is_offered_and_taken(client, visit):
    order = factories.RepairOrderFactory(vehicle=visit.vehicle, description="It pulls left.")
    refused = client.post(url(visit), {"odometer": 100}, format="json")
    assert problem(refused) == (
        409,
        {
            "error": "The vehicle has an open order",
            "detail": f"This vehicle has repair order {order.reference}, which is requested. Take it (repair_order_id: "
            f"{order.pk}), or make another order (anyway: true).",
            "code": "order_is_open",
            "repair_order_id": order.pk,
            "orders": [
                {
                    "id": order.pk,
                    "number": None,
                    "status": "requested",
                    "description": "It pulls left.",
                    "can_be_taken": True,
                }
            ],
        },
    )
    assert not OdometerReading.objects.exists()
    taken = client.post(url(visit), {"repair_order_id": order.pk, "odometer": 100}, format="json")
    assert (taken.status_code, taken.json()["id"], taken.json()["appointment_id"]) == (
        201,
        order.pk,
        visit.pk,
    )
    assert RepairOrder.objects.count() == 1


def test_new_order_is_made_anyway(client, visit):
    factories.RepairOrderFactory(vehicle=visit.vehicle)
    response = client.post(url(visit), {"anyway": True}, format="json")
    assert (response.status_code, RepairOrder.objects.count()) == (201, 2)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"odometer": -1}, "odometer", "Ensure this value is greater than or equal to 0."),
        ({"odometer": "many"}, "odometer", "A valid number is required."),
        ({"promised_at": "2020-01-01T10:00:00Z"}, "promised_at", "The promised time must be in the future."),
        ({"repair_order_id": 0}, "repair_order_id", "Ensure this value is greater than or equal to 1."),
        (
            {"colour": "red"},
            "colour",
            "Unknown field. Accepted fields: anyway, description, key_tag, odometer, promised_at, repair_order_id.",
        ),
    ],
)
def test_invalid_value_is_400_and_named(client, visit, body, field, message):
    response = client.post(url(visit), body, format="json")
    assert response.status_code == 400
    assert response.json()["fields"] == {field: [message]}
    assert not RepairOrder.objects.exists()


def test_order_of_another_vehicle_is_400_and_named(client, visit):
    other = factories.RepairOrderFactory()
    response = client.post(url(visit), {"repair_order_id": other.pk}, format="json")
    assert response.status_code == 400
    assert response.json()["fields"] == {"repair_order_id": ["The repair order is of another vehicle."]}
    assert Job.objects.count() == 0


def test_lower_odometer_is_400_and_named(client, visit):
    factories.OdometerReadingFactory(vehicle=visit.vehicle, miles=5000)
    response = client.post(url(visit), {"odometer": 4000}, format="json")
    assert response.status_code == 400
    assert response.json()["fields"] == {
        "odometer": ["The odometer cannot go down: enter at least 5000.00 miles."]
    }
    assert not RepairOrder.objects.exists()


def test_unknown_rows_are_404(client, visit):
    assert client.post("/api/shop/appointments/999999/check-in/").status_code == 404
    assert client.post(url(visit), {"repair_order_id": 999999}, format="json").status_code == 404
    assert client.post(WALK_IN, {"vehicle_id": 999999}, format="json").status_code == 404
    assert not RepairOrder.objects.exists()


def test_vehicle_is_required_without_an_appointment(client):
    response = client.post(WALK_IN, {}, format="json")
    assert response.status_code == 400
    assert response.json()["fields"] == {"vehicle_id": ["This field is required."]}


def test_technicians_and_customers_are_403(as_tim, as_alice, visit):
    assert problem(as_tim.post(url(visit))) == (403, FORBIDDEN)
    assert as_tim.post(WALK_IN, {"vehicle_id": visit.vehicle_id}, format="json").status_code == 403
    assert as_alice.post(url(visit)).status_code == 403
    assert not RepairOrder.objects.exists()


def test_same_idempotency_key_makes_one_order(client, visit):
    answers = [
        client.post(url(visit), {"odometer": 7}, format="json", headers={"Idempotency-Key": "abc"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert json.loads(answers[0].content) == json.loads(answers[1].content)
    assert RepairOrder.objects.count() == 1
