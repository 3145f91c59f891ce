"""Import and export of parts in the admin, and the rules common to every import."""

from __future__ import annotations

import csv
import html
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from catalogue.models import Part
from common.admin import formats
from common.domain import expiry, tasks
from common.domain.models import SheetImport
from common.domain.sheets import CHANGE_REASON
from testing import factories
from testing.admin import (
    changelist,
    confirm_import,
    download,
    download_workbook,
    import_file,
    preview,
    refusal,
    said,
)

HEADER = "part_number,name,unit_price\n"


def test_file_is_previewed_then_imported_with_user_in_history(desk, ada):
    old = factories.PartFactory(part_number="P-1", unit_price="5.00")
    content = "Part Number,NAME,unit-price,taxable\nP-1,Oil Filter,5.50,yes\nP-2, Brake pad ,9,no\n"
    page = preview(desk, Part, content)
    assert (said(page), page.context["sheet"].totals["new"], Part.objects.count()) == ([], 1, 1)
    assert import_file(desk, Part, content) == ["Import finished: 1 new, 1 updated, 0 unchanged parts."]
    assert list(Part.objects.order_by("id").values_list("part_number", "name", "unit_price", "taxable")) == [
        ("P-1", "Oil Filter", Decimal("5.50"), True),
        ("P-2", "Brake pad", Decimal("9.00"), False),
    ]
    latest = old.history.latest()
    assert (latest.history_user, latest.history_change_reason) == (ada, CHANGE_REASON)
    again = import_file(desk, Part, content)
    assert again == ["Import finished: 0 new, 0 updated, 2 unchanged parts."]
    assert Part.history.count() == 3


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("P-1,Pad,-1", "Row 3: unit_price: Ensure this value is greater than or equal to 0."),
        ("P-1,Pad,abc", "Row 3: unit_price: Enter a number."),
        ("P-1,Pad,", "Row 3: unit_price: This field is required."),
        ("P-1,Pad,1.234", "Row 3: unit_price: Ensure that there are no more than 2 decimal places."),
        ("P-1,,1", "Row 3: name: This field is required."),
        (",Pad,1", "Row 3: part_number: This field is required."),
        ("P-0,Pad,1", "Row 3: This is in row 2 already."),
    ],
)
def test_error_names_row_and_nothing_is_imported(desk, rows, message):
    content = f"{HEADER}P-0,Fine,1\n{rows}\n"
    assert said(preview(desk, Part, content)) == [message]
    assert not Part.objects.exists()


def test_boolean_cell_accepts_yes_or_no(desk):
    content = "part_number,name,unit_price,taxable\nP-1,Pad,1,perhaps\nP-2,Pad,1,\n"
    assert said(preview(desk, Part, content)) == ["Row 2: taxable: Write yes or no."]


def test_unknown_column_is_refused(desk):
    content = "part_number,name,unit_price,is_superuser\nP-1,Pad,1,1\n"
    [shown] = refusal(desk, Part, content)
    assert shown == (
        "Unknown columns: 'is_superuser'. Known are name, part_number, manufacturer, unit_price, taxable, "
        "warranty_months, unit_cost, core_charge, is_listed, is_sold_online."
    )
    assert not Part.objects.exists()
    assert import_file(desk, Part, content, ignore_unknown="on") == [
        "Import finished: 1 new, 0 updated, 0 unchanged parts."
    ]
    sheet = SheetImport.objects.get()
    assert sheet.notes == ["Columns ignored: 'is_superuser'."]
    assert html.escape(sheet.notes[0]) in desk.get(f"{changelist(Part)}import/{sheet.pk}/").text


def test_row_numbers_match_spreadsheet(desk):
    content = f'{HEADER}P-1,"Oil\nFilter",1\n\n,,\nP-2,Pad,-1\n'
    assert said(preview(desk, Part, content)) == [
        "Row 5: unit_price: Ensure this value is greater than or equal to 0.",
    ]


def test_error_after_preview_imports_nothing(desk):
    content = f"{HEADER}P-1,Pad,1\nP-2,Pad,1\n"
    sheet = preview(desk, Part, content).context["sheet"]
    SheetImport.objects.update(content=content.replace("P-2,Pad,1", "P-2,Pad,-1").encode())
    assert confirm_import(desk, Part, sheet.pk) == [
        "Row 3: unit_price: Ensure this value is greater than or equal to 0."
    ]
    assert not Part.objects.exists()


def test_expired_preview_asks_for_file_again(desk, now):
    sheet = preview(desk, Part, f"{HEADER}P-1,Pad,1\n").context["sheet"]
    expiry.clear_imports(now=now + timedelta(hours=23))
    sheet.refresh_from_db()
    assert (sheet.state, bool(sheet.content)) == ("checked", True)
    expiry.clear_imports(now=now + timedelta(hours=25))
    sheet.refresh_from_db()
    assert (sheet.state, bytes(sheet.content), sheet.preview) == ("expired", b"", {})
    for wanted in (sheet.pk, sheet.pk + 1, "x", ""):
        response = desk.post(f"{changelist(Part)}process_import/", {"sheet": wanted}, follow=True)
        assert [str(m) for m in response.context["messages"]] == [
            "The uploaded file has expired. Choose it again."
        ]
    assert (tasks.run_all(), Part.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"part_number,name\nP-1,a\xff\xc3\xa9\n", "Row 2 name is not UTF-8."),
        (b"part_number,name\nP-1,a\0b\n", "Row 2 name holds a NUL byte."),
        (b"part_number,name\n\nP-1\n", "Row 3 has 1 cells where the heading has 2."),
        (b"part_number,name,Name\n", "The column 'name' is there twice: 'name' and 'Name'."),
        (
            b"part_number,name\n",
            "The file has no rows.",
        ),
    ],
)
def test_unreadable_file_is_refused(desk, content, message):
    file = SimpleUploadedFile("parts.csv", content)
    response = desk.post(f"{changelist(Part)}import/", {"import_file": file, "format": "0"})
    assert response.context["form"].errors == {"import_file": [message]}


def test_file_with_too_many_rows_is_refused(desk, monkeypatch):
    monkeypatch.setattr(formats, "MAX_ROWS", 2)
    content = f"{HEADER}P-1,Pad,1\nP-2,Pad,1\n"
    assert said(preview(desk, Part, content)) == []
    file = SimpleUploadedFile("parts.csv", f"{content}P-3,Pad,1\n".encode())
    response = desk.post(f"{changelist(Part)}import/", {"import_file": file, "format": "0"})
    assert response.context["form"].errors == {"import_file": ["A file may have 2 rows: split it."]}


def test_export_escapes_formulas_and_imports_unchanged(desk):
    factories.PartFactory(part_number="=1+1", name="@SUM(A1)", manufacturer="-x", unit_price="5.00")
    factories.PartFactory(
        part_number="P-2", taxable=False, unit_cost="3.2", core_charge="12", is_listed=False
    )
    content = download(desk, Part)
    rows = list(csv.reader(io.StringIO(content)))
    assert rows == [
        [
            *("part_number", "name", "manufacturer", "unit_price", "unit_cost", "core_charge", "taxable"),
            *("warranty_months", "is_listed", "is_sold_online"),
        ],
        ["'=1+1", "'@SUM(A1)", "'-x", "5.00", "", "", "yes", "0", "yes", "yes"],
        ["P-2", "Oil Filter", "Fram", "9.49", "3.2000", "12.00", "no", "0", "no", "yes"],
    ]
    assert import_file(desk, Part, content) == ["Import finished: 0 new, 0 updated, 2 unchanged parts."]


class TestPartsOffTheList:
    def test_row_without_the_column_makes_a_new_part(self, desk):
        factories.PartFactory(part_number="P-1", name="Old", is_listed=False)
        content = f"{HEADER}P-1,New,1\n"
        assert import_file(desk, Part, content) == ["Import finished: 1 new, 0 updated, 0 unchanged parts."]
        assert import_file(desk, Part, content) == ["Import finished: 0 new, 0 updated, 1 unchanged parts."]
        names = Part.objects.order_by("id").values_list("name", "is_listed")
        assert list(names) == [("Old", False), ("New", True)]

    def test_row_with_the_column_lists_the_newest_one_again(self, desk):
        for name in ("Older", "Old"):
            factories.PartFactory(part_number="P-1", name=name, is_listed=False)
        content = "part_number,name,unit_price,listed\nP-1,Back,1,yes\n"
        assert import_file(desk, Part, content) == ["Import finished: 0 new, 1 updated, 0 unchanged parts."]
        names = Part.objects.order_by("id").values_list("name", "is_listed")
        assert list(names) == [("Older", False), ("Back", True)]


def test_import_does_not_touch_the_shelf(desk):
    part = factories.PartFactory(part_number="P-1", stock=5)
    assert import_file(desk, Part, "part_number,name,unit_price,unit_cost\nP-1,Pad,1,0.5\n")
    part.refresh_from_db()
    assert (part.stock, part.is_stocked, part.unit_cost) == (5, True, Decimal("0.5000"))


def test_import_and_export_require_permissions(desk, tim):
    sheet = preview(desk, Part, f"{HEADER}P-1,Pad,1\n").context["sheet"]
    client = Client()
    Group.objects.get(name=tim.role).permissions.clear()
    client.force_login(tim)
    url = changelist(Part)

    def statuses():
        answers = (
            client.get(f"{url}import/"),
            client.post(f"{url}process_import/"),
            client.get(f"{url}import/{sheet.pk}/"),
            client.get(f"{url}export/"),
        )
        return [answer.status_code for answer in answers]

    def grant(*codenames):
        tim.user_permissions.add(*Permission.objects.filter(codename__in=codenames))

    assert statuses() == [403, 403, 403, 403]
    grant("view_part", "add_part")
    assert statuses() == [403, 403, 403, 200]
    grant("change_part")
    assert statuses() == [200, 302, 200, 200]


def test_workbook_keeps_zeros_and_is_imported_unchanged(desk):
    factories.PartFactory(part_number="00123", name="=1+1", manufacturer="Zoë, Ltd", unit_price="5.00")
    content = download_workbook(desk, Part)
    rows = load_workbook(io.BytesIO(content)).worksheets[0].iter_rows()
    assert [[(cell.value, cell.data_type) for cell in row[:3]] for row in rows] == [
        [("part_number", "s"), ("name", "s"), ("manufacturer", "s")],
        [("00123", "s"), ("'=1+1", "s"), ("Zoë, Ltd", "s")],
    ]
    assert import_file(desk, Part, content) == ["Import finished: 0 new, 0 updated, 1 unchanged parts."]


def test_exported_csv_begins_with_the_mark_that_excel_needs(desk):
    response = desk.post(f"{changelist(Part)}export/", {"format": "0"})
    assert response.content.startswith(b"\xef\xbb\xbfpart_number,")


def test_headings_of_other_systems_are_known(desk):
    content = 'Part No.;Part Name;Price\n="0012";Pad;9.50\n'
    assert import_file(desk, Part, content) == ["Import finished: 1 new, 0 updated, 0 unchanged parts."]
    assert Part.objects.get().part_number == "0012"
