"""Workbooks of Excel (.xlsx): the first visible sheet as rows of texts, and a sheet of texts as a workbook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from io import BytesIO
from itertools import zip_longest
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

Record = tuple[int, Sequence[str], str]  # (number in a spreadsheet, cells, problem)

# A small file may unpack to gigabytes.
MAX_UNPACKED_BYTES = 100 << 20
CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_ZEROS = re.compile("0{2,}")  # the number format of ZIP codes, in which 2138 is shown as 02138
_BROKEN = (BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, TypeError, IndexError)


class NotAWorkbook(Exception):
    """The file cannot be read as a workbook."""


@dataclass(frozen=True)
class FirstSheet:
    title: str
    has_more: bool  # other visible sheets
    records: Iterator[Record]


def is_workbook(start: bytes) -> bool:
    """Return whether a file with these first bytes is a ZIP archive, as a workbook is."""
    return start.startswith(b"PK\x03\x04")


def is_old_workbook(start: bytes) -> bool:
    """Return whether a file with these first bytes is an .xls file or an encrypted workbook."""
    return start.startswith(b"\xd0\xcf\x11\xe0")


def open_workbook(file: BinaryIO) -> FirstSheet:
    """Return the first visible sheet. Raises NotAWorkbook, also while its rows are read."""
    try:
        with ZipFile(file) as archive:
            if sum(part.file_size for part in archive.infolist()) > MAX_UNPACKED_BYTES:
                raise NotAWorkbook("The workbook is too large: save the sheet as CSV.")
        values, formulas = (load_workbook(file, read_only=True, data_only=only) for only in (True, False))
        visible = [place for place, sheet in enumerate(values.worksheets) if sheet.sheet_state == "visible"]
        if not visible:
            raise NotAWorkbook("The workbook has no visible sheet.")
        first, formula_sheet = values.worksheets[visible[0]], formulas.worksheets[visible[0]]
    except _BROKEN as error:
        raise _not_a_workbook() from error
    return FirstSheet(first.title, len(visible) > 1, _records(first, formula_sheet))


def _records(values: Any, formulas: Any) -> Iterator[Record]:
    for sheet in (values, formulas):
        sheet.reset_dimensions()  # some programs write wrong ones
    try:
        for number, (row, written) in enumerate(zip_longest(values.iter_rows(), formulas.iter_rows()), 1):
            yield number, [_text(cell) for cell in row], _problem(row, written)
    except _BROKEN as error:
        raise _not_a_workbook() from error


def _not_a_workbook() -> NotAWorkbook:
    return NotAWorkbook("The file is neither an Excel workbook (.xlsx) nor CSV.")


def _problem(row: Sequence[Any], written: Sequence[Any]) -> str:
    for cell, formula in zip(row, written, strict=True):
        if cell.data_type == "e":
            return f"has the error {cell.value} in {cell.coordinate}"
        if cell.value is None and formula.data_type == "f":
            return f"has a formula without a value in {formula.coordinate}: save the file in Excel"
    return ""


def _text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and _ZEROS.fullmatch(cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))
    if isinstance(value, datetime) and value.time() == time():
        return str(value.date())
    return "" if value is None else str(value)


def write_workbook(rows: Iterable[Sequence[str]], *, title: str) -> bytes:
    """Return a workbook with one sheet whose cells are texts, so that codes keep their zeros."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", title)[:31])
    for row in rows:
        sheet.append([_cell(sheet, text) for text in row])
    file = BytesIO()
    workbook.save(file)
    return file.getvalue()


def _cell(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", text))
    cell.data_type, cell.number_format = "s", "@"
    return cell
