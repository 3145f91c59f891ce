"""QuerySets of the shelf's moves and reservations."""

from __future__ import annotations

from typing import NoReturn, Self, TypeVar

from django.db import models
from django.db.models import F

from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class StockMoveQuerySet(models.QuerySet[Row]):
    """Moves, which are added and never changed or deleted."""

    def visible_to(self, caller: Caller) -> Self:
        """Return every move for staff and none for customers."""
        return self if caller.is_staff else self.none()

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def update(self, **values: object) -> NoReturn:
        raise TypeError("Moves of the shelf do not change.")

    def delete(self) -> NoReturn:
        raise TypeError("Moves of the shelf are not deleted.")


class ReservationQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every reservation for staff and none for customers."""
        return self if caller.is_staff else self.none()

    def in_order(self) -> Self:
        """Return the reservations in the order in which they are filled, oldest first."""
        return self.order_by("created_at", "id")

    def open(self) -> Self:
        """Return the reservations that are short of pieces."""
        return self.filter(filled__lt=F("pieces"))
