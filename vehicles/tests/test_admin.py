"""Vehicles in the staff's admin."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press
from vehicles.models import TelematicsBatch, Vehicle
from vehicles.telematics.packing import pack
from vehicles.tests.telematics.drives import T, steady


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice, vin="1HGBH41JXMN109186")


def test_archiving_is_a_button_that_history_remembers(desk, ada, civic):
    assert buttons(desk, civic) == ["Archive"]
    assert press(desk, civic, "archive") == ["The vehicle is archived."]
    civic.refresh_from_db()
    assert civic.archived_at is not None
    assert civic.history.latest().history_user == ada


def test_archived_twice_changes_nothing_and_says_so(desk, civic):
    press(desk, civic, "archive")
    civic.refresh_from_db()
    before = civic.archived_at
    assert press(desk, civic, "archive") == ["This vehicle is archived already."]
    civic.refresh_from_db()
    assert civic.archived_at == before
    assert buttons(desk, civic) == []


def test_a_button_asks_before_it_acts(desk, civic):
    response = desk.get(page(civic, "archive"))
    assert "Its history stays." in response.content.decode()
    civic.refresh_from_db()
    assert civic.archived_at is None


def test_a_button_in_a_dialog_sends_the_browser_to_the_page(desk, civic):
    response = desk.post(page(civic, "archive"), {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (200, page(civic))


@pytest.mark.parametrize(
    ("vin", "note"),
    [
        ("1HGBH41JXMN109186", "The check digit matches."),
        ("1HGBH41JXMN109187", "The check digit does not match"),
    ],
)
def test_check_digit_is_reported_and_refused_to_nobody(desk, alice, vin, note):
    vehicle = factories.VehicleFactory(customer=alice, vin=vin)
    assert note in desk.get(page(vehicle)).content.decode()
    assert desk.post(page(vehicle), filled(desk, page(vehicle))).status_code == 302


def test_odometer_never_runs_backwards(desk, alice):
    vehicle = factories.VehicleFactory(customer=alice, odometer="500.00")
    response = desk.post(page(vehicle), filled(desk, page(vehicle)) | {"odometer": "499.99"})
    assert errors(response) == ["It stands at 500.00 and never runs backwards."]


def test_a_vin_is_taken_whatever_its_case(desk, civic):
    answers = {
        "customer": civic.customer_id,
        "vin": civic.vin.lower(),
        "make": "Honda",
        "model": "Civic",
        "year": 2020,
        "odometer": 0,
    }
    response = desk.post("/admin/vehicles/vehicle/add/", answers)
    assert errors(response) == ["This customer already has a vehicle with this VIN."]
    assert Vehicle.objects.count() == 1


def test_archived_vehicles_are_not_offered_for_something_new(desk, civic, now):
    query = {
        "app_label": "appointments",
        "model_name": "appointment",
        "field_name": "vehicle",
        "term": "civic",
    }
    assert len(desk.get("/admin/autocomplete/", query).json()["results"]) == 1
    press(desk, civic, "archive")
    assert desk.get("/admin/autocomplete/", query).json()["results"] == []
    assert desk.get(changelist(Vehicle), {"q": "civic"}).context["cl"].result_count == 1


class TestTelematics:
    @pytest.fixture
    def batch(self, civic):
        drive = steady(3601, speed=60.0, rate=2.0)
        return factories.TelematicsBatchFactory(
            vehicle=civic, start=T, end=drive.t[-1], count=3601, data=pack(drive)
        )

    def test_the_vehicles_page_says_what_was_read(self, desk, civic, batch):
        factories.TelematicsBatchFactory(vehicle=civic, start=T + 7_200_000)
        content = desk.get(page(civic)).content.decode()
        assert "3,602 samples in 2 batches, the last until 2024-01-01 02:09 UTC" in content

    def test_a_vehicle_without_any_says_nothing(self, desk, civic):
        assert " batches, the last until" not in desk.get(page(civic)).content.decode()

    def test_a_batchs_page_says_what_it_comes_to(self, desk, batch):
        content = desk.get(page(batch)).content.decode()
        for text in ("2024-01-01 00:00:00", "2024-01-01 01:00:00", "60.00 miles", "2.000 gallons", "1:00:00"):
            assert text in content

    def test_found_by_the_vehicle_and_by_how_long_ago(self, desk, batch, now):
        recent = int(now.timestamp() * 1000) - 3 * 86_400_000
        newer = factories.TelematicsBatchFactory(start=recent, end=recent)
        url = changelist(TelematicsBatch)
        assert list(desk.get(url, {"q": batch.vehicle.vin}).context["cl"].queryset) == [batch]
        for ended, found in (("day", []), ("week", [newer]), ("month", [newer])):
            assert list(desk.get(url, {"ended": ended}).context["cl"].queryset) == found

    def test_the_list_reads_no_block(self, desk, batch):
        with CaptureQueriesContext(connection) as queries:
            desk.get(changelist(TelematicsBatch))
        assert not any('"data"' in query["sql"] for query in queries)
