"""Avatars: an image of a user, stored as an upload of theirs."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import BinaryIO

from django.db import transaction

from accounts.models import User
from accounts.profile import change_person
from common.domain.caller import Caller
from common.domain.errors import DomainError, Invalid
from files.actions import AnnouncedSizeTooLarge, attach, discard_file, save_file
from files.models import Upload, UploadState
from files.queries import public_url
from files.stores import StoreUnavailable

# The types that every browser shows in an `<img>`.
AVATAR_KINDS = ("image/jpeg", "image/jpg", "image/png", "image/webp", "image/gif")
MAX_AVATAR_BYTES = 5 * 1024 * 1024


class NotAnAvatar(Invalid):
    code = "avatar_type_not_taken"
    title = "File type not taken"
    message = f"An avatar must be one of {', '.join(AVATAR_KINDS)}."


def change_avatar(*, caller: Caller, content_type: str, size: int, content: BinaryIO, now: datetime) -> str:
    """Store an image as the caller's avatar and return its public URL. The file of the last avatar is removed.

    Raises NotAnAvatar, AnnouncedSizeTooLarge, ContentMismatch (with the field `avatar`), UploadQuotaFull and
    StoreUnavailable. The present avatar stays then.
    """
    upload = _save(caller, content_type, size, content, now)
    url = public_url(upload.key)
    with transaction.atomic():
        # Of two parallel changes, the second finds the first one's avatar and removes it.
        user = User.objects.select_for_update(no_key=True).get(pk=caller.user_id)
        last = _find(user)
        change_person(user=user, avatar=url)
        if last is not None:  # `prune` finds it if it cannot be removed now
            Upload.objects.filter(pk=last.pk).update(state=UploadState.STORED, attached_at=None)
    if last is not None:
        with suppress(StoreUnavailable):
            discard_file(last)
    return url


def _save(caller: Caller, content_type: str, size: int, content: BinaryIO, now: datetime) -> Upload:
    if content_type not in AVATAR_KINDS:
        raise NotAnAvatar(field="avatar")
    if size > MAX_AVATAR_BYTES:
        raise AnnouncedSizeTooLarge(f"An avatar may have at most {MAX_AVATAR_BYTES:,} bytes.", field="avatar")
    # A short name, because the URL must fit into the column of the user.
    upload = save_file(
        caller=caller, filename="avatar", content_type=content_type, size=size, content=content, now=now
    )
    try:
        attach(caller=caller, upload_ids=[upload.uuid], now=now)
    except DomainError as error:
        discard_file(upload)
        error.field = "avatar"
        raise
    return upload


def _find(user: User) -> Upload | None:
    """Return the upload of the user's avatar. A URL of another host, which staff may enter, has none."""
    own = Upload.objects.filter(owner=user, name__startswith="avatar.")
    return next((upload for upload in own if user.avatar.endswith(upload.key)), None)
