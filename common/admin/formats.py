"""The formats of the files that the admin's pages import and export."""

from __future__ import annotations

from io import BytesIO

import tablib
from import_export.formats.base_formats import CSV, Format

from common.admin.resources import SheetResource
from common.domain.sheets import Unreadable, escape_formula, read_sheet
from common.domain.workbooks import CONTENT_TYPE, write_workbook

# A row takes about ten milliseconds, and on SQLite other writers wait meanwhile.
MAX_ROWS = 1_000


class SheetFile(CSV):
    """A file to import, in each format that `common.domain.sheets` reads."""

    def get_title(self) -> str:
        return "CSV or Excel (.xlsx)"

    def read(
        self, content: bytes, resource: type[SheetResource], *, ignore_unknown: bool
    ) -> tuple[tablib.Dataset, list[str]]:
        """Return the table with the numbers of its rows as `lines`, and notes. Raises Unreadable."""
        sheet = read_sheet(BytesIO(content), resource.columns(), ignore_unknown=ignore_unknown)
        resource.check_columns(sheet.columns)
        dataset, dataset.lines = tablib.Dataset(headers=sheet.columns), []
        for row in sheet.rows:
            if row.problem:
                raise Unreadable(f"Row {row.line} {row.problem}.")
            if len(dataset.lines) == MAX_ROWS:
                raise Unreadable(f"A file may have {MAX_ROWS:,} rows: split it.")
            dataset.append([row.cells.get(name, "") for name in sheet.columns])
            dataset.lines.append(row.line)
        return dataset, sheet.notes


def _safe_rows(dataset: tablib.Dataset) -> list[list[str]]:
    return [[escape_formula(str(value)) for value in row] for row in dataset]


class SheetCSV(CSV):
    """CSV that Excel opens: with a mark of its encoding, and with cells that no spreadsheet runs as a formula.

    The setting of import-export escapes only `=`.
    """

    def export_data(self, dataset: tablib.Dataset, **kwargs: object) -> str:
        safe = tablib.Dataset(*_safe_rows(dataset), headers=dataset.headers)
        return "\ufeff" + str(super().export_data(safe, **kwargs))


class SheetWorkbook(Format):
    """An Excel workbook whose cells are texts, so that ZIP codes and part numbers keep their zeros."""

    CONTENT_TYPE = CONTENT_TYPE

    def get_title(self) -> str:
        return "xlsx"

    def get_extension(self) -> str:
        return "xlsx"

    def get_content_type(self) -> str:
        return self.CONTENT_TYPE

    def can_export(self) -> bool:
        return True

    def export_data(self, dataset: tablib.Dataset, **kwargs: object) -> bytes:
        return write_workbook([dataset.headers, *_safe_rows(dataset)], title=dataset.title or "Export")
