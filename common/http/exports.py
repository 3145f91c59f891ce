"""Whole lists as files, NDJSON or CSV, which are made page by page while they are sent.

A page is a statement of its own that begins after the last row of the one before. So an export takes the memory of a
page, and a client that reads slowly keeps no transaction open.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain

import orjson
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from common.domain.encoding import dumps
from common.domain.sheets import csv_cell
from common.domain.types import Json

JSON, NDJSON, CSV = "json", "ndjson", "csv"
MEDIA_TYPES = {NDJSON: "application/x-ndjson", CSV: "text/csv; charset=utf-8"}
PAGE_ROWS = 500

Pages = Iterable[list[Json]]


def export_response(
    pages: Pages, kind: str, *, columns: Sequence[str], total: int, name: str
) -> StreamingHttpResponse:
    """Return the pages as a file. `total` is the number of rows, by which a client can tell its progress."""
    write: dict[str, Callable[[], Iterator[bytes]]] = {
        NDJSON: lambda: _ndjson(pages),
        CSV: lambda: _csv(pages, columns),
    }
    chunks = write[kind]()
    first = next(chunks, b"")  # read before the status is sent, for errors
    return StreamingHttpResponse(
        chain([first], chunks),
        content_type=MEDIA_TYPES[kind],
        headers={
            "X-Total-Count": str(total),
            "Content-Disposition": content_disposition_header(True, f"{name}.{kind}") or "attachment",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _ndjson(pages: Pages) -> Iterator[bytes]:
    for rows in pages:
        yield b"".join(dumps(row) + b"\n" for row in rows)


def _csv(pages: Pages, columns: Sequence[str]) -> Iterator[bytes]:
    """Yield the heading with the byte order mark that spreadsheets expect, and the rows."""
    heading = f"\ufeff{_lines([columns])}"
    for rows in pages:
        plain = (orjson.loads(dumps(row)) for row in rows)
        yield (heading + _lines([_cell(row[name]) for name in columns] for row in plain)).encode()
        heading = ""


def _lines(rows: Iterable[Sequence[str]]) -> str:
    file = StringIO()
    csv.writer(file, lineterminator="\r\n").writerows(rows)
    return file.getvalue()


def _cell(value: object) -> str:
    """Return a value as a cell. Lists and objects are JSON."""
    if value is None:
        return ""
    return csv_cell(value if isinstance(value, str) else dumps(value).decode())
