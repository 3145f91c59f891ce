"""A file of this server's disk as an answer. What people uploaded is never run, and never shown as a page."""

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
    """The file, a range of it, or that it has not changed. Raises FileNotFound.

    An attachment is still shown by an `<img>`. An upload never changes, so that its key is its tag.
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


def shown_here(request: HttpRequest, upload: Upload, *, cache: str) -> HttpResponseBase:
    """An upload of either store as an answer of this server, for pages that load nothing from elsewhere.

    Raises FileNotFound, StoreAway.
    """
    place = store()
    if isinstance(place, LocalStore):
        return file_response(request, upload, place.path(upload.key), cache=cache)
    assert isinstance(place, S3Store)
    answer: HttpResponseBase | None = get_conditional_response(request, etag=_headers(upload, cache)["ETag"])
    if answer is None:
        chunks = place.read(upload)
        try:
            first = next(chunks, b"")  # before the status is sent
        except FileNotFoundError:
            raise FileNotFound from None
        answer = StreamingHttpResponse(chain([first], chunks), content_type=upload.content_type)
        answer.headers["Content-Length"] = str(upload.size)
    for name, value in _headers(upload, cache).items():
        answer.headers[name] = value
    return answer


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
    """`[start, end)` of what is asked for (RFC 9110, 14.2): the whole where no single range is; empty where there is
    nothing at it."""
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", request.headers.get("range", "").strip())
    if not match or match[0] == "bytes=-" or request.headers.get("if-range", etag) != etag:
        return 0, size
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return 0, size  # no range at all
    return int(first), min(int(last) + 1, size) if last else size
