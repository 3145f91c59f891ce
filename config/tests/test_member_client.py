"""Contract 003 as its public web client speaks it: each screen's calls in their order, with the bodies that it sends.

The client reads some keys in snake_case. Each step asserts what its screen shows. The bodies of each route are
compared as a whole in the tests of its room.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from customers.models import Customer
from memberships.models import Membership
from testing import factories

pytestmark = pytest.mark.django_db

EMAIL, PASSWORD = "wanda@example.com", "Walk-4-Parts!"
SIGN_UP = {"name": "Wanda Walker", "email": EMAIL, "phone": "(555) 010-2030", "password": PASSWORD}
NEW_VEHICLE = {
    "vin": "1HGBH41JXMN109186",
    "make": "Honda",
    "model": "Civic",
    "year": 2020,
    "trim": "EX",
    "licensePlate": "WND-1",
    "odometer": 52650,
    "fuelType": "gasoline",
}


def read(response: Any, status: int = 200) -> Any:
    """Return the JSON body, which the client reads of every answer with that status."""
    assert response.status_code == status, (response.status_code, response.content)
    return response.json()


@pytest.fixture
def browser(api):
    """Sign up, then sign in, and return a client that keeps the access token."""
    signed_up = read(api.post("/api/auth/register/", SIGN_UP, format="json"), 201)
    signed_in = read(api.post("/api/auth/login/", {"email": EMAIL, "password": PASSWORD}, format="json"))
    assert signed_in["user"] == signed_up["user"]
    assert set(signed_in["user"]) == {
        *("id", "name", "email", "phone", "membershipId", "referralCode", "rewardsBalance", "createdAt")
    }
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {signed_in['accessToken']}")
    client.refresh = signed_in["refreshToken"]  # type: ignore[attr-defined]  # of this test alone
    return client


@pytest.fixture
def customer(browser):
    return Customer.objects.get(contact__email=EMAIL)


@pytest.fixture
def car(browser):
    return read(browser.post("/api/vehicles/", NEW_VEHICLE, format="json"), 201)


@pytest.fixture
def plan(db):
    return factories.PlanFactory(name="Plus", price=Decimal("79.00"))


def test_session_is_refreshed_and_a_wrong_sign_in_says_why(browser, api):
    fresh = read(api.post("/api/auth/refresh/", {"refreshToken": browser.refresh}, format="json"))
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {fresh['accessToken']}")
    assert read(api.get("/api/vehicles/")) == []
    api.credentials()
    wrong = api.post("/api/auth/login/", {"email": EMAIL, "password": "wrong"}, format="json")
    assert read(wrong, 401) == {"error": "Invalid credentials"}
    again = read(api.post("/api/auth/register/", SIGN_UP, format="json"), 400)
    assert (list(again), again["error"]) == (["error", "email"], again["email"][0])


def test_dashboard_of_a_new_member_is_empty_and_whole(browser):
    for url in ("/api/vehicles/", "/api/appointments/upcoming/", "/api/offers/"):
        assert read(browser.get(url)) == []
    assert read(browser.get("/api/vehicle-health/")) == []
    profile = read(browser.get("/api/auth/profile/"))
    assert (profile["membership_status"], profile["membership_plan"]) == (None, None)
    savings = read(browser.get("/api/auth/savings/"))
    assert (savings["total_saved"], savings["services_used"], savings["total_paid"]) == (0, 0, 0)
    # The dashboard finds the present month by its short name.
    months = [month["month"] for month in savings["monthly_breakdown"]]
    assert (len(months), months[-1]) == (12, f"{timezone.now():%b}")
    assert set(savings["monthly_breakdown"][0]) >= {"month", "amount", "services"}


def test_vehicle_is_added_shown_and_removed(browser, car):
    assert read(browser.get("/api/vehicles/")) == [car]
    assert {name: car[name] for name in NEW_VEHICLE} == NEW_VEHICLE
    assert browser.delete(f"/api/vehicles/{car['id']}/").status_code == 204
    assert read(browser.get("/api/vehicles/")) == []


def test_vehicle_with_a_photo(browser):
    wanted = {"filename": "car.png", "contentType": "image/png"}
    browser.defaults["SERVER_NAME"] = "localhost"  # a URL is checked, and `testserver` is none
    given = read(browser.post("/api/files/presign/", wanted, format="json"))
    assert set(given) == {"url", "method", "publicUrl", "fileId"}
    # The form sends "" for a VIN that is not typed in.
    sent = NEW_VEHICLE | {"vin": "", "photoUrl": given["publicUrl"]}
    made = read(browser.post("/api/vehicles/", sent, format="json"), 201)
    assert (made["photoUrl"], made["vin"]) == (given["publicUrl"], "")


def test_fuel_is_logged_and_its_figures_are_right(browser, car):
    """300 miles on 10 gallons are 30 miles per gallon, 250 on 8 are 31.25."""
    for day, odometer, gallons, price in (
        ("2026-03-01", 52100, 10, 35),
        ("2026-03-08", 52400, 10, 36.5),
        ("2026-03-15", 52650, 8, 27.2),
    ):
        sent = {
            "vehicle": car["id"],
            "timestamp": f"{day}T00:00:00.000Z",
            "odometer": odometer,
            "gallons": gallons,
            "price": price,
        }
        made = read(browser.post("/api/vehicles/fuel-logs/", sent, format="json"), 201)
        assert {name: made[name] for name in ("vehicle", "odometer", "gallons", "price")} == {
            name: sent[name] for name in ("vehicle", "odometer", "gallons", "price")
        }
    logs = read(browser.get("/api/vehicles/fuel-logs/", {"vehicle_id": car["id"]}))
    assert [(log["timestamp"], log["odometer"], log["price"], log["mpg"]) for log in logs] == [
        ("2026-03-15T00:00:00Z", 52650, 27.2, 31.25),
        ("2026-03-08T00:00:00Z", 52400, 36.5, 30),
        ("2026-03-01T00:00:00Z", 52100, 35, None),
    ]


def test_schedule_is_filtered_and_booked_from(browser, customer):
    """The client joins day and time without a zone, and sends the schedule's jobs and id."""
    vehicle = factories.VehicleFactory(customer=customer, odometer=Decimal("15100.00"))
    factories.ServiceTypeFactory(code="oil_change", name="Oil change", minutes=30)
    schedule = factories.ServiceScheduleFactory(vehicle=vehicle)
    url, params = "/api/services/schedules/", {"vehicle_id": str(vehicle.uuid)}
    [shown] = read(browser.get(url, params))
    assert (shown["id"], shown["status"], shown["vehicle"]) == (
        str(schedule.uuid), "overdue", str(vehicle.uuid)
    )  # fmt: skip
    assert (shown["mileage_trigger"], shown["time_trigger_months"], shown["last_completed_date"]) == (
        5000, 6, None
    )  # fmt: skip
    service = shown["service_type"]
    assert {"name", "priority", "description", "estimated_duration", "jobs"} <= service.keys()
    for word, found in (("overdue", 1), ("due-soon", 0), ("upcoming", 0), ("completed", 0)):
        assert len(read(browser.get(url, params | {"status": word}))) == found

    garage = factories.GarageFactory()
    [place] = read(browser.get("/api/appointments/locations/"))
    day = timezone.now().date() + timedelta(days=2)
    sent = {
        "vehicleId": str(vehicle.uuid),
        "locationId": place["id"],
        "startTime": f"{day}T10:00:00",
        "services": service["jobs"],
        "serviceScheduleId": shown["id"],
    }
    booked = read(browser.post("/api/appointments/book/", sent, format="json"), 201)
    assert (booked["services"], booked["status"], booked["location"]["name"]) == (
        ["oil_change"], "scheduled", garage.name
    )  # fmt: skip
    assert read(browser.post("/api/appointments/book/", sent, format="json"), 409)["error"]


def test_appointment_is_booked_from_its_form_and_cancelled(browser, car):
    garage = factories.GarageFactory()
    day = timezone.now().date() + timedelta(days=2)
    params = {"locationId": str(garage.uuid), "date": str(day), "vehicleId": car["id"]}
    assert read(browser.get("/api/appointments/availability/", params))["availableSlots"]
    factories.ServiceTypeFactory(code="oil_change", name="Oil change")
    sent = {
        "vehicleId": car["id"],
        "locationId": str(garage.uuid),
        "startTime": f"{day}T13:00:00.000Z",
        "services": ["Oil change"],
    }
    booked = read(browser.post("/api/appointments/book/", sent, format="json"), 201)
    assert read(browser.get("/api/appointments/upcoming/")) == [booked]
    assert browser.delete(f"/api/appointments/{booked['id']}/").status_code == 204
    assert read(browser.get("/api/appointments/upcoming/")) == []


def test_parking_is_set_read_and_cleared(browser):
    # Without a spot the screen shows its button: any other answer would be taken for a spot.
    assert read(browser.get("/api/parking/active/"), 404) == {"error": "No active parking spot"}
    ends = (timezone.now() + timedelta(hours=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    sent = {
        "latitude": 40.712776,
        "longitude": -74.005974,
        "address": "12 Demo Street",
        "location_name": "Level 2 - B14",
        "notes": "By the lift",
        "photos": [],
        "timer_expires_at": ends,
        "active": True,
    }
    made = read(browser.post("/api/parking/", sent, format="json"), 201)
    shown = read(browser.get("/api/parking/active/"))
    assert shown == made
    assert {name: shown[name] for name in sent if name != "timer_expires_at"} == {
        name: value for name, value in sent.items() if name != "timer_expires_at"
    }
    assert datetime.fromisoformat(shown["timer_expires_at"]) == datetime.fromisoformat(ends)
    assert set(read(browser.post("/api/parking/clear/"))) == {"message"}
    read(browser.get("/api/parking/active/"), 404)


def test_trouble_code_lowers_the_health_until_it_is_cleared(browser, car):
    params = {"vehicle_id": car["id"], "active_only": "true"}
    sent = {"vehicle": car["id"], "code": "P0420"}
    made = read(browser.post("/api/vehicle-health/dtc/", sent, format="json"), 201)
    assert read(browser.get("/api/vehicle-health/dtc/", params)) == [made]
    scores = {
        *("engine_score", "transmission_score", "brakes_score"),
        *("tires_score", "battery_score", "fluids_score"),
    }
    ill = read(browser.get(f"/api/vehicle-health/{car['id']}/"))
    assert all(isinstance(ill[name], int) for name in scores)
    [listed] = read(browser.get("/api/vehicle-health/"))
    assert listed == ill
    assert {"overall_status", "engine_status", "brake_status", "tire_status"} <= listed.keys()
    cleared = read(browser.post(f"/api/vehicle-health/dtc/{made['id']}/clear/"))
    assert (cleared["active"], read(browser.get("/api/vehicle-health/dtc/", params))) == (False, [])
    well = read(browser.get(f"/api/vehicle-health/{car['id']}/"))
    assert (ill["engine_score"] < well["engine_score"], well["engine_score"]) == (True, 100)


def test_profile_is_saved_and_the_password_changed(browser, api):
    sent = {"first_name": "Wanda", "last_name": "W Walker", "phone": "(555) 777-8888"}
    saved = read(browser.patch("/api/users/profile/", sent, format="json"))
    assert (saved["name"], saved["phone"]) == ("Wanda W Walker", "(555) 777-8888")
    assert read(browser.get("/api/users/profile/")) == saved
    change = {"old_password": "wrong", "new_password": "Walk-5-Parts!"}
    assert read(browser.post("/api/users/change-password/", change, format="json"), 400)["error"]
    change["old_password"] = PASSWORD
    read(browser.post("/api/users/change-password/", change, format="json"))
    signed_in = api.post("/api/auth/login/", {"email": EMAIL, "password": "Walk-5-Parts!"}, format="json")
    assert signed_in.status_code == 200


def test_membership_is_shown_and_cancelled(browser, api, plan):
    [shown] = read(api.get("/api/payments/plans/"))
    assert (shown["id"], shown["name"], shown["price_monthly"]) == (str(plan.uuid), "Plus", 79)
    # Joining online needs a payment, and payments are not set up.
    refused = read(
        browser.post("/api/payments/create-payment-intent/", {"plan_id": shown["id"]}, format="json"), 503
    )
    assert "not set up" in refused["error"]
    read(browser.post("/api/memberships/me/", {"planId": shown["id"]}, format="json"), 201)
    profile = read(browser.get("/api/users/profile/"))
    assert (profile["membership_plan"], profile["membership_status"], profile["monthly_fee"]) == (
        "Plus", "active", 79
    )  # fmt: skip
    assert profile["membership_id"] and profile["renewal_date"]
    kept = read(browser.post("/api/users/toggle-auto-renew/", {"autoRenew": False}, format="json"))
    assert kept["autoRenew"] is False
    ended = read(browser.post("/api/users/cancel-membership/", {"reason": "Moved away"}, format="json"))
    assert {"message", "membershipStatus", "cancelledAt"} <= ended.keys()
    assert Membership.objects.get().status == "cancelled"
    assert read(browser.get("/api/users/profile/"))["membership_plan"] is None


def test_savings_are_those_of_a_completed_order(browser, customer, plan):
    factories.MembershipFactory(user=customer.contact, plan=plan)
    order = factories.RepairOrderFactory(
        vehicle__customer=customer,
        status="completed",
        completed_at=timezone.now(),
        total_cost=Decimal("90.00"),
    )
    factories.OrderDiscountFactory(repair_order=order, amount=Decimal("10.00"))
    savings = read(browser.get("/api/auth/savings/"))
    assert (savings["total_saved"], savings["services_used"], savings["total_paid"]) == (10, 1, 79)
    assert savings["monthly_breakdown"][-1] | {"month": "", "year": 0} == {
        "month": "", "year": 0, "amount": 10, "services": 1
    }  # fmt: skip


def test_offers_and_referrals(browser, car, plan):
    factories.MembershipFactory(user=Customer.objects.get(contact__email=EMAIL).contact, plan=plan)
    factories.OfferFactory()
    offers = read(browser.get("/api/offers/"))
    assert read(browser.get("/api/offers/", {"vehicleId": car["id"]})) == offers
    for offer in offers:
        assert {"id", "title", "description", "terms", "expiry", "eligibleMemberships"} <= offer.keys()
    referrals = read(browser.get("/api/referrals/me/"))
    assert (set(referrals), referrals["referrals"]) == ({"code", "link", "referrals"}, [])


def test_conversation_is_started_and_written_in(browser):
    sent = {"subject": "A rattle", "initialMessage": "It rattles on cobbles."}
    thread = read(browser.post("/api/chat/threads/", sent, format="json"), 201)
    url = f"/api/chat/threads/{thread['id']}/messages/"
    message = read(browser.post(url, {"body": "And when it rains."}, format="json"), 201)
    messages = read(browser.get(url))
    assert [row["body"] for row in messages] == ["It rattles on cobbles.", "And when it rains."]
    assert messages[-1] == message
    assert set(message) == {"id", "threadId", "sender", "body", "attachments", "createdAt"}
    [listed] = read(browser.get("/api/chat/threads/"))
    assert (listed["id"], listed["lastMessage"]) == (thread["id"], message)
    read(browser.patch(f"/api/chat/threads/{thread['id']}/", {"status": "closed"}, format="json"))


def test_pages_without_a_sign_in(api, browser):
    sent = {
        "name": "Wanda",
        "email": EMAIL,
        "phone": "",
        "userType": "non-member",
        "message": "Do you do tires?",
    }
    assert set(read(api.post("/api/auth/contact/", sent, format="json"), 201)) == {"message", "threadId"}
    for email in (EMAIL, "unknown@example.com"):
        read(api.post("/api/auth/forgot-password/", {"email": email}, format="json"), 202)
        deletion = {"email": email, "reason": "No longer needed"}
        assert read(api.post("/api/users/request-deletion/", deletion, format="json"), 202)
    reset = {"token": "wrong", "password": "Walk-9-Parts!", "passwordConfirm": "Walk-9-Parts!"}
    assert read(api.post("/api/auth/reset-password/", reset, format="json"), 400)["error"]
