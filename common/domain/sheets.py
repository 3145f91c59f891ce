"""Tables as people save them (CSV or .xlsx), read row by row, and cells that no spreadsheet runs as a formula."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from common.domain.workbooks import NotAWorkbook, Record, is_old_workbook, is_workbook, open_workbook

# No cell of ours is nearly as long. A longer line is not a table, and would be read into memory whole.
MAX_LINE_CHARS = 1 << 20
CHANGE_REASON = "imported from a file"  # the change reason of imported rows in the history

_HEAD = 30  # the lines among which the heading is searched
_SEPARATORS = ",;\t"
_CHUNK = 1 << 16

# Spreadsheets run these as formulas (OWASP, "CSV Injection"), also behind blanks and in full-width characters.
_FORMULA = r"(?:[\t\r\n]|\s*[=+\-@＝＋－＠])"
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_TO_ESCAPE = re.compile(rf"'*{_FORMULA}")
_ESCAPED = re.compile(rf"'+{_FORMULA}")
_AS_TEXT = re.compile(r'="((?:[^"]|"")*)"')  # `="02138"` keeps a zero from Excel
_NOT_UTF8 = re.compile("[\ud800-\udfff]")  # `surrogateescape` decodes invalid bytes to these
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # Excel's own first line


def escape_formula(cell: str) -> str:
    """Return `cell` with an apostrophe before a formula. `read_cell` removes it again."""
    return f"'{cell}" if _TO_ESCAPE.match(cell) else cell


def csv_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs as a formula. Numbers stay numbers."""
    return text if _PLAIN_NUMBER.fullmatch(text) else escape_formula(text)


def read_cell(cell: str) -> str:
    """Return the text of a cell, without the apostrophe of `escape_formula` and without Excel's `="…"`."""
    if _ESCAPED.match(cell):
        return cell[1:]
    wrapped = _AS_TEXT.fullmatch(cell.strip()) if cell.lstrip().startswith("=") else None
    return wrapped[1].replace('""', '"') if wrapped else cell


class Unreadable(Exception):
    """The file is not a readable table, or its columns do not fit."""


def fold_heading(heading: str) -> str:
    """Return the letters and digits of a heading, by which two headings are compared."""
    return re.sub(r"[\W_]+", "", heading).lower()


class Columns:
    """The columns of a table, each with the other headings that people give it.

    Headings are compared without case, spaces, hyphens, underscores and other signs. `beside` is for a heading that
    means another column if a third one is there: {"address": ("street_address", "city")}.
    """

    def __init__(
        self,
        names: Mapping[str, Sequence[str]],
        *,
        beside: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.names = {name: tuple(others) for name, others in names.items()}
        self._beside = beside or {}
        self._by_heading = {
            fold_heading(text): name for name, others in names.items() for text in (name, *others)
        }

    def find(self, heading: str) -> str:
        """Return the column with this heading, or an empty text."""
        return self._by_heading.get(fold_heading(heading), "")

    def count(self, headings: Iterable[str]) -> int:
        return sum(1 for heading in headings if self.find(heading))

    def read(self, headings: Sequence[str], *, ignore_unknown: bool) -> list[str]:
        """Return the column of each heading. Empty and ignored headings have an empty one. Raises Unreadable."""
        found = [self.find(heading) for heading in headings]
        for name, (meant, third) in self._beside.items():
            if third in found and meant not in found:
                found = [meant if column == name else column for column in found]
        pairs = list(zip(headings, found, strict=True))
        unknown = [heading for heading, name in pairs if heading and not name]
        if unknown and not ignore_unknown:
            raise Unreadable(
                f"Unknown columns: {', '.join(map(repr, unknown))}. Known are {', '.join(self.names)}."
            )
        for name in filter(None, found):
            if found.count(name) > 1:
                twice = " and ".join(repr(heading) for heading, column in pairs if column == name)
                raise Unreadable(f"The column {name!r} is there twice: {twice}.")
        return found


@dataclass(frozen=True)
class SheetRow:
    """One row with its number in a spreadsheet. `problem` says why it cannot be read."""

    line: int
    cells: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Sheet:
    """The known columns, the rows, and notes about all that is not read."""

    columns: list[str]
    rows: Iterator[SheetRow]
    notes: list[str]


@contextmanager
def open_sheet(path: Path, columns: Columns, *, ignore_unknown: bool = False) -> Iterator[Sheet]:
    """Open the table at `path`. Its rows are read one by one.

    Raises Unreadable, also while rows are read.
    """
    try:
        with path.open("rb") as file:
            yield read_sheet(file, columns, ignore_unknown=ignore_unknown)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error


def read_sheet(file: BinaryIO, columns: Columns, *, ignore_unknown: bool = False) -> Sheet:
    """Return the table of an open file, as `open_sheet` does. Raises Unreadable.

    The content tells the format: a workbook, or text in UTF-8, UTF-16 or Windows-1252 with commas, semicolons or tabs.
    Lines before the heading are titles if they have fewer cells than it.
    """
    start = file.read(8)
    file.seek(0)
    if is_old_workbook(start):
        raise Unreadable(
            "This is an .xls file or a workbook with a password. Save it as .xlsx without one, or as CSV."
        )
    notes: list[str] = []
    records = _workbook_records(file, notes) if is_workbook(start) else _text_records(file, columns)
    head = list(islice(records, _HEAD))
    heading = _heading_of([cells for _, cells, _ in head], columns)
    _, cells, problem = head[heading] if head else (1, [], "")
    headings = [read_cell(cell).strip() for cell in cells]
    line = head[heading][0] if head else 1
    problem = problem or next(filter(None, map(_illegible, headings)), "")
    if problem:
        raise Unreadable(f"The heading in line {line} {problem}.")
    if not any(headings):
        raise Unreadable("The file is empty: its first line must name the columns.")
    found = columns.read(headings, ignore_unknown=ignore_unknown)
    ignored = [repr(text) for text, name in zip(headings, found, strict=True) if text and not name]
    notes += [f"Columns ignored: {', '.join(ignored)}."] if ignored else []
    notes += _titles(head[:heading], line, headings)
    rows = _rows(headings, found, chain(head[heading + 1 :], records))
    return Sheet([name for name in found if name], rows, notes)


def _heading_of(head: Sequence[Sequence[str]], columns: Columns) -> int:
    """Return the place of the record with most known headings, or else of the first one that is not empty."""
    counts = [columns.count(cells) for cells in head]
    if any(counts):
        return counts.index(max(counts))
    return next((place for place, cells in enumerate(head) if _filled(cells)), 0)


def _filled(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


def _titles(before: Sequence[Record], line: int, headings: Sequence[str]) -> list[str]:
    """Return a note about the lines before the heading. Raises Unreadable if one of them could be a row."""
    titles = [(number, cells) for number, cells, _ in before if _filled(cells)]
    for number, cells in titles:
        if _filled(cells) >= _filled(headings):
            raise Unreadable(
                f"Line {number} is before the heading in line {line} and could be a row: remove it."
            )
    return [f"Lines before the heading in line {line} are ignored."] if titles else []


def _rows(headings: Sequence[str], found: Sequence[str], records: Iterable[Record]) -> Iterator[SheetRow]:
    """Yield the rows that are not empty, which spreadsheets also write."""
    least = max(place for place, heading in enumerate(headings) if heading) + 1
    for line, cells, problem in records:
        if problem:
            yield SheetRow(line, problem=problem)
        elif _filled(cells):
            yield _row(line, headings, found, cells, least)


def _row(
    line: int, headings: Sequence[str], found: Sequence[str], cells: Sequence[str], least: int
) -> SheetRow:
    if len(cells) < least or _filled(cells[len(headings) :]):
        return SheetRow(line, problem=f"has {len(cells)} cells where the heading has {least}")
    row: dict[str, str] = {}
    for place, (heading, name, cell) in enumerate(zip(headings, found, cells, strict=False), 1):
        if problem := _illegible(cell):
            return SheetRow(line, problem=f"{name or place} {problem}")
        if not heading and cell.strip():
            return SheetRow(line, problem=f"has a cell in column {place}, which has no heading")
        if name:
            row[name] = read_cell(cell)
    return SheetRow(line, row)


def _illegible(cell: str) -> str:
    if _NOT_UTF8.search(cell):
        return "is not UTF-8"
    return "holds a NUL byte" if "\0" in cell else ""


# --- Workbooks and texts ----------------------------------------------------------------------------


def _workbook_records(file: BinaryIO, notes: list[str]) -> Iterator[Record]:
    try:
        workbook = open_workbook(file)
        notes += [f"Only the sheet {workbook.title!r} is read."] if workbook.has_more else []
        yield from workbook.records
    except NotAWorkbook as error:
        raise Unreadable(str(error)) from error


def _text_records(file: BinaryIO, columns: Columns) -> Iterator[Record]:
    """Yield (number in a spreadsheet, cells, problem). A record is one row, however many lines its cells have."""
    text = TextIOWrapper(file, encoding=_encoding(file), errors="surrogateescape", newline="")
    lines = _lines(text)
    head = list(islice(lines, _HEAD))
    # strict: an unclosed quote must not swallow rows silently
    reader = csv.reader(chain(head, lines), delimiter=_separator(head, columns), strict=True)
    number = 0
    while True:
        number += 1
        cells, problem = [], ""
        try:
            cells = next(reader)
        except StopIteration:
            text.detach()  # the caller closes the file
            return
        except csv.Error as error:
            problem = f"is not readable as CSV ({error})"
        yield number, cells, problem


def _encoding(file: BinaryIO) -> str:
    """Return the encoding of a text. Without a mark it is UTF-8, or Windows-1252 if it has no UTF-8 beyond ASCII.

    A file in which only some lines are UTF-8 is read as that, and its other lines are refused.
    """
    start = file.read(4)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(start) == 4 and start[1] == start[3] == 0 and start[0]:
        return "utf-16-le"
    if len(start) == 4 and start[0] == start[2] == 0 and start[1]:
        return "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    is_broken = False
    while chunk := file.read(_CHUNK):
        text = decoder.decode(chunk)
        if not text.isascii():
            invalid = len(_NOT_UTF8.findall(text))
            is_broken = is_broken or bool(invalid)
            if invalid < sum(1 for character in text if character > "\x7f"):
                file.seek(0)
                return "utf-8-sig"
    file.seek(0)
    return "cp1252" if is_broken else "utf-8-sig"


def _separator(head: Sequence[str], columns: Columns) -> str:
    """Return the separator with which the heading has most known columns, or else most cells."""
    if head and (named := _NAMED_SEPARATOR.fullmatch(head[0].strip("\r\n"))):
        return named[1]

    def score(separator: str) -> tuple[int, int]:
        try:
            records = list(csv.reader(head, delimiter=separator))
        except csv.Error:
            return 0, 0
        return max(map(columns.count, records), default=0), max(map(_filled, records[:1]), default=0)

    return max(_SEPARATORS, key=score)


def _lines(file: TextIOWrapper) -> Iterator[str]:
    while line := file.readline(MAX_LINE_CHARS):
        if len(line) == MAX_LINE_CHARS:
            raise Unreadable(f"A line is longer than {MAX_LINE_CHARS:,} characters: this is not a CSV file.")
        yield line
