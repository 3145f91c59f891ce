"""The locked parts of one action, and its moves until they are written together (docs/design, D30)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import F

from catalogue.models import Part
from catalogue.shelf.models import MOVES_RESERVED, MOVES_STOCK, MoveKind, Reservation, StockMove, VendorOrder
from common.domain import events
from common.domain.errors import Missing
from common.domain.money import half_up


def lock_parts(part_ids: Iterable[int] = (), *, sources: Iterable[str] = ()) -> list[Part]:
    """Lock parts, and those that sources have reserved, in the order of their ids. Return them in that order.

    An action that calls verbs of the shelf for several sources in one transaction calls this first with all of them.
    Otherwise two such actions could wait for each other. Call it within a transaction.
    """
    held = Reservation.objects.filter(source__in=list(sources)).values_list("part", flat=True)
    wanted = {*part_ids, *held} if sources else {*part_ids}
    return list(Part.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk"))


class Books:
    """Locked parts with their reservations. A move changes them in memory, and `write` stores everything.

    `write` changes each part by one statement, so that `0 <= reserved <= stock` holds after each. Raises Missing for a
    part that does not exist.
    """

    def __init__(
        self, part_ids: Iterable[int] = (), *, sources: Iterable[str] = (), by: int | None, now: datetime
    ) -> None:
        wanted = set(part_ids)
        self.parts = {part.pk: part for part in lock_parts(wanted, sources=sources)}
        for part_id in sorted(wanted - self.parts.keys()):
            raise Missing(f"Part {part_id} not found.")
        # All of these parts, oldest first. Only a holder of the part's lock changes them.
        self.reservations = list(Reservation.objects.filter(part__in=self.parts).in_order())
        self._by, self._now = by, now
        self._moves: list[StockMove] = []
        self._before = {part.pk: _state(part) for part in self.parts.values()}
        self._filled = {row.pk: (row.pieces, row.filled) for row in self.reservations}
        self._ended: list[Reservation] = []

    def of_source(self, source: str) -> list[Reservation]:
        """Return the reservations of a source by part."""
        mine = [row for row in self.reservations if row.source == source]
        return sorted(mine, key=lambda row: row.part_id)

    def move(
        self,
        kind: MoveKind,
        part: Part,
        pieces: int,
        *,
        source: str = "",
        note: str = "",
        unit_cost: Decimal | None = None,
    ) -> StockMove:
        """Add a move of signed pieces at `unit_cost`, by default the part's moving average."""
        part.stock += pieces if kind in MOVES_STOCK else 0
        part.reserved += pieces if kind in MOVES_RESERVED else 0
        move = StockMove(
            part=part,
            kind=kind,
            pieces=pieces,
            unit_cost=part.unit_cost if unit_cost is None else unit_cost,
            source=source,
            note=note,
            by_id=self._by,
            at=self._now,
        )
        self._moves.append(move)
        return move

    def demand(self, part: Part, pieces: int, source: str) -> Reservation:
        """Add a reservation that nothing is kept for yet."""
        row = Reservation(part=part, pieces=pieces, source=source, created_at=self._now)
        self.reservations.append(row)
        return row

    def keep(self, row: Reservation, pieces: int) -> None:
        """Keep available pieces for a reservation."""
        row.filled += pieces
        self.move(MoveKind.RESERVE, self.parts[row.part_id], pieces, source=row.source)

    def free(self, row: Reservation, pieces: int, *, note: str = "") -> None:
        """Make pieces available that were kept for a reservation."""
        if pieces:
            row.filled -= pieces
            self.move(MoveKind.RELEASE, self.parts[row.part_id], -pieces, source=row.source, note=note)

    def issue(self, row: Reservation) -> StockMove:
        """Take the pieces of a filled reservation off the shelf, which ends it."""
        move = self.move(MoveKind.ISSUE, self.parts[row.part_id], -row.filled, source=row.source)
        self.end(row)
        return move

    def end(self, row: Reservation) -> None:
        self.reservations.remove(row)
        if row.pk is not None:
            self._ended.append(row)

    def fill(self) -> None:
        """Keep what is available for the oldest open reservations, in parts if need be."""
        for row in self.reservations:
            pieces = min(self.parts[row.part_id].available, row.short)
            if pieces > 0:
                self.keep(row, pieces)

    def empty(self, part: Part, *, down_to: int, note: str) -> None:
        """Free what is kept beyond `down_to` pieces, from the youngest reservation on."""
        for row in reversed(self.reservations):
            if row.part_id == part.pk:
                self.free(row, min(row.filled, max(0, part.reserved - down_to)), note=note)

    def write(self) -> None:
        """Store parts, reservations and moves."""
        changed_parts = [part for part in self.parts.values() if _state(part) != self._before[part.pk]]
        for part in changed_parts:
            stock, reserved, *_ = self._before[part.pk]
            Part.objects.filter(pk=part.pk).update(
                stock=F("stock") + (part.stock - stock),
                reserved=F("reserved") + (part.reserved - reserved),
                unit_cost=part.unit_cost,
                is_stocked=part.is_stocked,
            )
        if self._ended:
            Reservation.objects.filter(pk__in=[row.pk for row in self._ended]).delete()
        stored = [row for row in self.reservations if row.pk is not None]
        changed = [row for row in stored if self._filled[row.pk] != (row.pieces, row.filled)]
        if changed:
            Reservation.objects.bulk_update(changed, ["pieces", "filled"])
        new = [row for row in self.reservations if row.pk is None]
        if new:
            Reservation.objects.bulk_create(new)
        if self._moves:
            StockMove.objects.bulk_create(self._moves)
            self._arrive()
        if changed_parts:
            events.record_all("stock_changed", changed_parts, at=self._now, payload=_stock_of)

    def _arrive(self) -> None:
        """Take received pieces from what is on order at vendors. Nothing is on order once all of it came in."""
        received: dict[int, int] = {}
        for move in self._moves:
            if move.kind == MoveKind.RECEIPT:
                received[move.part_id] = received.get(move.part_id, 0) + move.pieces
        for row in VendorOrder.objects.filter(part__in=received) if received else ():
            row.pieces -= received[row.part_id]
            if row.pieces > 0:
                row.save(update_fields=["pieces"])
            else:
                row.delete()


def blend(part: Part, pieces: int, unit_cost: Decimal) -> Decimal:
    """Return the moving average of a part's cost with further pieces, half up to four places.

    Pieces on the shelf of unknown cost count at `unit_cost`.
    """
    if part.unit_cost is None or not part.stock:
        return unit_cost
    worth = part.stock * _units(part.unit_cost) + pieces * _units(unit_cost)
    return Decimal(half_up(worth, part.stock + pieces)).scaleb(-4)


def _units(cost: Decimal) -> int:
    return int(cost.scaleb(4))


def _stock_of(part: Part) -> dict[str, int]:
    return {"stock": part.stock, "reserved": part.reserved}


def _state(part: Part) -> tuple[int, int, Decimal | None, bool]:
    return part.stock, part.reserved, part.unit_cost, part.is_stocked
