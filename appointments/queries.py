"""Read opening hours, free slots, services and vehicles for a booking."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, Model, OuterRef, Q, Subquery

from accounts.models import User
from appointments.models import (
    HOLDS_A_BAY,
    Appointment,
    AppointmentStatus,
    Bay,
    Closure,
    Location,
    OpeningHours,
    ServiceType,
)
from appointments.presence import Crew, get_presence
from appointments.slots import (
    DAYS_AHEAD,
    LONGEST,
    MIDNIGHT,
    OVERRUN,
    SHORTEST,
    BaySchedule,
    Slot,
    closed_hours,
    format_closing,
    opening_of_day,
    overlaps,
    slots_within,
)
from common.domain.caller import Caller, Role
from common.domain.errors import DomainError, Invalid
from common.domain.types import AnyQuerySet
from common.domain.units import Units
from customers.models import Customer
from vehicles.locks import VehicleNotOfCustomer
from vehicles.models import Vehicle


class TooFarAhead(Invalid):
    code = "too_far_ahead"
    message = f"Appointments can be booked at most {DAYS_AHEAD} days ahead."


class NoDefaultLocation(DomainError):
    """The shop has no location yet."""

    code = "no_default_location"
    title = "No location"
    message = "Enter the shop's location first."


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


def name_appointments_of_vehicle(vehicle: Vehicle, now: datetime) -> list[str]:
    """Return the names of the vehicle's appointments that are ahead or in progress."""
    return _name_ahead(Appointment.objects.filter(vehicle=vehicle), now)


def name_appointments_of_customer(customer: Customer, now: datetime) -> list[str]:
    """Return the names of the customer's appointments that are ahead or in progress."""
    return _name_ahead(Appointment.objects.filter(customer=customer), now)


def _name_ahead(appointments: AnyQuerySet, now: datetime) -> list[str]:
    rows = appointments.filter(_ahead(now)).select_related("location").order_by("start", "id")
    return [name_appointment(row) for row in rows]


def _ahead(now: datetime) -> Q:
    return Q(status=AppointmentStatus.IN_PROGRESS) | Q(status=AppointmentStatus.PENDING, end__gte=now)


def name_appointment(appointment: Appointment) -> str:
    """Return the words by which a message names an appointment, in the local time of its location."""
    start = local_time(appointment.location, appointment.start)
    return f"appointment {appointment.pk} on {start:%Y-%m-%d at %H:%M}"


def count_ahead(*, now: datetime, ignoring: Appointment | None = None, **owner: Model) -> int:
    """Return how many appointments of `owner` (`vehicle=…` or `customer=…`) are ahead or in progress."""
    rows = Appointment.objects.filter(_ahead(now), **owner)
    return (rows.exclude(pk=ignoring.pk) if ignoring else rows).count()


def is_ahead(appointment: Appointment, now: datetime) -> bool:
    """Return whether the appointment counts among those that are ahead or in progress."""
    return Appointment.objects.filter(_ahead(now), pk=appointment.pk).exists()


def find_overlapping(
    during: Slot, *, now: datetime | None = None, ignoring: Appointment | None = None, **holder: object
) -> Appointment | None:
    """Return the first appointment of `holder` (`vehicle=…` or `technician_id=…`) that overlaps, with its location.

    With `now`, work in progress counts from its real start to at least 30 minutes from now.
    """
    is_holding = _overlapping(during)
    if now is not None:
        in_progress = Q(status=AppointmentStatus.IN_PROGRESS)
        in_progress &= Q(start__lt=during.end) | Q(started_at__lt=during.end)
        if during.start >= now + OVERRUN:
            in_progress &= Q(end__gt=during.start)
        is_holding |= in_progress
    rows = Appointment.objects.filter(is_holding, **holder).select_related("location")
    if ignoring is not None:
        rows = rows.exclude(pk=ignoring.pk)
    return rows.order_by("start", "id").first()


def _overlapping(during: Slot) -> Q:
    """Match the appointments that hold a bay at some time of the slot."""
    return Q(
        status__in=HOLDS_A_BAY,
        # The lower bound on `start` lets an index skip past years.
        start__gte=during.start - LONGEST,
        start__lt=during.end,
        end__gt=during.start,
    )


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


def find_services(names: Sequence[str]) -> list[ServiceType]:
    """Return the services with these codes or names, in that order and without repetitions. One query.

    Case, spaces and hyphens are ignored: `Oil change` finds `oil_change`. Raises UnknownService with the first name
    that matches no service.
    """
    wanted = [_normalize(name) for name in names]
    if not wanted:
        return []
    services = list(ServiceType.objects.order_by("id"))
    known = {_normalize(service.name): service for service in services}
    known |= {_normalize(service.code): service for service in services}
    for number, name in enumerate(names):
        if _normalize(name) not in known:
            text = f"There is no service “{name}”. Use the code or the name of a service."
            raise UnknownService(text, field="services", item=number)
    return list(dict.fromkeys(known[key] for key in wanted))


def _normalize(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def get_appointment_length(services: Iterable[ServiceType]) -> timedelta:
    """Return the time for which an appointment with these services holds its bay."""
    return timedelta(minutes=sum(service.minutes for service in services)) or SHORTEST


def get_length_to_book(names: Sequence[str], moving: Appointment | None = None) -> timedelta:
    """Return the length for the services with these names, or without names that of the appointment that moves.

    Raises UnknownService.
    """
    services = find_services(names)
    return moving.end - moving.start if moving and not services else get_appointment_length(services)


def get_default_location() -> Location:
    """Return the location of orders that name none. Raises NoDefaultLocation."""
    location = Location.objects.filter(is_default=True).first()
    if location is None:
        raise NoDefaultLocation
    return location


def get_usual_location(customer: Customer) -> Location:
    """Return the location of the customer's latest appointment, else the default one. Raises NoDefaultLocation."""
    kept = Appointment.objects.filter(customer=customer).exclude(status=AppointmentStatus.CANCELLED)
    latest = kept.select_related("location").order_by("-start", "-id").first()
    return latest.location if latest else get_default_location()


def get_units(customer: Customer, location: Location | None = None) -> Units:
    """Return the units of a customer's pages and papers: their own, else those of the location.

    Without a location it is their usual one. A shop without any has miles and gallons.
    """
    if customer.units:
        return Units(customer.units)
    try:
        return Units((location or get_usual_location(customer)).units)
    except NoDefaultLocation:
        return Units.IMPERIAL


def find_shop_addresses() -> list[str]:
    """Return the email addresses at which the shop reads mail: its default location's, else its managers'.

    Empty without any.
    """
    addresses = (
        Location.objects.exclude(email="").order_by("-is_default", "id").values_list("email", flat=True)
    )
    if first := addresses.first():
        return [first]
    managers = User.objects.filter(role__in=(Role.MANAGER, Role.ADMIN), is_active=True, email__isnull=False)
    return [email for email in managers.order_by("id").values_list("email", flat=True) if email]


def local_time(location: Location, instant: datetime) -> datetime:
    """Return the instant in the location's time zone."""
    return instant.astimezone(ZoneInfo(location.time_zone))


def last_bookable_day(location: Location, now: datetime) -> date:
    """Return the last local day of the location that can be booked now."""
    return local_time(location, now).date() + timedelta(days=DAYS_AHEAD)


class OpenDay(NamedTuple):
    """The hours of a day, and the hours within them at which the location is closed."""

    hours: Slot
    closed: tuple[Slot, ...] = ()

    def slots(self, length: timedelta) -> Iterator[Slot]:
        return slots_within(self.hours, length, self.closed)

    def holds(self, slot: Slot) -> bool:
        """Return whether the location is open during the whole slot."""
        is_within = self.hours.start <= slot.start and slot.end <= self.hours.end
        return is_within and not overlaps(slot, self.closed)


def get_opening_hours(location: Location, first: date, last: date) -> dict[date, OpenDay]:
    """Return the hours of each day from `first` to `last` on which the location is open. Two queries."""
    zone = ZoneInfo(location.time_zone)
    weekdays = {row.weekday: row for row in OpeningHours.objects.filter(location=location)}
    whole_days: set[date] = set()
    closed: dict[date, tuple[Slot, ...]] = {}
    closures = Closure.objects.filter(location=location, day__range=(first, last))
    for day, begins, ends in closures.values_list("day", "begins", "ends"):
        if begins is None or ends is None:
            whole_days.add(day)
        else:
            closed[day] = (*closed.get(day, ()), closed_hours(day, begins=begins, ends=ends, zone=zone))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {
        day: OpenDay(opening_of_day(day, opens=row.opens, closes=row.closes, zone=zone), closed.get(day, ()))
        for day in days
        if day not in whole_days and (row := weekdays.get(day.weekday()))
    }


def resolve_start(location: Location, start: datetime) -> datetime:
    """Return the instant of a start. Without a time zone it is a local time of the location.

    A local time that comes twice is the first. Raises NotASlot for one that the clocks skip.
    """
    if start.tzinfo is not None:
        return start
    zone = ZoneInfo(location.time_zone)
    try:
        instant = start.replace(tzinfo=zone, fold=0).astimezone(UTC)
        exists = instant.astimezone(zone).replace(tzinfo=None) == start.replace(fold=0)
    except OverflowError:
        raise NotASlot("Choose a time in the future.", field="start") from None
    if not exists:
        raise NotASlot(
            f"{start:%H:%M} does not exist on {start.date()} in {location.time_zone}, because the clocks skip it.",
            field="start",
        )
    return instant


def appointments_outside_hours(location: Location, now: datetime) -> list[Appointment]:
    """Return the appointments that are not over and during which the location is not open. Three queries."""
    booked = Appointment.objects.filter(location=location, status__in=HOLDS_A_BAY, end__gt=now)
    appointments = list(booked.select_related("customer__contact").order_by("start", "id"))
    if not appointments:
        return []
    days = {row.pk: local_time(location, row.start).date() for row in appointments}
    hours = get_opening_hours(location, min(days.values()), max(days.values()))
    return [
        row
        for row in appointments
        if (day := hours.get(days[row.pk])) is None or not day.holds(Slot(row.start, row.end))
    ]


def get_bay_schedule(
    location: Location,
    during: Slot,
    *,
    now: datetime,
    bay: Bay | None = None,
    ignoring: Appointment | None = None,
) -> BaySchedule:
    """Return a location's bays in the order of their ids and the times at which they are held. Two queries.

    Work in progress holds its bay from its real start to at least 30 minutes from now. `bay` limits the schedule to
    that bay. `ignoring` is an appointment that is about to move: it holds no bay, and its own bay comes first.
    """
    bays = Bay.objects.filter(location=location, **({"pk": bay.pk} if bay else {}))
    ids = list(bays.order_by("id").values_list("id", flat=True))
    if ignoring is not None:
        ids.sort(key=lambda bay_id: bay_id != ignoring.bay_id)
    return BaySchedule(ids, _held_times(during, now=now, ignoring=ignoring, bay__in=ids))


def get_crew(
    location: Location, during: Slot, *, now: datetime, ignoring: Appointment | None = None
) -> Crew | None:
    """Return the technicians at work and the appointments that need them, or None if no shifts are kept there.

    Three queries, one if no shifts are kept.
    """
    present = get_presence(location, during)
    if present is None:
        return None
    held = _held_times(during, now=now, ignoring=ignoring, bay__location=location)
    return Crew(present, (Slot(start, end) for _, start, end in held))


def _held_times(
    during: Slot, *, now: datetime, ignoring: Appointment | None, **place: object
) -> Iterator[tuple[int, datetime, datetime]]:
    """Yield the bay, beginning and end of each time at which an appointment holds a bay. One query."""
    # A bay has at most one appointment in progress, which may have begun long ago.
    rows = Appointment.objects.filter(_overlapping(during) | Q(status=AppointmentStatus.IN_PROGRESS), **place)
    if ignoring is not None:
        rows = rows.exclude(pk=ignoring.pk)
    for bay, start, end, status, started_at in rows.values_list(
        "bay_id", "start", "end", "status", "started_at"
    ):
        if status == AppointmentStatus.IN_PROGRESS:
            yield bay, min(start, started_at or start), max(end, now + OVERRUN)
        else:
            yield bay, start, end


def find_free_slots(
    *,
    location: Location,
    first: date,
    last: date,
    length: timedelta,
    now: datetime,
    after: datetime | None = None,
    bay: Bay | None = None,
    ignoring: Appointment | None = None,
) -> Iterator[Slot]:
    """Yield the slots later than `now` and `after` for which a bay and a technician are free, in order.

    Five queries, seven where shifts are kept.

    `bay` and `ignoring` are those of `get_bay_schedule`.
    """
    hours = get_opening_hours(location, first, last)
    if not hours:
        return
    spans = [day.hours for day in hours.values()]
    whole = Slot(min(span.start for span in spans), max(span.end for span in spans))
    schedule = get_bay_schedule(location, whole, now=now, bay=bay, ignoring=ignoring)
    crew = get_crew(location, whole, now=now, ignoring=ignoring)
    earliest = max(now, after or now)
    for day in hours.values():
        for slot in day.slots(length):
            if slot.start <= earliest or schedule.first_free(slot) is None:
                continue
            if crew is None or crew.has_room(slot):
                yield slot


def get_available_slots(
    *,
    location: Location,
    day: date,
    length: timedelta,
    now: datetime,
    ignoring: Appointment | None = None,
) -> list[Slot]:
    """Return the free slots of a local day of the location. A past day has none.

    `ignoring` is an appointment that may move to one of them. Raises TooFarAhead.
    """
    if day > last_bookable_day(location, now):
        raise TooFarAhead(field="day")
    if day < local_time(location, now).date():
        return []
    return list(
        find_free_slots(location=location, first=day, last=day, length=length, now=now, ignoring=ignoring)
    )


def get_hours_to_book(location: Location, day: date, now: datetime) -> Slot:
    """Return the hours of a local day that can be booked. Raises NotASlot, TooFarAhead."""
    if day < local_time(location, now).date():
        raise NotASlot("Choose a day that is not over.", field="start")
    if day > last_bookable_day(location, now):
        raise TooFarAhead(field="start")
    return _get_open_day(location, day).hours


def _get_open_day(location: Location, day: date) -> OpenDay:
    open_day = get_opening_hours(location, day, day).get(day)
    if open_day is None:
        raise NotASlot(f"{location.name} is closed on {day}. Choose another day.", field="start")
    return open_day


def get_slot(*, location: Location, start: datetime, length: timedelta, now: datetime) -> Slot:
    """Return the slot that begins at `start`, whether or not a bay is free. Raises NotASlot, TooFarAhead."""
    if start <= now:
        raise NotASlot("Choose a time in the future.", field="start")
    # The rough check comes first, because the local time of a start in the year 9999 can overflow.
    is_far = start - now > timedelta(days=DAYS_AHEAD + 2)
    if is_far or (day := local_time(location, start).date()) > last_bookable_day(location, now):
        raise TooFarAhead(field="start")
    slot, open_day = Slot(start, start + length), _get_open_day(location, day)
    if slot in open_day.slots(length):
        return slot
    hours = open_day.hours
    opens, closes = (f"{local_time(location, instant):%H:%M}" for instant in hours)
    closes = format_closing(MIDNIGHT) if closes == "00:00" else closes
    if overlaps(slot, open_day.closed):
        raise NotASlot(f"{location.name} is closed at that time. Choose another time.", field="start")
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
            location=location,
            first=day,
            last=until,
            length=length,
            now=now,
            after=after,
            bay=bay,
            ignoring=ignoring,
        )
        found += islice(free, count - len(found))
        day, days = until + timedelta(days=1), days * 2
    return found


def free_until(location: Location, now: datetime) -> list[tuple[Bay, datetime | None]]:
    """Return the bays that are free now, in the order of their ids, and when the next appointment takes each.

    None means that nothing is booked there. One query.
    """
    pending = Appointment.objects.filter(status=AppointmentStatus.PENDING)
    present = pending.filter(start__gte=now - LONGEST, start__lte=now, end__gt=now)
    in_work = Appointment.objects.filter(status=AppointmentStatus.IN_PROGRESS)
    later = pending.filter(bay=OuterRef("pk"), start__gt=now).order_by("start").values("start")[:1]
    bays = Bay.objects.filter(
        ~Exists(present.filter(bay=OuterRef("pk"))),
        ~Exists(in_work.filter(bay=OuterRef("pk"))),
        location=location,
    )
    return [(bay, bay.until) for bay in bays.order_by("id").annotate(until=Subquery(later))]


def find_free_bays(location: Location, slot: Slot, *, now: datetime) -> list[Bay]:
    """Return the bays that are free for the whole slot, in the order of their ids. Three queries."""
    ids = get_bay_schedule(location, slot, now=now).free_bays(slot)
    return list(Bay.objects.filter(pk__in=ids).order_by("id"))
