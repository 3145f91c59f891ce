"""Changes, counts, constraint names and text matching that work alike on both databases."""

from __future__ import annotations

import re
from functools import lru_cache

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, models, transaction

from common.domain.errors import Missing
from common.domain.types import AnyQuerySet


def change(row: models.Model, **values: object) -> None:
    """Write those of `values` that differ from the stored row. Write one history row, or none if nothing differs.

    The row is locked and read first, so that a change made meanwhile is neither undone nor left out of the history.
    Raises Missing if the row was deleted.
    """
    model = type(row)
    with transaction.atomic():
        try:
            row.refresh_from_db(from_queryset=model._base_manager.select_for_update())
        except ObjectDoesNotExist:
            raise Missing(f"{model._meta.verbose_name} not found.".capitalize()) from None
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, values[name])
        if changed:
            row.save(update_fields=changed)


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
