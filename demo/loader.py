"""The contracts' own examples as rows: documented accounts, documented ids, dates around today.

`load()` is all or nothing. Ids that a contract prints are set; everything else is numbered by the database.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.db.models import Model

from accounts.models import User
from demo import business, care, fleet, garage, member, shop, staff
from demo.calendar import Calendar
from demo.numbering import continue_after


class NotEmpty(Exception):
    """The database holds rows that are not the demo's."""


def load(*, now: datetime) -> bool:
    """Fill an empty database. False when the demo is there already; raises NotEmpty for anything else."""
    with transaction.atomic():
        if User.objects.filter(email=shop.EMAIL, pk=shop.USER_ID).exists():
            return False
        if not is_empty():
            raise NotEmpty
        continue_after(
            *_own_models()
        )  # what was there and is gone, or rolled back, may have counted up to a printed id
        calendar = Calendar(now)
        staff.load()
        place = garage.load()
        shop.load(calendar, place)
        fleet.load(calendar, place)
        business.load(calendar)
        member.load(calendar, place)
        care.load(calendar)
        return True


def is_empty() -> bool:
    """Return whether no table of this project's apps holds a row."""
    return not any(model._base_manager.exists() for model in _own_models())


def _own_models() -> list[type[Model]]:
    """The tables of the house; Django's own hold rows from the first migration on."""
    return [
        model for model in apps.get_models() if Path(model._meta.app_config.path).parent == settings.BASE_DIR
    ]
