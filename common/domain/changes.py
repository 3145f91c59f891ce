"""Change a stored row, with its history and its event (docs/design, D23 and D24)."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist
from django.db import models, transaction
from django.utils import timezone

from common.domain.errors import Missing
from common.domain.events import record
from common.domain.types import Values


def change(row: models.Model, /, **values: object) -> bool:
    """Write those of `values` that differ from the stored row, and record the event `<app>.<model>.changed`.

    Write one history row, or neither if nothing differs, and return whether anything did. The row is locked and read
    first, so that a change made meanwhile is neither undone nor left out of the history. Raises Missing if the row was
    deleted.
    """
    return change_as(row, "changed", **values)


def change_as(row: models.Model, what: str, /, **values: object) -> bool:
    """Change a row as `change` does, and record the event `<app>.<model>.<what>`."""
    return _change(row, what, values)


def change_silently(row: models.Model, /, **values: object) -> bool:
    """Change a row as `change` does, without an event, because the change is a part of another one."""
    return _change(row, None, values)


def _change(row: models.Model, what: str | None, values: Values) -> bool:
    model = type(row)
    with transaction.atomic():
        try:
            row.refresh_from_db(from_queryset=model._base_manager.select_for_update(no_key=True))
        except ObjectDoesNotExist:
            raise Missing(f"{model._meta.verbose_name} not found.".capitalize()) from None
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        for name in changed:
            setattr(row, name, values[name])
        if changed:
            row.save(update_fields=changed)
            if what is not None:
                record(f"{model._meta.label_lower}.{what}", row, at=timezone.now())
    return bool(changed)
