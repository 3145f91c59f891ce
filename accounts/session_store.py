"""Django's sessions in the database, read by a statement that was compiled once."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from common.reads.arguments import Arg
from common.reads.statements import Statement


@cache
def _statement() -> Statement:
    rows = Session.objects.filter(
        session_key=Arg("key", CharField()), expire_date__gt=Arg("now", DateTimeField())
    )
    return Statement.compile(rows, ("session_data",))


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        key: Any = self.session_key
        for (data,) in _statement().run({"key": key, "now": timezone.now()}):
            return Session(session_key=key, session_data=data)
        self._session_key = None
        return None
