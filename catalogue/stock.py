"""What lies on the shelf. It moves by single statements, never below zero, and in the order of the parts' ids.

That order is what keeps two orders for the same parts from waiting for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F

from catalogue.models import Part
from common.domain.errors import DomainError, Invalid, Missing
from common.domain.transitions import write_history

LARGEST_STOCK = 2**31 - 1  # what the column holds


class NotEnoughStock(DomainError):
    code = "not_enough_stock"
    title = "Not enough in stock"


class StockTooLarge(Invalid):
    code = "stock_too_large"
    message = f"No more than {LARGEST_STOCK:,} pieces can be counted."


def take(pieces: Mapping[int, int]) -> list[Part]:
    """Take parts off the shelf (id -> pieces), all or none. The parts by id, locked: their prices hold until the end.

    Raises Missing for a part that there is not, NotEnoughStock; both name it.
    """
    with transaction.atomic():
        for part_id, number in sorted(pieces.items()):
            on_shelf = Part.objects.filter(pk=part_id, stock__gte=number)
            if not on_shelf.update(stock=F("stock") - number):
                raise _refusal(part_id)
        return list(Part.objects.filter(pk__in=pieces).order_by("pk"))


def put_back(pieces: Mapping[int, int]) -> None:
    """Parts that were taken (id -> pieces) are on the shelf again. Raises StockTooLarge."""
    with transaction.atomic():
        for part_id, number in sorted(pieces.items()):
            room = Part.objects.filter(pk=part_id, stock__lte=LARGEST_STOCK - number)
            if not room.update(stock=F("stock") + number):
                raise StockTooLarge


def adjust(*, part: Part, pieces: int, why: str, by: int | None, now: datetime) -> None:
    """Somebody counted: so many pieces more, or fewer where negative. History says who and why.

    Raises NotEnoughStock, StockTooLarge.
    """
    with transaction.atomic():
        if pieces < 0:
            take({part.pk: -pieces})
        else:
            put_back({part.pk: pieces})
        part.refresh_from_db()
        write_history(part, by=by, now=now, why=f"stock: {pieces:+}, {why}" if why else f"stock: {pieces:+}")


def _refusal(part_id: int) -> DomainError:
    part = Part.objects.filter(pk=part_id).first()
    if part is None:
        return Missing(f"Product {part_id} not found.")
    return NotEnoughStock(f"Not enough of {part.name} (product {part.pk}): {part.stock} in stock.")
