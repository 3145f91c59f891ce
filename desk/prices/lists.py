"""Lists of prices: what is shown, what is typed, and what is written (docs/design, D120)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction

from catalogue.models import Part, Service
from common.domain.changes import change
from common.domain.search import fits, patterns_of, words_of
from common.domain.types import AnyQuerySet

MOST = 100  # rows of a page
Row = Part | Service


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of the catalogue with the column that is their price."""

    title: str
    model: Any
    column: str

    @property
    def permission(self) -> str:
        return f"catalogue.change_{self.model._meta.model_name}"

    def find(self, text: str) -> AnyQuerySet:
        """Return the listed rows that have every word of a text."""
        rows: AnyQuerySet = self.model.objects.filter(is_listed=True, is_placeholder=False)
        if words_of(text):
            rows = rows.filter(fits(self.model.SEARCHED, patterns_of(text)))
        return rows.order_by("name", "id")


KINDS = {
    "parts": Kind("Parts", Part, "unit_price"),
    "services": Kind("Services", Service, "labor_cost"),
}


@dataclass(frozen=True, slots=True)
class Price:
    """A price as the page shows it: the stored one, and the text that is in its field."""

    row: Row
    old: Decimal
    new: str
    error: str = ""

    @property
    def is_changed(self) -> bool:
        return bool(self.error) or self.new != str(self.old)


class Changed(Exception):
    """Rows whose stored price is not the one that the page showed. Nothing is written."""

    def __init__(self, ids: Iterable[int]) -> None:
        super().__init__()
        self.ids = frozenset(ids)


def raised(price: Decimal, *, percent: Decimal, step: Decimal) -> Decimal:
    """Return a price that is changed by a percentage, rounded half up to a step of cents."""
    exact = price * (100 + percent) / 100
    return ((exact / step).quantize(Decimal(1), ROUND_HALF_UP) * step).quantize(Decimal("0.01"))


def write_prices(kind: Kind, *, shown: Mapping[int, Decimal], prices: Mapping[int, Decimal]) -> int:
    """Write those of `prices` that differ from the stored ones, all or none, by the id of the row. Return their number.

    Raises Changed if a stored price is not the one that was shown.
    """
    with transaction.atomic():
        rows = kind.model.objects.select_for_update(no_key=True).filter(pk__in=prices).order_by("pk")
        found = {row.pk: row for row in rows}
        moved = [pk for pk in prices if pk not in found or getattr(found[pk], kind.column) != shown.get(pk)]
        if moved:
            raise Changed(moved)
        changed = [pk for pk, price in prices.items() if getattr(found[pk], kind.column) != price]
        for pk in changed:
            change(found[pk], **{kind.column: prices[pk]})
    return len(changed)
