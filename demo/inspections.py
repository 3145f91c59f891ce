"""Load two templates, and a finished inspection of an order of contract 000's customer and of one of the fleet.

The contracts print neither order.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from catalogue.pricing.models import CannedJob
from common.domain.types import Json
from demo import fleet, shop
from demo.calendar import Calendar
from demo.garage import Garage
from inspections.actions import FindingValues, finish_inspection, record_finding, start_inspection
from inspections.models import Rating, Template
from inspections.templates import save_template
from repair_orders.models import RepairOrder

_GREEN: FindingValues = {"rating": Rating.GREEN}
# Of each group the items with their units.
_COURTESY = {
    "Under the hood": [("Engine oil", ""), ("Coolant", ""), ("Brake fluid", ""), ("Air filter", ""), ("Battery", "V")],
    "Tires & brakes": [
        ("Tire tread, front left", "mm"),
        ("Tire tread, front right", "mm"),
        ("Tire tread, rear left", "mm"),
        ("Tire tread, rear right", "mm"),
        ("Brake pads, front", "mm"),
        ("Brake pads, rear", "mm"),
    ],
    "Lights": [("Headlights", ""), ("Brake lights and turn signals", "")],
    "Under the car": [("Shocks and struts", ""), ("Exhaust", ""), ("Leaks", "")],
}  # fmt: skip
_BRAKES = {
    "Brakes": [("Brake pads, front", "mm"), ("Brake pads, rear", "mm"), ("Rotors", "mm"), ("Brake hoses", "")]
}
_CANNED = {"Brake pads, front": "Front brakes", "Engine oil": "Oil change, synthetic"}


def load(calendar: Calendar, garage: Garage) -> None:
    courtesy = save_template(Template(), name="Courtesy inspection", items=_items(_COURTESY))
    brakes = save_template(Template(), name="Brake inspection", items=_items(_BRAKES))
    _inspect(
        RepairOrder.objects.get(customer__contact__email=shop.EMAIL, status="approved"),
        courtesy,
        garage,
        at=calendar.ago(3),
        found={
            "Air filter": {"rating": Rating.YELLOW, "note": "Dirty. Replace it with the next oil change."},
            "Battery": {"rating": Rating.GREEN, "value": "12.6"},
            "Brake pads, front": {
                "rating": Rating.RED,
                "value": "2",
                "note": "Worn to the indicators. Replace them before long trips.",
            },
            "Brake pads, rear": {"rating": Rating.GREEN, "value": "7"},
            **{
                f"Tire tread, {place}": {"rating": Rating.GREEN, "value": depth}
                for place, depth in (
                    ("front left", "5"),
                    ("front right", "5"),
                    ("rear left", "6"),
                    ("rear right", "6"),
                )
            },
        },
    )
    _inspect(
        RepairOrder.objects.get(
            customer__contact__email=fleet.EMAIL, status="approved", vehicle__unit_number="D012"
        ),
        brakes,
        garage,
        at=calendar.ago(1),
        found={
            "Brake pads, front": {"rating": Rating.GREEN, "value": "8"},
            "Brake pads, rear": {
                "rating": Rating.YELLOW,
                "value": "4",
                "note": "Good for about 5,000 miles.",
            },
            "Rotors": {"rating": Rating.NOT_APPLICABLE, "note": "The rear axle has drums."},
        },
    )


def _items(groups: dict[str, list[tuple[str, str]]]) -> list[Json]:
    canned = {job.name: job.pk for job in CannedJob.objects.filter(name__in=_CANNED.values())}
    return [
        {"group": group, "name": name, "unit": unit, "canned_job_id": canned.get(_CANNED.get(name, ""))}
        for group, items in groups.items()
        for name, unit in items
    ]


def _inspect(
    order: RepairOrder,
    template: Template,
    garage: Garage,
    *,
    at: datetime,
    found: dict[str, FindingValues],
) -> None:
    """Inspect the vehicle of an order. What `found` does not name is green."""
    inspection = start_inspection(
        order=order, template=template, technician=garage.technician, by=None, now=at
    )
    for finding in inspection.findings.in_order():
        values = found.get(finding.name, _GREEN)
        record_finding(finding=finding, by=None, now=at, **values)
    finish_inspection(inspection=inspection, by=None, now=at + timedelta(minutes=25))
