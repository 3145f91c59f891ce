"""Import and export of labour rates, fees, tax rules, overrun policies and exemption certificates."""

from __future__ import annotations

import csv
import io

import pytest

from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxExemption, TaxRule
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


def imported(new, updated, unchanged, noun):
    return [f"Import finished: {new} new, {updated} updated, {unchanged} unchanged {noun}."]


@pytest.mark.parametrize(
    ("model", "noun", "heading", "row", "changed", "wrong", "message"),
    [
        (
            TaxRule,
            "tax rules",
            "location,percent,taxes_parts,taxes_labour,taxes_fees,taxes_sublet",
            "Springfield Garage,8.8750,yes,no,yes,no",
            "Springfield Garage,9.0000,yes,no,yes,no",
            "Springfield Garage,101,yes,no,yes,no",
            "Row 2: percent: Ensure this value is less than or equal to 100.",
        ),
        (
            OverrunPolicy,
            "overrun policies",
            "location,percent,amount,choose,cap,basis",
            "Springfield Garage,10.0000,50.00,lesser,,TOTAL",
            "Springfield Garage,,75.00,lesser,,NET",
            "Springfield Garage,,,lesser,,TOTAL",
            "Row 2: Enter a percent, an amount or both.",
        ),
    ],
)
def test_what_a_location_has_once_is_imported_and_exported_unchanged(
    desk, location, model, noun, heading, row, changed, wrong, message
):
    assert said(preview(desk, model, f"{heading}\n{wrong}\n")) == [message]
    assert not model.objects.exists()
    assert import_file(desk, model, f"{heading}\n{row}\n") == imported(1, 0, 0, noun)
    exported = download(desk, model)
    assert table(exported) == [heading.split(","), row.split(",")]
    assert import_file(desk, model, exported) == imported(0, 0, 1, noun)
    assert import_file(desk, model, f"{heading}\n{changed}\n") == imported(0, 1, 0, noun)
    assert table(download(desk, model)) == [heading.split(","), changed.split(",")]


def test_exemptions_are_imported_and_exported_unchanged(desk, location, alice):
    heading = "customer,number,valid_from,valid_until,location"
    rows = [
        f"{alice.uuid},EX-2,2026-01-01,2026-12-31,Springfield Garage",
        f"{alice.uuid},EX-1,2025-01-01,,",
    ]
    content = "\n".join([heading, *rows]) + "\n"
    assert import_file(desk, TaxExemption, content) == imported(2, 0, 0, "tax exemptions")
    exported = download(desk, TaxExemption)
    assert table(exported) == [line.split(",") for line in (heading, *rows)]
    assert import_file(desk, TaxExemption, exported) == imported(0, 0, 2, "tax exemptions")
    ended = f"{heading}\n{alice.pk},EX-1,2025-01-01,2026-06-30,\n"
    assert import_file(desk, TaxExemption, ended) == imported(0, 1, 0, "tax exemptions")
    assert str(TaxExemption.objects.get(number="EX-1").valid_until) == "2026-06-30"
    wrong = f"{heading}\n{alice.pk},EX-3,2026-02-01,2026-01-01,\n0,EX-4,2026-02-01,,\n"
    assert said(preview(desk, TaxExemption, wrong)) == [
        "Row 2: The last day must not be before the first day.",
        "Row 3: customer: There is no customer '0'. Enter the id or the uuid of a customer.",
    ]
    assert TaxExemption.objects.count() == 2
