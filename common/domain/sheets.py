"""CSV files as spreadsheets write them, read row by row, and cells that no spreadsheet runs as a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

# No cell of ours is nearly as long. A longer line is not a table, and would be read into memory whole.
MAX_LINE_CHARS = 1 << 20
CHANGE_REASON = "imported from a file"  # the change reason of imported rows in the history

# Spreadsheets run these as formulas (OWASP, "CSV Injection"), also behind blanks and in full-width characters.
_FORMULA = r"(?:[\t\r\n]|\s*[=+\-@＝＋－＠])"
_TO_ESCAPE = re.compile(rf"'*{_FORMULA}")
_ESCAPED = re.compile(rf"'+{_FORMULA}")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")  # `surrogateescape` decodes invalid bytes to these


def escape_formula(cell: str) -> str:
    """Return `cell` with an apostrophe before a formula. `unescape_formula` removes it again."""
    return f"'{cell}" if _TO_ESCAPE.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Return `cell` without the apostrophe that `escape_formula` added."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def column_name(header: str) -> str:
    """Return the column's name. `Postal code`, `postal-code` and `POSTAL_CODE` are one column."""
    return re.sub(r"[-\s]+", "_", header.strip().lower())


class Unreadable(Exception):
    """The file is not a readable table, or lacks a column."""


@dataclass(frozen=True)
class SheetRow:
    """One row with its number in a spreadsheet (the header is 1). `problem` says why it cannot be read."""

    line: int
    cells: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Sheet:
    columns: list[str]
    rows: Iterator[SheetRow]


@contextmanager
def open_sheet(path: Path) -> Iterator[Sheet]:
    """Open the comma-separated UTF-8 file at `path`. Its rows are read one by one.

    Raises Unreadable, also while rows are read.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield read_sheet(file)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error


def read_sheet(file: TextIO) -> Sheet:
    """Return the table of an open file, as `open_sheet` does. Raises Unreadable."""
    records = _records(file)
    columns = _columns(next(records, None))
    return Sheet(columns, _rows(columns, records))


def _columns(header: tuple[int, list[str], str] | None) -> list[str]:
    _, cells, problem = header or (1, [], "")
    problem = problem or next(filter(None, map(_illegible, cells)), "")
    if problem:
        raise Unreadable(f"The first line, with the names of the columns, {problem}.")
    columns = [column_name(cell) for cell in cells]
    if not any(columns):
        raise Unreadable("The file is empty: its first line must name the columns.")
    for name in columns:
        if columns.count(name) > 1:
            raise Unreadable(f"The column {name!r} is there twice.")
    return columns


def _rows(columns: list[str], records: Iterator[tuple[int, list[str], str]]) -> Iterator[SheetRow]:
    for line, cells, problem in records:
        if problem:
            yield SheetRow(line, problem=problem)
        elif any(cells):  # spreadsheets also write empty rows
            yield _row(line, columns, cells)


def _row(line: int, columns: list[str], cells: list[str]) -> SheetRow:
    if len(cells) != len(columns):
        return SheetRow(line, problem=f"has {len(cells)} cells where the first line has {len(columns)}")
    for name, cell in zip(columns, cells, strict=True):
        if problem := _illegible(cell):
            return SheetRow(line, problem=f"{name} {problem}")
    return SheetRow(line, {name: unescape_formula(cell) for name, cell in zip(columns, cells, strict=True)})


def _illegible(cell: str) -> str:
    if _NOT_UTF8.search(cell):
        return "is not UTF-8"
    return "holds a NUL byte" if "\0" in cell else ""


def _records(file: TextIO) -> Iterator[tuple[int, list[str], str]]:
    """Yield (number in a spreadsheet, cells, problem). A record is one row, however many lines its cells have."""
    reader = csv.reader(_lines(file), strict=True)  # strict: an unclosed quote must not swallow rows silently
    number = 0
    while True:
        number += 1
        cells, problem = [], ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"is not readable as CSV ({error})"
        yield number, cells, problem


def _lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(MAX_LINE_CHARS):
        if len(line) == MAX_LINE_CHARS:
            raise Unreadable(f"A line is longer than {MAX_LINE_CHARS:,} characters: this is not a CSV file.")
        yield line
