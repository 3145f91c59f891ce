"""Places in the order of a list: the rows after the last one of a page, found by the values of the order's keys.

`(start, id) > (%s, %s)` is answered by an index on `start, id` from its middle, however many rows come before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, models
from django.db.models.lookups import GreaterThan, LessThan

from common.domain.types import AnyModelField, AnyQuerySet, Json
from common.reads.columns import may_be_null, stored_field
from common.reads.statements import Param

Plain = str | int | None  # a value as JSON has it. The fields of Params parse it


class OtherOrderError(ValueError):
    """A position belongs to a list in another order."""


@dataclass(frozen=True)
class Position:
    """The place of one row in an order: the words of `order_by`, and the row's value of each."""

    order: tuple[str, ...]
    values: tuple[Plain, ...]

    @property
    def nulls(self) -> tuple[bool, ...]:
        return tuple(value is None for value in self.values)

    @property
    def params(self) -> Json:
        """Return the values of the Params of a statement that reads on from a position."""
        return {_name(number): value for number, value in enumerate(self.values)}


def _name(number: int) -> str:
    return f"after_{number}"


@dataclass(frozen=True)
class _Key:
    path: str
    field: AnyModelField
    is_descending: bool
    may_be_null: bool

    def beyond(self, value: models.Expression | None) -> models.Q | None:
        """Return the condition of the rows that differ and come later, or None if there are none."""
        # PostgreSQL puts nulls after all values, SQLite before. Descending is the reverse.
        nulls_are_last = bool(connection.features.nulls_order_largest) != self.is_descending
        null = models.Q(**{f"{self.path}__isnull": True})
        if value is None:
            return None if nulls_are_last else ~null
        later = models.Q(**{f"{self.path}__{'lt' if self.is_descending else 'gt'}": value})
        return later | null if self.may_be_null and nulls_are_last else later

    def same(self, value: models.Expression | None) -> models.Q:
        return models.Q(**({f"{self.path}__isnull": True} if value is None else {self.path: value}))


class Order:
    """The total order of a queryset, of columns that it or rows that it refers to have."""

    def __init__(self, rows: AnyQuerySet) -> None:
        self.words = tuple(str(word) for word in rows.query.order_by)
        self.keys = [_key(rows.model, word) for word in self.words]

    @property
    def paths(self) -> list[str]:
        return [key.path for key in self.keys]

    def params(self, nulls: Sequence[bool]) -> list[models.Expression | None]:
        """Return what stands for the values of a position when the statement is compiled."""
        return [
            None if is_null else Param(_name(number), key.field)
            for number, (key, is_null) in enumerate(zip(self.keys, nulls, strict=True))
        ]

    def literals(self, position: Position) -> list[models.Expression | None]:
        """Return the values of a position for a queryset that is not compiled."""
        return [
            None if value is None else models.Value(value, key.field)
            for key, value in zip(self.keys, position.values, strict=True)
        ]

    def beyond(self, rows: AnyQuerySet, values: Sequence[models.Expression | None]) -> AnyQuerySet:
        """Return the rows after the position with these values of the keys. None is null."""
        directions = {key.is_descending for key in self.keys}
        if len(directions) == 1 and not any(key.may_be_null for key in self.keys):
            compare = LessThan if directions == {True} else GreaterThan
            return rows.filter(compare(_row(*(models.F(key.path) for key in self.keys)), _row(*values)))
        # A null equals nothing and is before or after all values, so such rows are compared key by key.
        found, same = models.Q(pk__in=[]), models.Q()
        for key, value in zip(self.keys, values, strict=True):
            later = key.beyond(value)
            if later is not None:
                found |= same & later
            same &= key.same(value)
        return rows.filter(found)

    def position(self, values: Iterable[object]) -> Position:
        """Return the position of a row with these values of the keys."""
        return Position(self.words, tuple(_plain(value) for value in values))


def _key(model: type[models.Model], word: str) -> _Key:
    path = word.removeprefix("-")
    field = stored_field(model, path)
    if field is None:
        raise TypeError(f"{model.__name__} has no column {path}, which its order names.")
    is_own_key = path in ("pk", model._meta.pk.name)
    return _Key(path, field, word.startswith("-"), not is_own_key and may_be_null(model, path))


def _row(*values: models.F | models.Expression | None) -> models.Func:
    return models.Func(*values, template="(%(expressions)s)", output_field=models.BigIntegerField())


def _plain(value: object) -> Plain:
    return value if value is None or isinstance(value, (str, int)) else str(value)
