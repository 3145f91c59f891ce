"""What the database says, in the domain's words."""

from __future__ import annotations

from django.db import IntegrityError, models


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
