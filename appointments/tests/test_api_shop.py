from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from testing.factories import (
    AppointmentFactory,
    BayFactory,
    LocationFactory,
    ReportedProblemFactory,
    TechnicianFactory,
    VehicleFactory,
)
from testing.suites import ShopCustomerListSuite
from vehicles.tests.test_api_shop import brief

TEN = datetime(2030, 9, 17, 10, tzinfo=UTC)


class TestCustomerAppointments(ShopCustomerListSuite):
    url = "/api/shop/appointments/customers/me/appointments/"
    allowed = "GET, HEAD, POST"

    def make(self, customer, **fields):
        defaults = {
            "start": TEN,
            "technician": TechnicianFactory(name="Test Technician", email="tech@test.com"),
            "reported_problem": ReportedProblemFactory(description="Squeaks"),
            "assigned_at": TEN + timedelta(microseconds=5),
        }
        return AppointmentFactory(vehicle=VehicleFactory(customer=customer), **defaults | fields)

    def row(self, appointment, customer):
        return {
            "id": appointment.pk,
            "vehicle_id": appointment.vehicle_id,
            "vehicle": brief(appointment.vehicle),
            "reported_problem_id": appointment.reported_problem_id,
            "reported_problem": {
                "id": appointment.reported_problem_id,
                "name": "Noise",
                "description": "Squeaks",
            },
            "assigned_technician_id": appointment.technician_id,
            "assigned_technician": {
                "id": appointment.technician_id,
                "name": "Test Technician",
                "role": "technician",
                "email": "tech@test.com",
                "user_id": None,
            },
            "customer_id": customer.pk,
            "customer_name": "Alice Cooper",
            "description": "Oil change",
            "date": "2030-09-17T10:00:00Z",
            "status": "pending",
            "assigned_at": "2030-09-17T10:00:00.000005Z",
            "started_at": None,
            "completed_at": None,
        }

    def test_keys_are_in_the_order_of_the_contract(self, alice, as_alice):
        appointment = self.make(alice)
        assert list(as_alice.get(self.url).json()["results"][0]) == list(self.row(appointment, alice))

    def test_missing_technician_and_problem_are_null(self, alice, as_alice):
        appointment = self.make(alice, technician=None, reported_problem=None, assigned_at=None)
        row = as_alice.get(self.url).json()["results"][0]
        expected = {
            **self.row(self.make(alice), alice),
            "id": appointment.pk,
            "vehicle_id": appointment.vehicle_id,
            "vehicle": brief(appointment.vehicle),
            "reported_problem_id": None,
            "reported_problem": None,
            "assigned_technician_id": None,
            "assigned_technician": None,
            "assigned_at": None,
        }
        assert row == expected

    def test_latest_comes_first(self, alice, as_alice):
        early, late = self.make(alice), self.make(alice, start=TEN + timedelta(days=1))
        assert [row["id"] for row in as_alice.get(self.url).json()["results"]] == [late.pk, early.pk]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("pending", ["pending"]),
            ("pending,in_progress", ["in_progress", "pending"]),
            ("Pending, In-Progress,pending", ["in_progress", "pending"]),
            ("completed", ["completed"]),
            ("cancelled", ["cancelled"]),
            ("", ["cancelled", "completed", "in_progress", "pending"]),
        ],
    )
    def test_filters_by_status(self, alice, as_alice, wanted, found):
        for status in ("pending", "in_progress", "completed", "cancelled"):
            self.make(alice, status=status)
        rows = as_alice.get(self.url, {"status": wanted}).json()["results"]
        assert sorted(row["status"] for row in rows) == found

    def test_status_can_be_repeated(self, alice, as_alice):
        for status in ("pending", "in_progress", "completed"):
            self.make(alice, status=status)
        rows = as_alice.get(self.url + "?status=pending&status=completed").json()["results"]
        assert sorted(row["status"] for row in rows) == ["completed", "pending"]

    @pytest.mark.parametrize(
        ("params", "fields"),
        [
            (
                {"status": "done"},
                {"status": ['"done" is not one of pending, in_progress, completed, cancelled.']},
            ),
            (
                {"status": "pending\x00"},
                {"status": ['"pending\x00" is not one of pending, in_progress, completed, cancelled.']},
            ),
            (
                {"status": ","},
                {"status": ["Name at least one of pending, in_progress, completed, cancelled."]},
            ),
            (
                {"dateFrom": "17.09.2030"},
                {"dateFrom": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
            ),
            (
                {"dateTo": "2030-02-30"},
                {"dateTo": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
            ),
            (
                {"dateFrom": "2030-09-18", "dateTo": "2030-09-17"},
                {"dateFrom": ["Must not be after dateTo."]},
            ),
        ],
    )
    def test_invalid_filter_is_reported(self, alice, as_alice, params, fields):
        self.make(alice)
        response = as_alice.get(self.url, params)
        name, messages = next(iter(fields.items()))
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Invalid input", "detail": f"{name}: {messages[0]}", "fields": fields},
        )

    @pytest.mark.parametrize(
        ("zone", "params", "is_found"),
        [
            ("UTC", {"dateFrom": "2030-09-17", "dateTo": "2030-09-17"}, True),
            ("UTC", {"dateFrom": "2030-09-18"}, False),
            ("UTC", {"dateTo": "2030-09-16"}, False),
            # 10:00 UTC is 00:00 the same day in Honolulu and 00:00 of the next in Kiritimati.
            ("Pacific/Honolulu", {"dateFrom": "2030-09-17", "dateTo": "2030-09-17"}, True),
            ("Pacific/Kiritimati", {"dateTo": "2030-09-17"}, False),
            ("Pacific/Kiritimati", {"dateFrom": "2030-09-18", "dateTo": "2030-09-18"}, True),
            ("America/New_York", {"dateTo": "9999-12-31"}, True),
            ("America/New_York", {"dateFrom": "0001-01-01"}, True),
        ],
    )
    def test_days_are_local_days_of_the_location(self, alice, as_alice, zone, params, is_found):
        self.make(alice, bay=BayFactory(location=LocationFactory(time_zone=zone)))
        assert as_alice.get(self.url, params).json()["count"] == int(is_found)

    def test_filters_and_pages_combine(self, alice, as_alice):
        for day in range(4):
            self.make(alice, start=TEN + timedelta(days=day))
        body = as_alice.get(self.url, {"dateFrom": "2030-09-18", "page_size": "2"}).json()
        assert (body["count"], len(body["results"])) == (3, 2)
        assert body["next"] == f"http://testserver{self.url}?dateFrom=2030-09-18&page=2&page_size=2"
