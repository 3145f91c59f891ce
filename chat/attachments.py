"""Uploads that come with a message. The one place where chat meets the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from common.caller import Caller
from common.errors import Missing


class Attached(TypedDict):
    """What a message keeps of an upload: its id, and the address that is shown."""

    id: str
    url: str


class UploadNotFound(Missing):
    code = "upload_not_found"
    message = "File not found"


def attach(uploads: Sequence[UUID], *, by: Caller) -> list[Attached]:
    """Confirm that `uploads` are the caller's own and have arrived, and say where they are shown.

    Called before the thread is locked: looking at a stored file may take a while. Raises UploadNotFound for the
    first that is nobody's or another's.
    """
    # No room keeps uploads yet, so every id is nobody's.
    for upload in uploads:
        raise UploadNotFound(f"File {upload} not found", field="attachments")
    return []


def urls(attached: Sequence[Attached]) -> list[str]:
    """What a body shows of a message's attachments."""
    return [one["url"] for one in attached]
