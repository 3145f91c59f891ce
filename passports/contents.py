"""The contents of a passport: what is known of a vehicle, and nothing of its people (docs/design, D140).

Each list is bounded, and the number of queries does not depend on the history. Names, addresses, plates, unit numbers,
amounts, numbers of orders and texts about a visit are left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, When, Window
from django.db.models.functions import Coalesce, RowNumber, TruncMonth

from appointments.models import Location
from appointments.queries import get_units
from common.domain.days import day_of
from common.domain.units import Units
from inspections.models import ADVISED, Finding, Inspection, Rating
from passports.queries import get_own_chain
from repair_orders.models import Job, JobStatus, RepairOrder, RepairOrderStatus
from vehicles.codes.models import Dtc
from vehicles.fuel.consumption import Fill, summarize
from vehicles.fuel.models import FuelLog
from vehicles.models import (
    STANDING,
    OdometerReading,
    OdometerSource,
    Recommendation,
    RecommendationSource,
    Urgency,
    Vehicle,
)
from vehicles.queries import get_chain
from vehicles.schedules.models import ServiceSchedule

MOST = 300  # entries of a list; a vehicle that is serviced each month for 25 years has as many


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure of the odometer in miles. With `is_base` it is the first one of a new instrument cluster."""

    on: date
    miles: Decimal
    source: str
    is_base: bool


@dataclass(frozen=True, slots=True)
class Work:
    """A completed repair order: its day, miles, location and the names of the jobs that were done."""

    on: date
    miles: Decimal | None
    location: str
    jobs: list[str]


@dataclass(frozen=True, slots=True)
class Found:
    rating: str
    name: str
    measured: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """A finished inspection: the number of findings of each rating, and what needs attention, the red ones first."""

    on: date
    name: str
    green: int
    yellow: int
    red: int
    findings: list[Found]


@dataclass(frozen=True, slots=True)
class Advice:
    """Work that is recommended and not done."""

    name: str
    urgency: str
    due_on: date | None
    due_miles: Decimal | None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Regular work: when it was last done, and when it is due next."""

    name: str
    status: str
    last_on: date | None
    last_miles: Decimal | None
    due_on: date | None
    due_miles: Decimal | None


@dataclass(frozen=True, slots=True)
class Code:
    code: str
    description: str
    since: date


@dataclass(frozen=True, slots=True)
class Fuel:
    """The consumption in miles per gallon by the full-tank method. A figure that cannot be computed is None."""

    fill_ups: int
    average_mpg: Decimal | None
    best_mpg: Decimal | None
    worst_mpg: Decimal | None


@dataclass(frozen=True, slots=True)
class Passport:
    """The history of a vehicle. Lists of what has happened are newest first and have at most `MOST` entries.

    `earlier_owners` is the number of previous owners whose history it has. `is_cut` says that a list is longer.
    """

    made_at: datetime
    year: int
    make: str
    model: str
    trim: str
    vin: str
    color: str
    fuel_type: str
    odometer: Decimal | None
    odometer_on: date | None
    earlier_owners: int
    is_cut: bool
    readings: list[Reading]
    work: list[Work]
    inspections: list[Inspected]
    recommendations: list[Advice]
    schedules: list[Scheduled]
    codes: list[Code]
    fuel: Fuel
    location: Location | None  # the one that the paper is headed with
    units: Units

    @property
    def name(self) -> str:
        """Return year, make, model and trim."""
        return " ".join(str(part) for part in (self.year, self.make, self.model, self.trim) if part)


def get_passport(
    *, vehicle: Vehicle, now: datetime, with_all_owners: bool = False, units: Units | None = None
) -> Passport:
    """Return the passport of a vehicle as its owner may see it, or with the history of all owners for staff.

    Without units they are the owner's.
    """
    chain = get_chain(vehicle) if with_all_owners else get_own_chain(vehicle)
    orders = _orders(chain)
    inspections = _inspections(chain)
    readings = _readings(chain)
    location = next((row.location for row in orders if row.location), None) or _default_location()
    return Passport(
        made_at=now,
        year=vehicle.year,
        make=vehicle.make,
        model=vehicle.model,
        trim=vehicle.trim,
        vin=vehicle.vin,
        color=vehicle.color,
        fuel_type=vehicle.fuel_type,
        odometer=vehicle.odometer if vehicle.odometer_at else None,
        odometer_on=day_of(vehicle.odometer_at) if vehicle.odometer_at else None,
        earlier_owners=_count_owners(chain) - 1,
        is_cut=any(len(rows) > MOST for rows in (orders, inspections, readings)),
        readings=readings[:MOST],
        work=[_work(order) for order in orders[:MOST]],
        inspections=_inspected(inspections[:MOST]),
        recommendations=_advice(vehicle),
        schedules=_schedules(chain, now),
        codes=[
            Code(row.code, row.description, day_of(row.first_seen_at))
            for row in Dtc.objects.filter(vehicle=vehicle).open().newest_first()[:MOST]
        ],
        fuel=_fuel(chain),
        location=location,
        units=units or get_units(vehicle.customer, location),
    )


def _count_owners(chain: Sequence[int]) -> int:
    return Vehicle.objects.filter(pk__in=chain).values("customer_id").distinct().count()


def _default_location() -> Location | None:
    return Location.objects.filter(is_default=True).first()


def _readings(chain: Sequence[int]) -> list[Reading]:
    """Return the accepted readings. Of those of dongles and fill-ups, the last one of a month stands for the month.

    A reading that a new owner's row took over is there once.
    """
    is_routine = Q(source=OdometerSource.TELEMATICS) | Exists(FuelLog.objects.filter(reading=OuterRef("pk")))
    latest_first = (F("at").desc(), F("id").desc())
    routine = Case(When(is_routine, then=1), default=0)
    rows = (
        OdometerReading.objects.filter(vehicle__in=chain, accepted=True)
        .annotate(is_routine=routine)
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=[
                    F("is_routine"),
                    TruncMonth("at", tzinfo=ZoneInfo(settings.TIME_ZONE)),
                ],
                order_by=latest_first,
            )
        )
        .filter(Q(is_routine=0) | Q(place=1))
        .newest_first()
        .values_list("at", "miles", "source", "base")[: MOST + len(chain)]
    )
    # A row that was taken over has the time and the miles of the earlier one, which is older by its id.
    merged = (list(same)[-1] for _, same in groupby(rows, key=lambda row: row[:2]))
    return [Reading(day_of(at), miles, source, base) for at, miles, source, base in merged]


def _orders(chain: Sequence[int]) -> list[RepairOrder]:
    done = Prefetch("jobs", Job.objects.filter(status=JobStatus.DONE).in_order(), to_attr="done")
    rows = RepairOrder.objects.filter(vehicle__in=chain, status=RepairOrderStatus.COMPLETED)
    rows = rows.annotate(ended_at=Coalesce("completed_at", "created_at")).order_by("-ended_at", "-id")
    return list(rows.select_related("location").prefetch_related(done)[: MOST + 1])


def _work(order: RepairOrder) -> Work:
    read = vars(order)
    return Work(
        on=_local_day(order.location, read["ended_at"]),
        miles=order.odometer_in if order.odometer_out is None else order.odometer_out,
        location=order.location.name if order.location else "",
        jobs=[job.name for job in read["done"]],
    )


def _local_day(location: Location | None, at: datetime) -> date:
    """Return the day at the location, or in the project's time zone for work without one."""
    return day_of(at) if location is None else at.astimezone(ZoneInfo(location.time_zone)).date()


def _inspections(chain: Sequence[int]) -> list[Inspection]:
    rows = Inspection.objects.filter(repair_order__vehicle__in=chain, finished_at__isnull=False)
    return list(rows.select_related("repair_order__location").order_by("-finished_at", "-id")[: MOST + 1])


def _inspected(inspections: Sequence[Inspection]) -> list[Inspected]:
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    advised: defaultdict[int, list[Found]] = defaultdict(list)
    rows = Finding.objects.filter(inspection__in=[row.pk for row in inspections])
    # The word "red" sorts before "yellow".
    rows = rows.order_by("rating", "position", "id")
    for pk, rating, name, value, unit in rows.values_list("inspection_id", "rating", "name", "value", "unit"):
        if rating is None:
            continue  # not inspected
        counts[pk][rating] += 1
        if rating in ADVISED:
            advised[pk].append(Found(rating, name, f"{value} {unit}".strip() if value else ""))
    return [
        Inspected(
            on=_local_day(row.repair_order.location, row.finished_at),
            name=row.name,
            green=counts[row.pk][Rating.GREEN],
            yellow=counts[row.pk][Rating.YELLOW],
            red=counts[row.pk][Rating.RED],
            findings=advised[row.pk],
        )
        for row in inspections
        if row.finished_at is not None
    ]


def _advice(vehicle: Vehicle) -> list[Advice]:
    """Return what is recommended, the most urgent first. Trouble codes and due work have lists of their own.

    The text of a recommendation is its first line. The others may be what the customer said.
    """
    urgency = Case(*(When(urgency=word, then=place) for place, word in enumerate(Urgency.values)))
    rows = Recommendation.objects.filter(vehicle=vehicle, status__in=STANDING).exclude(text="")
    listed_apart = [RecommendationSource.DTC, RecommendationSource.SCHEDULE]
    rows = rows.exclude(source__in=listed_apart).order_by(urgency, "-id")
    return [Advice(str(row), row.urgency, row.due_on, row.due_miles) for row in rows[:MOST]]


def _schedules(chain: Sequence[int], now: datetime) -> list[Scheduled]:
    """Return the regular work of the newest row, with the last time that any of the rows has recorded it."""
    rows = ServiceSchedule.objects.filter(vehicle__in=chain).offered().with_status(now)
    found = list(rows.select_related("template").in_order())
    last: dict[int, ServiceSchedule] = {}
    for row in found:
        kept = last.get(row.template_id)
        if row.last_on is not None and (kept is None or kept.last_on is None or row.last_on > kept.last_on):
            last[row.template_id] = row
    return [
        Scheduled(
            name=row.template.name,
            status=str(vars(row)["status"]),
            last_on=done.last_on,
            last_miles=done.last_miles,
            due_on=row.due_on,
            due_miles=row.due_miles,
        )
        for row in found
        if row.vehicle_id == chain[0]
        for done in (last.get(row.template_id, row),)
    ]


def _fuel(chain: Sequence[int]) -> Fuel:
    """Return the consumption. Between two owners a fill-up may be missing, so that each begins at a full tank."""
    logs = FuelLog.objects.filter(vehicle__in=chain).in_order()
    figures = summarize(list(_fills(logs)))
    return Fuel(figures.fill_ups, figures.average_mpg, figures.best_mpg, figures.worst_mpg)


def _fills(logs: Iterable[FuelLog]) -> Iterable[Fill]:
    owner: int | None = None
    for log in logs:
        yield log.fill if owner in (None, log.vehicle_id) else replace(log.fill, missed=True)
        owner = log.vehicle_id
