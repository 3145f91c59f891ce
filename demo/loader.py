"""Load the examples of the contracts: documented accounts and ids, with dates relative to today (docs/design, D49).

`load()` is one transaction. The ids that a contract prints are set, and the database numbers all other rows.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from demo import (
    billing,
    business,
    care,
    desk,
    fleet,
    garage,
    inspections,
    member,
    passport,
    prices,
    savings,
    shop,
    staff,
    waived,
    workbench,
)
from demo.calendar import Calendar
from demo.numbering import continue_after


class NotEmpty(Exception):
    """The database holds rows that are not demo data."""


def load(*, now: datetime) -> bool:
    """Load the demo data into an empty database. Return False if it is already loaded.

    Raises NotEmpty if the database holds other rows.
    """
    with transaction.atomic():
        if User.objects.filter(email=shop.EMAIL, pk=shop.USER_ID).exists():
            return False
        if not is_empty():
            raise NotEmpty
        # Deleted or rolled back rows may have advanced a sequence to a printed id.
        continue_after(*_own_models())
        calendar = Calendar(now)
        staff.load()
        rows = garage.load()
        prices.load(rows)
        shop.load(calendar, rows)
        fleet.load(calendar, rows)
        business.load(calendar)
        member.load(calendar, rows)
        care.load(calendar)
        fleet.load_colleagues(calendar)
        workbench.load(calendar, rows, business.load_walk_in(calendar))
        till = billing.load(calendar, rows)
        inspections.load(calendar, rows)
        garage.load_rota(calendar, rows)
        passport.load(calendar)
        savings.load(calendar, rows)
        staff.load_key(now)
        staff.load_team()
        desk.load(calendar)
        waived.load(calendar, till)
        staff.load_webhook(now)
        # The database was empty, so every task is about demo data, whose people get no mail.
        DBTaskResult.objects.all().delete()
        return True


def is_empty() -> bool:
    """Return whether no table of this project's apps holds a row."""
    return not any(model._base_manager.exists() for model in _own_models())


def _own_models() -> list[type[Model]]:
    """Return the models of this project's apps. Tables of Django hold rows from the first migration on."""
    return [
        model for model in apps.get_models() if Path(model._meta.app_config.path).parent == settings.BASE_DIR
    ]
