"""The rows of the catalogue that typed lines point at, so that no contract ever shows a null id (docs/design, D76)."""

from __future__ import annotations

from decimal import Decimal

from catalogue.models import Part, Service


def typed_part() -> Part:
    """Return the part of lines whose part is not in the catalogue. It is created with the first of them."""
    part, _ = Part.objects.get_or_create(
        is_placeholder=True,
        defaults={
            "name": "Part that is not in the catalogue",
            "part_number": "",
            "unit_price": Decimal(0),
            "is_listed": False,
            "is_sold_online": False,
        },
    )
    return part


def typed_service() -> Service:
    """Return the service of fees, and of lines whose work is not in the catalogue. It is created with the first."""
    service, _ = Service.objects.get_or_create(
        is_placeholder=True,
        defaults={"name": "Work that is not in the catalogue", "labor_cost": Decimal(0), "is_listed": False},
    )
    return service
