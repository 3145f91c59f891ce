"""A placeholder for a value of a query, which gets its value when the query runs."""

from __future__ import annotations

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Expression, IntegerField, Value
from django.db.models.sql.compiler import SQLCompiler

from common.domain.types import AnyModelField, Values


def as_expression(value: object, field: AnyModelField) -> Expression:
    """Return a value, or the `Param` for one, as a queryset annotates it."""
    return value if isinstance(value, Param) else Value(value, field)


class Param(Expression):
    """Stand where a value would. `as_sql` puts the Param itself among the parameters.

    It binds through its field, as a value in its place would have been. With `many` it is a list in one parameter
    of any length, for `__in` lookups, so that a statement stays one statement.
    """

    def __init__(self, name: str, field: AnyModelField, *, many: bool = False) -> None:
        super().__init__(output_field=field)
        self.name = name
        self.many = many

    def __str__(self) -> str:
        raise TypeError(
            f"{self.name} has no value while the query compiles. Use a lookup that does not read its value then."
        )

    def as_sql(  # type: ignore[override]  # its parameter is the Param, bound when the statement runs
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, list[Param]]:
        if not self.many:
            # Selected as it is, a parameter has no type of its own on PostgreSQL and comes back as text.
            typed = connection.vendor == "postgresql" and isinstance(self.output_field, DateTimeField)
            return "%s::timestamptz" if typed else "%s", [self]
        if connection.vendor == "postgresql":
            return f"SELECT unnest(%s::{self.output_field.db_type(connection)}[])", [self]
        return "SELECT value FROM json_each(%s)", [self]

    def bind(self, values: Values, connection: BaseDatabaseWrapper) -> object:
        """Return the value of this parameter as the database takes it."""
        value = values[self.name]
        if not self.many:
            return self.output_field.get_db_prep_value(value, connection, prepared=False)
        if isinstance(self.output_field, IntegerField):
            # The text of an array, in either language. A list would cost the driver a call per element.
            left, right = "{}" if connection.vendor == "postgresql" else "[]"
            return left + ",".join([str(int(item)) for item in value]) + right
        bound = [self.output_field.get_db_prep_value(item, connection, prepared=False) for item in value]
        return bound if connection.vendor == "postgresql" else orjson.dumps(bound, default=str).decode()
