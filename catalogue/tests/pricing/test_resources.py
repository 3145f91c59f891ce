"""Import and export of price matrices and canned jobs."""

from __future__ import annotations

import csv
import io

import pytest

from catalogue.pricing.models import CannedJob, CannedLine, PriceBand, PriceMatrix
from testing import factories
from testing.admin import download, import_file, preview, said

pytestmark = pytest.mark.django_db
BANDS = "matrix,from_cost,multiplier,margin\n"
LINES = "canned_job,concern,position,kind,part,service,name,quantity,hours,amount\n"


def table(text):
    return list(csv.reader(io.StringIO(text)))


def test_bands_are_imported_and_their_matrices_made(desk, ada):
    content = f"{BANDS}Standard,0,4,\nStandard,4.00,,50\nFleet,0,1.35,\n"
    assert import_file(desk, PriceBand, content) == [
        "Import finished: 3 new, 0 updated, 0 unchanged price bands."
    ]
    rows = PriceBand.objects.order_by("id").values_list("matrix__name", "from_cost", "multiplier", "margin")
    assert [tuple(map(str, row)) for row in rows] == [
        ("Standard", "0.00", "4.0000", "None"),
        ("Standard", "4.00", "None", "50.0000"),
        ("Fleet", "0.00", "1.3500", "None"),
    ]
    assert list(PriceMatrix.objects.filter(is_default=True).values_list("name", flat=True)) == ["Standard"]
    assert PriceMatrix.history.first().history_user == ada
    changed = f"{BANDS}Standard,0.00,5,\nStandard,4,,50\n"
    assert import_file(desk, PriceBand, changed) == [
        "Import finished: 0 new, 1 updated, 1 unchanged price bands."
    ]
    assert str(PriceBand.objects.order_by("id")[0].multiplier) == "5.0000"


def test_exported_bands_are_imported_unchanged(desk):
    matrix = factories.PriceMatrixFactory(name="Standard")
    factories.PriceBandFactory(matrix=matrix, from_cost="4.00", multiplier=None, margin="50.0000")
    factories.PriceBandFactory(matrix=matrix)
    content = download(desk, PriceBand)
    assert table(content) == [
        ["matrix", "from_cost", "multiplier", "margin"],
        ["Standard", "0.00", "3.0000", ""],
        ["Standard", "4.00", "", "50.0000"],
    ]
    assert import_file(desk, PriceBand, content) == [
        "Import finished: 0 new, 0 updated, 2 unchanged price bands."
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("New,0,3,50", "Row 2: Enter a multiplier or a margin, not both."),
        ("New,0,,", "Row 2: Enter a multiplier or a margin, not both."),
        ("New,-1,3,", "Row 2: from_cost: Ensure this value is greater than or equal to 0."),
        ("New,x,3,", "Row 2: from_cost: Enter a number."),
        ("New,0,,100", "Row 2: margin: Ensure this value is less than or equal to 99.99."),
        (",0,3,", "Row 2: matrix: Enter the name of a price matrix."),
        ("New,0,3,\nNew,0.00,2,", "Row 3: This is in row 2 already."),
    ],
)
def test_wrong_band_imports_nothing(desk, row, message):
    assert said(preview(desk, PriceBand, f"{BANDS}{row}\n")) == [message]
    assert not PriceMatrix.objects.exists()


def test_lines_are_imported_and_exported_unchanged(desk):
    factories.PartFactory(part_number="OIL-1")
    factories.ServiceFactory(name="Oil Change")
    content = (
        f"{LINES.strip()},cost\n"
        "Oil,Due for oil,1,part,OIL-1,,,4.50,,,\nOil,,2,labour,,Oil Change,,,0.75,,\n"
        "Oil,,3,labour,,,Reset,,,5.00,\nInspection,,1,sublet,,,State,,,21.00,15.00\n"
    )
    assert import_file(desk, CannedLine, content) == [
        "Import finished: 4 new, 0 updated, 0 unchanged canned job lines."
    ]
    assert list(CannedJob.objects.order_by("id").values_list("name", "concern", "is_listed")) == [
        ("Oil", "Due for oil", True),
        ("Inspection", "", True),
    ]
    exported = download(desk, CannedLine)
    assert table(exported) == [
        [*LINES.strip().split(","), "cost"],
        ["Inspection", "", "1", "sublet", "", "", "State", "", "", "21.00", "15.00"],
        ["Oil", "Due for oil", "1", "part", "OIL-1", "", "", "4.50", "", "", ""],
        ["Oil", "Due for oil", "2", "labour", "", "Oil Change", "", "", "0.75", "", ""],
        ["Oil", "Due for oil", "3", "labour", "", "", "Reset", "", "", "5.00", ""],
    ]
    assert import_file(desk, CannedLine, exported) == [
        "Import finished: 0 new, 0 updated, 4 unchanged canned job lines."
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Oil,,1,part,NONE,,,1,,", "Row 2: part: There is no part 'NONE'."),
        ("Oil,,1,part,,,,1,,", "Row 2: A part line has a part and a quantity, and nothing else."),
        (
            "Oil,,1,fee,,,Tow,,,1",
            "Row 2: kind: Select a valid choice. fee is not one of the available choices.",
        ),
        ("Oil,,x,sublet,,,Tow,,,1", "Row 2: position: Enter a whole number."),
        ("Oil,,1,labour,,Twice,,,1,", "Row 2: service: There is more than one service 'Twice'."),
    ],
)
def test_wrong_line_imports_nothing(desk, row, message):
    factories.ServiceFactory.create_batch(2, name="Twice")
    assert said(preview(desk, CannedLine, f"{LINES}{row}\n")) == [message]
    assert not CannedJob.objects.exists()
