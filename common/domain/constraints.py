"""Constraints that both databases hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import BaseConstraint, F, Model, Q

from common.domain.types import Json

_STATUS = "status"  # the column that `statuses` are of


class _Options(TypedDict, total=False):
    violation_error_code: str | None
    violation_error_message: str | None


class NoOverlap(BaseConstraint):
    """No two rows with the same `holder` overlap in `[start, end)`.

    With `statuses` only rows in one of these statuses count. A row whose end is null lasts for ever. A row that ends
    when it starts overlaps none.

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
        statuses: tuple[str, ...] | None = None,
        **options: Unpack[_Options],
    ) -> None:
        self.holder, self.start, self.end = holder, start, end
        self.statuses = None if statuses is None else tuple(statuses)
        super().__init__(name=name, **options)

    def deconstruct(self) -> tuple[str, Sequence[object], Json]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | self._parts()

    def _parts(self) -> Json:
        parts: Json = {"holder": self.holder, "start": self.start, "end": self.end}
        return parts if self.statuses is None else parts | {"statuses": self.statuses}

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
        names = {"holder": self.holder, "start": self.start, "end": self.end}
        if self.statuses is not None:
            names["status"] = _STATUS
        return {
            part: schema_editor.quote_name(model._meta.get_field(name).column)  # type: ignore[arg-type, union-attr]
            for part, name in names.items()
        }

    def _counts(self, columns: dict[str, str], row: str = "") -> str:
        """Return the condition that a row counts, or "". `row` is its prefix in a trigger."""
        if self.statuses is None:
            return ""
        statuses = ", ".join(f"'{status}'" for status in self.statuses)
        return f"{row}{columns['status']} IN ({statuses})"

    def _exclusion(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> Statement:
        columns = self._columns(model, schema_editor)
        counts = self._counts(columns)
        return Statement(
            # A range without an upper bound is open.
            "CONSTRAINT %(name)s EXCLUDE USING gist (%(holder)s WITH =, "
            "tstzrange(%(start)s, %(end)s, '[)') WITH &&)%(where)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            name=schema_editor.quote_name(self.name),
            where=f" WHERE ({counts})" if counts else "",
            **columns,
        )

    def _triggers(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> list[Statement]:
        columns = self._columns(model, schema_editor)
        start, end, holder = columns["start"], columns["end"], columns["holder"]
        pk = schema_editor.quote_name(str(model._meta.pk.column))
        # Django stores instants as text in UTC, which sorts as time does.
        overlaps = [f"{start} < NEW.{end}", f"{end} > NEW.{start}"]
        if model._meta.get_field(self.end).null:
            overlaps = [
                f"(NEW.{end} IS NULL OR ({start} < NEW.{end} AND NEW.{start} < NEW.{end}))",
                f"({end} IS NULL OR ({end} > NEW.{start} AND {start} < {end}))",
            ]
        found = [f"{holder} = NEW.{holder}", self._counts(columns), f"{pk} IS NOT NEW.{pk}", *overlaps]
        table = Table(model._meta.db_table, schema_editor.quote_name)
        counts = self._counts(columns, "NEW.")
        watched = ", ".join(columns.values())
        return [
            Statement(
                "CREATE TRIGGER %(trigger)s BEFORE %(event)s ON %(table)s "
                "WHEN %(counts)sEXISTS (SELECT 1 FROM %(table)s WHERE %(found)s) "
                "BEGIN SELECT RAISE(ABORT, '%(name)s'); END",
                table=table,
                trigger=schema_editor.quote_name(f"{self.name}_{kind}"),
                event=event,
                name=self.name,
                counts=f"{counts} AND " if counts else "",
                found=" AND ".join(part for part in found if part),
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
        names = {self.holder, self.start, self.end} | (set() if self.statuses is None else {_STATUS})
        if exclude and names & set(exclude):
            return
        start, end = getattr(instance, self.start), getattr(instance, self.end)
        holder = getattr(instance, f"{self.holder}_id")
        is_open = end is None and bool(model._meta.get_field(self.end).null)
        if None in (start, holder) or (end is None and not is_open) or start == end:
            return
        if self.statuses is not None and getattr(instance, _STATUS) not in self.statuses:
            return
        rows = model._default_manager.using(using).filter(**{f"{self.holder}_id": holder})
        if self.statuses is not None:
            rows = rows.filter(status__in=self.statuses)
        if not is_open:
            rows = rows.filter(**{f"{self.start}__lt": end})
        ends_later = Q(**{f"{self.end}__gt": start}) & Q(**{f"{self.end}__gt": F(self.start)})
        found = rows.filter(Q(**{f"{self.end}__isnull": True}) | ends_later)
        if found.exclude(pk=instance.pk).exists():
            raise ValidationError(self.get_violation_error_message(), code=self.violation_error_code)


class _Trigger(BaseConstraint):
    """A rule that is a trigger. Its statements are deferred, for the reason that `NoOverlap` gives."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, type(self)):
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def constraint_sql(
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> str:
        self.create_sql(model, schema_editor)
        return ""

    def create_sql(  # type: ignore[override]
        self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None
    ) -> None:
        assert model is not None and schema_editor is not None
        words = {
            "table": Table(model._meta.db_table, schema_editor.quote_name),
            "name": schema_editor.quote_name(self.name),
            "text": self.name,
        }
        schema_editor.deferred_sql.extend(
            Statement(template, **words) for template in self._statements(model, schema_editor)
        )

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

    def _statements(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> list[str]:
        """Return the statements that make the trigger, with `%(table)s`, `%(name)s` and the name as `%(text)s`."""
        raise NotImplementedError

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Collection[str] | None = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Accept every row of a form: it only adds."""


class AppendOnly(_Trigger):
    """Rows are added and never changed or deleted. A change raises IntegrityError that names the constraint.

    `but` names the fields that can change, such as a balance, and `erasable` those that can change inside `erasing()`
    only, such as a name. On PostgreSQL it is a trigger for updates and deletions, and TRUNCATE passes. On SQLite it is
    a trigger for updates only, because Django empties a table there by DELETE, and a second one for `erasable` fields.
    """

    def __init__(
        self,
        *,
        name: str,
        but: tuple[str, ...] = (),
        erasable: tuple[str, ...] = (),
        **options: Unpack[_Options],
    ) -> None:
        self.but, self.erasable = tuple(but), tuple(erasable)
        super().__init__(name=name, **options)

    def deconstruct(self) -> tuple[str, Sequence[object], Json]:
        path, args, kwargs = super().deconstruct()
        fields = {"but": self.but, "erasable": self.erasable}
        return path, args, kwargs | {option: names for option, names in fields.items() if names}

    def _statements(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> list[str]:
        def columns(names: Collection[str]) -> list[str]:
            # Sorted, because migrations add the columns of relations later than others.
            fields = [field for field in model._meta.concrete_fields if field.name in names]
            return sorted(field.column for field in fields if field.column is not None)

        def update_of(names: Collection[str]) -> str:
            return f" OF {', '.join(schema_editor.quote_name(column) for column in columns(names))}"

        every = {field.name for field in model._meta.concrete_fields}
        if schema_editor.connection.vendor == "sqlite":
            fixed = every - {*self.but, *self.erasable}
            refuse = "ON %(table)s BEGIN SELECT RAISE(ABORT, '%(text)s'); END"
            watched = update_of(fixed) if fixed != every else ""
            statements = [f"CREATE TRIGGER %(name)s BEFORE UPDATE{watched} {refuse}"]
            if self.erasable:
                name = schema_editor.quote_name(f"{self.name}{_ERASABLE}")
                statements.append(f"CREATE TRIGGER {name} BEFORE UPDATE{update_of(self.erasable)} {refuse}")
            return statements
        passes = ""
        if self.erasable:
            free = ", ".join(f"'{column}'" for column in columns({*self.but, *self.erasable}))
            passes = (
                f"IF TG_OP = 'UPDATE' AND current_setting('{_SETTING}', true) = 'yes' "
                f"AND to_jsonb(NEW) - ARRAY[{free}] = to_jsonb(OLD) - ARRAY[{free}] THEN RETURN NEW; END IF; "
            )
        watched = update_of(every - {*self.but}) if self.but else ""
        return [
            (
                f"CREATE OR REPLACE FUNCTION %(name)s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {passes}"
                "RAISE EXCEPTION '%(text)s' USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = '%(text)s'; "
                "END $$"
            ),
            (
                f"CREATE TRIGGER %(name)s BEFORE UPDATE{watched} OR DELETE ON %(table)s "
                "FOR EACH ROW EXECUTE FUNCTION %(name)s()"
            ),
        ]


_ERASABLE = "_erasable"  # the end of the name of SQLite's second trigger
_SETTING = "append_only.erasing"


@contextmanager
def erasing() -> Iterator[None]:
    """Let the `erasable` fields of every `AppendOnly` change until the block ends, in one transaction.

    PostgreSQL knows a setting of the transaction. SQLite has none, so that the triggers are dropped and made again.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute("SELECT set_config(%s, 'yes', true)", [_SETTING])
            yield
            cursor.execute("SELECT set_config(%s, '', true)", [_SETTING])
            return
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [f"%{_ERASABLE}"]
        )
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")
        yield
        for _, statement in triggers:
            cursor.execute(statement)


class ReadInOrder(_Trigger):
    """Rows can be read in the order of their ids while others are added: none appears later with a smaller id.

    Ids are drawn in another order than transactions commit in. On PostgreSQL, a transaction that adds a row first
    locks, for share and until it ends, the last id that was drawn: those that it draws are larger. A reader leaves out
    what is behind a lock (`common.domain.events.readable`). It locks once: a lock for each of many rows would use up
    the server's memory for locks. A savepoint that is rolled back gives back the lock and the setting that tells of it.
    SQLite has one writer at a time and needs nothing.
    """

    LOCKS: ClassVar = 1_702_257_011  # the first number of these advisory locks
    WRAP: ClassVar = 2**31  # the second number has four bytes

    def _statements(self, model: type[Model], schema_editor: BaseDatabaseSchemaEditor) -> list[str]:
        if schema_editor.connection.vendor == "sqlite":
            return []
        sequence = f"{model._meta.db_table}_{model._meta.pk.column}_seq"
        return [
            (
                "CREATE OR REPLACE FUNCTION %(name)s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "IF current_setting('locked.%(text)s', true) IS DISTINCT FROM 'yes' THEN "
                f"PERFORM pg_advisory_xact_lock_shared({self.LOCKS}, "
                f"((last_value - (NOT is_called)::int) %% {self.WRAP})::int) FROM {sequence}; "
                "PERFORM set_config('locked.%(text)s', 'yes', true); "
                "END IF; RETURN NULL; END $$"
            ),
            # Once for a statement, before it draws an id.
            "CREATE TRIGGER %(name)s BEFORE INSERT ON %(table)s FOR EACH STATEMENT EXECUTE FUNCTION %(name)s()",
        ]
