"""Stores of uploaded files: a folder of this server or an S3 bucket. Both have the same interface.

A key is the path in both stores, so that the folder can be copied into a bucket unchanged.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.core.signing import Signer
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from common.domain.errors import DomainError, Kind
from common.domain.types import Json
from files.kinds import HEAD_BYTES
from files.models import Upload

log = structlog.get_logger(__name__)

_CHUNK = 64 * 1024


class StoreUnavailable(DomainError):
    """The bucket cannot be reached or refuses the credentials."""

    kind = Kind.UNAVAILABLE
    code = "store_away"
    title = "Service unavailable"
    message = "Files cannot be stored or read right now. Try again in a few seconds."

    def __init__(self) -> None:
        super().__init__(retry_after=5)


@dataclass(frozen=True)
class StoredObject:
    """A file in a store: its size in bytes, its stored content type and its first bytes."""

    size: int
    content_type: str
    head: bytes


class Store(Protocol):
    def upload_url(self, upload: Upload, *, site: str, now: datetime) -> str:
        """Return a URL that accepts a PUT of this upload, with its type and announced length, until it expires."""

    def public_url(self, key: str, *, site: str) -> str:
        """Return a URL that serves the file without authentication and does not expire.

        `site` is this server's base URL (`https://api.garage.example/`). A bucket ignores it.
        """

    def put(self, upload: Upload, content: BinaryIO) -> None:
        """Store a file that was submitted with a form of this server. Raises StoreUnavailable."""

    def download_url(self, upload: Upload) -> str | None:
        """Return a URL that expires, for a caller who is authorized. None if this server itself serves the file."""

    def read(self, upload: Upload) -> Iterator[bytes]:
        """Yield the file in chunks. Raises FileNotFoundError, StoreUnavailable."""

    def stat(self, upload: Upload) -> StoredObject | None:
        """Return the stored file, or None if nothing was uploaded. Raises StoreUnavailable."""

    def remove(self, key: str) -> None:
        """Remove the file, if it exists. Raises StoreUnavailable."""


def store() -> Store:
    """Return the store that the settings select."""
    if settings.USE_S3:
        return S3Store()
    return LocalStore()


class LocalStore:
    """A folder of this server, with signed URLs that `files/api/member.py` serves."""

    def path(self, key: str) -> Path:
        return Path(settings.UPLOADS_DIR) / key

    def upload_url(self, upload: Upload, *, site: str, now: datetime) -> str:
        expires = int(now.timestamp()) + settings.AWS_S3_PRESIGNED_URL_EXPIRATION
        query = urlencode({"expires": expires, "signature": _signature(upload.key, str(expires))})
        return f"{self.public_url(upload.key, site=site)}?{query}"

    def accepts(self, key: str, *, expires: str, signature: str, now: datetime) -> bool:
        """Return whether the signature was made by `upload_url` for this key and has not expired."""
        is_ours = constant_time_compare(signature, _signature(key, expires))
        return is_ours and now.timestamp() < int(expires)

    def public_url(self, key: str, *, site: str) -> str:
        _, token, name = key.split("/")
        return site.rstrip("/") + reverse("stored-file", kwargs={"token": token, "name": name})

    def put(self, upload: Upload, content: BinaryIO) -> None:
        with self.incoming(upload.key, iter(partial(content.read, _CHUNK), b"")) as (path, _):
            os.replace(path, self.path(upload.key))

    def download_url(self, upload: Upload) -> str | None:
        return None

    def read(self, upload: Upload) -> Iterator[bytes]:
        with self.path(upload.key).open("rb") as file:
            yield from iter(partial(file.read, _CHUNK), b"")

    def stat(self, upload: Upload) -> StoredObject | None:
        try:
            with self.path(upload.key).open("rb") as file:
                return StoredObject(
                    os.fstat(file.fileno()).st_size, upload.content_type, file.read(HEAD_BYTES)
                )
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        # Each key has its own folder. A partial file of a killed process is removed with it.
        shutil.rmtree(self.path(key).parent, ignore_errors=True)

    @contextmanager
    def incoming(self, key: str, chunks: Iterable[bytes]) -> Iterator[tuple[Path, int]]:
        """Write the bytes to a temporary file and yield its path and size.

        The caller moves it to the path of its key. Otherwise it is removed.
        """
        folder = self.path(key).parent
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                size = sum(file.write(chunk) for chunk in chunks)
            yield Path(name), size
        finally:
            Path(name).unlink(missing_ok=True)


def _signature(key: str, expires: str) -> str:
    return Signer(salt="files.upload").signature(f"PUT {key} {expires}")


class S3Store:
    """A bucket of AWS or of another S3-compatible server (`AWS_S3_ENDPOINT_URL`).

    Without keys in the settings, the machine's role or a credentials file is used.
    """

    @property
    def _client(self) -> Any:
        return _s3_client(
            settings.AWS_S3_REGION_NAME,
            settings.AWS_S3_ENDPOINT_URL,
            settings.AWS_ACCESS_KEY_ID,
            settings.AWS_SECRET_ACCESS_KEY,
            _addressing_style(settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_ENDPOINT_URL),
        )

    def _params(self, key: str, **extra: object) -> Json:
        return {"Bucket": settings.AWS_STORAGE_BUCKET_NAME, "Key": key, **extra}

    def _signed_url(self, method: str, params: Json) -> str:
        with _store_errors():
            url: str = self._client.generate_presigned_url(
                method, Params=params, ExpiresIn=settings.AWS_S3_PRESIGNED_URL_EXPIRATION
            )
            return url

    def upload_url(self, upload: Upload, *, site: str, now: datetime) -> str:
        # These parameters become signed headers, so that another type or length is refused.
        length = {} if upload.size is None else {"ContentLength": upload.size}
        return self._signed_url(
            "put_object", self._params(upload.key, ContentType=upload.content_type, **length)
        )

    def public_url(self, key: str, *, site: str) -> str:
        if settings.AWS_S3_CUSTOM_DOMAIN:
            return f"https://{settings.AWS_S3_CUSTOM_DOMAIN}/{key}"
        # boto3 knows the URL format for this bucket name and region.
        return self._signed_url("get_object", self._params(key)).partition("?")[0]

    def download_url(self, upload: Upload) -> str | None:
        return self._signed_url(
            "get_object",
            self._params(
                upload.key,
                ResponseContentType=upload.content_type,
                ResponseContentDisposition="attachment",
            ),
        )

    def put(self, upload: Upload, content: BinaryIO) -> None:
        with _store_errors():
            self._client.put_object(
                **self._params(
                    upload.key, Body=content, ContentType=upload.content_type, ContentLength=upload.size
                )
            )

    def read(self, upload: Upload) -> Iterator[bytes]:
        with _store_errors():
            try:
                body = self._client.get_object(**self._params(upload.key))["Body"]
            except self._client.exceptions.NoSuchKey:
                raise FileNotFoundError(upload.key) from None
        with body:
            yield from body.iter_chunks(_CHUNK)

    def stat(self, upload: Upload) -> StoredObject | None:
        # One ranged GET returns the headers of a HEAD and the first bytes.
        with _store_errors():
            try:
                answer = self._client.get_object(
                    **self._params(upload.key, Range=f"bytes=0-{HEAD_BYTES - 1}")
                )
            except self._client.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                # Without permission to list the bucket, AWS answers 403 for a missing object.
                if code in ("NoSuchKey", "404", "AccessDenied", "403"):
                    log.info("upload_not_found", code=code)
                    return None
                if code == "InvalidRange":  # an empty object has no first byte
                    return StoredObject(0, upload.content_type, b"")
                raise
            with answer["Body"] as body:
                head = body.read()
            total = answer.get("ContentRange", "").rpartition("/")[2]
            return StoredObject(int(total or answer["ContentLength"]), answer["ContentType"], head)

    def remove(self, key: str) -> None:
        with _store_errors():
            self._client.delete_object(**self._params(key))


@contextmanager
def _store_errors() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # inline, as in `_s3_client`

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        log.warning("store_unavailable", error=str(error))
        raise StoreUnavailable from error


def _addressing_style(bucket: str, endpoint: str) -> str:
    """Return boto3's addressing style for the bucket.

    "virtual" signs for the host of the bucket's region. The default signs for AWS's global host, which redirects a PUT
    to a new bucket of another region. A bucket name with a dot cannot be a host name, because no certificate covers it.
    Other servers expect the bucket in the path.
    """
    if endpoint:
        return "path"
    return "auto" if "." in bucket else "virtual"


@cache
def _s3_client(region: str, endpoint: str, access_key: str, secret_key: str, addressing: str) -> Any:
    import boto3  # inline: the import takes 0.1 s and 20 MB, which the folder store does not need
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        region_name=region,
        endpoint_url=endpoint or None,
        aws_access_key_id=access_key or None,
        aws_secret_access_key=secret_key or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": addressing},
            # By default boto3 signs a checksum header, which client apps do not send.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 2},
        ),
    )
