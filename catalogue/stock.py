"""Take parts from stock, put them back and adjust the stock (docs/design, D30).

The stock changes by single statements, never falls below zero, and changes in the order of the parts' ids. With that
order two parallel orders for the same parts cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F

from catalogue.models import Part
from common.domain.errors import DomainError, Invalid, Missing
from common.domain.transitions import write_history

LARGEST_STOCK = 2**31 - 1  # the maximum of the column


class NotEnoughStock(DomainError):
    code = "not_enough_stock"
    title = "Not enough in stock"


class StockTooLarge(Invalid):
    code = "stock_too_large"
    message = f"The stock of a part can be at most {LARGEST_STOCK:,} pieces."


def take(pieces: Mapping[int, int]) -> list[Part]:
    """Take pieces of parts (id -> pieces) from stock, all or none. Return the parts, sorted by id.

    The parts stay locked until the end of the transaction, so their prices cannot change. Raises Missing for an unknown
    part and NotEnoughStock. Both messages name the part.
    """
    with transaction.atomic():
        for part_id, number in sorted(pieces.items()):
            in_stock = Part.objects.filter(pk=part_id, stock__gte=number)
            if not in_stock.update(stock=F("stock") - number):
                raise _build_error(part_id)
        return list(Part.objects.filter(pk__in=pieces).order_by("pk"))


def put_back(pieces: Mapping[int, int]) -> None:
    """Put taken pieces of parts (id -> pieces) back into stock. Raises StockTooLarge."""
    with transaction.atomic():
        for part_id, number in sorted(pieces.items()):
            with_capacity = Part.objects.filter(pk=part_id, stock__lte=LARGEST_STOCK - number)
            if not with_capacity.update(stock=F("stock") + number):
                raise StockTooLarge


def adjust(*, part: Part, pieces: int, reason: str, by: int | None, now: datetime) -> None:
    """Add pieces to the stock of a part, or remove them if negative. History records `by` and the reason.

    Raises NotEnoughStock, StockTooLarge.
    """
    with transaction.atomic():
        if pieces < 0:
            take({part.pk: -pieces})
        else:
            put_back({part.pk: pieces})
        part.refresh_from_db()
        write_history(
            part, by=by, now=now, why=f"stock: {pieces:+}, {reason}" if reason else f"stock: {pieces:+}"
        )


def _build_error(part_id: int) -> DomainError:
    part = Part.objects.filter(pk=part_id).first()
    if part is None:
        return Missing(f"Product {part_id} not found.")
    return NotEnoughStock(f"Not enough of {part.name} (product {part.pk}): {part.stock} in stock.")
