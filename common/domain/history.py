"""The acting user of a history row."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser


def acting_user(user_id: int | None) -> AbstractBaseUser | None:
    """Return a user that carries only its key, for the foreign key of a history row. None is the system.

    `from_db` builds the instance without the model's defaults, and every other field stays deferred.
    """
    if user_id is None:
        return None
    model = get_user_model()
    return model.from_db(None, [model._meta.pk.attname], [user_id])
