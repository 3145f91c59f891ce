"""Django's sessions in the database, with the user as a column, so that users can see and end theirs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from accounts.models import PageSession


class SessionStore(DatabaseStore):
    """The engine of `SESSION_ENGINE`. Deleting a row signs its browser out."""

    @classmethod
    def get_model_class(cls) -> type[PageSession]:
        return PageSession

    def create_model_instance(self, data: dict[str, Any]) -> PageSession:
        row = super().create_model_instance(data)
        assert isinstance(row, PageSession)
        row.user_id = data.get(SESSION_KEY)
        return row
