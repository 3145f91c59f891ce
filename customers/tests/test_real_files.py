"""Files in the shapes in which other systems and spreadsheets save them, by the command and on the admin's page."""

from __future__ import annotations

import io
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from openpyxl import Workbook

from common.domain.models import SheetImport
from customers.models import Customer
from testing.admin import changelist, import_file, preview, refusal, said

pytestmark = pytest.mark.django_db

DORA = ("Dora", "Dean", "dora@example.com", "(555) 010-0001", "1 A St", "Boston", "MA", "02138", "USA")
PLAIN = "first_name,last_name,email,phone,street_address,city,state,postal_code,country\n"
ROW = "Dora,Dean,dora@example.com,(555) 010-0001,1 A St,Boston,MA,02138,USA\n"
EIGHT = "Dora,Dean,dora@example.com,(555) 010-0001,1 A St,Boston,MA"


def workbook(*rows, zip_format="General", hidden=False, more=False):
    book = Workbook()
    sheet = book.active
    if hidden:
        sheet.append(["secret"])
        sheet.sheet_state, sheet = "hidden", book.create_sheet("Customers")
    for row in rows:
        sheet.append(row)
    for cell in sheet["H"]:
        cell.number_format = zip_format
    if more:
        book.create_sheet("Notes").append(["a note"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


HEADINGS = PLAIN.strip().split(",")
CELLS = ROW.strip().split(",")
GOOD = {
    "plain": PLAIN + ROW,
    "headings of a CRM": "First Name,Surname,E-mail,Phone Number,Street,City,State/Province,Zip/Postal Code,Country\n"
    + ROW,
    "capitals": PLAIN.upper() + ROW,
    "spaces and hyphens": PLAIN.replace("_", " ").replace("email", "e-mail") + ROW,
    "semicolons": (PLAIN + ROW).replace(",", ";"),
    "tabs": (PLAIN + ROW).replace(",", "\t"),
    "separator named": "sep=;\r\n" + (PLAIN + ROW).replace(",", ";").replace("\n", "\r\n"),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + (PLAIN + ROW).encode(),
    "UTF-16 as Excel's Unicode text": (PLAIN + ROW).replace(",", "\t").encode("utf-16"),
    "UTF-16 without a mark": (PLAIN + ROW).encode("utf-16-le"),
    "quotes everywhere": "".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) + "\r\n" for line in (PLAIN + ROW).splitlines()
    ),
    "title lines": "Customers\n,Exported 2026-01-31\n\n" + PLAIN + ROW,
    "trailing commas": PLAIN.replace("\n", ",,\n") + ROW.replace("\n", ",,\n") + ",,,,,,,,,,\n\n",
    "trailing commas in the rows": PLAIN + ROW.replace("\n", ",,,\n"),
    "empty columns": PLAIN.replace("last_name", ",last_name") + ROW.replace("Dean", ",Dean"),
    "zero lost": PLAIN + ROW.replace("02138", "2138"),
    "zero lost in a decimal": PLAIN + ROW.replace("02138", "2138.0"),
    "zero wrapped": PLAIN + ROW.replace("02138", '="02138"'),
    "country spelled": PLAIN + ROW.replace("USA", "United States"),
    "country with dots": PLAIN + ROW.replace("USA", "U.S.A."),
    "country as US": PLAIN + ROW.replace("USA", "us"),
    "no country": PLAIN.replace(",country", "") + f"{EIGHT},02138\n",
    "Address beside City": "Name,Email,Phone,Address,City,State,Zip\n"
    "Dora Dean,dora@example.com,(555) 010-0001,1 A St,Boston,MA,02138\n",
    "one line": 'Full Name,Email Address,Mobile,Address\nDora Dean,dora@example.com,(555) 010-0001,"1 A St, '
    'Boston, MA, 02138"\n',
    "workbook": workbook(HEADINGS, CELLS),
    "workbook with numbers": workbook(HEADINGS, [*CELLS[:7], 2138, "USA"]),
    "workbook with a format of zeros": workbook(HEADINGS, [*CELLS[:7], 2138, "US"], zip_format="00000"),
    "workbook with titles": workbook(["Customers"], [date(2026, 1, 31)], [], [*HEADINGS, None], [*CELLS, None]),
    "workbook with a hidden sheet": workbook(HEADINGS, CELLS, hidden=True),
    "workbook with more sheets": workbook(HEADINGS, CELLS, more=True),
}  # fmt: skip
each_good = pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())


def stored():
    return [
        (
            *(getattr(customer.contact, name) for name in ("first_name", "last_name", "email", "phone")),
            *(getattr(customer, name) for name in ("street_address", "city", "state", "postal_code", "country")),
        )
        for customer in Customer.objects.with_contact()
    ]  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Run the command and return the exit status, the lines of stdout and the error."""

    def run(content):
        file, stdout = tmp_path / "customers.dat", io.StringIO()
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            call_command("import_customers", file, stdout=stdout, stderr=io.StringIO())
        except CommandError as error:
            return error.returncode, stdout.getvalue().splitlines()[:-1], str(error)
        return 0, stdout.getvalue().splitlines()[:-1], ""

    return run


@each_good
def test_command_reads_the_file_and_creates_nothing_twice(run, content):
    status, [said], error = run(content)
    assert (status, said.split(": ")[1], error) == (0, "created", "")
    assert stored() == [DORA]
    assert run(content) == (0, [said.replace("created", "unchanged")], "")
    assert stored() == [DORA]


@each_good
def test_page_reads_the_file_and_creates_nothing_twice(desk, content):
    assert import_file(desk, Customer, content) == [
        "Import finished: 1 new, 0 updated, 0 unchanged customers."
    ]
    assert stored() == [DORA]
    assert import_file(desk, Customer, content) == [
        "Import finished: 0 new, 0 updated, 1 unchanged customers."
    ]


UNKNOWN = "Unknown columns: 'Loyalty'. Known are "
BAD = {
    "unknown heading": (PLAIN.replace("country", "Loyalty") + ROW, UNKNOWN),
    "two phones": (
        PLAIN.replace("country", "Mobile") + ROW,
        "The column 'phone' is there twice: 'phone' and 'Mobile'.",
    ),
    "row before the heading": (
        ROW + PLAIN,
        "Line 1 is before the heading in line 2 and could be a row: remove it.",
    ),
    "address twice": (
        "Name,Full Address,Street,City,State,Zip\n,,,,,\n",
        "The address is given twice: use address, or street_address, city, state, postal_code.",
    ),
    "old workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "This is an .xls file or a workbook with a password. Save it as .xlsx without one, or as CSV.",
    ),
    "no workbook": (b"PK\x03\x04zip", "The file is neither an Excel workbook (.xlsx) nor CSV."),
    "empty": ("\n\n", "The file is empty: its first line must name the columns."),
}
each_bad = pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD.keys())


@each_bad
def test_command_refuses_the_file(run, content, reason):
    status, lines, error = run(content)
    assert (status, lines, error[: len(reason)]) == (2, [], reason)
    assert stored() == []


@each_bad
def test_page_refuses_the_file(desk, content, reason):
    [shown] = refusal(desk, Customer, content)
    assert shown[: len(reason)] == reason


ROWS = {
    "state": ("MA", "Massachusets", "state: 'Massachusets' is not a state of the USA: write its name or two letters."),
    "zip of four digits": (
        "MA,02138", "OR,2138", "postal_code: '2138' is not a ZIP code: write five digits, or nine as 97201-1234.",
    ),
    "zip of letters": (
        "02138", "O2138", "postal_code: 'O2138' is not a ZIP code: write five digits, or nine as 97201-1234.",
    ),
    "city": ("Boston", "Apt 4", "city: 'Apt 4' is not a city."),
    "code abroad": ("MA,02138,USA", "Kent,none,UK", "postal_code: 'none' is not a postal code."),
    "state abroad": ("MA,02138,USA", "5,A1,UK", "state: '5' is not a state."),
}  # fmt: skip
each_row = pytest.mark.parametrize(("old", "new", "reason"), ROWS.values(), ids=ROWS.keys())


@each_row
def test_command_checks_the_columns_of_an_address(run, old, new, reason):
    assert run("Customers\n" + PLAIN + ROW.replace(old, new)) == (
        1, [f"line 3: refused: {reason}"], "1 rows were not imported.",
    )  # fmt: skip
    assert stored() == []


@each_row
def test_page_checks_the_columns_of_an_address(desk, old, new, reason):
    content = "Customers\n" + PLAIN + ROW.replace(old, new)
    assert said(preview(desk, Customer, content)) == [f"Row 3: {reason}"]


@pytest.mark.parametrize(
    ("code", "state", "whole"),
    [
        ("2138", "Massachusetts", "02138"),
        ("21381234", "MA", "02138-1234"),
        ("972011234", "OR", "97201-1234"),
        ("901", "PR", "00901"),
        ("97201-1234", "OR", "97201-1234"),
    ],
)
def test_digits_that_a_spreadsheet_dropped_come_back(run, code, state, whole):
    assert run(PLAIN + ROW.replace("MA,02138", f"{state},{code}"))[0] == 0
    assert Customer.objects.get().postal_code == whole


def test_windows_1252_is_read(run):
    assert run((PLAIN + ROW.replace("Dora", "Zoë")).encode("cp1252"))[0] == 0
    assert stored()[0][0] == "Zoë"


def test_cells_that_are_no_value_are_refused(run):
    content = workbook(HEADINGS, [*CELLS[:7], "=1+1", "USA"], [*CELLS[:7], "#N/A", "USA"])
    assert run(content) == (
        1,
        [
            "line 2: refused: has a formula without a value in H2: save the file in Excel",
            "line 3: refused: has the error #N/A in H3",
        ],
        "2 rows were not imported.",
    )


def test_cell_without_a_heading_is_refused(run, desk):
    content = PLAIN.replace("\n", ",\n") + ROW.replace("\n", ",vip\n")
    reason = "has a cell in column 10, which has no heading"
    assert run(content)[1] == [f"line 2: refused: {reason}"]
    assert refusal(desk, Customer, content) == [f"Row 2 {reason}."]


def test_person_without_email_is_found_by_name_and_phone(run, desk):
    first = PLAIN + ROW.replace("dora@example.com", "")
    again = first.replace("(555) 010-0001", "+1 555.010.0001").replace("Dora,Dean", "Dora Dean,")
    assert run(first)[1] == ["line 2: created"]
    assert run(again)[1] == ["line 2: unchanged"]
    shown = preview(desk, Customer, first)
    assert shown.context["sheet"].totals["new"] == 0
    assert len(stored()) == 1


def test_email_of_a_walk_in_is_a_conflict_for_the_command_and_a_change_on_the_page(run, desk):
    run(PLAIN + ROW.replace("dora@example.com", ""))
    pk = Customer.objects.get().pk
    assert run(PLAIN + ROW)[1] == [f"line 2: conflict: customer {pk} has another email"]
    assert import_file(desk, Customer, PLAIN + ROW) == [
        "Import finished: 0 new, 1 updated, 0 unchanged customers."
    ]
    assert stored() == [DORA]


def test_row_that_fits_several_customers_is_refused(run, desk):
    for email in ("a@example.com", "b@example.com"):
        run(PLAIN + ROW.replace("dora@example.com", email))
    before = stored()
    first, second = Customer.objects.order_by("id")
    content = PLAIN + ROW.replace("dora@example.com", "")
    assert run(content)[1] == [f"line 2: conflict: customers {first.pk}, {second.pk} match this row"]
    without_email = content.replace("email,", "").replace("Dean,,", "Dean,")
    assert said(preview(desk, Customer, without_email)) == [
        "Row 2: Several customers match this row: add the uuid of the right one."
    ]
    assert stored() == before


def test_page_says_what_happened_to_each_row(desk, alice):
    rows = f"Alice,Cooper,{alice.contact.email}\nDora,Dean,dora@example.com\n"
    content = f"first_name,last_name,email\n{rows}"
    import_file(desk, Customer, content)
    import_file(desk, Customer, content.replace("Dora", "Dorothy") + "\nEve,,eve@example.com\n")
    first, second = SheetImport.objects.order_by("id")
    assert first.outcomes == [[2, "skip"], [3, "new"]]
    assert second.outcomes == [[2, "skip"], [3, "update"], [5, "new"]]
    page = desk.get(f"{changelist(Customer)}import/{second.pk}/").text
    assert "Result of each row" in page
    for shown in ("Row 2: unchanged", "Row 3: updated", "Row 5: new"):
        assert f"<li>{shown}</li>" in page


def test_stored_address_is_not_checked_again(desk, alice):
    Customer.objects.update(state="Elsewhere", postal_code="1", country="US")
    before = stored()
    content = f"uuid,state,postal_code,country,tax_id\n{alice.uuid},Elsewhere,1,US,12\n"
    assert import_file(desk, Customer, content) == [
        "Import finished: 0 new, 1 updated, 0 unchanged customers."
    ]
    assert stored() == before


@pytest.mark.parametrize(
    "phone", ["(555) 010-0001 ext. 5", "555-010-0001 x5", "5550100001;Extension 5", "+15550100001"]
)
def test_phone_with_an_extension_is_found_by_its_digits(run, phone):
    content = PLAIN + ROW.replace("dora@example.com", "").replace("(555) 010-0001", phone)
    assert [run(content)[1], run(content)[1]] == [["line 2: created"], ["line 2: unchanged"]]
