"""Rows of which exactly one is the default of its group: locations, labour rates of a location, price matrices.

The model has `is_default` with a unique constraint over the rows where it is true.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from common.domain.changes import change
from common.domain.database import lock_name
from common.domain.errors import DomainError, Invalid
from common.domain.types import AnyQuerySet


class DefaultIsNeeded(Invalid):
    code = "default_is_needed"
    title = "A default is needed"
    message = "One of them must be the default. Make another one the default instead."


class DefaultStays(DomainError):
    """The default cannot be removed while there are others."""

    code = "default_stays"
    title = "The default cannot be removed"
    message = "Make another one the default, then remove this one."


def settle_default(row: models.Model, others: AnyQuerySet, *, wanted: bool | None) -> bool:
    """Return whether `row` is the default of its group, and take that from the present one if it changes.

    `others` are the other rows of the group. `wanted` is None if the caller does not name it. The first row of a group
    is its default. The caller saves the row in the same transaction. Raises DefaultIsNeeded.
    """
    lock_name(f"default of {others.model._meta.label}")
    present = others.filter(is_default=True).first()
    if present is None:
        if wanted is False and not row._state.adding:
            raise DefaultIsNeeded(field="is_default")
        return True
    if wanted:
        change(present, is_default=False)
    return bool(wanted)


def check_removable(row: Any, others: AnyQuerySet) -> None:
    """Raise DefaultStays if `row` is the default of a group with other rows."""
    lock_name(f"default of {others.model._meta.label}")
    row.refresh_from_db(fields=["is_default"])
    if row.is_default and others.exists():
        raise DefaultStays
