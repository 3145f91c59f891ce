"""Receive, count, reserve and issue the pieces of parts (docs/design, D30).

Rooms above call `reserve`, `release`, `issue` and `take_back` with a source such as `job:812`. Their callers hold the
lock of the source's row, such as the repair order. Parts are locked in the order of their ids, and an action for
several sources in one transaction calls `lock_parts` first.

A quantity is an int or a Decimal. Only stocked parts are moved, in whole pieces (WholePieces otherwise). Other parts
of a job, such as 4.5 quarts of oil from the barrel, are passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from django.db import transaction

from catalogue.models import Part
from catalogue.shelf.books import Books, blend
from catalogue.shelf.books import lock_parts as lock_parts
from catalogue.shelf.models import LARGEST_STOCK, MoveKind, StockMove
from catalogue.shelf.sources import find_needs
from common.domain.errors import DomainError, Invalid
from common.domain.transitions import write_history

Quantity: TypeAlias = int | Decimal
# The permission of each action, in the admin and in the API. Finishing with `received` needs that of `receive` as well.
PERMISSIONS = {
    "receive": "catalogue.receive_part",
    "return_to_vendor": "catalogue.receive_part",
    "order_from_vendor": "catalogue.receive_part",
    "count": "catalogue.count_part",
}


class WholePieces(Invalid):
    code = "whole_pieces"
    title = "Not a whole number of pieces"

    def __init__(self, part: Part, quantity: Quantity) -> None:
        super().__init__(
            f"{part.name} is a stocked part and moves in whole pieces from 1 to {LARGEST_STOCK:,}, not {quantity}.",
            field="pieces",
        )


class NotEnoughStock(DomainError):
    """Fewer pieces are available than are asked for."""

    code = "not_enough_stock"
    title = "Not enough in stock"

    def __init__(self, part: Part) -> None:
        super().__init__(f"Not enough of {part.name} (product {part.pk}): {part.available} in stock.")


class PartNeeded(DomainError):
    """A source cannot take its pieces, because some are not on the shelf. The body names `part_id` and `short`."""

    code = "part_needed"
    title = "Part needed"

    def __init__(self, part: Part, short: int) -> None:
        super().__init__(f"{part.name} is short of {short:,}.", part_id=part.pk, short=short)


class StockTooLarge(Invalid):
    code = "stock_too_large"
    message = f"The stock of a part can be at most {LARGEST_STOCK:,} pieces."


def receive(
    *,
    part: Part,
    pieces: Quantity,
    by: int | None,
    now: datetime,
    unit_cost: Decimal | None = None,
    reference: str = "",
) -> None:
    """Put pieces from a vendor on the shelf, and fill the oldest open reservations with them.

    `unit_cost` is the price paid for a piece, in dollars with up to four places, and moves the average. Without one the
    pieces have the present average. The part is stocked from then on, and jobs that were approved before it was have
    reservations. Raises WholePieces, StockTooLarge.
    """
    number = _whole(part, pieces)
    with transaction.atomic():
        books = Books([part.pk], by=by, now=now)
        row = books.parts[part.pk]
        _put(books, row, MoveKind.RECEIPT, number, unit_cost=unit_cost, note=reference)
        _begin(books, row)
        books.fill()
        books.write()
        _record(part, by=by, now=now, why=f"receipt: {number:+}", note=reference)


def count(*, part: Part, pieces: int, reason: str, by: int | None, now: datetime) -> None:
    """Set the stock to the number of pieces that were counted, 0 included. The part is stocked from then on.

    Fewer than are kept for jobs and orders take from the youngest reservations, which are open again. More than before
    fill the oldest open ones. Raises WholePieces, StockTooLarge.
    """
    number = _whole(part, pieces, least=0)
    with transaction.atomic():
        books = Books([part.pk], by=by, now=now)
        row = books.parts[part.pk]
        books.empty(row, down_to=number, note=reason)
        books.move(MoveKind.COUNT, row, number - row.stock, note=reason)
        _begin(books, row)
        books.fill()
        books.write()
        _record(part, by=by, now=now, why=f"counted: {number}", note=reason)


def return_to_vendor(*, part: Part, pieces: Quantity, reference: str, by: int | None, now: datetime) -> None:
    """Take available pieces off the shelf, back to the vendor. Raises WholePieces, NotEnoughStock."""
    number = _whole(part, pieces)
    with transaction.atomic():
        books = Books([part.pk], by=by, now=now)
        row = books.parts[part.pk]
        if number > row.available:
            raise NotEnoughStock(row)
        books.move(MoveKind.VENDOR_RETURN, row, -number, note=reference)
        books.write()
        _record(part, by=by, now=now, why=f"vendor return: {-number:+}", note=reference)


def take_back(*, source: str, pieces: Mapping[int, Quantity], by: int | None, now: datetime) -> None:
    """Put pieces (part id -> quantity) back on the shelf that a source took, and fill open reservations with them.

    They come back at the cost at which they were issued. Raises Missing, WholePieces, StockTooLarge.
    """
    with transaction.atomic():
        books = Books(pieces, by=by, now=now)
        wanted = _wanted(books, pieces)
        issued = StockMove.objects.filter(source=source, kind=MoveKind.ISSUE, part__in=wanted).order_by("id")
        costs = dict(issued.values_list("part", "unit_cost"))
        for part_id, number in wanted.items():
            _put(
                books,
                books.parts[part_id],
                MoveKind.RETURN,
                number,
                source=source,
                unit_cost=costs.get(part_id),
            )
        books.fill()
        books.write()


def reserve(
    *,
    source: str,
    pieces: Mapping[int, Quantity],
    by: int | None,
    now: datetime,
    all_or_nothing: bool = False,
) -> None:
    """Make `pieces` (part id -> quantity) what a source needs, and keep what is available of it.

    It can be called again when the need has changed: more is added to it, and pieces that are no longer needed are
    released. A reservation keeps its place in the queue. What is short stays open and is filled as pieces come in. With
    `all_or_nothing` nothing is reserved unless all of it is available. Raises Missing, WholePieces, NotEnoughStock.
    """
    with transaction.atomic():
        books = Books(pieces, sources=[source], by=by, now=now)
        wanted = _wanted(books, pieces)
        if all_or_nothing:
            check_available(books.parts.values(), pieces)
        for row in books.of_source(source):
            needed = wanted.pop(row.part_id, 0)
            books.free(row, max(0, row.filled - needed))
            row.pieces = needed
            if not needed:
                books.end(row)
        for part_id, needed in wanted.items():
            books.demand(books.parts[part_id], needed, source)
        books.fill()
        books.write()


def check_available(parts: Iterable[Part], pieces: Mapping[int, Quantity]) -> None:
    """Raise NotEnoughStock for the first of the locked parts of which fewer than `pieces` are available."""
    for part in sorted(parts, key=lambda part: part.pk):
        if pieces.get(part.pk, 0) > part.available:
            raise NotEnoughStock(part)


def release(*, source: str, by: int | None, now: datetime) -> None:
    """End what a source needs. Its pieces fill the oldest open reservations of others."""
    release_all(sources=[source], by=by, now=now)


def release_all(*, sources: Collection[str], by: int | None, now: datetime) -> None:
    """End what several sources need, as `release` does."""
    with transaction.atomic():
        books = Books(sources=sources, by=by, now=now)
        for source in sources:
            for row in books.of_source(source):
                books.free(row, row.filled)
                books.end(row)
        books.fill()
        books.write()


def issue(*, source: str, by: int | None, now: datetime, received: bool = False) -> list[StockMove]:
    """Take what a source has reserved off the shelf. Return the moves, whose `unit_cost` is the cost of goods sold.

    With `received` the missing pieces are booked as a receipt at the present average first. The caller has checked the
    permission of `receive`. Raises PartNeeded, StockTooLarge.
    """
    with transaction.atomic():
        books = Books(sources=[source], by=by, now=now)
        moves = []
        for row in books.of_source(source):
            part = books.parts[row.part_id]
            if row.short and not received:
                raise PartNeeded(part, row.short)
            if row.short:
                _put(books, part, MoveKind.RECEIPT, row.short, source=source)
                books.keep(row, row.short)
            moves.append(books.issue(row))
        books.write()
    return moves


def _begin(books: Books, part: Part) -> None:
    """Mark a part as stocked. The first time, what sources need of it already is reserved from now on."""
    if not part.is_stocked:
        part.is_stocked = True
        for source, pieces in find_needs(part.pk).items():
            books.demand(part, pieces, source)


def _put(
    books: Books,
    part: Part,
    kind: MoveKind,
    pieces: int,
    *,
    source: str = "",
    note: str = "",
    unit_cost: Decimal | None = None,
) -> None:
    """Add pieces to a part, and their cost to its average. Raises StockTooLarge."""
    if part.stock + pieces > LARGEST_STOCK:
        raise StockTooLarge(field="pieces")
    average = part.unit_cost if unit_cost is None else blend(part, pieces, unit_cost)
    books.move(kind, part, pieces, source=source, note=note, unit_cost=unit_cost)
    part.unit_cost = average


def _wanted(books: Books, pieces: Mapping[int, Quantity]) -> dict[int, int]:
    """Return the whole pieces of the stocked parts, by part. A quantity of zero is none."""
    needed = [books.parts[part_id] for part_id, quantity in sorted(pieces.items()) if quantity]
    return {part.pk: _whole(part, pieces[part.pk]) for part in needed if part.is_stocked}


def _whole(part: Part, quantity: Quantity, *, least: int = 1) -> int:
    if quantity != int(quantity) or not least <= quantity <= LARGEST_STOCK:
        raise WholePieces(part, quantity)
    return int(quantity)


def _record(part: Part, *, by: int | None, now: datetime, why: str, note: str) -> None:
    """Write a history row of the part with the reason, and refresh it."""
    part.refresh_from_db()
    write_history(part, by=by, now=now, why=f"{why}, {note}" if note else why)
