"""Constraints that both databases hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import BaseConstraint, Model

from common.domain.types import Json


class _Options(TypedDict, total=False):
    violation_error_code: str | None
    violation_error_message: str | None


class NoOverlap(BaseConstraint):
    """No two rows with the same `holder` and a status in `statuses` overlap in `[start, end)`.

    On PostgreSQL it is an exclusion constraint (GiST, which needs btree_gist). On SQLite it is two triggers, written as
    deferred statements, because Django remakes a table to change it and runs deferred statements against the new one.
    """

    def __init__(
        self,
        *,
        name: str,
        holder: str,
        start: str,
        end: str,
        statuses: tuple[str, ...],
        **options: Unpack[_Options],
    ) -> None:
        self.holder, self.start, self.end, self.statuses = holder, start, end, tuple(statuses)
        super().__init__(name=name, **options)

    def deconstruct(self) -> tuple[str, Sequence[object], Json]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | self._parts()

    def _parts(self) -> Json:
        return {"holder": self.holder, "start": self.start, "end": self.end, "statuses": self.statuses}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, NoOverlap):
            return self.name == other.name and self._parts() == other._parts()
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.holder, self.start, self.end, self.statuses))

    def constraint_sql(
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        assert model is not None and schema_editor is not None
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.deferred_sql.extend(self._triggers(model, schema_editor))
            return ""
        return str(self._exclusion(model, schema_editor))

    def create_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement | None:
        assert model is not None and schema_editor is not None
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.deferred_sql.extend(self._triggers(model, schema_editor))
            return None
        return Statement(
            "ALTER TABLE %(table)s ADD %(constraint)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            constraint=self._exclusion(model, schema_editor),
        )

    def remove_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement | None:
        assert model is not None and schema_editor is not None
        if schema_editor.connection.vendor == "sqlite":
            return None  # the schema editor remakes the table, and the triggers are dropped with the old one
        return Statement(
            "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            name=schema_editor.quote_name(self.name),
        )

    def _columns(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> dict[str, str]:
        return {
            part: schema_editor.quote_name(model._meta.get_field(name).column)  # type: ignore[arg-type, union-attr]
            for part, name in {
                "holder": self.holder, "start": self.start, "end": self.end, "status": "status"
            }.items()
        } | {"statuses": ", ".join(f"'{status}'" for status in self.statuses)}  # fmt: skip

    def _exclusion(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> Statement:
        return Statement(
            "CONSTRAINT %(name)s EXCLUDE USING gist (%(holder)s WITH =, "
            "tstzrange(%(start)s, %(end)s, '[)') WITH &&) WHERE (%(status)s IN (%(statuses)s))",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            name=schema_editor.quote_name(self.name),
            **self._columns(model, schema_editor),
        )

    def _triggers(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> list[Statement]:
        # Django stores instants as text in UTC, which sorts as time does.
        template = (
            "CREATE TRIGGER %(trigger)s BEFORE %(event)s ON %(table)s "
            "WHEN NEW.%(status)s IN (%(statuses)s) AND EXISTS (SELECT 1 FROM %(table)s "
            "WHERE %(holder)s = NEW.%(holder)s AND %(status)s IN (%(statuses)s) AND %(pk)s IS NOT NEW.%(pk)s "
            "AND %(start)s < NEW.%(end)s AND %(end)s > NEW.%(start)s) "
            "BEGIN SELECT RAISE(ABORT, '%(name)s'); END"
        )
        columns = self._columns(model, schema_editor)
        watched = ", ".join(columns[part] for part in ("holder", "start", "end", "status"))
        return [
            Statement(
                template,
                table=Table(model._meta.db_table, schema_editor.quote_name),
                trigger=schema_editor.quote_name(f"{self.name}_{kind}"),
                event=event,
                name=self.name,
                pk=schema_editor.quote_name(str(model._meta.pk.column)),
                **columns,
            )
            for kind, event in (("insert", "INSERT"), ("update", f"UPDATE OF {watched}"))
        ]

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Collection[str] | None = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Raise ValidationError for a form, before the database would refuse the row."""
        if exclude and {self.holder, self.start, self.end, "status"} & set(exclude):
            return
        start, end, status = (getattr(instance, name) for name in (self.start, self.end, "status"))
        holder = getattr(instance, f"{self.holder}_id")
        if status not in self.statuses or None in (start, end, holder):
            return
        held = model._default_manager.using(using).filter(
            **{
                f"{self.holder}_id": holder,
                "status__in": self.statuses,
                f"{self.start}__lt": end,
                f"{self.end}__gt": start,
            }
        )
        if held.exclude(pk=instance.pk).exists():
            raise ValidationError(self.get_violation_error_message(), code=self.violation_error_code)


class AppendOnly(BaseConstraint):
    """Rows are added and never changed or deleted. A change raises IntegrityError that names the constraint.

    `but` names the fields that can change, such as a balance. On PostgreSQL it is a trigger for updates and deletions,
    and TRUNCATE passes. On SQLite it is a trigger for updates only, because Django empties a table there by DELETE.
    """

    def __init__(self, *, name: str, but: tuple[str, ...] = (), **options: Unpack[_Options]) -> None:
        self.but = tuple(but)
        super().__init__(name=name, **options)

    def deconstruct(self) -> tuple[str, Sequence[object], Json]:
        path, args, kwargs = super().deconstruct()
        return path, args, (kwargs | {"but": self.but} if self.but else kwargs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AppendOnly):
            return (self.name, self.but) == (other.name, other.but)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.name, self.but))

    def constraint_sql(
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        assert model is not None and schema_editor is not None
        schema_editor.deferred_sql.extend(self._triggers(model, schema_editor))
        return ""

    def create_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> None:
        assert model is not None and schema_editor is not None
        schema_editor.deferred_sql.extend(self._triggers(model, schema_editor))

    def remove_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> Statement | None:
        assert model is not None and schema_editor is not None
        if schema_editor.connection.vendor == "sqlite":
            return None  # the schema editor remakes the table, and the trigger is dropped with the old one
        return Statement(
            "DROP TRIGGER %(name)s ON %(table)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            name=schema_editor.quote_name(self.name),
        )

    def _triggers(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> list[Statement]:
        table = Table(model._meta.db_table, schema_editor.quote_name)
        name = schema_editor.quote_name(self.name)
        columns = ""
        if self.but:
            # Sorted, because migrations add the columns of relations later than others.
            fixed = sorted(
                field.column
                for field in model._meta.concrete_fields
                if field.name not in self.but and field.column is not None
            )
            columns = f" OF {', '.join(schema_editor.quote_name(column) for column in fixed)}"
        if schema_editor.connection.vendor == "sqlite":
            refuse = (
                "CREATE TRIGGER %(name)s BEFORE UPDATE%(columns)s ON %(table)s "
                "BEGIN SELECT RAISE(ABORT, '%(text)s'); END"
            )
            return [Statement(refuse, table=table, name=name, text=self.name, columns=columns)]
        function = (
            "CREATE OR REPLACE FUNCTION %(name)s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION '%(text)s' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = '%(text)s'; "
            "END $$"
        )
        trigger = (
            "CREATE TRIGGER %(name)s BEFORE UPDATE%(columns)s OR DELETE ON %(table)s "
            "FOR EACH ROW EXECUTE FUNCTION %(name)s()"
        )
        return [
            Statement(template, table=table, name=name, text=self.name, columns=columns)
            for template in (function, trigger)
        ]

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Collection[str] | None = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Accept every row: a form of such a model only adds."""
