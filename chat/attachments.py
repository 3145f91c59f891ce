"""Uploads that come with a message. The one place where chat meets the files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from common.domain.caller import Caller
from common.domain.errors import DomainError
from files import actions
from files.queries import public_url


class Attached(TypedDict):
    """What a message keeps of an upload: its id, and the address that is shown."""

    id: str
    url: str


def attach(uploads: Sequence[UUID], *, by: Caller, customer_id: int, now: datetime) -> list[Attached]:
    """Make the caller's own uploads part of a conversation of this customer, who may see them from now on.

    Called before the conversation is locked: looking at a stored file may take a while. Raises what `files.actions.attach`
    raises, naming `attachments`.
    """
    if not uploads:
        return []
    try:
        attached = actions.attach(caller=by, upload_ids=uploads, customer_id=customer_id, now=now)
    except DomainError as error:
        error.field = "attachments"
        raise
    return [{"id": str(upload.uuid), "url": public_url(upload.key)} for upload in attached]


def urls(attached: Sequence[Attached]) -> list[str]:
    """What a body shows of a message's attachments."""
    return [one["url"] for one in attached]
