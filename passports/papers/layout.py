"""The words of a passport, which its pages and its paper print alike (docs/design, D140). Each function is pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from django.conf import settings

from appointments.models import PaperSize
from common.domain.types import Json
from common.domain.units import Units, format_consumption, format_distance, format_figure
from inspections.models import Rating
from passports.contents import MOST, Advice, Code, Fuel, Inspected, Passport, Reading, Scheduled, Work
from repair_orders.estimates.snapshot import shop_body
from repair_orders.papers.texts import day, filled, head, noted
from vehicles.models import OdometerSource, Urgency

_READ = {
    OdometerSource.MANUAL: "Entered by hand",
    OdometerSource.CHECK_IN: "At check-in",
    OdometerSource.CHECK_OUT: "At check-out",
    OdometerSource.TELEMATICS: "By the vehicle",
    OdometerSource.IMPORT: "Taken over",
    OdometerSource.CORRECTION: "Corrected",
}
_URGENCY = {Urgency.NOW: "Now", Urgency.SOON: "Soon", Urgency.LATER: "Can wait"}
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a column. A wide one takes the room that the others leave."""

    label: str
    is_number: bool = False
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A table, or the text that stands for an empty one. Lines of a cell are separated by line breaks."""

    title: str
    columns: list[Column]
    rows: list[list[str]]
    empty: str
    note: str = ""

    @property
    def cells(self) -> list[list[tuple[Column, str]]]:
        """Return the cells of each row with their columns."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


def facts_of(passport: Passport) -> list[tuple[str, str]]:
    """Return the label and the text of each fact that is known of the vehicle."""
    odometer = "Unknown"
    if passport.odometer is not None and passport.odometer_on is not None:
        odometer = f"{format_distance(passport.odometer, passport.units)}, {day(passport.odometer_on)}"
    facts = [
        ("VIN", passport.vin),
        ("Odometer", odometer),
        ("Color", passport.color),
        ("Fuel", passport.fuel_type.capitalize()),
        ("Consumption", _consumption(passport.fuel, passport.units)),
    ]
    return [(label, text) for label, text in facts if text]


def notes_of(passport: Passport) -> list[str]:
    """Return the sentences below the lists."""
    owners = passport.earlier_owners
    earlier = f"With the history of {owners} earlier {'owner' if owners == 1 else 'owners'}."
    cut = f"Of longer lists the newest {MOST} entries are shown."
    return filled(
        "It lists what this shop knows of the vehicle. Work that was done elsewhere may be missing.",
        earlier if owners else None,
        cut if passport.is_cut else None,
        "Names, addresses, plates and prices are left out.",
    )


def sections_of(passport: Passport) -> list[Section]:
    """Return the tables of the passport: what is ahead first, then what has happened, newest first."""
    units = passport.units
    distance = Column(units.word.capitalize(), is_number=True)
    return [
        Section(
            "Recommended work",
            [Column("Work", is_wide=True), Column("Needed"), Column("Due")],
            [_advice(row, units) for row in passport.recommendations],
            "No work is recommended.",
        ),
        Section(
            "Due next",
            [Column("Regular work", is_wide=True), Column("Due"), Column("State"), Column("Last done")],
            [_scheduled(row, units) for row in passport.schedules],
            "No regular work is planned.",
        ),
        Section(
            "Open trouble codes",
            [Column("Code"), Column("Meaning", is_wide=True), Column("Since")],
            [_code(row) for row in passport.codes],
            "No trouble code is open.",
        ),
        Section(
            "Work done",
            [Column("Day"), distance, Column("Work", is_wide=True), Column("Location", is_wide=True)],
            [_work(row, units) for row in passport.work],
            "No work is recorded.",
        ),
        Section(
            "Inspections",
            [Column("Day"), Column("Inspection"), Column("Result"), Column("Needed attention", is_wide=True)],
            [_inspected(row) for row in passport.inspections],
            "No inspection is recorded.",
        ),
        Section(
            "Odometer readings",
            [Column("Day"), distance, Column("Read", is_wide=True)],
            [_reading(row, units) for row in passport.readings],
            "The odometer was never read.",
            "Of readings by the vehicle and at fill-ups the last one of each month is listed."
            if passport.readings
            else "",
        ),
    ]


def page_of(passport: Passport) -> Json:
    """Return what the template `passports/passport.html` reads, with the shop above it."""
    return {
        "passport": passport,
        "facts": facts_of(passport),
        "sections": sections_of(passport),
        "notes": notes_of(passport),
        "made_on": day(_made(passport)),
        "shop": shop_of(passport),
    }


def paper_layout(passport: Passport) -> Json:
    """Return the values of `passport.typ`."""
    made = _made(passport)
    return {
        **head(
            {"shop": shop_of(passport)},
            "Vehicle passport",
            passport.name,
            [f"As of {day(made)}"],
            made,
            parties=(),
            name=f"Vehicle passport, {passport.name}",
        ),
        "facts_of_vehicle": [{"label": label, "text": text} for label, text in facts_of(passport)],
        "sections": [asdict(section) for section in sections_of(passport)],
        "notes": notes_of(passport),
    }


def shop_of(passport: Passport) -> Json | None:
    """Return what the paper prints of the shop, or None if there is no location."""
    return shop_body(passport.location)


def size_of(passport: Passport) -> Literal["letter", "a4"]:
    """Return the paper of the location."""
    return "a4" if passport.location and passport.location.paper_size == PaperSize.A4 else "letter"


def _made(passport: Passport) -> datetime:
    zone = passport.location.time_zone if passport.location else settings.TIME_ZONE
    return passport.made_at.astimezone(ZoneInfo(zone))


def _advice(row: Advice, units: Units) -> list[str]:
    return [row.name, _URGENCY[Urgency(row.urgency)], _at(row.due_on, row.due_miles, units)]


def _scheduled(row: Scheduled, units: Units) -> list[str]:
    state = row.status.replace("_", " ").capitalize()
    return [row.name, _at(row.due_on, row.due_miles, units), state, _at(row.last_on, row.last_miles, units)]


def _code(row: Code) -> list[str]:
    return [row.code, row.description, day(row.since)]


def _work(row: Work, units: Units) -> list[str]:
    return [day(row.on), _figure(row.miles, units), _lines(row.jobs), row.location or _NOTHING]


def _inspected(row: Inspected) -> list[str]:
    counts = ((row.red, "now"), (row.yellow, "soon"), (row.green, "good"))
    findings = (
        noted(f"{Rating(found.rating).label}: {found.name}", found.measured) for found in row.findings
    )
    result = ", ".join(f"{count} {word}" for count, word in counts if count)
    return [day(row.on), row.name, result or _NOTHING, _lines(findings)]


def _reading(row: Reading, units: Units) -> list[str]:
    read = _READ[OdometerSource(row.source)]
    return [
        day(row.on),
        _figure(row.miles, units),
        noted(read, "new instrument cluster" if row.is_base else ""),
    ]


def _at(on: date | None, miles: Decimal | None, units: Units) -> str:
    distance = None if miles is None else format_distance(miles, units)
    return _lines([None if on is None else day(on), distance])


def _consumption(fuel: Fuel, units: Units) -> str:
    if fuel.average_mpg is None or fuel.best_mpg is None or fuel.worst_mpg is None:
        return ""
    average, best, worst = (
        format_consumption(mpg, units) for mpg in (fuel.average_mpg, fuel.best_mpg, fuel.worst_mpg)
    )
    return f"{average} on average, {best} at best, {worst} at worst ({fuel.fill_ups} fill-ups)"


def _figure(miles: Decimal | None, units: Units) -> str:
    return _NOTHING if miles is None else format_figure(miles, units)


def _lines(texts: Iterable[str | None]) -> str:
    return "\n".join(filled(*texts)) or _NOTHING
