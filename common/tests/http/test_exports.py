from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from common.http.exports import export_response

ROWS = [
    {
        "id": 1,
        "name": 'Ann, "the fixer"\nSmith',
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "amount": Decimal("-5.00"),
    },
    {"id": 2, "name": "=1+1", "at": None, "amount": [{"a": 1}]},
    {"id": 3, "name": "Émile", "at": True, "amount": "-5.00"},
]
COLUMNS = ["id", "name", "at", "amount"]


def export(kind, pages=(ROWS[:2], ROWS[2:])):
    return export_response(iter(pages), kind, columns=COLUMNS, total=3, name="rows")


def test_ndjson_is_one_object_a_line():
    assert export("ndjson").getvalue().decode() == (
        '{"id":1,"name":"Ann, \\"the fixer\\"\\nSmith","at":"2026-01-01T00:00:00Z","amount":"-5.00"}\n'
        '{"id":2,"name":"=1+1","at":null,"amount":[{"a":1}]}\n'
        '{"id":3,"name":"Émile","at":true,"amount":"-5.00"}\n'
    )


def test_csv_has_a_heading_plain_numbers_and_no_formulas():
    assert export("csv").getvalue().decode() == (
        "\ufeffid,name,at,amount\r\n"
        '1,"Ann, ""the fixer""\nSmith",2026-01-01T00:00:00Z,-5.00\r\n'
        '2,\'=1+1,,"[{""a"":1}]"\r\n'
        "3,Émile,true,-5.00\r\n"
    )


@pytest.mark.parametrize(
    ("kind", "empty"), [("ndjson", b""), ("csv", "\ufeffid,name,at,amount\r\n".encode())]
)
def test_list_without_rows_is_empty(kind, empty):
    assert export(kind, [[]]).getvalue() == empty


def test_headers_name_the_file_and_the_number_of_rows():
    response = export("csv")
    assert (response["X-Total-Count"], response["Content-Disposition"]) == (
        "3",
        'attachment; filename="rows.csv"',
    )


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_a_page_is_read_when_it_is_sent(kind):
    read = []

    def pages():
        for row in ROWS:
            read.append(row["id"])
            yield [row]

    response = export(kind, pages())
    assert read == [1]  # before the status, for errors
    sent = iter(response)
    next(sent)
    next(sent)
    assert read == [1, 2]


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_error_of_the_first_page_is_raised_before_the_status(kind):
    def pages():
        raise RuntimeError("away")
        yield []

    with pytest.raises(RuntimeError, match="away"):
        export(kind, pages())
