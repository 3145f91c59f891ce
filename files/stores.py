"""Where the bytes are: a folder of this server, or a bucket. Both take an upload by the same steps.

A key is the path in either, so that a folder can be copied into a bucket as it is.
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


class StoreAway(DomainError):
    """The bucket cannot be reached, or does not know us."""

    kind = Kind.UNAVAILABLE
    code = "store_away"
    title = "Service unavailable"
    message = "Files cannot be stored or read right now. Try again in a few seconds."

    def __init__(self) -> None:
        super().__init__(retry_after=5)


@dataclass(frozen=True)
class Found:
    """What a store has under a key: its size in bytes, the type it was stored with, and how it begins."""

    size: int
    content_type: str
    head: bytes


class Store(Protocol):
    def upload_url(self, upload: Upload, *, site: str, now: datetime) -> str:
        """An address that takes one PUT of this upload, by its type and announced length, for a while."""

    def public_url(self, key: str, *, site: str) -> str:
        """An address that shows the file to whoever has it. It does not expire. `site` is where this server is reached
        (`https://api.garage.example/`); a bucket does not ask."""

    def put(self, upload: Upload, content: BinaryIO) -> None:
        """Store what a form of this server brought. Raises StoreAway."""

    def download_url(self, upload: Upload) -> str | None:
        """An address for somebody who was asked for his name; None for a store that this server itself serves."""

    def read(self, upload: Upload) -> Iterator[bytes]:
        """The bytes, in pieces. Raises FileNotFoundError, StoreAway."""

    def look(self, upload: Upload) -> Found | None:
        """What is there, None when nothing was uploaded."""

    def remove(self, key: str) -> None:
        """Take it away; what is not there is away already."""


def store() -> Store:
    """The one that the settings choose."""
    if settings.USE_S3:
        return S3Store()
    return LocalStore()


class LocalStore:
    """A folder, and signed addresses of this server (`files/api/member.py` serves them)."""

    def path(self, key: str) -> Path:
        return Path(settings.UPLOADS_DIR) / key

    def upload_url(self, upload: Upload, *, site: str, now: datetime) -> str:
        expires = int(now.timestamp()) + settings.AWS_S3_PRESIGNED_URL_EXPIRATION
        query = urlencode({"expires": expires, "signature": _signature(upload.key, str(expires))})
        return f"{self.public_url(upload.key, site=site)}?{query}"

    def admits(self, key: str, *, expires: str, signature: str, now: datetime) -> bool:
        """Whether `upload_url` made this signature for this key, and it has not expired."""
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

    def look(self, upload: Upload) -> Found | None:
        try:
            with self.path(upload.key).open("rb") as file:
                return Found(os.fstat(file.fileno()).st_size, upload.content_type, file.read(HEAD_BYTES))
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        # A key has a folder of its own; what a killed process left half written goes with it.
        shutil.rmtree(self.path(key).parent, ignore_errors=True)

    @contextmanager
    def incoming(self, key: str, chunks: Iterable[bytes]) -> Iterator[tuple[Path, int]]:
        """The bytes on disk and how many they are, not yet under their key; gone if they are not moved there."""
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
    """A bucket of AWS or of another server that speaks S3 (`AWS_S3_ENDPOINT_URL`).

    A role of the machine, or a credentials file, serves where no keys are set.
    """

    @property
    def _client(self) -> Any:
        return _s3_client(
            settings.AWS_S3_REGION_NAME,
            settings.AWS_S3_ENDPOINT_URL,
            settings.AWS_ACCESS_KEY_ID,
            settings.AWS_SECRET_ACCESS_KEY,
            _addressing(settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_S3_ENDPOINT_URL),
        )

    def _at(self, key: str, **more: Any) -> Json:
        return {"Bucket": settings.AWS_STORAGE_BUCKET_NAME, "Key": key, **more}

    def _signed(self, method: str, **params: Any) -> str:
        with _answering():
            url: str = self._client.generate_presigned_url(
                method, Params=params, ExpiresIn=settings.AWS_S3_PRESIGNED_URL_EXPIRATION
            )
            return url

    def upload_url(self, upload: Upload, *, site: str, now: datetime) -> str:
        # What stands here becomes a signed header: another type or length is another signature.
        length = {} if upload.size is None else {"ContentLength": upload.size}
        return self._signed("put_object", **self._at(upload.key, ContentType=upload.content_type, **length))

    def public_url(self, key: str, *, site: str) -> str:
        if settings.AWS_S3_CUSTOM_DOMAIN:
            return f"https://{settings.AWS_S3_CUSTOM_DOMAIN}/{key}"
        # The library knows how a bucket of this name in this region is addressed.
        return self._signed("get_object", **self._at(key)).partition("?")[0]

    def download_url(self, upload: Upload) -> str | None:
        return self._signed(
            "get_object",
            **self._at(
                upload.key,
                ResponseContentType=upload.content_type,
                ResponseContentDisposition="attachment",
            ),
        )

    def put(self, upload: Upload, content: BinaryIO) -> None:
        with _answering():
            self._client.put_object(
                **self._at(
                    upload.key, Body=content, ContentType=upload.content_type, ContentLength=upload.size
                )
            )

    def read(self, upload: Upload) -> Iterator[bytes]:
        with _answering():
            try:
                body = self._client.get_object(**self._at(upload.key))["Body"]
            except self._client.exceptions.NoSuchKey:
                raise FileNotFoundError(upload.key) from None
        with body:
            yield from body.iter_chunks(_CHUNK)

    def look(self, upload: Upload) -> Found | None:
        # One ranged GET says what a HEAD would, and shows the first bytes.
        with _answering():
            try:
                answer = self._client.get_object(**self._at(upload.key, Range=f"bytes=0-{HEAD_BYTES - 1}"))
            except self._client.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                # AWS calls a missing object forbidden to whoever may not list the bucket.
                if code in ("NoSuchKey", "404", "AccessDenied", "403"):
                    log.info("upload_not_found", code=code)
                    return None
                if code == "InvalidRange":  # an empty object has no first byte
                    return Found(0, upload.content_type, b"")
                raise
            with answer["Body"] as body:
                head = body.read()
            total = answer.get("ContentRange", "").rpartition("/")[2]
            return Found(int(total or answer["ContentLength"]), answer["ContentType"], head)

    def remove(self, key: str) -> None:
        with _answering():
            self._client.delete_object(**self._at(key))


@contextmanager
def _answering() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # as below

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        log.warning("store_away", error=str(error))
        raise StoreAway from error


def _addressing(bucket: str, endpoint: str) -> str:
    """Left alone, the library signs for AWS's global host, which redirects a PUT to a young bucket of another region;
    no certificate covers a bucket with a dot as a host; other servers want the bucket in the path."""
    if endpoint:
        return "path"
    return "auto" if "." in bucket else "virtual"


@cache
def _s3_client(region: str, endpoint: str, access_key: str, secret_key: str, addressing: str) -> Any:
    import boto3  # a tenth of a second and 20 MB that the embedded server does without
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
            # A checksum would have to be sent by the apps, who know nothing of it.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 2},
        ),
    )
