"""Sell a core charge with its part: a second line of the same quantity, which follows the part (docs/design, D76)."""

from __future__ import annotations

from catalogue.models import Part
from catalogue.placeholders import typed_part
from common.domain.errors import DomainError
from repair_orders.models import PartLine, PriceSource
from repair_orders.money import line_amount

_LONGEST = 200


class CoreFollowsPart(DomainError):
    code = "core_follows_part"
    title = "Core charge"
    message = (
        "A core charge follows its part. Change or remove the part, or credit the charge on the invoice."
    )


def check_no_core(line: object) -> None:
    """Raise CoreFollowsPart for the line of a core charge, which cannot change alone."""
    if isinstance(line, PartLine) and line.core_of_id is not None:
        raise CoreFollowsPart


def add_core(line: PartLine, part: Part) -> None:
    """Add the core charge of a new line of a part, as it is in the catalogue today.

    The line points at the placeholder of the catalogue, because the shelf keeps no cores.
    """
    if part.core_charge:
        core = PartLine(
            core_of=line,
            repair_order=line.repair_order,
            part=typed_part(),
            unit_price=part.core_charge,
            price_source=PriceSource.CATALOGUE,
        )
        _follow(core, line)


def follow_part(line: PartLine) -> None:
    """Give the core charge of a line the line's job, quantity, name and taxability."""
    core = PartLine.objects.filter(core_of=line).first()
    if core is not None:
        _follow(core, line)


def _follow(core: PartLine, line: PartLine) -> None:
    core.job = line.job
    core.name = f"Core charge: {line.name}"[:_LONGEST]
    core.quantity, core.taxable = line.quantity, line.taxable
    core.amount = line_amount(core.quantity, core.unit_price)
    core.save()
