"""Django's sessions in the database, read by a statement that was compiled once."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import orjson
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.core import signing
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from common.domain.types import Json
from common.reads.params import Param
from common.reads.statements import Statement


@cache
def _statement() -> Statement:
    rows = Session.objects.filter(
        session_key=Param("key", CharField()), expire_date__gt=Param("now", DateTimeField())
    )
    return Statement.compile(rows, ("session_data",))


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        key: Any = self.session_key
        for (data,) in _statement().run({"key": key, "now": timezone.now()}):
            return Session(session_key=key, session_data=data)
        self._session_key = None
        return None

    def decode(self, session_data: str | bytes) -> Json:
        try:
            content: Json = orjson.loads(_signed(str(session_data), self.key_salt))
        except Exception:  # noqa: BLE001  # Django says what is wrong with it
            return super().decode(session_data)
        return content


class _Bytes:
    """What `signing` hands what it found to."""

    def loads(self, data: bytes) -> bytes:
        return data


@lru_cache(maxsize=4096)
def _signed(session_data: str, salt: str) -> bytes:
    """The JSON of a session's row. A signature that was good stays good, so it is checked once a process; the row is
    read each time."""
    content: bytes = signing.loads(session_data, salt=salt, serializer=_Bytes)  # type: ignore[arg-type]
    return content
