"""The sessions of a user: browsers that are signed in to the pages, and apps with tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from accounts.models import PageSession, Session
from common.domain.errors import Missing

# Of Django's session: from where and with which browser the user signed in.
ORIGIN_KEY = "signed_in"


@dataclass(frozen=True)
class OwnSession:
    """A session as its user sees it. `id` is no secret: a browser's is a hash of its key."""

    id: str
    device: str
    address: str
    since: datetime | None
    is_present: bool = False


def list_sessions(*, user_id: int, present: str | None, now: datetime) -> list[OwnSession]:
    """Return the open sessions of a user, the browser with the key `present` first, then newest first."""
    browsers = [_of_browser(row, present) for row in _browsers(user_id, now)]
    apps = [
        OwnSession(
            id=str(row.uuid), device=str(row.device or "App or program"), address="", since=row.created_at
        )
        for row in Session.objects.living().filter(user_id=user_id).select_related("device")
    ]
    found = sorted(
        [*browsers, *apps],
        key=lambda session: session.since.timestamp() if session.since else 0,
        reverse=True,
    )
    return sorted(found, key=lambda session: not session.is_present)


def end_own_session(*, user_id: int, id: str, now: datetime) -> None:
    """End one session of the user. Raises Missing."""
    keys = [row.session_key for row in _browsers(user_id, now) if _id_of(row) == id]
    ended = PageSession.objects.filter(session_key__in=keys).delete()[0]
    if not ended:
        open_ones = Session.objects.living().filter(user_id=user_id)
        ended = sum(row.uuid.hex == id.replace("-", "") and _end(row, now) for row in open_ones)
    if not ended:
        raise Missing("Session not found")


def end_other_sessions(*, user_id: int, present: str | None, now: datetime) -> None:
    """End all sessions of the user but that of the browser with the key `present`."""
    PageSession.objects.filter(user_id=user_id).exclude(session_key=present).delete()
    Session.objects.filter(user_id=user_id).end(now=now)


def _browsers(user_id: int, now: datetime) -> list[PageSession]:
    return list(PageSession.objects.filter(user_id=user_id, expire_date__gt=now))


def _id_of(row: PageSession) -> str:
    return sha256(row.session_key.encode()).hexdigest()[:32]


def _of_browser(row: PageSession, present: str | None) -> OwnSession:
    origin = row.get_decoded().get(ORIGIN_KEY) or {}
    at = origin.get("at")
    return OwnSession(
        id=_id_of(row),
        device=origin.get("browser") or "Browser",
        address=origin.get("address", ""),
        since=datetime.fromisoformat(at) if at else None,
        is_present=row.session_key == present,
    )


def _end(row: Session, now: datetime) -> bool:
    return bool(Session.objects.filter(pk=row.pk).end(now=now))
