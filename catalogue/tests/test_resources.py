"""Import and export of parts in the admin, and the rules common to every import."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile

from catalogue.models import Part
from common.admin import transfer
from common.domain.sheets import CHANGE_REASON
from testing import factories
from testing.admin import changelist, download, import_file, preview, said

HEADER = "part_number,name,unit_price\n"


def test_file_is_previewed_then_imported_with_user_in_history(desk, ada):
    old = factories.PartFactory(part_number="P-1", unit_price="5.00")
    content = "Part Number,NAME,unit-price,taxable\nP-1,Oil Filter,5.50,yes\nP-2, Brake pad ,9,no\n"
    page = preview(desk, Part, content)
    assert (said(page), page.context["result"].totals["new"], Part.objects.count()) == ([], 1, 1)
    assert import_file(desk, Part, content) == [
        "Import finished: 1 new, 1 updated, 0 deleted and 0 skipped parts."
    ]
    assert list(Part.objects.order_by("id").values_list("part_number", "name", "unit_price", "taxable")) == [
        ("P-1", "Oil Filter", Decimal("5.50"), True),
        ("P-2", "Brake pad", Decimal("9.00"), False),
    ]
    latest = old.history.latest()
    assert (latest.history_user, latest.history_change_reason) == (ada, CHANGE_REASON)
    again = import_file(desk, Part, content)
    assert again == ["Import finished: 0 new, 0 updated, 0 deleted and 2 skipped parts."]
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
    assert said(preview(desk, Part, content)) == ["Unknown columns: 'is_superuser'."]
    assert not Part.objects.exists()


def test_row_numbers_match_spreadsheet(desk):
    content = f'{HEADER}P-1,"Oil\nFilter",1\n\n,,\nP-2,Pad,-1\n'
    assert said(preview(desk, Part, content)) == [
        "Row 5: unit_price: Ensure this value is greater than or equal to 0."
    ]


def test_error_after_preview_imports_nothing(desk):
    content = f"{HEADER}P-1,Pad,1\nP-2,Pad,1\n"
    confirm = preview(desk, Part, content).context["confirm_form"].initial
    waiting = f"django-import-export-{confirm['import_file_name']}"
    cache.set(waiting, cache.get(waiting).replace(b"P-2,Pad,1", b"P-2,Pad,-1"))
    response = desk.post(f"{changelist(Part)}process_import/", confirm, follow=True)
    assert [str(m) for m in response.context["messages"]] == [
        "Nothing was imported. Row 3: unit_price: Ensure this value is greater than or equal to 0."
    ]
    assert not Part.objects.exists()


def test_expired_preview_asks_for_file_again(desk):
    confirm = preview(desk, Part, f"{HEADER}P-1,Pad,1\n").context["confirm_form"].initial
    cache.clear()
    response = desk.post(f"{changelist(Part)}process_import/", confirm, follow=True)
    assert [str(m) for m in response.context["messages"]] == [
        "The uploaded file has expired. Choose it again."
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"part_number,name\nP-1,a\xff\n", "Row 2 name is not UTF-8."),
        (b"part_number,name\nP-1,a\0b\n", "Row 2 name holds a NUL byte."),
        (b"part_number,name\n\nP-1\n", "Row 3 has 1 cells where the first line has 2."),
        (b"part_number,name,Name\n", "The column 'name' is there twice."),
        (
            b"part_number,name\n",
            "No valid data to import. Ensure your file has the correct headers or data for import.",
        ),
    ],
)
def test_unreadable_file_is_refused(desk, content, message):
    file = SimpleUploadedFile("parts.csv", content)
    response = desk.post(f"{changelist(Part)}import/", {"import_file": file, "format": "0"})
    assert response.context["form"].errors == {"import_file": [message]}


def test_file_with_too_many_rows_is_refused(desk, monkeypatch):
    monkeypatch.setattr(transfer, "MAX_ROWS", 2)
    content = f"{HEADER}P-1,Pad,1\nP-2,Pad,1\n"
    assert said(preview(desk, Part, content)) == []
    file = SimpleUploadedFile("parts.csv", f"{content}P-3,Pad,1\n".encode())
    response = desk.post(f"{changelist(Part)}import/", {"import_file": file, "format": "0"})
    assert response.context["form"].errors == {"import_file": ["A file may have 2 rows: split it."]}


def test_export_escapes_formulas_and_imports_unchanged(desk):
    factories.PartFactory(part_number="=1+1", name="@SUM(A1)", manufacturer="-x", unit_price="5.00")
    factories.PartFactory(part_number="P-2", taxable=False)
    content = download(desk, Part)
    rows = list(csv.reader(io.StringIO(content)))
    assert rows == [
        ["part_number", "name", "manufacturer", "unit_price", "taxable", "warranty_months"],
        ["'=1+1", "'@SUM(A1)", "'-x", "5.00", "yes", "0"],
        ["P-2", "Oil Filter", "Fram", "9.49", "no", "0"],
    ]
    assert import_file(desk, Part, content) == [
        "Import finished: 0 new, 0 updated, 0 deleted and 2 skipped parts."
    ]


def test_import_and_export_require_permissions(client, tim):
    Group.objects.get(name=tim.role).permissions.clear()
    client.force_login(tim)
    url = changelist(Part)

    def statuses():
        answers = (
            client.get(f"{url}import/"),
            client.post(f"{url}process_import/"),
            client.get(f"{url}export/"),
        )
        return [answer.status_code for answer in answers]

    def grant(*codenames):
        tim.user_permissions.add(*Permission.objects.filter(codename__in=codenames))

    assert statuses() == [403, 403, 403]
    grant("view_part", "add_part")
    assert statuses() == [403, 403, 200]
    grant("change_part")
    assert statuses() == [200, 200, 200]
