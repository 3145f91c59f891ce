"""Every table that is written as CSV or as a workbook is read back cell by cell."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain import workbooks
from common.domain.sheets import Columns, SheetRow, Unreadable, escape_formula, read_cell, read_sheet
from common.domain.workbooks import write_workbook

COLUMNS = Columns({"name": ("full name",), "zip": ("postal code",), "note": ()})
HEADINGS = ["name", "zip", "note"]

_text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
_awkward = st.sampled_from(
    ["02138", "=1+1", "'=1", "''-2", '="02138"', "+1 503", "@x", "-", "a,b", 'say "hi"', "O'Hara", "Zoë", "'", " "]
)  # fmt: skip
_lines = st.lists(_text | _awkward, min_size=1, max_size=3).map("\n".join)
_cells = st.tuples(_text | _awkward | _lines, _text | _awkward, _lines)
_rows = st.lists(_cells.filter(lambda row: any(cell.strip() for cell in row)), min_size=1, max_size=5)


def read(content, **options):
    sheet = read_sheet(io.BytesIO(content), COLUMNS, **options)
    return sheet, list(sheet.rows)


def given_back(rows):
    return [SheetRow(line, dict(zip(HEADINGS, row, strict=True))) for line, row in enumerate(rows, 2)]


def as_csv(rows, separator=","):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(HEADINGS)
    writer.writerows([escape_formula(cell) for cell in row] for row in rows)
    return file.getvalue()


@given(_text | _awkward | _lines)
def test_escaped_cell_is_no_formula_and_is_read_back(cell):
    escaped = escape_formula(cell)
    assert read_cell(escaped) == cell
    assert escaped.lstrip()[:1] not in {"=", "+", "-", "@"} or escaped[0] == "'"


@given(_rows, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]), st.sampled_from(",;\t"))
def test_csv_is_read_back(rows, encoding, separator):
    _, found = read(as_csv(rows, separator).encode(encoding))
    assert found == given_back(rows)


def test_named_separator_may_be_any_character():
    content = "sep=|\nname|zip|note\nDora|02138|a,b;c\n"
    _, [row] = read(content.encode())
    assert row.cells == {"name": "Dora", "zip": "02138", "note": "a,b;c"}


@given(_rows)
def test_workbook_is_read_back(rows):
    content = write_workbook(
        [HEADINGS, *([escape_formula(cell) for cell in row] for row in rows)], title="A/B"
    )
    sheet, found = read(content)
    assert found == given_back(rows)
    assert sheet.notes == []


def test_characters_that_no_workbook_can_hold_are_replaced():
    _, [row] = read(write_workbook([HEADINGS, ["a\x01b", "1", ""]], title="x"))
    assert row.cells["name"] == "a\N{REPLACEMENT CHARACTER}b"


def test_large_file_is_not_read_into_memory():
    content = io.BytesIO(as_csv([("Dora", "02138", "é" * 50)] * 20_000).encode())
    tracemalloc.start()
    rows = sum(1 for _ in read_sheet(content, COLUMNS).rows)
    assert (rows, tracemalloc.get_traced_memory()[1] < 1 << 20) == (20_000, True)
    tracemalloc.stop()


def test_archive_that_unpacks_to_more_than_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_UNPACKED_BYTES", 1_000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "0" * 1_001)
    with pytest.raises(Unreadable, match=r"^The workbook is too large: save the sheet as CSV\.$"):
        read(file.getvalue())


def test_what_is_not_read_is_noted():
    sheet, _ = read(b"Customers\n\nName,Zip,Note,VIP\nDora,1,,x\n", ignore_unknown=True)
    assert sheet.notes == ["Columns ignored: 'VIP'.", "Lines before the heading in line 3 are ignored."]


@pytest.mark.parametrize(
    "heading", ["Full Name", "FULL-NAME", "full_name", " Full  Name: ", "FullName", '="Full Name"']
)
def test_heading_is_known_in_every_spelling(heading):
    sheet, _ = read(f"{heading},zip\nDora,1\n".encode())
    assert sheet.columns == ["name", "zip"]


def test_windows_1252_and_mixed_files():
    assert read("name,zip\nZoë – “x”,1\n".encode("cp1252"))[1][0].cells["name"] == "Zoë – “x”"
    mixed = "name,zip\nZoë,1\n".encode() + b"Zo\xeb,2\n"
    assert read(mixed)[1] == [
        SheetRow(2, {"name": "Zoë", "zip": "1"}),
        SheetRow(3, problem="name is not UTF-8"),
    ]
