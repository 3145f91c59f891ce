"""The board of a location's day: what stands in which bay, until when, and where the next vehicle fits.

Positions are columns of five minutes from the first hour that is shown, so that a page needs no inline styles. Times
are those of the location (docs/design, D112).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode

from appointments.models import Appointment, AppointmentStatus, Bay, Location, Shift, Technician
from appointments.presence import TechnicianDay, technicians_of_day
from appointments.queries import OpenDay, get_opening_hours
from appointments.slots import LONGEST, OVERRUN, STEP, Slot
from desk.texts import isolate

COLUMN = timedelta(minutes=5)
HOUR = timedelta(hours=1)
LATE = timedelta(minutes=15)  # after its start a visit that is not checked in is late
SHORTEST_GAP = timedelta(minutes=30)
_EMPTY_DAY = (8, 17)  # the local hours that a closed day without visits shows
MOST_LANES = 6  # of a row, which today.css has rows for
_GROUND = frozenset({"tail", "free", "now", "shut"})  # the pieces on which visits stand
MOST_HOURS = 26  # of the axis, which board.css has columns for


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of a row: a visit, a free place, closed hours, or the tail of a visit that is over its time.

    `begins` and `ends` are columns.
    """

    kind: str  # plan, here, late, work, over, done, tail, free, now, shut
    begins: int
    ends: int
    title: str = ""
    text: str = ""
    time: str = ""
    url: str = ""
    label: str = ""
    id: str = ""
    lane: int = 0  # below the visits of the same row that it overlaps


@dataclass(frozen=True, slots=True)
class Row:
    """A bay or a technician with the pieces of the day, in the order of their time."""

    name: str
    text: str
    items: list[Item]


@dataclass(frozen=True, slots=True)
class Head:
    """A number of visits that a person should look at, with the first of them."""

    text: str
    tone: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    location: Location
    day: date
    hours: list[tuple[str, bool]]  # the label of each hour, and whether it is over
    bays: list[Row]
    technicians: list[Row]
    heads: list[Head]
    open_text: str
    now_column: int | None = None
    now_text: str = ""
    visits: list[Visit] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return len(self.hours) * 12


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment of the day with what the board says about it."""

    appointment: Appointment
    state: str  # plan, here, late, work, over, done
    shown: Slot
    minutes: int = 0  # late or over
    order_id: int | None = None

    @property
    def url(self) -> str:
        if self.order_id is not None:
            return reverse("order-page", args=[self.order_id])
        return reverse("visit-page", args=[self.appointment.pk])


def make_board(location: Location, day: date, *, now: datetime) -> Board:
    """Return the board of a local day. Costs a constant number of queries."""
    zone = ZoneInfo(location.time_zone)
    hours = get_opening_hours(location, day, day).get(day)
    whole = Slot(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))
    visits = [_visit(row, now) for row in _appointments(location, whole, now)]
    axis = _axis(day, zone, hours, visits, now)
    is_today = whole.start <= now < whole.end
    at = now if is_today and axis.start <= now < axis.end else None
    return Board(
        location=location,
        day=day,
        hours=[
            (_hour_label(start, zone), is_today and start + HOUR <= now)
            for start in (axis.start + HOUR * number for number in range((axis.end - axis.start) // HOUR))
        ],
        bays=list(_bay_rows(location, visits, axis, hours, zone, now=now, whole=whole)),
        technicians=list(_technician_rows(location, day, visits, axis, zone)),
        heads=_heads(visits) if is_today else [],
        open_text=_open_text(hours, zone),
        now_column=(at - axis.start) // COLUMN if at else None,
        now_text=f"{at.astimezone(zone):%H:%M}" if at else "",
        visits=visits,
    )


def state_of(row: Appointment, *, is_here: bool, now: datetime) -> tuple[str, int]:
    """Return the state of a visit on the board, and by how many minutes it is late or over its end."""
    if row.status == AppointmentStatus.COMPLETED:
        return "done", 0
    if row.status == AppointmentStatus.IN_PROGRESS:
        return ("over", (now - row.end) // timedelta(minutes=1)) if row.end < now else ("work", 0)
    if is_here:
        return "here", 0
    if row.start + LATE <= now:
        return "late", (now - row.start) // timedelta(minutes=1)
    return "plan", 0


def _appointments(location: Location, whole: Slot, now: datetime) -> list[Appointment]:
    shown = Q(start__lt=whole.end, end__gt=whole.start)
    if whole.start <= now < whole.end:  # today shows vehicles of earlier days that are still in their bay
        shown |= Q(status=AppointmentStatus.IN_PROGRESS, end__lte=whole.start)
    rows = Appointment.objects.filter(
        shown,
        location=location,
        start__gte=whole.start - LONGEST * 7,
    ).exclude(status=AppointmentStatus.CANCELLED)
    rows = rows.select_related("customer__contact", "vehicle", "technician", "bay", "repair_order__exit")
    return list(rows.order_by("start", "id"))


def _visit(row: Appointment, now: datetime) -> Visit:
    order = getattr(row, "repair_order", None)
    state, minutes = state_of(row, is_here=order is not None, now=now)
    if hasattr(order, "exit"):  # the vehicle has left, although nobody ended its visit
        state, minutes = "done", 0
    end = row.end
    if state == "done" and row.completed_at is not None:
        end = max(min(end, row.completed_at), row.start + COLUMN)
    return Visit(row, state, Slot(row.start, end), minutes, order.pk if order else None)


def _axis(day: date, zone: ZoneInfo, hours: OpenDay | None, visits: Iterable[Visit], now: datetime) -> Slot:
    """Return the whole hours that the board shows: the opening hours and every visit of the day."""
    midnight, end_of_day = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    starts, ends = [], []
    if hours is not None:
        starts.append(hours.hours.start)
        ends.append(hours.hours.end)
    for visit in visits:
        if visit.shown.end > midnight:  # the others are vehicles of another day that are still in their bay
            starts.append(visit.shown.start)
            ends.append(visit.shown.end)
        if visit.state == "over":
            ends.append(now)
    if not starts:
        first, last = _EMPTY_DAY
        starts, ends = [midnight + HOUR * first], [*ends, midnight + HOUR * last]
    start = max(min(starts), midnight)
    end = min(max(ends), end_of_day)
    start -= (start - midnight) % HOUR
    end = max(end + (midnight - end) % HOUR, start + HOUR)
    return Slot(start, min(end, start + HOUR * MOST_HOURS))


def _bay_rows(
    location: Location,
    visits: Sequence[Visit],
    axis: Slot,
    hours: OpenDay | None,
    zone: ZoneInfo,
    *,
    now: datetime,
    whole: Slot,
) -> Iterator[Row]:
    for bay in Bay.objects.filter(location=location).in_order():
        own = [visit for visit in visits if visit.appointment.bay_id == bay.pk]
        items = [item for visit in own for item in _pieces(visit, axis, zone, own, now=now, at_bay=True)]
        if hours is None:
            if not own:
                items.append(Item("shut", 0, _column(axis.end, axis), text="Closed"))
        else:
            items += [
                Item("shut", _column(span.start, axis), _column(span.end, axis), text="Closed")
                for span in hours.closed
                if span.start < axis.end and span.end > axis.start
            ]
            items += _free(bay, own, hours, axis, zone, now=now, whole=whole)
        yield Row(bay.name, "", in_lanes(items))


def _technician_rows(
    location: Location, day: date, visits: Sequence[Visit], axis: Slot, zone: ZoneInfo
) -> Iterator[Row]:
    """Yield the location's technicians and those of other locations who have a visit here, by name."""
    days = technicians_of_day(location, day)
    known = {entry.technician.pk for entry in days}
    assigned = {row for visit in visits if (row := visit.appointment.technician_id) is not None}
    others = [TechnicianDay(row, [], []) for row in Technician.objects.filter(pk__in=assigned - known)]
    with_shifts = set(Shift.objects.filter(technician__in=known).values_list("technician", flat=True))
    for entry in sorted([*days, *others], key=lambda entry: (entry.technician.name, entry.technician.pk)):
        technician = entry.technician
        own = [visit for visit in visits if visit.appointment.technician_id == technician.pk]
        items = [item for visit in own for item in _pieces(visit, axis, zone, own, now=None, at_bay=False)]
        items += [
            Item("shut", _column(span.start, axis), _column(span.end, axis), text="Away")
            for span, _ in entry.absences
            if span.start < axis.end and span.end > axis.start
        ]
        text = ", ".join(_span(span, zone) for span in entry.at_work)
        if technician.pk in with_shifts and not entry.at_work:
            text = "Away" if entry.shifts else "Day off"
            if not own and not entry.absences:
                items.append(Item("shut", 0, _column(axis.end, axis), text="Day off"))
        yield Row(technician.name, text, in_lanes(items))


def in_lanes(items: Iterable[Item]) -> list[Item]:
    """Return the pieces of a row in the order of their time, each visit in the first lane where it covers no other."""
    found, ends = [], [0]
    for item in sorted(items, key=lambda item: (item.begins, item.ends)):
        if item.kind in _GROUND:
            found.append(item)
            continue
        lane = next((lane for lane, end in enumerate(ends) if end <= item.begins), len(ends))
        ends[lane:] = [item.ends, *ends[lane + 1 :]]
        found.append(replace(item, lane=min(lane, MOST_LANES - 1)))
    return found


def _span(span: Slot, zone: ZoneInfo) -> str:
    return f"{span.start.astimezone(zone):%H:%M}–{span.end.astimezone(zone):%H:%M}"


def _pieces(
    visit: Visit, axis: Slot, zone: ZoneInfo, own: Sequence[Visit], *, now: datetime | None, at_bay: bool
) -> Iterator[Item]:
    """Yield the piece of a visit, and its tail if it is over its end. `own` are the visits of the same row."""
    row, shown = visit.appointment, visit.shown
    begins, ends = _column(shown.start, axis), _column(shown.end, axis)
    if ends <= begins:
        begins, ends = max(ends - 1, 0), max(ends, 1)
    span = _span(Slot(row.start, row.end), zone)
    who = (
        row.customer.company_name
        or (row.customer.contact and row.customer.contact.last_name)
        or row.customer.name
    )
    car = row.vehicle.unit_number or row.vehicle.model
    who, car = isolate(who), isolate(car)
    title = f"{who} · {car}" if at_bay else f"{row.bay.name} · {car}"
    text = _text(visit, own, zone, at_bay=at_bay)
    vehicle = isolate(f"{row.vehicle.year} {row.vehicle.make} {row.vehicle.model}")
    label = f"{span}, {isolate(row.customer.name)}, {vehicle}, {text}"
    yield Item(
        visit.state, begins, ends, title, text, span, visit.url, label, f"visit-{row.pk}" if at_bay else ""
    )
    if visit.state == "over" and now is not None and _column(now, axis) > ends:
        yield Item("tail", ends, _column(now, axis))


def _text(visit: Visit, own: Sequence[Visit], zone: ZoneInfo, *, at_bay: bool) -> str:
    row = visit.appointment
    if visit.state == "late":
        return f"{duration(visit.minutes)} late"
    if visit.state == "over":
        after = next((other for other in own if other.shown.start >= row.end), None)
        more = f" · next car {after.appointment.start.astimezone(zone):%H:%M}" if after and at_bay else ""
        return f"{duration(visit.minutes)} over{more}"
    what = row.description.partition("\n")[0]
    words = {"here": "checked in", "done": "done"}.get(visit.state, "")
    technician = row.technician.name.split()[0] if row.technician and at_bay and row.technician.name else ""
    return " · ".join(part for part in (words, what, technician) if part)


def duration(minutes: int) -> str:
    """Return `40 min`, `2 h 05` or `3 days`."""
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest:02}"
    days = hours // 24
    return f"{days} day{'s' if days > 1 else ''}"


def _free(
    bay: Bay,
    own: Sequence[Visit],
    hours: OpenDay,
    axis: Slot,
    zone: ZoneInfo,
    *,
    now: datetime,
    whole: Slot,
) -> Iterator[Item]:
    """Yield the places of a bay that are free and still to come, as links that start a visit there."""
    if whole.end <= now:
        return
    busy = sorted([*(_held(visit, now) for visit in own), *hours.closed])
    start = max(hours.hours.start, now)
    for span in [*busy, Slot(hours.hours.end, hours.hours.end)]:
        end = min(span.start, hours.hours.end)
        is_now = start == now and hours.hours.start <= now
        if end - start >= (SHORTEST_GAP / 2 if is_now else SHORTEST_GAP):
            yield _gap(bay, start, end, hours, axis, zone, is_now=is_now)
        start = max(start, span.end)


def _held(visit: Visit, now: datetime) -> Slot:
    """Return for how long a visit keeps its bay. Work keeps it for at least half an hour from now."""
    is_in_work = visit.appointment.status == AppointmentStatus.IN_PROGRESS
    return Slot(visit.shown.start, max(visit.shown.end, now + OVERRUN) if is_in_work else visit.shown.end)


def _gap(
    bay: Bay, start: datetime, end: datetime, hours: OpenDay, axis: Slot, zone: ZoneInfo, *, is_now: bool
) -> Item:
    until, since = (f"{at.astimezone(zone):%H:%M}" for at in (end, start))
    query: dict[str, str | int] = {"location": bay.location_id, "bay": bay.pk}
    if is_now:
        title = f"Walk-in now, until {until}"
        query |= {"start": "now"}
    else:
        first = (
            hours.hours.start + -(-(start - hours.hours.start) // STEP) * STEP
        )  # the next start that can be booked
        title = "New visit" if end - start >= HOUR else ""
        query |= {"start": first.astimezone(UTC).isoformat()}
    return Item(
        "now" if is_now else "free",
        _column(start, axis),
        _column(end, axis),
        title,
        time=f"{since}–{until}",
        url=f"{reverse('intake')}?{urlencode(query)}",
        label=f"{bay.name}, {since}–{until}",
    )


def _heads(visits: Sequence[Visit]) -> list[Head]:
    """Return the numbers above the board: those that need a person first."""
    found = []
    for state, word, tone in (
        ("late", "late", "amber"),
        ("over", "over time", "red"),
        ("here", "checked in", "blue"),
        ("work", "in work", ""),
        ("plan", "still to come", ""),
        ("done", "done", "green"),
    ):
        own = [visit for visit in visits if visit.state == state]
        if own:
            found.append(Head(f"{len(own)} {word}", tone, f"#visit-{own[0].appointment.pk}"))
    return found


def _open_text(hours: OpenDay | None, zone: ZoneInfo) -> str:
    if hours is None:
        return "closed"
    return f"open {hours.hours.start.astimezone(zone):%H:%M} to {hours.hours.end.astimezone(zone):%H:%M}"


def _hour_label(start: datetime, zone: ZoneInfo) -> str:
    return f"{start.astimezone(zone):%H:%M}"


def _column(at: datetime, axis: Slot) -> int:
    """Return the column in which an instant lies, within the axis."""
    return (min(max(at, axis.start), axis.end) - axis.start) // COLUMN


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
