"""Contract 000: the problems that customers report."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from repair_orders.api.shop_problems import STATES
from repair_orders.models import RepairOrder, RepairOrderStatus
from testing.factories import LocationFactory, RepairOrderFactory, VehicleFactory
from testing.suites import CUSTOMERS_ONLY, NO_RECORD, ShopCustomerListSuite
from vehicles.tests.test_api_shop import brief

URL, BESIDE = "/api/shop/vehicle-problems/", "/api/vehicle-problems/"
AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


class TestVehicleProblems(ShopCustomerListSuite):
    url = URL
    allowed = "GET, HEAD, POST"

    def make(self, customer, **fields):
        defaults = {"vehicle": VehicleFactory(customer=customer), "description": "The brakes squeal."}
        order = RepairOrderFactory(**defaults | {"customer": customer, "status": "requested"} | fields)
        RepairOrder.objects.filter(pk=order.pk).update(created_at=AT)
        return order

    def row(self, order, customer):
        return {
            "id": order.pk,
            "vehicle_id": order.vehicle_id,
            "vehicle_details": brief(order.vehicle),
            "description": "The brakes squeal.",
            "status": "open",
            "resolved": False,
            "reported_date": "2026-01-05T09:30:00Z",
            "resolved_date": None,
        }

    @pytest.mark.parametrize(
        ("status", "state", "resolved"),
        [
            ("requested", "open", False),
            ("pending", "pending", False),
            ("approved", "pending", False),
            ("in_progress", "pending", False),
            ("completed", "resolved", True),
            ("denied", "closed", False),
        ],
    )
    def test_state_follows_the_order(self, alice, as_alice, status, state, resolved):
        total = Decimal("5.00") if status == "completed" else None
        self.make(alice, status=status, total_cost=total)
        [row] = as_alice.get(URL).json()["results"]
        assert (row["status"], row["resolved"]) == (state, resolved)
        found = {name: as_alice.get(URL, {"status": name}).json()["count"] for name in STATES}
        assert found == dict.fromkeys(STATES, 0) | {state: 1}

    def test_every_status_of_an_order_has_a_state(self):
        assert sorted(status for statuses in STATES.values() for status in statuses) == sorted(
            RepairOrderStatus.values
        )

    def test_query_of_the_web_client(self, alice, as_alice):
        order = self.make(alice)
        self.make(alice)
        found = as_alice.get(URL, {"vehicle_id": order.vehicle_id, "status": "open"}).json()["results"]
        assert found == [self.row(order, alice)]

    def test_orders_without_words_of_the_customer_are_no_problems(self, alice, as_alice):
        self.make(alice, description="")
        assert as_alice.get(URL).json()["results"] == []

    def test_vehicle_of_another_is_not_found(self, as_alice):
        response = as_alice.get(URL, {"vehicle_id": VehicleFactory().pk})
        assert (response.status_code, response.json()["error"]) == (404, "Not found")


@pytest.mark.django_db
@pytest.mark.parametrize("url", [URL, BESIDE])
class TestReport:
    @pytest.mark.parametrize(
        "further",
        [
            {},
            {"resolved": False},
            {
                "title": "Brakes",
                "severity": "high",
                "status": "open",
                "reported_date": "2026-01-05T09:30:00.000Z",
            },
        ],
    )
    def test_report_makes_a_requested_order(self, as_alice, alice, url, further):
        location, vehicle = LocationFactory(is_default=True), VehicleFactory(customer=alice)
        sent = {"vehicle_id": str(vehicle.pk), "description": "The brakes squeal.", **further}
        response = as_alice.post(url, sent, format="json")
        order = RepairOrder.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            {
                "id": order.pk,
                "vehicle_id": vehicle.pk,
                "vehicle_details": brief(vehicle),
                "description": "The brakes squeal.",
                "status": "open",
                "resolved": False,
                "reported_date": order.created_at.isoformat().replace("+00:00", "Z"),
                "resolved_date": None,
            },
        )
        assert (order.status, order.customer, order.location) == ("requested", alice, location)
        assert as_alice.get(url).json()["results"] == [response.json()]

    def test_vehicle_is_accepted_under_its_other_name(self, as_alice, alice, url):
        vehicle = VehicleFactory(customer=alice)
        sent = {"vehicle": vehicle.pk, "description": "Squeaks", "resolved": False}
        assert as_alice.post(url, sent, format="json").status_code == 201
        other = as_alice.post(url, {**sent, "vehicle_id": vehicle.pk + 1}, format="json")
        assert other.json()["fields"] == {"vehicle": ["Differs from vehicle_id. Send one of the two."]}
        assert RepairOrder.objects.count() == 1

    def test_invalid_fields_are_named(self, as_alice, alice, url):
        required = ["This field is required."]
        response = as_alice.post(url, {}, format="json")
        assert (response.status_code, response.json()["fields"]) == (
            400,
            {"vehicle_id": required, "description": required},
        )
        vehicle = VehicleFactory(customer=alice)
        for field, value in (("description", " "), ("description", "x" * 5_001), ("vehicle_id", 0)):
            sent = {"vehicle_id": vehicle.pk, "description": "Squeaks", field: value}
            response = as_alice.post(url, sent, format="json")
            assert (response.status_code, list(response.json()["fields"])) == (400, [field])
        assert not RepairOrder.objects.exists()

    def test_vehicle_of_another_or_archived_is_not_found(self, as_alice, alice, url):
        for vehicle in (VehicleFactory(), VehicleFactory(customer=alice, archived_at=AT)):
            sent = {"vehicle_id": vehicle.pk, "description": "Squeaks"}
            response = as_alice.post(url, sent, format="json")
            assert (response.status_code, response.json()) == (
                404,
                {"error": "Vehicle not found", "detail": "Vehicle not found."},
            )
        assert not RepairOrder.objects.exists()

    def test_others_are_refused(self, api, sign_in, tim, carol, url):
        assert api.post(url, {}, format="json").status_code == 401
        for user, status, body in ((tim, 403, CUSTOMERS_ONLY), (carol, 404, NO_RECORD)):
            response = sign_in(user).post(url, {}, format="json")
            assert (response.status_code, response.json()) == (status, body)
