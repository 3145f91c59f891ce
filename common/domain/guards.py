"""Let rooms above say that a row of this room is still needed (docs/design, D25).

A room owns a `Guards` for its rows. Rooms above register checks in `AppConfig.ready()`, because the room must not
import them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, TypeVar

from django.db import models

Row = TypeVar("Row", bound=models.Model)


class Guards(Generic[Row]):
    """The checks of one room's rows. Each returns the names of the rows that hold a row at a time."""

    def __init__(self) -> None:
        self._checks: list[Callable[[Row, datetime], Iterable[str]]] = []

    def register(self, check: Callable[[Row, datetime], Iterable[str]]) -> None:
        """Ask `check(row, now)` from now on."""
        if check not in self._checks:
            self._checks.append(check)

    def holders(self, row: Row, now: datetime) -> list[str]:
        """Return the names of what holds the row. The caller has locked it."""
        return [name for check in self._checks for name in check(row, now)]
