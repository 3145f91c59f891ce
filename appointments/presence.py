"""Read when technicians are at work, and how many appointments a location can take (docs/design, D98).

Shifts are local times of the technician's location. They bound the bookable starts of a location at which at least one
technician has shifts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import Q

from appointments.models import Absence, Location, Shift, Technician
from appointments.querysets import AbsenceQuerySet
from appointments.slots import MIDNIGHT, Slot, closed_hours, opening_of_day

_Row = TypeVar("_Row", Shift, Absence)
_ONE_DAY = timedelta(days=1)


class Crew:
    """The numbers of technicians of a location at work and of appointments that hold a bay, at each instant."""

    def __init__(self, present: Iterable[Slot], held: Iterable[Slot]) -> None:
        steps: dict[datetime, int] = {}
        for spans, sign in ((present, 1), (held, -1)):
            for start, end in spans:
                steps[start] = steps.get(start, 0) + sign
                steps[end] = steps.get(end, 0) - sign
        self._instants = sorted(steps)
        self._left = list(accumulate(steps[instant] for instant in self._instants))

    def has_room(self, slot: Slot) -> bool:
        """Return whether a technician is left for one more appointment during the whole slot."""
        number = bisect_right(self._instants, slot.start) - 1
        if number < 0 or self._left[number] < 1:
            return False
        for instant, left in zip(self._instants[number + 1 :], self._left[number + 1 :], strict=True):
            if instant >= slot.end:
                return True
            if left < 1:
                return False
        return True


class TechnicianDay(NamedTuple):
    """A technician's shifts and absences of one day, as instants in the order of time."""

    technician: Technician
    shifts: list[Slot]
    absences: list[tuple[Slot, Absence]]

    @property
    def at_work(self) -> list[Slot]:
        """The shifts without the absences."""
        return subtract(self.shifts, [span for span, _ in self.absences])


def technicians_of_day(location: Location, day: date) -> list[TechnicianDay]:
    """Return the location's technicians by name, with their shifts and absences of the local day. Three queries."""
    zone = ZoneInfo(location.time_zone)
    technicians = list(Technician.objects.filter(location=location).order_by("name", "id"))
    ids = [technician.pk for technician in technicians]
    shifts = _by_technician(Shift.objects.filter(technician__in=ids, weekday=day.weekday()))
    absences = _by_technician(_absences_between(day, day).filter(technician__in=ids))
    return [
        TechnicianDay(
            technician,
            merge(_shift_span(shift, day, zone) for shift in shifts.get(technician.pk, ())),
            sorted(
                ((_absence_span(absence, day, zone), absence) for absence in absences.get(technician.pk, ())),
                key=lambda entry: (entry[0], entry[1].pk),
            ),
        )
        for technician in technicians
    ]


def get_presence(location: Location, during: Slot) -> list[Slot] | None:
    """Return when the location's technicians are at work, one entry each, or None if no shifts are kept there.

    A technician without shifts is not counted. Two queries, one if no shifts are kept.
    """
    shifts = _by_technician(Shift.objects.filter(technician__location=location))
    if not shifts:
        return None
    zone = ZoneInfo(location.time_zone)
    days = _days_of(during, zone)
    absences = _by_technician(_absences_between(days[0], days[-1]).filter(technician__in=list(shifts)))
    return [
        span
        for technician, rows in shifts.items()
        for span in _times_at_work(rows, absences.get(technician, []), days, zone)
    ]


def why_away(technician: Technician, during: Slot, zone: ZoneInfo) -> str | None:
    """Return why the technician is not at work during the whole slot, in words, or None if they are. Two queries.

    A technician without shifts is away only when absent. The reason of an absence is not told.
    """
    days = _days_of(during, zone)
    shifts = list(Shift.objects.filter(technician=technician).order_by("weekday", "begins"))
    for absence in (
        _absences_between(days[0], days[-1]).filter(technician=technician).order_by("first_day", "id")
    ):
        spans = (_absence_span(absence, day, zone) for day in _days_of_absence(absence, days))
        if any(span.start < during.end and during.start < span.end for span in spans):
            return f"is absent {absence}"
    at_work = _times_at_work(shifts, [], days, zone)
    if not shifts or not subtract([during], at_work):
        return None
    day = days[1]
    own = [f"{shift.hours}" for shift in shifts if shift.weekday == day.weekday()]
    return f"works {', '.join(own)} on {day}" if own else f"does not work on {day}"


def merge(spans: Iterable[Slot]) -> list[Slot]:
    """Return the times that are in any of the spans, in order and without overlaps."""
    merged: list[Slot] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Slot(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def subtract(spans: Iterable[Slot], gaps: Iterable[Slot]) -> list[Slot]:
    """Return the times that are in one of the spans, which do not overlap, and in none of the gaps."""
    gaps = merge(gaps)
    left: list[Slot] = []
    for start, end in spans:
        for gap in gaps:
            if gap.end <= start or gap.start >= end:
                continue
            if start < gap.start:
                left.append(Slot(start, gap.start))
            start = max(start, gap.end)
        if start < end:
            left.append(Slot(start, end))
    return left


def _times_at_work(
    shifts: Iterable[Shift], absences: Iterable[Absence], days: list[date], zone: ZoneInfo
) -> list[Slot]:
    weekdays: dict[int, list[Shift]] = {}
    for shift in shifts:
        weekdays.setdefault(shift.weekday, []).append(shift)
    spans = (_shift_span(shift, day, zone) for day in days for shift in weekdays.get(day.weekday(), ()))
    away = (
        _absence_span(absence, day, zone) for absence in absences for day in _days_of_absence(absence, days)
    )
    return subtract(merge(spans), away)


def _shift_span(shift: Shift, day: date, zone: ZoneInfo) -> Slot:
    return opening_of_day(day, opens=shift.begins, closes=shift.ends, zone=zone)


def _absence_span(absence: Absence, day: date, zone: ZoneInfo) -> Slot:
    whole = absence.begins is None or absence.ends is None
    begins, ends = (MIDNIGHT, MIDNIGHT) if whole else (absence.begins, absence.ends)
    return closed_hours(day, begins=begins, ends=ends, zone=zone)  # type: ignore[arg-type]  # both or none


def _absences_between(first: date, last: date) -> AbsenceQuerySet[Absence]:
    return Absence.objects.filter(Q(first_day__lte=last, last_day__gte=first))


def _days_of_absence(absence: Absence, days: list[date]) -> Iterator[date]:
    return (day for day in days if absence.first_day <= day <= absence.last_day)


def _days_of(during: Slot, zone: ZoneInfo) -> list[date]:
    """Return the local days of the slot. A day before and after are among them, for times that end at midnight."""
    first = during.start.astimezone(zone).date() - _ONE_DAY
    last = during.end.astimezone(zone).date() + _ONE_DAY
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _by_technician(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.technician_id, []).append(row)
    return found
