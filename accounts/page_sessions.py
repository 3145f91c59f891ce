"""Django's sessions in the database, with the user as a column, so that users can see and end theirs."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from accounts.models import PageSession
from common.reads.statements import Param, Statement


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

    def load(self) -> dict[str, Any]:
        """Return the data of the session, {} if there is none. Each request of a page starts with it."""
        for (data,) in _statement().run({"key": self.session_key, "now": timezone.now()}):
            return self.decode(data)
        self._session_key = None
        return {}


@cache
def _statement() -> Statement:
    rows = PageSession.objects.filter(
        session_key=Param("key", CharField()), expire_date__gt=Param("now", DateTimeField())
    )
    return Statement.compile(rows, ["session_data"])
