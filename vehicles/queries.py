"""Find vehicles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from common.domain.caller import Caller
from common.domain.errors import Missing
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


def get_health(*, vehicles: Sequence[int], now: datetime) -> dict[int, Health]:
    """Return the health of each vehicle: of open codes, due work, findings and other recommendations that stand.

    Red findings recommend work for now and yellow ones for soon. The recommendation of a code is the code's own.
    """
    reasons: dict[int, list[Reason]] = {pk: [] for pk in vehicles}
    for code in Dtc.objects.filter(vehicle__in=vehicles).open().order_by("id"):
        text = f"Trouble code {code.code}: {code.description}"
        reasons[code.vehicle_id].append(Reason("code", system_of_code(code.code), Severity.WARNING, text))
    schedules = ServiceSchedule.objects.filter(vehicle__in=vehicles).offered().with_status(now)
    due = schedules.in_states([OVERDUE, DUE_SOON]).select_related("template").in_order()
    for schedule in due:
        is_overdue = vars(schedule)["status"] == OVERDUE
        severity = Severity.WARNING if is_overdue else Severity.INFO
        text = f"{schedule.template.name} is {'overdue' if is_overdue else 'due soon'}"
        system = system_of_words(schedule.template.name)
        reasons[schedule.vehicle_id].append(Reason("service", system, severity, text))
    advised = Recommendation.objects.filter(vehicle__in=vehicles, status__in=STANDING)
    for row in advised.exclude(code__startswith="dtc:").order_by("id"):
        kind = "finding" if row.source == RecommendationSource.INSPECTION else "recommendation"
        name = row.text.partition("\n")[0]
        reasons[row.vehicle_id].append(Reason(kind, system_of_words(name), _URGENT[row.urgency], name))
    return {pk: assess(found) for pk, found in reasons.items()}
