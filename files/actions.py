"""The life of an upload: announced, stored, attached; or never attached, and removed after some days."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction

from common.domain.caller import Caller
from common.domain.errors import DomainError, Forbidden, Invalid, Kind, Missing, TooLarge
from files.kinds import KINDS, is_what_it_says
from files.models import Upload, UploadState
from files.names import key_name, safe_name
from files.stores import LocalStore, store

KEPT_DAYS = 7  # for how long an upload may wait to be attached


class FileNotFound(Missing):
    code = "file_not_found"
    title = "File not found"
    message = "File not found"


class LinkRefused(Forbidden):
    code = "upload_link_refused"
    message = "This upload address is not valid or has expired. Ask for a new one."


class AlreadyUploaded(DomainError):
    code = "already_uploaded"
    title = "Already uploaded"
    message = "This file has been uploaded already."


class WrongType(DomainError):
    kind = Kind.UNSUPPORTED_MEDIA_TYPE
    code = "wrong_file_type"
    title = "Unsupported media type"


class WrongLength(Invalid):
    code = "wrong_file_length"
    message = "The file has not the length that was announced."


class FileTooLarge(TooLarge):
    code = "file_too_large"
    title = "File too large"


class SizeNotTaken(Invalid):
    code = "file_size_not_taken"
    title = "File too large"


class TypeNotTaken(Invalid):
    code = "file_type_not_taken"
    title = "File type not taken"
    message = f"A file may be one of {', '.join(KINDS)}."


class NotUploaded(DomainError):
    code = "file_not_uploaded"
    title = "File not uploaded"


class NotWhatItSays(Invalid):
    code = "file_is_something_else"
    title = "File is something else"


@dataclass(frozen=True)
class Presigned:
    """An announced upload, the address that takes its bytes and the one that will show them."""

    upload: Upload
    url: str
    public_url: str


def presign(
    *, caller: Caller, filename: str, content_type: str, size: int | None, site: str, now: datetime
) -> Presigned:
    """Announce a file. Its `size` in bytes, where it is given, is exact; `site` is where this server is reached.
    Raises TypeNotTaken, SizeNotTaken, StoreAway.

    The key holds 128 random bits: the public address is a capability.
    """
    upload = _announced(caller, filename, content_type, size, now)
    url = store().upload_url(upload, site=site, now=now)
    upload.save()
    return Presigned(upload, url, store().public_url(upload.key, site=site))


def _announced(caller: Caller, filename: str, content_type: str, size: int | None, now: datetime) -> Upload:
    if content_type not in KINDS:
        raise TypeNotTaken(field="content_type")
    if size is not None and size > settings.MAX_UPLOAD_BYTES:
        raise SizeNotTaken(_at_most(), field="size")
    name = safe_name(filename, content_type)
    return Upload(
        owner_id=caller.user_id,
        customer_id=caller.customer_id,
        name=name,
        content_type=content_type,
        size=size,
        key=f"uploads/{secrets.token_urlsafe(16)}/{key_name(name)}",
        created_at=now,
    )


def receive(
    *,
    key: str,
    expires: str,
    signature: str,
    content_type: str,
    length: int,
    chunks: Iterable[bytes],
    now: datetime,
) -> Upload:
    """Take the bytes of an announced upload onto this server's disk, once. `length` is what the sender says.

    Raises LinkRefused, AlreadyUploaded, WrongType, WrongLength, FileTooLarge.
    """
    local = LocalStore()
    if settings.USE_S3 or not local.admits(key, expires=expires, signature=signature, now=now):
        raise LinkRefused
    upload = Upload.objects.filter(key=key).first()
    if upload is None:  # announced, never sent, and removed since
        raise LinkRefused
    if upload.state != UploadState.PENDING:
        raise AlreadyUploaded
    if content_type != upload.content_type:
        raise WrongType(f"This file was announced as {upload.content_type}.")
    if length > settings.MAX_UPLOAD_BYTES:
        raise FileTooLarge(_at_most())
    if length == 0 or upload.size not in (None, length):
        raise WrongLength
    with local.incoming(key, chunks) as (path, size):
        if size != length:
            raise WrongLength("The file broke off on its way.")
        with transaction.atomic():
            # Of two who send at once one is first; the other waits for the row and finds it taken.
            pending = Upload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
            if not pending.update(state=UploadState.STORED, size=size, stored_at=now):
                raise AlreadyUploaded
            os.replace(path, local.path(key))
    upload.refresh_from_db()
    return upload


def keep(
    *, caller: Caller, filename: str, content_type: str, size: int, content: BinaryIO, now: datetime
) -> Upload:
    """Store a file that a form of this server brought, in either store; `attach` makes it part of something.

    Its row is there before its bytes, so that what is never attached is found and removed.
    Raises TypeNotTaken, SizeNotTaken, StoreAway.
    """
    upload = _announced(caller, filename, content_type, size, now)
    upload.save()
    store().put(upload, content)
    upload.state, upload.stored_at = UploadState.STORED, now
    upload.save(update_fields=["state", "stored_at"])
    return upload


def attach(
    *, caller: Caller, upload_ids: Sequence[UUID], now: datetime, customer_id: int | None = None
) -> list[Upload]:
    """Make the caller's own uploads part of something, in the order of `upload_ids` (their uuids), each once.

    One that is attached for the first time is looked at: it is there, of its announced length, not too large, and
    begins as a file of its type does. `customer_id` is the customer who may see it from now on, where that is not
    the uploader's own (staff who send a photo to a customer).

    Raises FileNotFound for what is not the caller's, NotUploaded, NotWhatItSays, StoreAway; nothing is attached then.
    """
    wanted = list(dict.fromkeys(upload_ids))
    found = {upload.uuid: upload for upload in Upload.objects.of_owner(caller, wanted)}
    if len(found) < len(wanted):
        raise FileNotFound
    uploads = [found[uuid] for uuid in wanted]
    sizes = {upload.pk: _confirmed_size(upload) for upload in uploads if upload.attached_at is None}
    with transaction.atomic():
        for upload in uploads:
            _mark_attached(upload, size=sizes.get(upload.pk), customer_id=customer_id, now=now)
    return uploads


def _confirmed_size(upload: Upload) -> int:
    """The size of what was uploaded, after a look at it."""
    there = store().look(upload)
    if there is None:
        raise NotUploaded(f"{upload.name} has not been uploaded.")
    if there.size > settings.MAX_UPLOAD_BYTES:
        raise NotWhatItSays(_at_most())
    if upload.size not in (None, there.size):
        raise NotWhatItSays(f"{upload.name} has not the length that was announced.")
    if there.content_type != upload.content_type or not is_what_it_says(upload.content_type, there.head):
        raise NotWhatItSays(f"{upload.name} is not a file of the type {upload.content_type}.")
    return there.size


def _mark_attached(upload: Upload, *, size: int | None, customer_id: int | None, now: datetime) -> None:
    if size is not None:
        upload.state, upload.size, upload.attached_at = UploadState.ATTACHED, size, now
    if customer_id is not None:
        upload.customer_id = customer_id
    changed = {name: getattr(upload, name) for name in ("state", "size", "attached_at", "customer_id")}
    if not Upload.objects.filter(pk=upload.pk).update(**changed):
        raise FileNotFound  # removed while it was looked at


def prune(*, now: datetime, days: int = KEPT_DAYS) -> int:
    """Remove uploads that were announced at least `days` ago and never attached, bytes and row. How many.

    Each is a transaction of its own: what fails stays, for the next run. Raises StoreAway.
    """
    # Never while its address still takes a PUT: the bytes would have no row.
    wait = max(timedelta(days=days), timedelta(seconds=settings.AWS_S3_PRESIGNED_URL_EXPIRATION))
    old = Upload.objects.never_attached(before=now - wait).order_by("id")
    removed = 0
    for pk, key in list(old.values_list("pk", "key")):
        with transaction.atomic():
            # Asked again: it may have been attached since. The row goes first, so that nobody attaches it meanwhile.
            if Upload.objects.never_attached(before=now - wait).filter(pk=pk).delete()[0]:
                store().remove(key)
                removed += 1
    return removed


def _at_most() -> str:
    return f"A file may have at most {settings.MAX_UPLOAD_BYTES:,} bytes."
