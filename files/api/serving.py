"""Responses that serve uploaded files. Their headers keep a browser from executing or rendering a file as a page."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from whitenoise.responders import SlicedFile

from files.actions import FileNotFound
from files.models import Upload
from files.stores import LocalStore, S3Store, store


def file_response(request: HttpRequest, upload: Upload, path: Path, *, cache: str) -> HttpResponseBase:
    """Return a response with the file, a range of it, or 304 if the client has it. Raises FileNotFound.

    The disposition is `attachment`, which an `<img>` still displays. An upload never changes, so that its uuid is its
    ETag.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise FileNotFound from None
    headers = _headers(upload, cache)
    response: HttpResponseBase | None = get_conditional_response(request, etag=headers["ETag"])
    if response is None:
        response = _content(request, upload, path, size, headers)
    for name, value in headers.items():
        response.headers[name] = value
    return response


def upload_response(request: HttpRequest, upload: Upload, *, cache: str) -> HttpResponseBase:
    """Return a response with an upload from either store, for pages that load nothing from other hosts.

    Raises FileNotFound, StoreUnavailable.
    """
    file_store = store()
    if isinstance(file_store, LocalStore):
        return file_response(request, upload, file_store.path(upload.key), cache=cache)
    assert isinstance(file_store, S3Store)
    response: HttpResponseBase | None = get_conditional_response(
        request, etag=_headers(upload, cache)["ETag"]
    )
    if response is None:
        chunks = file_store.read(upload)
        try:
            first = next(chunks, b"")  # read before the status is sent, for FileNotFound
        except FileNotFoundError:
            raise FileNotFound from None
        response = StreamingHttpResponse(chain([first], chunks), content_type=upload.content_type)
        response.headers["Content-Length"] = str(upload.size)
    for name, value in _headers(upload, cache).items():
        response.headers[name] = value
    return response


def _headers(upload: Upload, cache: str) -> dict[str, str]:
    return {
        "Cache-Control": cache,
        "ETag": f'"{upload.uuid}"',
        "Content-Disposition": content_disposition_header(True, upload.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def _content(
    request: HttpRequest, upload: Upload, path: Path, size: int, headers: dict[str, str]
) -> HttpResponseBase:
    headers["Accept-Ranges"] = "bytes"
    start, end = _range(request, size, headers["ETag"])
    if start >= end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    status = 200 if end - start == size else 206
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=upload.content_type)
    part = SlicedFile(path.open("rb"), start, end - 1)
    return FileResponse(part, status=status, content_type=upload.content_type)


def _range(request: HttpRequest, size: int, etag: str) -> tuple[int, int]:
    """Return the requested range as `[start, end)` (RFC 9110, 14.2).

    It is the whole file without a single valid range, and empty if the range is past the end.
    """
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", request.headers.get("range", "").strip())
    if not match or match[0] == "bytes=-" or request.headers.get("if-range", etag) != etag:
        return 0, size
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return 0, size  # an invalid range is ignored
    return int(first), min(int(last) + 1, size) if last else size
