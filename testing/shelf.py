"""Reads of the shelf for tests."""

from __future__ import annotations

from django.db.models import F, Q, Sum

from catalogue.models import Part, Reservation, StockMove
from catalogue.shelf.models import MOVES_RESERVED, MOVES_STOCK


def available() -> dict[int, int]:
    """Return the available pieces of each part."""
    return dict(Part.objects.order_by("id").values_list("pk", F("stock") - F("reserved")))


def on_shelf() -> dict[int, tuple[int, int]]:
    """Return stock and reserved pieces of each part."""
    return {pk: (stock, kept) for pk, stock, kept in Part.objects.values_list("pk", "stock", "reserved")}


def assert_balanced() -> None:
    """Assert that stock and reserved pieces are the sums of the moves, and that no available piece is missed."""
    sums = StockMove.objects.values("part").annotate(
        stock=Sum("pieces", filter=Q(kind__in=MOVES_STOCK), default=0),
        reserved=Sum("pieces", filter=Q(kind__in=MOVES_RESERVED), default=0),
    )
    moved = {row["part"]: (row["stock"], row["reserved"]) for row in sums.order_by()}
    filled = dict(
        Reservation.objects.values("part").annotate(n=Sum("filled")).order_by().values_list("part", "n")
    )
    for part in Part.objects.all():
        assert moved.get(part.pk, (0, 0)) == (part.stock, part.reserved), part
        assert filled.get(part.pk, 0) == part.reserved, part
        assert 0 <= part.reserved <= part.stock, part
        if Reservation.objects.filter(part=part).open().exists():
            assert part.available == 0, part
