"""Move a row from one status to another (docs/design, D22).

A machine is a table beside its model: state -> the states that may follow. A transition is one conditional UPDATE, so
that exactly one of two parallel ones succeeds. A refresh, one history row and one event follow, because an UPDATE is
invisible to simple-history. Side effects are the caller's, on commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models, transaction

from common.domain import events
from common.domain.errors import IllegalTransition
from common.domain.history import acting_user
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
    """Move `row.status` to `to` and set `values` (stamps) in the same UPDATE. Refresh `row`.

    `by` is the acting user's id, None for the system. Records the event `<app>.<model>.<to>`. Raises
    IllegalTransition, and changes nothing, when the stored status does not allow the step.
    """
    model = type(row)
    sources = [state for state, targets in machine.items() if to in targets]
    with transaction.atomic():
        moved = model._base_manager.filter(pk=row.pk, status__in=sources).update(status=to, **(values or {}))
        row.refresh_from_db()  # all fields: the history row is the stored row, not the one that was loaded earlier
        if not moved:
            raise refusal(row, to)
        write_history(row, by=by, now=now, why=f"status: {to}")
        events.record(f"{model._meta.label_lower}.{to}", row, at=now, status=to)


def refusal(row: Any, to: str) -> IllegalTransition:
    """Return the error for a step that the machine does not allow from the row's status."""
    name = row._meta.verbose_name
    word = to.replace("_", " ")
    return IllegalTransition(f"This {name} is {row.status.replace('_', ' ')} and cannot become {word}.")


def write_history(row: Any, *, by: int | None, now: datetime, why: str) -> None:
    """Write one history row for a change made by UPDATE. `by` is the acting user's id, None for the system."""
    type(row).history.bulk_history_create(
        [row], update=True, default_user=acting_user(by), default_change_reason=why[:100], default_date=now
    )
