"""Import and export of labour rates and fees."""

from __future__ import annotations

import csv
import io

import pytest

from repair_orders.pricing.models import FeeRule, LabourRate
from testing import factories
from testing.admin import download, import_file, preview, said

pytestmark = pytest.mark.django_db
RATES = "location,name,per_hour\n"
FEES = "location,name,kind,percent,amount,cap,taxable,is_active\n"


@pytest.fixture
def location(db):
    return factories.LocationFactory(name="Springfield Garage")


def table(text):
    return list(csv.reader(io.StringIO(text)))


def test_rates_are_imported_and_the_first_is_the_default(desk, location):
    content = f"{RATES}Springfield Garage,Standard,129.95\nSpringfield Garage,Diesel,149\n"
    assert import_file(desk, LabourRate, content) == [
        "Import finished: 2 new, 0 updated, 0 unchanged labour rates."
    ]
    exported = download(desk, LabourRate)
    assert table(exported) == [
        ["location", "name", "per_hour", "is_default"],
        ["Springfield Garage", "Diesel", "149.00", "no"],
        ["Springfield Garage", "Standard", "129.95", "yes"],
    ]
    assert import_file(desk, LabourRate, exported) == [
        "Import finished: 0 new, 0 updated, 2 unchanged labour rates."
    ]
    changed = f"{RATES}Springfield Garage,Diesel,151.00\n"
    assert import_file(desk, LabourRate, changed) == [
        "Import finished: 0 new, 1 updated, 0 unchanged labour rates."
    ]
    assert str(LabourRate.objects.get(name="Diesel").per_hour) == "151.00"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Elsewhere,A,1", "Row 2: location: There is no location 'Elsewhere'."),
        (",A,1", "Row 2: location: Enter the name of a location."),
        ("Springfield Garage,,1", "Row 2: name: This field is required."),
        ("Springfield Garage,A,-1", "Row 2: per_hour: Ensure this value is greater than or equal to 0."),
    ],
)
def test_wrong_rate_imports_nothing(desk, location, row, message):
    assert said(preview(desk, LabourRate, f"{RATES}{row}\n")) == [message]
    assert not LabourRate.objects.exists()


def test_fees_are_imported_and_exported_unchanged(desk, location):
    rows = [
        "Springfield Garage,Supplies,percent_of_parts_and_labour,5.0000,,25.00,yes,yes",
        "Springfield Garage,Tires,per_piece,,2.50,,no,no",
    ]
    content = FEES + "\n".join(rows) + "\n"
    assert import_file(desk, FeeRule, content) == [
        "Import finished: 2 new, 0 updated, 0 unchanged fee rules."
    ]
    exported = download(desk, FeeRule)
    assert table(exported) == [line.split(",") for line in (FEES.strip(), *rows)]
    FeeRule.objects.get(name="Tires").parts.add(factories.PartFactory())
    assert import_file(desk, FeeRule, exported) == [
        "Import finished: 0 new, 0 updated, 2 unchanged fee rules."
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("fixed,,,,yes,yes", "Row 2: amount: A fee of the kind fixed needs an amount."),
        ("fixed,5,1,,yes,yes", "Row 2: percent: A fee of the kind fixed has no percent."),
        (
            "percent_of_parts,5,,,yes,yes",
            "Row 2: kind: This location does not allow fees that are a percentage.",
        ),
        ("tip,,1,,yes,yes", "Row 2: kind: Select a valid choice. tip is not one of the available choices."),
    ],
)
def test_wrong_fee_imports_nothing(desk, row, message):
    factories.LocationFactory(name="Strict Garage", allows_percent_fees=False)
    assert said(preview(desk, FeeRule, f"{FEES}Strict Garage,Supplies,{row}\n")) == [message]
    assert not FeeRule.objects.exists()
