"""Actions of an upload: presign, receive, save and attach it, and prune uploads that were never attached."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum, Value
from django.db.models.functions import Coalesce

from common.domain.caller import Caller
from common.domain.database import lock_name
from common.domain.errors import DomainError, Forbidden, Invalid, Kind, Missing, TooLarge
from files.kinds import KINDS, has_signature
from files.models import Upload, UploadState
from files.names import key_name, safe_name
from files.stores import LocalStore, store

PRUNE_AFTER_DAYS = 7  # how long an upload may wait to be attached


class FileNotFound(Missing):
    code = "file_not_found"
    title = "File not found"
    message = "File not found"


class InvalidUploadURL(Forbidden):
    code = "upload_link_refused"
    message = "This upload URL is not valid or has expired. Request a new one."


class AlreadyUploaded(DomainError):
    code = "already_uploaded"
    title = "Already uploaded"
    message = "This file has already been uploaded."


class ContentTypeMismatch(DomainError):
    kind = Kind.UNSUPPORTED_MEDIA_TYPE
    code = "wrong_file_type"
    title = "Unsupported media type"


class LengthMismatch(Invalid):
    code = "wrong_file_length"


class FileTooLarge(TooLarge):
    code = "file_too_large"
    title = "File too large"


class AnnouncedSizeTooLarge(Invalid):
    code = "file_size_not_taken"
    title = "File too large"


class UploadQuotaFull(DomainError):
    """The uploads of a customer would take more bytes than `UPLOAD_QUOTA_BYTES`."""

    kind = Kind.STORAGE_FULL
    code = "upload_quota_full"
    title = "No space left for uploads"


class UnsupportedFileType(Invalid):
    code = "file_type_not_taken"
    title = "File type not taken"
    message = f"The file type must be one of {', '.join(KINDS)}."


class NotUploaded(DomainError):
    code = "file_not_uploaded"
    title = "File not uploaded"


class ContentMismatch(Invalid):
    code = "file_is_something_else"
    title = "File is something else"


@dataclass(frozen=True)
class Presigned:
    """An announced upload, the URL that accepts its bytes and the URL that will serve them."""

    upload: Upload
    url: str
    public_url: str


def presign(
    *, caller: Caller, filename: str, content_type: str, size: int | None, site: str, now: datetime
) -> Presigned:
    """Announce a file and return the URL that accepts its bytes.

    `size` is the exact size in bytes, or None if it is not known. `site` is this server's base URL. The key has 128
    random bits, because its public URL needs no authentication. Raises UnsupportedFileType, AnnouncedSizeTooLarge,
    UploadQuotaFull, StoreUnavailable.
    """
    upload = _build_upload(caller, filename, content_type, size, now)
    url = store().upload_url(upload, site=site, now=now)
    _reserve(upload, caller, now=now)
    return Presigned(upload, url, store().public_url(upload.key, site=site))


def check_announced(*, content_type: str, size: int | None) -> None:
    """Raise UnsupportedFileType or AnnouncedSizeTooLarge unless such a file is accepted."""
    if content_type not in KINDS:
        raise UnsupportedFileType(field="content_type")
    if size is not None and size > settings.MAX_UPLOAD_BYTES:
        raise AnnouncedSizeTooLarge(_size_limit_message(), field="size")


def _build_upload(
    caller: Caller, filename: str, content_type: str, size: int | None, now: datetime
) -> Upload:
    check_announced(content_type=content_type, size=size)
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


def _reserve(upload: Upload, caller: Caller, *, now: datetime) -> None:
    """Store the row of an announced upload, if the customer's uploads have space for it. Raises UploadQuotaFull.

    Uploads of staff are not counted. A file without an announced size counts as the largest one until it is stored.
    """
    with transaction.atomic():
        if not caller.is_staff:
            owner = f"customer {caller.customer_id}" if caller.customer_id else f"user {caller.user_id}"
            lock_name(f"uploads of {owner}")  # parallel uploads are counted one after the other
            held, more = _count_bytes(caller, now=now), upload.size or settings.MAX_UPLOAD_BYTES
            if held + more > settings.UPLOAD_QUOTA_BYTES:
                raise UploadQuotaFull(
                    f"Uploads of a customer can take at most {settings.UPLOAD_QUOTA_BYTES:,} bytes. Yours take "
                    f"{held:,}, and this file has up to {more:,}."
                )
        upload.save()


def _count_bytes(caller: Caller, *, now: datetime) -> int:
    """Return how many bytes the caller's customer has stored or may still send."""
    valid_for = timedelta(seconds=settings.AWS_S3_PRESIGNED_URL_EXPIRATION)
    # A bucket does not report what it has received, so there an expired URL may have been used.
    rows = Upload.objects.held_by(caller).taking_space(
        announced_after=now - valid_for, counts_expired=settings.USE_S3
    )
    size = Coalesce("size", Value(settings.MAX_UPLOAD_BYTES))
    return int(rows.aggregate(bytes=Sum(size))["bytes"] or 0)


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
    """Store the bytes of an announced upload on this server's disk, once. `length` is the sender's Content-Length.

    Raises InvalidUploadURL, AlreadyUploaded, ContentTypeMismatch, LengthMismatch, FileTooLarge.
    """
    local = LocalStore()
    if settings.USE_S3 or not local.accepts(key, expires=expires, signature=signature, now=now):
        raise InvalidUploadURL
    upload = Upload.objects.filter(key=key).first()
    if upload is None:  # pruned before it was sent
        raise InvalidUploadURL
    if upload.state != UploadState.PENDING:
        raise AlreadyUploaded
    if content_type != upload.content_type:
        raise ContentTypeMismatch(f"This file was announced as {upload.content_type}.")
    if length > settings.MAX_UPLOAD_BYTES:
        raise FileTooLarge(_size_limit_message())
    if length == 0:
        raise LengthMismatch("The file is empty.")
    if upload.size not in (None, length):
        raise LengthMismatch(f"The file has {length:,} bytes, but {upload.size:,} were announced.")
    with local.incoming(key, chunks) as (path, size):
        if size != length:
            raise LengthMismatch(f"Received {size:,} bytes, but Content-Length is {length:,}.")
        with transaction.atomic():
            # Of two parallel uploads, the second waits for the row and then finds no pending one.
            pending = Upload.objects.filter(pk=upload.pk, state=UploadState.PENDING)
            if not pending.update(state=UploadState.STORED, size=size, stored_at=now):
                raise AlreadyUploaded
            os.replace(path, local.path(key))
    upload.refresh_from_db()
    return upload


def save_file(
    *, caller: Caller, filename: str, content_type: str, size: int, content: BinaryIO, now: datetime
) -> Upload:
    """Store a file that was submitted with a form of this server. `attach` is called for it later.

    The row is saved before the bytes, so that `prune` also finds files that are never attached. Raises
    UnsupportedFileType, AnnouncedSizeTooLarge, UploadQuotaFull, StoreUnavailable.
    """
    upload = _build_upload(caller, filename, content_type, size, now)
    _reserve(upload, caller, now=now)
    store().put(upload, content)
    upload.state, upload.stored_at = UploadState.STORED, now
    upload.save(update_fields=["state", "stored_at"])
    return upload


def store_file(*, name: str, content_type: str, content: bytes, now: datetime) -> Upload:
    """Store a file that the product made itself, which has no owner. Not for use in a transaction.

    The row is saved before the bytes, as in `save_file`. `Upload.attach` is called for it later. Raises
    StoreUnavailable.
    """
    upload = Upload.objects.create(
        name=safe_name(name, content_type),
        content_type=content_type,
        size=len(content),
        key=f"uploads/{secrets.token_urlsafe(16)}/{key_name(name)}",
        state=UploadState.STORED,
        created_at=now,
        stored_at=now,
    )
    store().put(upload, BytesIO(content))
    return upload


def discard_file(upload: Upload) -> None:
    """Remove a stored file that nothing refers to. Raises StoreUnavailable."""
    store().remove(upload.key)
    upload.delete()


def attach(
    *, caller: Caller, upload_ids: Sequence[UUID], now: datetime, customer_id: int | None = None
) -> list[Upload]:
    """Mark the caller's own uploads as attached and return them, each once, in the order of their uuids `upload_ids`.

    The first time an upload is attached, its file is checked: it exists, has the announced length, is not too large and
    begins with the signature of its type. `customer_id` is the customer who can see the upload from now on, if that is
    not the uploader's own (staff who send a photo to a customer).

    Raises FileNotFound for an upload that is not the caller's, NotUploaded, ContentMismatch, StoreUnavailable. After an
    error nothing is attached.
    """
    wanted = list(dict.fromkeys(upload_ids))
    found = {upload.uuid: upload for upload in Upload.objects.of_owner(caller, wanted)}
    if len(found) < len(wanted):
        raise FileNotFound
    uploads = [found[uuid] for uuid in wanted]
    sizes = {upload.pk: _checked_size(upload) for upload in uploads if upload.attached_at is None}
    with transaction.atomic():
        for upload in uploads:
            _mark_attached(upload, size=sizes.get(upload.pk), customer_id=customer_id, now=now)
    return uploads


def _checked_size(upload: Upload) -> int:
    """Return the size of the stored file after checking its length, type and first bytes."""
    stored = store().stat(upload)
    if stored is None:
        raise NotUploaded(f"{upload.name} has not been uploaded.")
    if stored.size > settings.MAX_UPLOAD_BYTES:
        raise ContentMismatch(_size_limit_message())
    if upload.size not in (None, stored.size):
        raise ContentMismatch(f"{upload.name} has {stored.size:,} bytes, but {upload.size:,} were announced.")
    if stored.content_type != upload.content_type or not has_signature(upload.content_type, stored.head):
        raise ContentMismatch(f"{upload.name} is not a file of the type {upload.content_type}.")
    return stored.size


def _mark_attached(upload: Upload, *, size: int | None, customer_id: int | None, now: datetime) -> None:
    if size is not None:
        upload.state, upload.size, upload.attached_at = UploadState.ATTACHED, size, now
    if customer_id is not None:
        upload.customer_id = customer_id
    changed = {name: getattr(upload, name) for name in ("state", "size", "attached_at", "customer_id")}
    if not Upload.objects.filter(pk=upload.pk).update(**changed):
        raise FileNotFound  # pruned during the check


def prune(*, now: datetime, days: int = PRUNE_AFTER_DAYS) -> int:
    """Remove uploads that were announced at least `days` ago and never attached, and return their number.

    Row and file are removed in one transaction per upload. An upload that cannot be removed stays for the next run.
    Raises StoreUnavailable.
    """
    # An upload stays while its URL accepts a PUT, because the bytes would have no row afterwards.
    min_age = max(timedelta(days=days), timedelta(seconds=settings.AWS_S3_PRESIGNED_URL_EXPIRATION))
    old = Upload.objects.never_attached(before=now - min_age).order_by("id")
    removed = 0
    for pk, key in list(old.values_list("pk", "key")):
        with transaction.atomic():
            # Filtered again, because it may have been attached meanwhile. The row is deleted first, so that it
            # cannot be attached while its file is removed.
            if Upload.objects.never_attached(before=now - min_age).filter(pk=pk).delete()[0]:
                store().remove(key)
                removed += 1
    return removed


def _size_limit_message() -> str:
    return f"A file may have at most {settings.MAX_UPLOAD_BYTES:,} bytes."
