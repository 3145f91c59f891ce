"""Changes, counts, constraint names and text matching that work alike on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache

from django.conf import settings
from django.db import IntegrityError, connection, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from common.domain.errors import Missing
from common.domain.types import AnyQuerySet


def bound_waits() -> None:
    """Bound how long this process's further connections to PostgreSQL wait for a statement, a lock or a transaction.

    Servers and workers call it when they start. Commands such as `migrate` may take as long as they need. On SQLite
    the wait for the lock of all writers is bounded in every process (`DB_LOCK_SECONDS`).
    """
    if not settings.USE_POSTGRES:
        return
    options = connections.settings["default"]["OPTIONS"]
    for name, seconds in (
        ("statement_timeout", settings.DB_STATEMENT_SECONDS),
        ("lock_timeout", settings.DB_LOCK_SECONDS),
        ("idle_in_transaction_session_timeout", settings.DB_IDLE_SECONDS),
    ):
        if f"-c {name}=" not in options["options"]:
            options["options"] += f" -c {name}={seconds}s"


@contextmanager
def wait_briefly(milliseconds: int) -> Iterator[None]:
    """Wait for each lock so long at most. For a write that is not worth a request, outside of other transactions.

    Raises OperationalError after it. On PostgreSQL the block is a transaction.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with transaction.atomic():
                cursor.execute(f"SET LOCAL lock_timeout = {milliseconds}")
                yield
                cursor.execute("SET LOCAL lock_timeout = DEFAULT")
            return
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {connection.settings_dict['OPTIONS']['timeout'] * 1000}")


def read_instants_fast(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Read the instants of a PostgreSQL connection in UTC with Python's own parser, four times as fast as Django's."""
    if connection.vendor == "postgresql" and connection.timezone == UTC:
        connection.connection.adapters.register_loader("timestamptz", _instant_loader())


@cache
def _instant_loader() -> type[object]:
    from psycopg.types.datetime import TimestamptzLoader  # not installed where only SQLite is used

    class InstantLoader(TimestamptzLoader):
        timezone = UTC  # Django registers its own loader if it finds another zone here

        def load(self, data: bytes | bytearray | memoryview) -> datetime:
            try:
                return datetime.fromisoformat(str(data, "ascii"))
            except ValueError:  # infinity, or years that Python does not have: psycopg says so
                return super().load(data)

    return InstantLoader


def lock_for_share(row: models.Model) -> None:
    """Read the row again and keep it unchanged until the transaction ends. Other transactions can hold it as well.

    Django's `select_for_update` has no FOR SHARE. On SQLite a transaction that writes is alone from its beginning.
    Raises Missing if the row was deleted.
    """
    model = type(row)
    rows = model._base_manager.filter(pk=row.pk)
    if connection.features.has_select_for_update:
        sql, params = rows.query.sql_with_params()
        found = next(iter(model._base_manager.raw(f"{sql} FOR SHARE", params)), None)
    else:
        found = rows.first()
    if found is None:
        raise Missing(f"{model._meta.verbose_name} not found.".capitalize())
    for field in model._meta.concrete_fields:
        setattr(row, field.attname, getattr(found, field.attname))


def lock_name(name: str) -> None:
    """Lock a name until the transaction ends, where no row stands for what is counted or checked.

    On SQLite a transaction that writes is alone from its beginning.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def count_of(rows: AnyQuerySet) -> models.Subquery:
    """Return the number of `rows` as a column of the outer query, to which they refer by an `OuterRef`."""
    count = models.Func(models.F("pk"), function="COUNT", output_field=models.IntegerField())
    return models.Subquery(rows.order_by().annotate(counted=count).values("counted"))


def violates(error: IntegrityError, model: type[models.Model], constraint: str) -> bool:
    """Return whether `error` is a violation of `model`'s constraint of that name.

    PostgreSQL names the constraint. SQLite names it for checks and triggers. For a unique constraint SQLite lists the
    columns.
    """
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        return bool(diagnosis.constraint_name == constraint)
    text = str(error)
    if constraint in text:
        return True
    declared = next(c for c in model._meta.constraints if c.name == constraint)
    if not isinstance(declared, models.UniqueConstraint) or not text.startswith("UNIQUE constraint failed: "):
        return False
    table = model._meta.db_table
    columns = {f"{table}.{model._meta.get_field(name).column}" for name in declared.fields}  # type: ignore[union-attr]
    return set(text.removeprefix("UNIQUE constraint failed: ").split(", ")) == columns


def like(pattern: str | None, text: str | None, escape: str) -> bool | None:
    """Implement SQLite's `text LIKE pattern ESCAPE escape` for the case of every letter of every alphabet."""
    if pattern is None or text is None:
        return None
    return _expression(pattern, escape).fullmatch(str(text).lower()) is not None


@lru_cache(maxsize=256)
def _expression(pattern: str, escape: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    tokens = re.findall(f"{re.escape(escape)}.|.", pattern.lower(), re.DOTALL)
    return re.compile("".join(wild.get(t) or re.escape(t.removeprefix(escape)) for t in tokens), re.DOTALL)
