"""Attach uploads to messages. No other module of chat imports `files`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from common.domain.caller import Caller
from common.domain.errors import DomainError
from files import actions
from files.queries import public_url


class Attachment(TypedDict):
    """An upload as a message stores it: its id and its public URL."""

    id: str
    url: str


def attach(
    uploads: Sequence[UUID], *, by: Caller, customer_id: int | None, now: datetime
) -> list[Attachment]:
    """Attach the caller's own uploads to a conversation of this customer, who may see them from now on.

    Without a customer only staff may see them. Call it before the conversation is locked, because checking a stored
    file may take seconds. Raises the errors of `files.actions.attach` with the field `attachments`.
    """
    if not uploads:
        return []
    try:
        attached = actions.attach(caller=by, upload_ids=uploads, customer_id=customer_id, now=now)
    except DomainError as error:
        error.field = "attachments"
        raise
    return [{"id": str(upload.uuid), "url": public_url(upload.key)} for upload in attached]


def attachment_urls(attachments: Sequence[Attachment]) -> list[str]:
    """Return the URLs of a message's attachments."""
    return [attachment["url"] for attachment in attachments]
