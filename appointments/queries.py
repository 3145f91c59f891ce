"""Read opening hours, free slots, services and vehicles for a booking."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from appointments.models import HOLDS_A_BAY, Appointment, Bay, Closure, Location, OpeningHours, ServiceType
from appointments.slots import DAYS_AHEAD, LONGEST, SHORTEST, BaySchedule, Slot, opening_of_day, slots_within
from common.domain.caller import Caller
from common.domain.errors import Invalid
from vehicles.actions import VehicleNotOfCustomer
from vehicles.models import Vehicle


class TooFarAhead(Invalid):
    code = "too_far_ahead"
    message = f"Appointments can be booked at most {DAYS_AHEAD} days ahead."


class NotASlot(Invalid):
    """No appointment can start at that time, even if every bay is free. The text gives the reason."""

    code = "not_a_slot"
    title = "Time cannot be booked"


class UnknownService(Invalid):
    code = "unknown_service"
    title = "Unknown service"


class VehicleNotChosen(Invalid):
    code = "which_vehicle"
    title = "Vehicle required"


def get_vehicle_to_book(caller: Caller, uuid: UUID | None = None) -> Vehicle:
    """Return the caller's vehicle with that uuid, or their only vehicle, with its customer. One query.

    Raises VehicleNotOfCustomer, VehicleNotChosen.
    """
    vehicles = Vehicle.objects.visible_to(caller).in_use().select_related("customer")
    if uuid is not None:
        vehicle = vehicles.filter(uuid=uuid).first()
        if vehicle is None:
            raise VehicleNotOfCustomer
        return vehicle
    first_two = list(vehicles.order_by("id")[:2])
    if len(first_two) != 1:
        text = "You have several vehicles. Choose one of them." if first_two else "Add a vehicle first."
        raise VehicleNotChosen(text, field="vehicle")
    return first_two[0]


def find_services(names: Iterable[str]) -> list[ServiceType]:
    """Return the services with these codes or names, in that order and without repetitions. One query.

    Case, spaces and hyphens are ignored: `Oil change` finds `oil_change`. Raises UnknownService with the first name
    that matches no service.
    """
    wanted = {_normalize(name): name for name in names}
    if not wanted:
        return []
    services = list(ServiceType.objects.order_by("id"))
    known = {_normalize(service.name): service for service in services}
    known |= {_normalize(service.code): service for service in services}
    for key, name in wanted.items():
        if key not in known:
            text = f"There is no service “{name}”. Use the code or the name of a service."
            raise UnknownService(text, field="services")
    return list(dict.fromkeys(known[key] for key in wanted))


def _normalize(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def get_appointment_length(services: Iterable[ServiceType]) -> timedelta:
    """Return the time for which an appointment with these services holds its bay."""
    return timedelta(minutes=sum(service.minutes for service in services)) or SHORTEST


def local_time(location: Location, instant: datetime) -> datetime:
    """Return the instant in the location's time zone."""
    return instant.astimezone(ZoneInfo(location.time_zone))


def last_bookable_day(location: Location, now: datetime) -> date:
    """Return the last local day of the location that can be booked now."""
    return local_time(location, now).date() + timedelta(days=DAYS_AHEAD)


def get_opening_hours(location: Location, first: date, last: date) -> dict[date, Slot]:
    """Return the hours of each day from `first` to `last` on which the location is open. Two queries."""
    zone = ZoneInfo(location.time_zone)
    weekdays = {row.weekday: row for row in OpeningHours.objects.filter(location=location)}
    closures = Closure.objects.filter(location=location, day__range=(first, last))
    closed = set(closures.values_list("day", flat=True))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {
        day: opening_of_day(day, opens=row.opens, closes=row.closes, zone=zone)
        for day in days
        if day not in closed and (row := weekdays.get(day.weekday()))
    }


def get_bay_schedule(
    location: Location, during: Slot, *, bay: Bay | None = None, ignoring: Appointment | None = None
) -> BaySchedule:
    """Return a location's bays in the order of their ids and the appointments that hold them. Two queries.

    `bay` limits the schedule to that bay. `ignoring` is an appointment that is about to move: it holds no bay, and its
    own bay comes first.
    """
    bays = Bay.objects.filter(location=location, **({"pk": bay.pk} if bay else {}))
    ids = list(bays.order_by("id").values_list("id", flat=True))
    appointments = Appointment.objects.filter(
        bay__in=ids,
        status__in=HOLDS_A_BAY,
        # The lower bound on `start` lets an index skip past years.
        start__range=(during.start - LONGEST, during.end),
        end__gt=during.start,
    )
    if ignoring is not None:
        appointments = appointments.exclude(pk=ignoring.pk)
        ids.sort(key=lambda bay_id: bay_id != ignoring.bay_id)
    return BaySchedule(ids, appointments.values_list("bay_id", "start", "end"))


def find_free_slots(
    *,
    location: Location,
    first: date,
    last: date,
    length: timedelta,
    now: datetime,
    bay: Bay | None = None,
    ignoring: Appointment | None = None,
) -> Iterator[Slot]:
    """Yield the slots later than `now` for which a bay is free, in order. Four queries.

    `bay` and `ignoring` are those of `get_bay_schedule`.
    """
    hours = get_opening_hours(location, first, last)
    if not hours:
        return
    whole = Slot(min(day.start for day in hours.values()), max(day.end for day in hours.values()))
    schedule = get_bay_schedule(location, whole, bay=bay, ignoring=ignoring)
    for day in hours.values():
        for slot in slots_within(day, length):
            if slot.start > now and schedule.first_free(slot) is not None:
                yield slot


def get_available_slots(*, location: Location, day: date, length: timedelta, now: datetime) -> list[Slot]:
    """Return the free slots of a local day of the location. A past day has none.

    Raises TooFarAhead.
    """
    if day > last_bookable_day(location, now):
        raise TooFarAhead(field="day")
    if day < local_time(location, now).date():
        return []
    return list(find_free_slots(location=location, first=day, last=day, length=length, now=now))


def get_slot(*, location: Location, start: datetime, length: timedelta, now: datetime) -> Slot:
    """Return the slot that begins at `start`, whether or not a bay is free. Raises NotASlot, TooFarAhead."""
    if start <= now:
        raise NotASlot("Choose a time in the future.", field="start")
    # The rough check comes first, because the local time of a start in the year 9999 can overflow.
    is_far = start - now > timedelta(days=DAYS_AHEAD + 2)
    if is_far or (day := local_time(location, start).date()) > last_bookable_day(location, now):
        raise TooFarAhead(field="start")
    slot, hours = Slot(start, start + length), get_opening_hours(location, day, day).get(day)
    if hours is None:
        raise NotASlot(f"{location.name} is closed on {day}. Choose another day.", field="start")
    if slot in slots_within(hours, length):
        return slot
    opens, closes = (f"{local_time(location, instant):%H:%M}" for instant in hours)
    if start >= hours.start and slot.end <= hours.end:
        raise NotASlot(f"Appointments start every 30 minutes from {opens} on.", field="start")
    minutes = length // timedelta(minutes=1)
    raise NotASlot(
        f"{location.name} is open from {opens} to {closes} on that day. The appointment takes {minutes} minutes.",
        field="start",
    )


def find_next_free_slots(
    *,
    location: Location,
    after: datetime,
    length: timedelta,
    now: datetime,
    bay: Bay | None = None,
    ignoring: Appointment | None = None,
    count: int = 3,
) -> list[Slot]:
    """Return the first `count` free slots later than `after`.

    The day of `after` is searched first, then the next two days, the next four, and so on.
    """
    found: list[Slot] = []
    day, last, days = local_time(location, after).date(), last_bookable_day(location, now), 1
    while day <= last and len(found) < count:
        until = min(day + timedelta(days=days - 1), last)
        free = find_free_slots(
            location=location, first=day, last=until, length=length, now=after, bay=bay, ignoring=ignoring
        )
        found += islice(free, count - len(found))
        day, days = until + timedelta(days=1), days * 2
    return found
