"""A report as rows with columns, its days and location, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from appointments.models import Location
from common.domain.days import midnight, within_calendar
from common.domain.sheets import csv_cell
from common.domain.types import Json
from repair_orders.estimates.snapshot import instant

EACH_ZONE = "each location's own"
BY_POSTING = "Counted on the day of posting. What is posted on a closed day counts on the next day."


@dataclass(frozen=True, slots=True)
class Scope:
    """Days, both inclusive, at a location. None: all locations, each with its own local days."""

    first: date
    last: date
    location: Location | None = None

    def rows(self, path: str = "") -> Q:
        """Return the condition for rows that count on these days. `path` is the look-up of the row (`invoice__`)."""
        return Q(**{f"{path}day__gte": self.first, f"{path}day__lte": self.last}) & self.place(path)

    def until(self, path: str = "") -> Q:
        """Return the condition for rows that count until the last day."""
        return Q(**{f"{path}day__lte": self.last}) & self.place(path)

    def place(self, path: str = "") -> Q:
        return Q() if self.location is None else Q(**{f"{path}location": self.location})

    def instants(self, column: str, place: str = "location") -> Q:
        """Return the condition for rows without a day of their own: `column` lies in the local days of `place`."""
        if self.location is not None:
            return Q(**{place: self.location}) & self._within(column, self.location.time_zone)
        zones = Location.objects.order_by().values_list("time_zone", flat=True).distinct()
        found = Q(**{f"{place}__isnull": True}) & self._within(column, None)
        for zone in zones:
            found |= Q(**{f"{place}__time_zone": zone}) & self._within(column, zone)
        return found

    def _within(self, column: str, name: str | None) -> Q:
        zone = timezone.get_default_timezone() if name is None else ZoneInfo(name)
        end = within_calendar(self.last) + timedelta(days=1)
        return Q(**{f"{column}__gte": midnight(self.first, zone), f"{column}__lt": midnight(end, zone)})


@dataclass(frozen=True)
class Report:
    """Rows with the named columns. `columns` are name -> heading of the CSV, of values that fit into a cell.

    Rows also have the ids of the invoices, payments and orders behind their figures, which the CSV leaves out.
    """

    name: str
    title: str
    scope: Scope
    date_rule: str
    columns: dict[str, str]
    rows: list[Json]
    totals: Json = field(default_factory=dict)
    is_import: bool = False  # the CSV is read by another program: it has neither a title nor totals

    @property
    def zone(self) -> str:
        return zone_of(self.scope)

    @property
    def body(self) -> Json:
        return {**head_of(self), "rows": plain(self.rows), "totals": plain(self.totals)}

    @property
    def csv(self) -> str:
        """Return the rows as CSV. The title with the date rule and the time zone is the first line."""
        cells = [[row.get(name) for name in self.columns] for row in self.rows]
        if self.is_import:
            return to_csv([list(self.columns.values()), *cells])
        if self.totals:
            total = {next(iter(self.columns)): "Total", **self.totals}
            cells.append([total.get(name) for name in self.columns])
        return to_csv([[title_of(self)], list(self.columns.values()), *cells])


def zone_of(scope: Scope) -> str:
    return EACH_ZONE if scope.location is None else scope.location.time_zone


def head_of(report: Report) -> Json:
    """Return what every report begins with."""
    location = report.scope.location
    return {
        "report": report.name,
        "title": report.title,
        "location_id": location and location.pk,
        "location": "All locations" if location is None else location.name,
        "from": report.scope.first.isoformat(),
        "to": report.scope.last.isoformat(),
        "zone": report.zone,
        "date_rule": report.date_rule,
    }


def title_of(report: Report) -> str:
    head = head_of(report)
    days = head["from"] if head["from"] == head["to"] else f"{head['from']} to {head['to']}"
    return f"{report.title}, {head['location']}, {days} ({report.zone}). {report.date_rule}"


def plain(value: object) -> object:
    """Return a value of a report as JSON: amounts as texts of dollars, days and instants in ISO 8601."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return instant(value)
    return value.isoformat() if isinstance(value, date) else value


def to_csv(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV. A cell that a spreadsheet would run as a formula is made a text. Numbers stay numbers."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows([_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def _cell(value: object) -> str:
    return csv_cell("" if value is None else str(plain(value)))
