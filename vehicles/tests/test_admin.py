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
    assert buttons(desk, civic) == ["Read odometer", "Correct odometer", "Move to a new owner", "Archive"]
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
    assert buttons(desk, civic) == ["Restore"]


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


def test_changed_odometer_is_a_reading(desk, ada, civic):
    assert desk.post(page(civic), filled(desk, page(civic)) | {"odometer": "500"}).status_code == 302
    civic.refresh_from_db()
    reading = civic.readings.get()
    assert (reading.miles, reading.source, reading.by, reading.at) == (500, "MANUAL", ada, civic.odometer_at)
    assert civic.odometer == 500
    assert "500.00" in desk.get(page(civic)).content.decode()
    assert desk.post(page(civic), filled(desk, page(civic)) | {"color": "Red"}).status_code == 302
    assert civic.readings.count() == 1


def test_odometer_is_read_and_corrected_with_a_button(desk, ada, civic):
    assert press(desk, civic, "read_odometer", miles="5000", note="Key tag 4") == ["The reading was added."]
    typed = civic.readings.get()
    answers = {"replaces": typed.pk, "miles": "500", "reason": "A nought too many"}
    assert press(desk, civic, "correct_odometer", **answers) == ["The odometer was corrected."]
    civic.refresh_from_db()
    assert (civic.odometer, civic.history.latest().history_user) == (500, ada)
    assert press(desk, civic, "read_odometer", miles="499") == [
        "The odometer cannot go down: enter at least 500.00 miles."
    ]
    assert press(desk, civic, "correct_odometer", miles="5", reason="New cluster", base="on") == [
        "The odometer was corrected."
    ]
    assert civic.readings.filter(base=True).get().miles == 5


def test_vehicle_moves_to_a_new_owner_and_both_rows_are_linked(desk, civic, bob):
    assert press(desk, civic, "transfer", customer=bob.pk) == ["The vehicle has a new owner."]
    heir = Vehicle.objects.get(customer=bob)
    assert page(civic) in desk.get(page(heir)).content.decode()
    assert page(heir) in desk.get(page(civic)).content.decode()
    assert press(desk, civic, "restore") == [f"This vehicle goes on as vehicle {heir.pk}."]


def test_archived_vehicle_is_restored(desk, ada, civic):
    press(desk, civic, "archive")
    assert press(desk, civic, "restore") == ["The vehicle is in use again."]
    civic.refresh_from_db()
    assert (civic.archived_at, civic.history.latest().history_user) == (None, ada)


def test_vin_can_be_unknown_and_has_no_check_digit_before_1981(desk, alice):
    unknown = factories.VehicleFactory(customer=alice, vin="")
    assert desk.post(page(unknown), filled(desk, page(unknown))).status_code == 302
    old = factories.VehicleFactory(customer=alice, vin="194375S107211", year=1965)
    assert "Model years up to 1980 have no check digit." in desk.get(page(old)).content.decode()
    response = desk.post(page(old), filled(desk, page(old)) | {"year": "1981"})
    assert errors(response) == ["A VIN has 17 characters, not 13."]


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
