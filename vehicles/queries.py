"""Find vehicles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, models

from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import AnyQuerySet
from common.reads.read import Columns
from common.reads.statements import Param
from vehicles.codes.meaning import describe
from vehicles.codes.models import Dtc
from vehicles.health import Health, Reason, Severity, assess, system_of_code, system_of_words
from vehicles.locks import VehicleNotOfCustomer
from vehicles.models import STANDING, Recommendation, RecommendationSource, Urgency, Vehicle
from vehicles.schedules.models import ServiceSchedule
from vehicles.schedules.querysets import DUE_SOON, OVERDUE

_CHAIN = """
    WITH RECURSIVE chain (id, previous, owners) AS (
        SELECT id, continues_id, 1 FROM vehicles_vehicle WHERE id = %s
        UNION ALL
        SELECT earlier.id, earlier.continues_id, owners + 1
        FROM vehicles_vehicle AS earlier JOIN chain ON earlier.id = chain.previous
    )
    SELECT id FROM chain ORDER BY owners
"""


def check_unit(caller: Caller, unit_id: int) -> None:
    """Raise Missing unless the caller may see the unit."""
    if not Vehicle.objects.visible_to(caller).filter(pk=unit_id).exists():
        raise Missing("Unit not found", field="unit_id")


def get_vehicle_in_use(caller: Caller, vehicle_id: int) -> Vehicle:
    """Return the caller's vehicle with its customer, unless it is archived. Raises VehicleNotOfCustomer."""
    vehicles = Vehicle.objects.visible_to(caller).in_use().select_related("customer")
    vehicle = vehicles.filter(pk=vehicle_id).first()
    if vehicle is None:
        raise VehicleNotOfCustomer
    return vehicle


def get_own_vehicle(caller: Caller, uuid: UUID | None) -> Vehicle:
    """Return the caller's vehicle by its public id, unless it is archived. Raises Missing."""
    vehicles = Vehicle.objects.visible_to(caller).in_use()
    vehicle = vehicles.filter(uuid=uuid).first() if uuid else None
    if vehicle is None:
        raise Missing("Vehicle not found")
    return vehicle


def get_chain(vehicle: Vehicle) -> list[int]:
    """Return the ids of a vehicle's rows: its own, and those of its previous owners, the newest first."""
    if vehicle.continues_id is None:
        return [vehicle.pk]
    with connection.cursor() as cursor:
        cursor.execute(_CHAIN, [vehicle.pk])
        return [pk for (pk,) in cursor.fetchall()]


def get_unit_by_label(caller: Caller, label: str) -> Vehicle:
    """Return the caller's unit in use with that unit number, plate or VIN.

    Raise Missing where there is none, or more than one.
    """
    found = list(Vehicle.objects.visible_to(caller).in_use().with_label(label).order_by("id")[:2])
    if len(found) != 1:
        raise Missing(
            "Unit not found" if not found else "More than one unit is called so", field="unit_number"
        )
    return found[0]


_URGENT = {
    Urgency.NOW.value: Severity.CRITICAL,
    Urgency.SOON.value: Severity.WARNING,
    Urgency.LATER.value: Severity.INFO,
}


_OF_OTHER_REASONS = [RecommendationSource.DTC, RecommendationSource.SCHEDULE]
_VEHICLES = Param("vehicles", models.BigIntegerField(), many=True)
_NOW = Param("now", models.DateTimeField())


def _open_codes(caller: Caller) -> AnyQuerySet:
    return Dtc.objects.visible_to(caller).open().filter(vehicle__in=_VEHICLES).order_by("id")


def _due_work(caller: Caller) -> AnyQuerySet:
    rows = ServiceSchedule.objects.visible_to(caller).offered().filter(vehicle__in=_VEHICLES)
    return rows.with_status(_NOW).in_states([OVERDUE, DUE_SOON]).in_order()


def _advised(caller: Caller) -> AnyQuerySet:
    """Return the recommendations that stand, without those of codes and due work, which are reasons themselves."""
    rows = Recommendation.objects.visible_to(caller).filter(vehicle__in=_VEHICLES, status__in=STANDING)
    return rows.exclude(source__in=_OF_OTHER_REASONS).order_by("id")


_OPEN_CODES = Columns(_open_codes, "vehicle_id", "code")
_DUE_WORK = Columns(_due_work, "vehicle_id", "template__name", "status")
_ADVISED = Columns(_advised, "vehicle_id", "source", "urgency", "text")


def get_health(*, caller: Caller, vehicles: Sequence[int], now: datetime) -> dict[int, Health]:
    """Return the health of each vehicle: of open codes, due work, findings and other recommendations that stand.

    Red findings recommend work for now and yellow ones for soon.
    """
    reasons: dict[int, list[Reason]] = {pk: [] for pk in vehicles}
    for pk, code in _OPEN_CODES.of(caller, vehicles=vehicles):
        text = f"Trouble code {code}: {describe(code)}"
        reasons[pk].append(Reason("code", system_of_code(code), Severity.WARNING, text))
    for pk, name, status in _DUE_WORK.of(caller, vehicles=vehicles, now=now):
        severity, words = (Severity.WARNING, "overdue") if status == OVERDUE else (Severity.INFO, "due soon")
        reasons[pk].append(Reason("service", system_of_words(name), severity, f"{name} is {words}"))
    for pk, source, urgency, text in _ADVISED.of(caller, vehicles=vehicles):
        kind = "finding" if source == RecommendationSource.INSPECTION else "recommendation"
        name = text.partition("\n")[0]
        reasons[pk].append(Reason(kind, system_of_words(name), _URGENT[urgency], name))
    return {pk: assess(found) for pk, found in reasons.items()}
