"""Contract 003, service schedules."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from testing import factories
from testing.suites import count_queries
from vehicles.schedules.models import ServiceRecord

pytestmark = pytest.mark.django_db
URL = "/api/services/schedules/"
UNKNOWN_ID = "0190b8c6-7d1e-7abc-8def-0123456789ab"
NOT_FOUND = {"error": "Service schedule not found"}


@pytest.fixture
def civic(alice, now):
    return factories.VehicleFactory(customer=alice, odometer=Decimal(14_600), odometer_at=now)


@pytest.fixture
def schedule(civic):
    return factories.ServiceScheduleFactory(
        vehicle=civic, due_on=date(2099, 7, 15), last_on=date(2025, 1, 15), last_miles=Decimal("10000.50"),
        template__name="Oil change", template__services="oil_change\nFilter",
    )  # fmt: skip


def row(schedule, **changed):
    """Return the body, written out independently of the serializer."""
    template, created = schedule.template, schedule.created_at.isoformat().replace("+00:00", "Z")
    work = {
        "id": str(template.uuid),
        "name": template.name,
        "description": "Replace the engine oil and its filter.",
        "estimatedDuration": "30 to 45 minutes",
        "jobs": template.services.splitlines(),
        "priority": "high",
        "estimated_duration": "30 to 45 minutes",
    }
    second = {
        "service_type": work,
        "mileage_trigger": 5000,
        "time_trigger_months": 6,
        "last_completed_date": "2025-01-15",
        "last_completed_mileage": 10000.5,
        "next_due_date": "2099-07-15",
        "next_due_mileage": 15000.0,
        "created_at": created,
    }
    return {
        "id": str(schedule.uuid),
        "vehicle": str(schedule.vehicle.uuid),
        "serviceType": work,
        "mileageTrigger": 5000,
        "timeTriggerMonths": 6,
        "lastCompletedDate": "2025-01-15",
        "lastCompletedMileage": 10000.5,
        "nextDueDate": "2099-07-15",
        "nextDueMileage": 15000.0,
        "status": "due_soon",
        "createdAt": created,
        **second,
    } | changed


class TestList:
    def test_body(self, schedule, as_alice):
        response = as_alice.get(URL)
        assert (response.status_code, response.json()) == (200, [row(schedule)])
        assert list(response.json()[0]) == list(row(schedule))
        assert as_alice.get(URL[:-1]).json() == [row(schedule)]

    def test_filters_as_the_web_client_sends_them(self, schedule, civic, as_alice):
        overdue = factories.ServiceScheduleFactory(vehicle=civic, due_miles=None)  # since July 2025
        later = factories.ServiceScheduleFactory(vehicle=civic, due_on=None, due_miles=Decimal(90_000))
        for status, found in (
            ("overdue", [overdue]), ("due-soon", [schedule]), ("upcoming", [later]), ("completed", []),
            ("overdue,due_soon", [overdue, schedule]),
        ):  # fmt: skip
            response = as_alice.get(URL, {"vehicle_id": str(civic.uuid), "status": status})
            assert response.status_code == 200
            assert [item["id"] for item in response.json()] == [str(item.uuid) for item in found]

    def test_vehicle_of_others_is_404_and_its_schedules_are_left_out(self, schedule, as_bob):
        assert as_bob.get(URL).json() == []
        for name in ("vehicle_id", "vehicleId"):
            response = as_bob.get(URL, {name: str(schedule.vehicle.uuid)})
            assert (response.status_code, response.json()) == (404, {"error": "Vehicle not found"})

    def test_archived_vehicles_and_templates_are_left_out(self, schedule, civic, as_alice, now):
        template = schedule.template
        template.is_listed = False
        template.save()
        assert as_alice.get(URL).json() == []
        template.is_listed = True
        template.save()
        civic.archived_at = now
        civic.save()
        assert as_alice.get(URL).json() == []

    def test_wrong_status_is_named(self, as_alice):
        response = as_alice.get(URL, {"status": "done"})
        text = "“done” is not one of overdue, due_soon, upcoming, completed."
        assert response.status_code == 400
        assert response.json() == {"status": [text.replace("“", '"').replace("”", '"')]}

    def test_number_of_queries_is_constant(self, schedule, civic, as_alice):
        with_one = count_queries(lambda: as_alice.get(URL))
        factories.ServiceScheduleFactory.create_batch(9, vehicle=civic)
        assert len(as_alice.get(URL).json()) == 10
        assert count_queries(lambda: as_alice.get(URL)) == with_one == 2

    def test_staff_and_strangers_are_refused(self, schedule, as_tim, api):
        for url in (URL, f"{URL}{schedule.uuid}/"):
            assert as_tim.get(url).status_code == 403
            assert api.get(url).status_code == 401


class TestOne:
    def test_retrieve(self, schedule, as_alice):
        assert as_alice.get(f"{URL}{schedule.uuid}/").json() == row(schedule)

    def test_unknown_malformed_and_foreign_ids_are_404(self, schedule, as_alice, as_bob):
        for client, key in ((as_alice, UNKNOWN_ID), (as_alice, "7"), (as_bob, schedule.uuid)):
            for response in (client.get(f"{URL}{key}/"), client.post(f"{URL}{key}/complete/")):
                assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert not ServiceRecord.objects.exists()

    @pytest.mark.parametrize(
        "names", [("completedDate", "completedMileage"), ("completed_date", "completed_mileage")]
    )
    def test_complete_in_either_spelling(self, schedule, as_alice, names):
        body = dict(zip(names, ("2026-01-31", 14_000), strict=True))
        response = as_alice.post(f"{URL}{schedule.uuid}/complete/", body, format="json")
        schedule.refresh_from_db()
        assert (schedule.last_on, schedule.last_miles, schedule.due_on, schedule.due_miles) == (
            date(2026, 1, 31), 14_000, date(2026, 7, 31), 19_000
        )  # fmt: skip
        assert response.status_code == 200
        assert response.json()["next_due_date"] == response.json()["nextDueDate"] == "2026-07-31"

    def test_complete_without_a_body_is_today(self, schedule, as_alice):
        response = as_alice.post(f"{URL}{schedule.uuid}/complete/")
        assert (response.status_code, response.json()["status"]) == (200, "completed")
        assert response.json()["lastCompletedMileage"] == 14_600.0

    @pytest.mark.parametrize(
        ("body", "name", "text"),
        [
            ({"completedDate": "2099-01-01"}, "completedDate", "Work that was done cannot be in the future."),
            ({"completedMileage": 99_999}, "completedMileage", "The vehicle has 14600.00 miles: enter at most that."),
        ],
    )  # fmt: skip
    def test_impossible_record_is_refused_in_words(self, schedule, as_alice, body, name, text):
        response = as_alice.post(f"{URL}{schedule.uuid}/complete/", body, format="json")
        assert (response.status_code, response.json()) == (400, {"error": text, name: [text]})
        assert not ServiceRecord.objects.exists()
