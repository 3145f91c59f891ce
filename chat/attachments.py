"""Attach uploads to messages. No other module of chat imports `files`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, TypedDict, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile

from common.domain.caller import Caller
from common.domain.errors import DomainError
from files import actions
from files.kinds import KINDS
from files.names import safe_name
from files.queries import public_url

MAX_FILES = 10  # of one message


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


class Received(NamedTuple):
    """Uploads that are stored and can be attached, and a text that names them for a message."""

    uploads: list[UUID]
    description: str


def save_files(files: Sequence[UploadedFile[Any]], *, by: Caller, now: datetime) -> Received:
    """Store files that were submitted with a form. `attach` checks their contents later.

    Types and sizes of all are checked before one is stored. Raises the errors of `files.actions.save_file` with the
    field `attachments` and the index of the file.
    """
    for number, file in enumerate(files):
        try:
            actions.check_announced(content_type=_type_of(file), size=file.size)
        except DomainError as error:
            error.field, error.item = "attachments", number
            raise
    uploads = [
        actions.save_file(
            caller=by,
            filename=file.name or "file",
            content_type=_type_of(file),
            size=file.size or 0,
            content=cast("BinaryIO", file),
            now=now,
        )
        for file in files
    ]
    names = [_describe(upload.name, upload.content_type) for upload in uploads]
    return Received([upload.uuid for upload in uploads], f"Attached: {', '.join(names)}")


def _type_of(file: UploadedFile[Any]) -> str:
    return (file.content_type or "").lower()


def _describe(name: str, content_type: str) -> str:
    """Return `brake pads (JPG)`, without the file's extension, which a front end could take for a link to an image."""
    stem, _, _ = safe_name(name, content_type).rpartition(".")
    return f"{stem} ({KINDS[content_type].extensions[0].upper()})"


def attachment_urls(attachments: Sequence[Attachment]) -> list[str]:
    """Return the URLs of a message's attachments."""
    return [attachment["url"] for attachment in attachments]
