"""The one place that moves a status.

A machine is a table beside its model: state -> the states it may go to. A move is one conditional UPDATE, so
that of two parallel ones exactly one wins; then a refresh and one history row (an UPDATE is invisible to
simple-history). Side effects are the caller's, on commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, transaction

from common.domain.errors import IllegalTransition
from common.domain.types import Values

Machine = Mapping[str, frozenset[str]]


def transition(
    row: models.Model,
    to: str,
    *,
    machine: Machine,
    by: int | None,
    now: datetime,
    values: Values | None = None,
) -> None:
    """Move `row.status` to `to` and set `values` (stamps) in the same UPDATE; `row` is refreshed.

    `by` is the acting user's id, None for the system. Raises IllegalTransition, changing nothing, when the
    stored status does not allow the step.
    """
    model = type(row)
    sources = [state for state, targets in machine.items() if to in targets]
    with transaction.atomic():
        moved = model._base_manager.filter(pk=row.pk, status__in=sources).update(status=to, **(values or {}))
        row.refresh_from_db()  # whole: the history row is the stored row, not what was loaded earlier
        if not moved:
            raise refusal(row, to)
        write_history(row, by=by, now=now, why=f"status: {to}")


def refusal(row: Any, to: str) -> IllegalTransition:
    """The error for a step the machine does not know, saying where the row stands."""
    name = row._meta.verbose_name
    word = to.replace("_", " ")
    return IllegalTransition(f"This {name} is {row.status.replace('_', ' ')} and cannot become {word}.")


def write_history(row: Any, *, by: int | None, now: datetime, why: str) -> None:
    """One history row for a change made by UPDATE."""
    user = get_user_model()(pk=by) if by is not None else None
    type(row).history.bulk_history_create(
        [row], update=True, default_user=user, default_change_reason=why[:100], default_date=now
    )
