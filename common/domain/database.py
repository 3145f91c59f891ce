"""What the database says, in the domain's words; what it is told, the same on both engines."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from django.db import IntegrityError, models, transaction

from common.domain.errors import Missing


def change(row: Any, **values: Any) -> None:
    """Write those of `values` that differ over the row as it is stored now: one history row, none for no change.

    The row is locked first, so that a change made meanwhile is neither undone nor left out of the history.
    Raises Missing when somebody has removed it.
    """
    model = type(row)
    with transaction.atomic():
        try:
            row.refresh_from_db(from_queryset=model._base_manager.select_for_update())
        except model.DoesNotExist:
            raise Missing(f"{model._meta.verbose_name} not found.".capitalize()) from None
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, values[name])
        if changed:
            row.save(update_fields=changed)


def count_of(rows: models.QuerySet[Any]) -> models.Subquery:
    """How many `rows`, which name the outer query's row by an `OuterRef`, as one of its columns; 0 for none."""
    count = models.Func(models.F("pk"), function="COUNT", output_field=models.IntegerField())
    return models.Subquery(rows.order_by().annotate(counted=count).values("counted"))


def violates(error: IntegrityError, model: type[models.Model], constraint: str) -> bool:
    """Whether `error` is the refusal of `model`'s constraint of that name.

    PostgreSQL names the constraint. SQLite names it too for checks and triggers, but for a unique constraint it
    lists the columns.
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
    """SQLite's `text LIKE pattern ESCAPE escape`, whatever the case of any letter of any alphabet."""
    if pattern is None or text is None:
        return None
    return _expression(pattern, escape).fullmatch(str(text).lower()) is not None


@lru_cache(maxsize=256)
def _expression(pattern: str, escape: str) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    tokens = re.findall(f"{re.escape(escape)}.|.", pattern.lower(), re.DOTALL)
    return re.compile("".join(wild.get(t) or re.escape(t.removeprefix(escape)) for t in tokens), re.DOTALL)
