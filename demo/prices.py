"""Load what the second location charges, a price matrix and canned jobs.

The first location has no tax rule, no fees and no overrun policy, so that its orders cost what the contracts print.
Its labor rate prices canned jobs.
"""

from __future__ import annotations

from decimal import Decimal

from appointments.models import ServiceType
from catalogue.pricing.actions import save_canned_job, save_matrix
from catalogue.pricing.models import CannedJob, CannedLineKind, PriceMatrix
from demo.garage import Garage
from repair_orders.pricing.actions import save_fee_rule, save_labour_rate, save_rule
from repair_orders.pricing.models import FeeKind, FeeRule, LabourRate, OverrunPolicy, TaxRule

# Bands of cost: the first dollar, a multiplier or a margin in percent.
_BANDS = [("0.00", "4.0", None), ("4.00", "3.0", None), ("20.00", None, "50"), ("100.00", None, "40")]


def load(garage: Garage) -> None:
    place = garage.second
    save_labour_rate(LabourRate(), location=place, name="Standard", per_hour=Decimal("129.95"))
    save_labour_rate(LabourRate(), location=garage.location, name="Standard", per_hour=Decimal("130.50"))
    save_rule(TaxRule(), location=place, percent=Decimal("8.875"), taxes_sublet=False)
    save_fee_rule(
        FeeRule(),
        location=place,
        name="Shop supplies",
        kind=FeeKind.PERCENT_OF_PARTS_AND_LABOUR,
        percent=Decimal(5),
        cap=Decimal("25.00"),
    )
    save_rule(OverrunPolicy(), location=place, percent=Decimal(10))
    save_matrix(
        PriceMatrix(),
        name="Standard",
        bands=[
            {
                "from_cost": Decimal(cost),
                "multiplier": multiplier and Decimal(multiplier),
                "margin": margin and Decimal(margin),
            }
            for cost, multiplier, margin in _BANDS
        ],
    )
    _load_canned_jobs(garage)


def _load_canned_jobs(garage: Garage) -> None:
    def part(name: str, quantity: str) -> dict[str, object]:
        return {"kind": CannedLineKind.PART, "part_id": garage.parts[name].pk, "quantity": Decimal(quantity)}

    def labour(name: str, hours: str) -> dict[str, object]:
        service = garage.services[name]
        return {"kind": CannedLineKind.LABOUR, "service_id": service.pk, "hours": Decimal(hours)}

    save_canned_job(
        CannedJob(),
        name="Oil change, synthetic",
        concern="Oil change is due",
        lines=[part("oil", "1"), part("oil filter", "1"), labour("oil change", "0.75")],
    )
    save_canned_job(
        CannedJob(),
        name="Front brakes",
        concern="Brakes squeal",
        lines=[part("pads", "1"), part("rotors", "2"), labour("brakes", "1.8")],
    )
    save_canned_job(
        CannedJob(),
        name="State inspection",
        concern="The inspection is due",
        lines=[
            {
                "kind": CannedLineKind.SUBLET,
                "name": "State inspection",
                "amount": Decimal("21.00"),
                "cost": Decimal("15.00"),
            },
            {"kind": CannedLineKind.LABOUR, "name": "Drive to the inspection lane", "hours": Decimal("0.3")},
        ],
    )
    # The jobs that booked services become at the check-in.
    for code, name in (
        ("oil_change", "Oil change, synthetic"),
        ("brake_service", "Front brakes"),
        ("inspection", "State inspection"),
    ):
        canned_job = CannedJob.objects.get(name=name)
        ServiceType.objects.filter(code=code).update(canned_job=canned_job)
