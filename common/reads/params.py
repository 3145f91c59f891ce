"""A hole in a query, filled in when it runs."""

from __future__ import annotations

from typing import Any

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Expression, IntegerField, Value

from common.domain.types import AnyModelField, Values


def as_expression(value: Any, field: AnyModelField) -> Expression:
    """A value, or the hole for one, as a queryset annotates it."""
    return value if isinstance(value, Param) else Value(value, field)


class Param(Expression):
    """Stands where a value would; `as_sql` puts the Param itself among the parameters.

    It binds through its field, as a value in its place would have been. With `many` it is a list in one parameter
    whatever its length, for `__in` lookups: a statement stays one statement.
    """

    def __init__(self, name: str, field: AnyModelField, *, many: bool = False) -> None:
        super().__init__(output_field=field)
        self.name = name
        self.many = many

    def __str__(self) -> str:
        raise TypeError(
            f"{self.name} has no value yet: a lookup that reads it while compiling needs another way."
        )

    def as_sql(  # type: ignore[override]  # its parameter is the Param, bound when the statement runs
        self, compiler: Any, connection: BaseDatabaseWrapper
    ) -> tuple[str, list[Any]]:
        if not self.many:
            # Selected as it is, a parameter has no type of its own on PostgreSQL and comes back as text.
            typed = connection.vendor == "postgresql" and isinstance(self.output_field, DateTimeField)
            return "%s::timestamptz" if typed else "%s", [self]
        if connection.vendor == "postgresql":
            return f"SELECT unnest(%s::{self.output_field.db_type(connection)}[])", [self]
        return "SELECT value FROM json_each(%s)", [self]

    def bind(self, values: Values, connection: BaseDatabaseWrapper) -> Any:
        """The database's value of this argument."""
        value = values[self.name]
        if not self.many:
            return self.output_field.get_db_prep_value(value, connection, prepared=False)
        if isinstance(self.output_field, IntegerField):
            # The array's own text, in either language: a list costs the driver a call an element.
            left, right = "{}" if connection.vendor == "postgresql" else "[]"
            return left + ",".join([str(int(item)) for item in value]) + right
        bound = [self.output_field.get_db_prep_value(item, connection, prepared=False) for item in value]
        return bound if connection.vendor == "postgresql" else orjson.dumps(bound, default=str).decode()
