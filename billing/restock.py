"""Put pieces of a credited line back on the shelf (docs/design, D89)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Sum

from billing.ledger import ZERO
from billing.models import Invoice, InvoiceLine, LineKind
from catalogue.shelf.actions import lock_parts, take_back
from catalogue.shelf.models import MoveKind, StockMove
from catalogue.shelf.sources import source_of
from common.domain.errors import DomainError
from common.domain.money import exact
from repair_orders import parts
from repair_orders.models import PartLine, RepairOrder

# Where pieces of a part are issued to: the source of the job, and the part.
_Place = tuple[str, int]


class OverRestock(DomainError):
    """More of a line would go back on the shelf than has left it. The fact is how many pieces can."""

    code = "over_restock"
    title = "More than left the shelf"

    def __init__(self, line: InvoiceLine, left: int, place: int) -> None:
        super().__init__(
            f"{left} of {line.name} can go back on the shelf.", field="lines", item=place, left=str(left)
        )


def find_restockable(lines: Sequence[InvoiceLine]) -> dict[int, int]:
    """Return the pieces that can go back on the shelf, by the id of the invoice's line. Lines without any are left out.

    They left the shelf for the job and did not come back. Lines of one part in one job share them.
    """
    places = _places_of(lines)
    left = {place: pieces for place, (pieces, _) in _left(places.values()).items()}
    return {pk: left[place] for pk, place in places.items() if left.get(place, 0) > 0}


def put_back(
    invoice: Invoice,
    wanted: Sequence[tuple[int, InvoiceLine, int]],
    *,
    by: int | None,
    now: datetime,
) -> dict[int, Decimal]:
    """Put pieces of lines back on the shelf at the cost at which they left. Return that cost by the id of the line.

    `wanted` has the place in the request, the line and its pieces. Call it within a transaction and before a customer
    is locked (D25). Raises OverRestock, StockTooLarge.
    """
    if not wanted:
        return {}
    # Of two requests at once, the second one sees what the first one put back.
    RepairOrder.objects.select_for_update(no_key=True, of=("self",)).get(invoices=invoice)
    places = _places_of([line for _, line, _ in wanted])
    lock_parts({part_id for _, part_id in places.values()})
    costs: dict[int, Decimal] = {}
    for number, line, pieces in wanted:
        place = places.get(line.pk)
        left, cost = _left([place]).get(place, (0, ZERO)) if place else (0, ZERO)
        if place is None or pieces > left:
            raise OverRestock(line, max(left, 0), number)
        source, part_id = place
        take_back(source=source, pieces={part_id: pieces}, by=by, now=now)
        # Cumulative, so that all pieces together come to what the invoice says that they cost.
        _, rest = _left([place])[place]
        costs[line.pk] = costs.get(line.pk, ZERO) + max(cost - max(rest, ZERO), ZERO)
    return costs


def _places_of(lines: Sequence[InvoiceLine]) -> dict[int, _Place]:
    """Return where the parts of lines were issued to, by the id of the line."""
    sold = {
        line.line_id: line
        for line in lines
        if line.kind == LineKind.PART and line.line_id is not None and not line.is_core
    }
    found = PartLine.objects.filter(pk__in=sold).values_list("pk", "job_id", "part_id")
    return {sold[pk].pk: (source_of(parts.KIND, job_id), part_id) for pk, job_id, part_id in found}


def _left(places: Collection[_Place]) -> dict[_Place, tuple[int, Decimal]]:
    """Return the pieces that are issued and not back, and what they cost in dollars."""
    moves = StockMove.objects.filter(
        source__in={source for source, _ in places}, kind__in=(MoveKind.ISSUE, MoveKind.RETURN)
    )
    rows = (
        moves.order_by()
        .values_list("source", "part_id")
        .annotate(left=Sum(-F("pieces")), cost=Sum(-F("pieces") * F("unit_cost")))
    )
    return {(source, part_id): (left, exact(cost)) for source, part_id, left, cost in rows}
