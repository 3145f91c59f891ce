"""Actions on service schedules (docs/design, D131)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from common.domain import events
from common.domain.batches import batched
from common.domain.changes import change
from common.domain.database import lock_for_share, violates
from common.domain.days import day_of
from common.domain.errors import Invalid
from vehicles.locks import lock_in_use
from vehicles.models import Recommendation, RecommendationSource, RecommendationStatus, Vehicle
from vehicles.recommendations import get_standing, hold_recommendations, hold_vehicle, move
from vehicles.schedules.due import next_due
from vehicles.schedules.models import ScheduleTemplate, ServiceRecord, ServiceSchedule
from vehicles.schedules.standard import STANDARD
from vehicles.schedules.tasks import spread_template

# The permission of each action, in the API.
PERMISSIONS = {
    "complete": "vehicles.change_vehicle",
    "recommend": "vehicles.add_recommendation",
}
_BATCH = 1_000
# The id of a canned job, or None, and the name of a job.
DoneJob = tuple[int | None, str]


class TemplateNameTaken(Invalid):
    code = "template_name_taken"
    message = "A schedule template with this name already exists."


class NoInterval(Invalid):
    code = "no_interval"
    title = "No interval"
    message = "Enter an interval in miles, in months, or both."


class DoneInTheFuture(Invalid):
    code = "done_in_the_future"
    title = "Day is in the future"
    message = "Work that was done cannot be in the future."


class MilesAboveOdometer(Invalid):
    code = "miles_above_odometer"
    title = "Miles are above the odometer"

    def __init__(self, odometer: Decimal) -> None:
        super().__init__(f"The vehicle has {odometer} miles: enter at most that.", field="miles")


def start_schedules(*, vehicle: Vehicle, now: datetime) -> None:
    """Begin the schedules of a new vehicle, one for each listed template."""
    templates = ScheduleTemplate.objects.filter(is_listed=True).order_by("id")
    ServiceSchedule.objects.bulk_create([_begun(vehicle, template, now) for template in templates])


def spread(*, template: ScheduleTemplate, now: datetime) -> None:
    """Begin the schedules of a template for all vehicles in use that have none, and follow its present interval."""
    if template.is_listed:
        vehicles = Vehicle.objects.in_use().exclude(schedules__template=template).order_by("id")
        for some in batched(vehicles.iterator(chunk_size=_BATCH), _BATCH):
            # A vehicle that was added meanwhile may have its schedule already.
            ServiceSchedule.objects.bulk_create(
                [_begun(vehicle, template, now) for vehicle in some], ignore_conflicts=True
            )
    ids = template.schedules.order_by("id").values_list("pk", flat=True)
    for some_ids in batched(ids.iterator(chunk_size=_BATCH), _BATCH):
        with transaction.atomic():
            # Another change of it would be overwritten by this task, if that one's is faster.
            lock_for_share(template)
            schedules = _lock(some_ids)
            for schedule in schedules:
                schedule.template = template
                _set_due(schedule)
            ServiceSchedule.objects.bulk_update(schedules, ["due_on", "due_miles"])


def save_template(template: ScheduleTemplate, **values: object) -> ScheduleTemplate:
    """Create a template, or change a stored one.

    A task then begins its schedules, and moves the days and miles at which they are due. Raises TemplateNameTaken,
    NoInterval.
    """
    try:
        with transaction.atomic():
            if template._state.adding:
                template = ScheduleTemplate.objects.create(**values)
                events.record_new(template)
            else:
                change(template, **values)
            spread_template.enqueue(template.pk)
    except IntegrityError as error:
        if violates(error, ScheduleTemplate, "schedule_template_name_once"):
            raise TemplateNameTaken(field="name") from error
        if violates(error, ScheduleTemplate, "schedule_template_has_an_interval"):
            raise NoInterval(field="interval_miles") from error
        raise
    return template


def add_standard_templates() -> None:
    """Add the templates that a new shop begins with, for the names that it does not have yet."""
    known = set(ScheduleTemplate.objects.values_list("name", flat=True))
    for values in STANDARD:
        if values["name"] not in known:
            save_template(ScheduleTemplate(), **values)


def record_service(
    *, schedule: ServiceSchedule, now: datetime, on: date | None = None, miles: Decimal | None = None
) -> None:
    """Record that the work of a schedule was done, today or on an earlier day, here or elsewhere.

    Without miles they are those of the vehicle today. Raises AlreadyArchived, DoneInTheFuture, MilesAboveOdometer.
    """
    today = day_of(now)
    with transaction.atomic():
        vehicle = schedule.vehicle
        lock_in_use(vehicle)
        if on is not None and on > today:
            raise DoneInTheFuture(field="on")
        if miles is not None and vehicle.odometer_at is not None and miles > vehicle.odometer:
            raise MilesAboveOdometer(vehicle.odometer)
        if miles is None and on in (None, today):
            miles = _miles_of(vehicle)
        _lock([schedule.pk])
        ServiceRecord.objects.create(schedule=schedule, on=on or today, miles=miles)
        _follow(schedule)
        hold_recommendations(vehicle.pk)
        _close_recommendations([schedule])
        events.record("vehicles.serviceschedule.completed", schedule, at=now)


def recommend_due(*, schedule: ServiceSchedule) -> Recommendation:
    """Recommend the work of a schedule, and return the recommendation of this work that stands.

    Raises AlreadyArchived.
    """
    with transaction.atomic():
        hold_vehicle(schedule.vehicle)
        return recommend_in_order(schedule=schedule)


def recommend_in_order(*, schedule: ServiceSchedule) -> Recommendation:
    """Recommend the work as `recommend_due` does, for an open order that the caller has locked.

    The order keeps the vehicle, which could no longer be locked: vehicles are locked before orders (D25).
    """
    with transaction.atomic():
        hold_recommendations(schedule.vehicle_id)
        code = schedule.template.recommendation_code
        standing = get_standing(vehicle_id=schedule.vehicle_id, code=code)
        if standing is not None:
            return standing
        row = Recommendation.objects.create(
            vehicle=schedule.vehicle,
            source=RecommendationSource.SCHEDULE,
            code=code,
            text=schedule.template.name,
            due_on=schedule.due_on,
            due_miles=schedule.due_miles,
        )
        events.record_new(row)
        return row


def record_work(
    *, vehicle: Vehicle, jobs: Sequence[DoneJob], source: str, miles: Decimal | None, now: datetime
) -> None:
    """Record the finished jobs of an order in the schedules whose work they do.

    A job does the work of a template if it was made from its canned job, or has its name or that of one of its
    services. Without miles they are those of the vehicle.
    """
    schedules = ServiceSchedule.objects.filter(vehicle=vehicle).select_related("template").order_by("id")
    done = [schedule for schedule in schedules if does(jobs, schedule.template)]
    if not done:
        return
    miles = _miles_of(vehicle) if miles is None else miles
    _lock(schedule.pk for schedule in done)
    for schedule in done:
        ServiceRecord.objects.create(schedule=schedule, on=day_of(now), miles=miles, source=source)
        _follow(schedule)
    hold_recommendations(vehicle.pk)
    _close_recommendations(done)


def withdraw_work(*, source: str) -> None:
    """Take back what an order recorded, because it was reopened."""
    records = ServiceRecord.objects.filter(source=source).select_related("schedule__template")
    schedules = [record.schedule for record in records.order_by("schedule_id")]
    _lock(schedule.pk for schedule in schedules)
    records.delete()
    for schedule in schedules:
        _follow(schedule)


def continue_schedules(*, vehicle: Vehicle, successor: Vehicle) -> None:
    """Begin the schedules of a vehicle's row at its new owner. What is due stays due, and no record is shown."""
    for schedule in ServiceSchedule.objects.filter(vehicle=vehicle).order_by("id"):
        ServiceSchedule.objects.create(
            vehicle=successor,
            template_id=schedule.template_id,
            started_on=schedule.last_on or schedule.started_on,
            started_miles=schedule.last_miles if schedule.last_on else schedule.started_miles,
            due_on=schedule.due_on,
            due_miles=schedule.due_miles,
        )


def join_schedules(*, vehicle: Vehicle, twin: Vehicle) -> None:
    """Give the records of a vehicle to another row of the same vehicle of the same customer."""
    theirs = {row.template_id: row for row in twin.schedules.select_related("template").order_by("id")}
    for schedule in ServiceSchedule.objects.filter(vehicle=vehicle).order_by("id"):
        kept = theirs.get(schedule.template_id)
        if kept is None:
            ServiceSchedule.objects.filter(pk=schedule.pk).update(vehicle=twin)
        elif schedule.records.update(schedule=kept):
            _follow(kept)


def does(jobs: Iterable[DoneJob], template: ScheduleTemplate) -> bool:
    """Return whether one of the jobs does the work of a template."""
    names = {_folded(name) for name in (template.name, *template.services.splitlines())}
    return any(
        (canned is not None and canned == template.canned_job_id) or _folded(name) in names
        for canned, name in jobs
    )


def _close_recommendations(schedules: Iterable[ServiceSchedule]) -> None:
    """Close the open recommendations of schedules whose work was done."""
    for schedule in schedules:
        code = schedule.template.recommendation_code
        rows = Recommendation.objects.filter(
            vehicle=schedule.vehicle_id, code=code, source=RecommendationSource.SCHEDULE
        )
        for row in rows.filter(status=RecommendationStatus.OPEN):
            move(row, RecommendationStatus.DONE)


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _miles_of(vehicle: Vehicle) -> Decimal | None:
    return vehicle.odometer if vehicle.odometer_at is not None else None


def _begun(vehicle: Vehicle, template: ScheduleTemplate, now: datetime) -> ServiceSchedule:
    schedule = ServiceSchedule(
        vehicle=vehicle, template=template, started_on=day_of(now), started_miles=_miles_of(vehicle)
    )
    _set_due(schedule)
    return schedule


def _lock(ids: Iterable[int]) -> list[ServiceSchedule]:
    """Return the schedules, in which no other transaction records work until this one ends."""
    rows = ServiceSchedule.objects.select_for_update(no_key=True).filter(pk__in=list(ids))
    return list(rows.order_by("pk"))


def _follow(schedule: ServiceSchedule) -> None:
    """Store when the work was last done, and when it is due next."""
    latest = schedule.records.order_by("-on", "-id").first()
    schedule.last_on, schedule.last_miles = (latest.on, latest.miles) if latest else (None, None)
    _set_due(schedule)
    schedule.save(update_fields=["last_on", "last_miles", "due_on", "due_miles"])


def _set_due(schedule: ServiceSchedule) -> None:
    is_done = schedule.last_on is not None
    due = next_due(
        on=schedule.last_on or schedule.started_on,
        miles=schedule.last_miles if is_done else schedule.started_miles,
        interval_months=schedule.template.interval_months,
        interval_miles=schedule.template.interval_miles,
    )
    schedule.due_on, schedule.due_miles = due.on, due.miles
