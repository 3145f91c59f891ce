"""What is open, what is free, and what a service is called: reads across the tables of the calendar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from appointments.models import HOLDS_A_BAY, Appointment, Bay, Closure, Location, OpeningHours, ServiceType
from appointments.slots import DAYS_AHEAD, LONGEST, SHORTEST, Bays, Slot, open_on, slots_within
from common.domain.caller import Caller
from common.domain.errors import Invalid
from vehicles.actions import VehicleNotOfCustomer
from vehicles.models import Vehicle


class TooFarAhead(Invalid):
    code = "too_far_ahead"
    message = f"Visits are booked at most {DAYS_AHEAD} days ahead."


class NotASlot(Invalid):
    """No visit can start at that time, whoever else comes; the text says why."""

    code = "not_a_slot"
    title = "Not a time to book"


class UnknownService(Invalid):
    code = "unknown_service"
    title = "Unknown service"


class WhichVehicle(Invalid):
    code = "which_vehicle"
    title = "Which vehicle?"


def vehicle_meant(caller: Caller, uuid: UUID | None = None) -> Vehicle:
    """The vehicle in use that a customer names, or else his only one; its customer comes along. One query.

    Raises VehicleNotOfCustomer, WhichVehicle.
    """
    mine = Vehicle.objects.visible_to(caller).in_use().select_related("customer")
    if uuid is not None:
        found = mine.filter(uuid=uuid).first()
        if found is None:
            raise VehicleNotOfCustomer
        return found
    several = list(mine.order_by("id")[:2])
    if len(several) != 1:
        text = "You have several vehicles: say which one." if several else "Add a vehicle first."
        raise WhichVehicle(text, field="vehicle")
    return several[0]


def services_called(names: Iterable[str]) -> list[ServiceType]:
    """The services that people write, each once: `Oil change` is `oil_change`. One query.

    Raises UnknownService, naming the first that nobody offers.
    """
    wanted = {_plain(name): name for name in names}
    if not wanted:
        return []
    offered = list(ServiceType.objects.order_by("id"))
    known = {_plain(service.name): service for service in offered}
    known |= {_plain(service.code): service for service in offered}
    for plain, name in wanted.items():
        if plain not in known:
            raise UnknownService(f"There is no service “{name}”.", field="services")
    return list(dict.fromkeys(known[plain] for plain in wanted))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def visit_length(services: Iterable[ServiceType]) -> timedelta:
    """How long a visit holds its bay."""
    return timedelta(minutes=sum(service.minutes for service in services)) or SHORTEST


def on_the_wall(location: Location, instant: datetime) -> datetime:
    """The instant as the location's own clock shows it."""
    return instant.astimezone(ZoneInfo(location.time_zone))


def last_day(location: Location, now: datetime) -> date:
    """The last day at the location that can be booked now."""
    return on_the_wall(location, now).date() + timedelta(days=DAYS_AHEAD)


def hours_of(location: Location, first: date, last: date) -> dict[date, Slot]:
    """The days from `first` to `last` on which a location is open, and from when to when. Two queries."""
    zone = ZoneInfo(location.time_zone)
    weekdays = {row.weekday: row for row in OpeningHours.objects.filter(location=location)}
    closures = Closure.objects.filter(location=location, day__range=(first, last))
    closed = set(closures.values_list("day", flat=True))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {
        day: open_on(day, opens=row.opens, closes=row.closes, zone=zone)
        for day in days
        if day not in closed and (row := weekdays.get(day.weekday()))
    }


def bays_of(
    location: Location, during: Slot, *, wanted: Bay | None = None, but: Appointment | None = None
) -> Bays:
    """A location's bays in the order of their ids, or the wanted one alone, and the visits that hold them. Two queries.

    `but` is a visit that is about to move, and holds nothing: its own bay comes first.
    """
    bays = Bay.objects.filter(location=location, **({"pk": wanted.pk} if wanted else {}))
    ids = list(bays.order_by("id").values_list("id", flat=True))
    visits = Appointment.objects.filter(
        bay__in=ids,
        status__in=HOLDS_A_BAY,
        # The lower bound lets an index skip the years behind.
        start__range=(during.start - LONGEST, during.end),
        end__gt=during.start,
    )
    if but is not None:
        visits = visits.exclude(pk=but.pk)
        ids.sort(key=lambda bay: bay != but.bay_id)
    return Bays(ids, visits.values_list("bay_id", "start", "end"))


def free_slots(
    *,
    location: Location,
    first: date,
    last: date,
    length: timedelta,
    now: datetime,
    wanted: Bay | None = None,
    but: Appointment | None = None,
) -> Iterator[Slot]:
    """The slots later than `now` for which a bay is free for their whole length, in order. Four queries.

    `wanted` and `but` as `bays_of` takes them.
    """
    hours = hours_of(location, first, last)
    if not hours:
        return
    whole = Slot(min(day.start for day in hours.values()), max(day.end for day in hours.values()))
    bays = bays_of(location, whole, wanted=wanted, but=but)
    for day in hours.values():
        for slot in slots_within(day, length):
            if slot.start > now and bays.free(slot) is not None:
                yield slot


def available_slots(*, location: Location, day: date, length: timedelta, now: datetime) -> list[Slot]:
    """What a customer may choose from on a day at the location; nothing of a day that is past.

    Raises TooFarAhead.
    """
    if day > last_day(location, now):
        raise TooFarAhead(field="day")
    if day < on_the_wall(location, now).date():
        return []
    return list(free_slots(location=location, first=day, last=day, length=length, now=now))


def offered_slot(*, location: Location, start: datetime, length: timedelta, now: datetime) -> Slot:
    """The slot that begins at `start`, whether or not a bay is free. Raises NotASlot, TooFarAhead."""
    if start <= now:
        raise NotASlot("Choose a time in the future.", field="start")
    # The rough look first: the calendar ends in the year 9999.
    is_far = start - now > timedelta(days=DAYS_AHEAD + 2)
    if is_far or (day := on_the_wall(location, start).date()) > last_day(location, now):
        raise TooFarAhead(field="start")
    slot, hours = Slot(start, start + length), hours_of(location, day, day).get(day)
    if hours is None:
        raise NotASlot(f"{location.name} is closed on that day.", field="start")
    if slot in slots_within(hours, length):
        return slot
    opens, closes = (f"{on_the_wall(location, instant):%H:%M}" for instant in hours)
    if start >= hours.start and slot.end <= hours.end:
        raise NotASlot(f"Visits start every 30 minutes from {opens} on.", field="start")
    minutes = length // timedelta(minutes=1)
    raise NotASlot(
        f"{location.name} is open from {opens} to {closes} on that day; the visit takes {minutes} minutes.",
        field="start",
    )


def next_free_slots(
    *,
    location: Location,
    after: datetime,
    length: timedelta,
    now: datetime,
    wanted: Bay | None = None,
    but: Appointment | None = None,
    count: int = 3,
) -> list[Slot]:
    """The first free slots later than `after`: on its day, else on the next two, the next four, …"""
    found: list[Slot] = []
    day, last, days = on_the_wall(location, after).date(), last_day(location, now), 1
    while day <= last and len(found) < count:
        until = min(day + timedelta(days=days - 1), last)
        free = free_slots(
            location=location, first=day, last=until, length=length, now=after, wanted=wanted, but=but
        )
        found += islice(free, count - len(found))
        day, days = until + timedelta(days=1), days * 2
    return found
