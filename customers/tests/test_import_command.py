"""`manage.py import_customers`: valid and invalid files, the output and the exit status."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from common.domain import sheets
from common.domain.sheets import escape_formula, read_cell
from customers.models import Customer, CustomerUser
from testing import factories

HEADER = "Name,email,PHONE,Address,tax-ID\n"
DORA = 'Dora Dean,dora@example.com,(555) 010-0001,"123 Main St, Portland, OR, 97201, USA",12-3\n'

OLD_WORKBOOK = "This is an .xls file or a workbook with a password. Save it as .xlsx without one, or as CSV."

pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def run(tmp_path):
    """Import a file of this content and return the exit status, the lines of stdout and the text of stderr.

    Without another verbosity only the rows that were not imported are in the output.
    """

    def run(content, *options, stderr=None, verbosity=0):
        file, stdout, stderr = tmp_path / "customers.csv", io.StringIO(), stderr or io.StringIO()
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            call_command(
                "import_customers", file, *options, verbosity=verbosity, stdout=stdout, stderr=stderr
            )
        except CommandError as error:
            return error.returncode, stdout.getvalue().splitlines(), str(error)
        return 0, stdout.getvalue().splitlines(), stderr.getvalue()

    return run


def everything():
    return [list(model.objects.order_by("pk").values_list()) for model in (User, Customer, CustomerUser)] + [
        list(model.history.order_by("pk").values_list()) for model in (User, Customer)
    ]


def summary(created=0, unchanged=0, conflict=0, refused=0, verb="created"):
    total = created + unchanged + conflict + refused
    return (
        f"{total:,} rows: {created:,} {verb}, {unchanged:,} unchanged, {conflict:,} in conflict, "
        f"{refused:,} refused."
    )


def test_valid_file_is_stored_once(run):
    assert run(HEADER + DORA) == (0, [summary(created=1)], "")
    assert Customer.objects.get().tax_id == "12-3"
    before = everything()
    assert run(HEADER + DORA) == (0, [summary(unchanged=1)], "")
    assert everything() == before


def test_each_line_is_reported(run):
    content = HEADER + DORA + "\nEve,eve@,,,\n"
    line_4 = "line 4: refused: address: it is missing; email: Enter a valid email address."
    ended = "1 rows were not imported."
    assert run(content, verbosity=1) == (
        1, ["line 2: created", line_4, summary(created=1, refused=1)], ended,
    )  # fmt: skip
    assert run(content, verbosity=1) == (
        1, ["line 2: unchanged", line_4, summary(unchanged=1, refused=1)], ended,
    )  # fmt: skip


def test_dry_run_reports_same_without_change(run):
    before = everything()
    verb = "would be created (dry run: nothing was stored)"
    assert run(HEADER + DORA + "\nx,,,,\n", "--dry-run") == (
        1,
        ["line 4: refused: address: it is missing", summary(created=1, refused=1, verb=verb)],
        "1 rows were not imported.",
    )
    assert everything() == before


def test_bad_rows_are_reported_by_line_of_spreadsheet(run):
    content = (
        (
            HEADER
            + 'Eve,eve@example.com,,"9 K St\nApt B\nBend, OR 97701",\n'  # line 2: three lines of text
            + "\n"  # 3: empty
            + "Finn,finn@example.com\n"  # 4
            + ",,,,\n"  # 5: empty, too
            + 'Gus\0,gus@example.com,,"9 K St, Bend, OR, 97701",\n'  # 6
            + 'Hal,hal@example.com,,"9 K St, Bend, OR, 97701",\n'  # 7
        ).encode()
        + b'B\xe9a \xc3\xa9,bea@example.com,,"9 K St, Bend, OR, 97701",\n"Ida"x,ida@example.com,,,\n"Jo,,,\n'
    )
    assert run(content) == (
        1,
        [
            "line 4: refused: has 2 cells where the heading has 5",
            "line 6: refused: name holds a NUL byte",
            "line 8: refused: name is not UTF-8",
            "line 9: refused: is not readable as CSV (',' expected after '\"')",
            "line 10: refused: is not readable as CSV (unexpected end of data)",
            summary(created=2, refused=5),
        ],
        "5 rows were not imported.",
    )
    assert [c.street_address for c in Customer.objects.order_by("id")] == ["9 K St, Apt B", "9 K St"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "The file is empty: its first line must name the columns."),
        (b"email\n", "A column is missing: name, or first_name and last_name, or company_name."),
        (b"name,address,Name\n", "The column 'name' is there twice: 'name' and 'Name'."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLD_WORKBOOK),
        (b"PK\x03\x04rest", "The file is neither an Excel workbook (.xlsx) nor CSV."),
        (b"x" * (1 << 20), "A line is longer than 1,048,576 characters: this is not a CSV file."),
    ],
)
def test_unreadable_file_exits_with_2(run, content, complaint):
    assert run(content) == (2, [], complaint)


def test_address_that_an_undo_may_restore_is_a_conflict(run):
    old = factories.EmailChangeFactory().undo_email
    before = everything()
    assert run(f'{HEADER}Eve,{old},5550100001,"9 K St, Bend, OR 97701",1\n') == (
        1,
        ["line 2: conflict: the database refused it: run the import again", summary(conflict=1)],
        "1 rows were not imported.",
    )
    assert everything() == before


def test_missing_file_exits_with_2(tmp_path):
    with pytest.raises(CommandError) as ended:
        call_command("import_customers", tmp_path / "none.csv")
    assert (ended.value.returncode, str(ended.value)) == (
        2, f"{tmp_path / 'none.csv'} cannot be read: No such file or directory.",
    )  # fmt: skip


def test_unknown_column_is_an_error_or_ignored_on_request(run):
    content = 'name,address,is_superuser\nDora,"123 Main St, Portland, OR, 97201",1\n'
    before = everything()
    assert run(content) == (
        2,
        [],
        (
            "Unknown columns: 'is_superuser'. Known are name, first_name, last_name, email, phone, address, "
            "street_address, city, state, postal_code, country, company_name, business_type, tax_id, "
            "terms_days."
        ),
    )
    assert everything() == before
    ignored = "Columns ignored: 'is_superuser'.\n"
    assert run(content, "--ignore-unknown") == (0, [summary(created=1)], ignored)
    assert not User.objects.get().is_superuser


def test_days_to_pay_are_read(run):
    content = 'name,address,net days\nDora,"123 Main St, Portland, OR, 97201",30\n'
    assert run(content)[0] == 0
    assert Customer.objects.get().terms_days == 30
    assert run(content) == (0, [summary(unchanged=1)], "")


def test_byte_order_mark_and_windows_lines_are_read(run):
    assert run(b"\xef\xbb\xbf" + (HEADER + DORA).replace("\n", "\r\n").encode())[:2] == (0, [summary(1)])


def test_help_documents_the_columns(capsys):
    with pytest.raises(SystemExit):
        call_command("import_customers", "--help")
    text = capsys.readouterr().out
    for column in ("street_address", "company_name", "business_type", "tax_id", "terms_days", "exit status"):
        assert column in text


@pytest.mark.parametrize("cell", ["=1+1", "+1503", "-2", "@x", "\tx", " =1", "＝1", "'=1"])
def test_formula_is_guarded_and_restored(cell):
    assert escape_formula(cell) == f"'{cell}"
    assert read_cell(escape_formula(cell)) == cell


def test_plain_text_is_not_guarded():
    for cell in ("", "Dora", "(555)", "O'Hara", "'s-Hertogenbosch", "a=b"):
        assert (escape_formula(cell), read_cell(cell)) == (cell, cell)


BREAKS = {
    "email": ("email", "no email", "email: Enter a valid email address."),
    "phone": ("phone", "12", "phone: Enter a phone number of 7 to 15 digits."),
    "name": ("name", "", "name: it is missing"),
    "address": ("address", "1 Oak Way, Bend", None),
    "days": ("terms_days", "30 d", "terms_days: “30 d” value must be an integer."),
    "too many days": ("terms_days", "366", "terms_days: Ensure this value is less than or equal to 365."),
    "long": ("tax_id", "9" * 51, "tax_id: Ensure this value has at most 50 characters (it has 51)."),
}
NOT_PARSED = (
    "address: it ends neither in a ZIP code nor in the five parts street, city, state, postal code, country"
)


def ten_thousand():
    """Return a file in which every tenth row is broken, each in the next way, and its complaints."""
    file, complaints = io.StringIO(), []
    writer = csv.DictWriter(file, ["name", "email", "phone", "address", "tax_id", "terms_days"])
    writer.writeheader()
    kinds = list(BREAKS.values())
    for n in range(10_000):
        address = f"{n} Main St, Portland, OR, 97201, USA" if n % 2 else f"{n} Main St\nPortland, OR 97201"
        cells = {
            "name": f"Pat Person{n}",
            "email": f"pat{n}@example.com" if n % 3 else "",
            "phone": "(555) 010-0000",
            "address": address,
        }
        if n % 10 == 9:
            column, value, reason = kinds[n // 10 % len(kinds)]
            cells[column] = value
            complaints.append(f"line {n + 2}: refused: {reason or NOT_PARSED}")
        writer.writerow(cells)
    return file.getvalue(), complaints


@pytest.mark.slow
@pytest.mark.storm
def test_10000_rows_with_one_in_ten_broken(run):
    content, complaints = ten_thousand()
    empty = everything()
    verb = "would be created (dry run: nothing was stored)"
    ended = "1,000 rows were not imported."
    assert run(content, "--dry-run") == (1, [*complaints, summary(9_000, refused=1_000, verb=verb)], ended)
    assert everything() == empty
    assert run(content) == (1, [*complaints, summary(9_000, refused=1_000)], ended)
    stored = everything()
    assert [len(rows) for rows in stored] == [9_000] * 5
    assert run(content) == (1, [*complaints, summary(unchanged=9_000, refused=1_000)], ended)
    assert everything() == stored


@pytest.mark.parametrize(
    ("stderr", "progress"),
    [(io.StringIO(), "5,000 rows\n10,000 rows\n"), (Terminal(), "\r500 rows\r1,000 rows")],
)
def test_progress_is_shown(run, monkeypatch, stderr, progress):
    content = HEADER + "Dora,,,,\n" * 10_000
    run(content, stderr=stderr)
    assert stderr.getvalue().startswith(progress)


def test_longest_line_is_bounded(run, monkeypatch):
    monkeypatch.setattr(sheets, "MAX_LINE_CHARS", 200)
    complaint = "A line is longer than 200 characters: this is not a CSV file."
    assert run(HEADER + DORA + "x" * 300) == (2, [], complaint)
