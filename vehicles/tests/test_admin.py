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


def test_archive_button_archives_and_records_the_user(desk, ada, civic):
    assert buttons(desk, civic) == ["Archive"]
    assert press(desk, civic, "archive") == ["The vehicle is archived."]
    civic.refresh_from_db()
    assert civic.archived_at is not None
    assert civic.history.latest().history_user == ada


def test_archiving_twice_shows_an_error_and_changes_nothing(desk, civic):
    press(desk, civic, "archive")
    civic.refresh_from_db()
    before = civic.archived_at
    assert press(desk, civic, "archive") == ["This vehicle is already archived."]
    civic.refresh_from_db()
    assert civic.archived_at == before
    assert buttons(desk, civic) == []


def test_archive_button_asks_for_confirmation(desk, civic):
    response = desk.get(page(civic, "archive"))
    assert "The history of the vehicle stays." in response.content.decode()
    civic.refresh_from_db()
    assert civic.archived_at is None


def test_archive_dialog_redirects_to_the_page(desk, civic):
    response = desk.post(page(civic, "archive"), {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (200, page(civic))


@pytest.mark.parametrize(
    ("vin", "note"),
    [
        ("1HGBH41JXMN109186", "The check digit matches."),
        ("1HGBH41JXMN109187", "The check digit does not match"),
    ],
)
def test_check_digit_is_shown_and_a_wrong_one_is_accepted(desk, alice, vin, note):
    vehicle = factories.VehicleFactory(customer=alice, vin=vin)
    assert note in desk.get(page(vehicle)).content.decode()
    assert desk.post(page(vehicle), filled(desk, page(vehicle))).status_code == 302


def test_odometer_cannot_go_down(desk, alice):
    vehicle = factories.VehicleFactory(customer=alice, odometer="500.00")
    response = desk.post(page(vehicle), filled(desk, page(vehicle)) | {"odometer": "499.99"})
    assert errors(response) == ["The odometer cannot go down: enter at least 500.00 miles."]


def test_vin_is_unique_ignoring_case(desk, civic):
    data = {
        "customer": civic.customer_id,
        "vin": civic.vin.lower(),
        "make": "Honda",
        "model": "Civic",
        "year": 2020,
        "odometer": 0,
    }
    response = desk.post("/admin/vehicles/vehicle/add/", data)
    assert errors(response) == ["This customer already has a vehicle with this VIN."]
    assert Vehicle.objects.count() == 1


def test_archived_vehicles_are_not_in_autocomplete(desk, civic, now):
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

    def test_vehicle_page_shows_the_number_of_samples(self, desk, civic, batch):
        factories.TelematicsBatchFactory(vehicle=civic, start=T + 7_200_000)
        content = desk.get(page(civic)).content.decode()
        assert "3,602 samples in 2 batches, the last until 2024-01-01 02:09 UTC" in content

    def test_vehicle_without_batches_shows_no_number(self, desk, civic):
        assert " batches, the last until" not in desk.get(page(civic)).content.decode()

    def test_batch_page_shows_the_summary(self, desk, batch):
        content = desk.get(page(batch)).content.decode()
        for text in ("2024-01-01 00:00:00", "2024-01-01 01:00:00", "60.00 miles", "2.000 gallons", "1:00:00"):
            assert text in content

    def test_batches_are_found_by_vehicle_and_by_end(self, desk, batch, now):
        recent = int(now.timestamp() * 1000) - 3 * 86_400_000
        newer = factories.TelematicsBatchFactory(start=recent, end=recent)
        url = changelist(TelematicsBatch)
        assert list(desk.get(url, {"q": batch.vehicle.vin}).context["cl"].queryset) == [batch]
        for ended, found in (("day", []), ("week", [newer]), ("month", [newer])):
            assert list(desk.get(url, {"ended": ended}).context["cl"].queryset) == found

    def test_list_does_not_read_the_blocks(self, desk, batch):
        with CaptureQueriesContext(connection) as queries:
            desk.get(changelist(TelematicsBatch))
        assert not any('"data"' in query["sql"] for query in queries)
