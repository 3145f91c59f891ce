"""Import and export of vehicles."""

from __future__ import annotations

from decimal import Decimal

import pytest

from testing import factories
from testing.admin import download, import_file, preview, refusal, said
from vehicles.actions import archive_vehicle
from vehicles.models import OdometerReading, Vehicle

VIN = "1HGBH41JXMN109186"
HEADER = "customer,vin,year,make,model,odometer\n"
HINT = "Enter the id or the uuid of a customer."
BACKWARDS = "The odometer cannot go down: enter at least"
HUGE = "9" * 20


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice, vin=VIN, odometer="500.00")


def test_row_matches_vehicle_by_customer_and_vin(desk, ada, alice, bob, civic):
    content = f"{HEADER}{alice.pk},{VIN.lower()},2021,Honda,Civic,\n{bob.uuid},{VIN},2020,Honda,Civic,12.5\n"
    assert import_file(desk, Vehicle, content) == ["Import finished: 1 new, 1 updated, 0 unchanged vehicles."]
    rows = Vehicle.objects.order_by("id").values_list("customer", "vin", "year", "odometer", "license_plate")
    assert list(rows) == [
        (alice.pk, VIN, 2021, Decimal("500.00"), "ABC-123"),
        (bob.pk, VIN, 2020, Decimal("12.50"), ""),
    ]
    assert civic.history.latest().history_user == ada
    assert import_file(desk, Vehicle, content) == ["Import finished: 0 new, 0 updated, 2 unchanged vehicles."]
    assert import_file(desk, Vehicle, f"customer,vin,odometer\n{alice.pk},{VIN},600\n")
    readings = OdometerReading.objects.order_by("id").values_list(
        "vehicle__customer", "miles", "source", "by"
    )
    assert list(readings) == [
        (bob.pk, Decimal("12.50"), "IMPORT", ada.pk), (alice.pk, Decimal(600), "IMPORT", ada.pk)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{alice},1HGBH41JXMN10918,2020,Honda,Civic,0", "vin: A VIN has 17 characters, not 16."),
        ("{alice},{vin},1700,Honda,Civic,600", "year: Ensure this value is greater than or equal to 1886."),
        ("{alice},{vin},2020,Honda,Civic,499.99", f"odometer: {BACKWARDS} 500.00 miles."),
        ("{alice},1HGBH41JXMN109187,2020,Honda,Civic,-1", f"odometer: {BACKWARDS} 0 miles."),
        ("0,{vin},2020,Honda,Civic,0", f"customer: There is no customer '0'. {HINT}"),
        ("x,{vin},2020,Honda,Civic,0", f"customer: There is no customer 'x'. {HINT}"),
        (HUGE + ",{vin},2020,Honda,Civic,0", f"customer: There is no customer '{HUGE}'. {HINT}"),
    ],
)  # fmt: skip
def test_invalid_row_is_reported_and_nothing_is_written(desk, alice, civic, row, message):
    before = list(Vehicle.objects.values_list())
    content = HEADER + row.format(alice=alice.pk, vin=VIN)
    assert said(preview(desk, Vehicle, content)) == [f"Row 2: {message}"]
    assert list(Vehicle.objects.values_list()) == before


def test_violated_constraint_is_reported_with_the_row(desk, alice):
    header = "customer,vin,year,make,model,unit_number\n"
    rows = [f"{alice.pk},1HGBH41JXMN10918{n},2020,Honda,Civic,A1\n" for n in (1, 2)]
    assert said(preview(desk, Vehicle, header + "".join(rows))) == [
        "Row 3: This customer already has a unit with this number."
    ]


@pytest.mark.parametrize("column", ["dongle_id", "uuid", "created_at", "id"])
def test_columns_without_a_form_field_are_rejected(desk, alice, column):
    content = f"customer,vin,{column}\n{alice.pk},{VIN},1\n"
    [shown] = refusal(desk, Vehicle, content)
    assert shown.startswith(f"Unknown columns: {column!r}. Known are customer, ")


def test_importing_an_export_changes_nothing(desk, alice, civic, now):
    old = factories.VehicleFactory(customer=alice)
    archive_vehicle(vehicle=old, now=now)
    before = list(Vehicle.objects.values_list())
    content = download(desk, Vehicle)
    assert content.splitlines()[0] == (
        "customer,vin,year,make,model,trim,license_plate,unit_number,color,fuel_type,odometer,photo_url,archived_at"
    )
    assert f"{alice.uuid},{VIN},2020,Honda,Civic,,ABC-123,,Silver,,500.00,,\r\n" in content
    assert import_file(desk, Vehicle, content) == ["Import finished: 0 new, 0 updated, 2 unchanged vehicles."]
    assert list(Vehicle.objects.values_list()) == before


def test_export_has_the_rows_of_the_filtered_list(desk, alice, bob, civic):
    factories.VehicleFactory(customer=bob, vin="1HGBH41JXMN109187")
    assert len(download(desk, Vehicle, q=VIN).splitlines()) == 2


def test_odometer_may_be_in_kilometers(desk, alice):
    vehicle = f"{alice.pk},{VIN},2020,Honda,Civic"
    content = f"customer,vin,year,make,model,Kilometers\n{vehicle},100000\n"
    assert import_file(desk, Vehicle, content) == ["Import finished: 1 new, 0 updated, 0 unchanged vehicles."]
    assert Vehicle.objects.get().odometer == Decimal("62137.12")
    assert import_file(desk, Vehicle, content) == ["Import finished: 0 new, 0 updated, 1 unchanged vehicles."]


def test_kilometers_that_are_no_number_are_refused(desk, alice):
    content = f"customer,vin,year,make,model,odometer_km\n{alice.pk},{VIN},2020,Honda,Civic,far\n"
    assert said(preview(desk, Vehicle, content)) == ["Row 2: odometer: Enter a number."]


def test_miles_beside_kilometers_are_refused(desk, alice):
    content = f"customer,vin,odometer,km\n{alice.pk},{VIN},1,1\n"
    assert refusal(desk, Vehicle, content) == [
        "The odometer is given in miles and in kilometers. Leave one of the columns out."
    ]


def test_headings_of_other_systems_are_known(desk, alice):
    heading = "Customer ID,VIN Number,Model Year,Make,Model,Plate,Mileage"
    content = f"{heading}\n{alice.pk},{VIN},2020,Honda,Civic,abc 123,12\n".replace(",", "\t")
    assert import_file(desk, Vehicle, content) == ["Import finished: 1 new, 0 updated, 0 unchanged vehicles."]
    assert import_file(desk, Vehicle, content) == ["Import finished: 0 new, 0 updated, 1 unchanged vehicles."]
