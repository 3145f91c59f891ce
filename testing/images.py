"""Small images of both types that papers print, and the images of a paper."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from io import BytesIO

from pypdf import PdfReader

# 16 by 8 grey pixels.
JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgy"
    "PC4zNDL/wAALCAAIABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAb/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oACAEBAAA/AJkf/9k="
)


def images_of(pdf: bytes) -> list[tuple[int, int]]:
    """Return the width and height in pixels of each image of a PDF."""
    found = []
    for page in PdfReader(BytesIO(pdf)).pages:
        objects = page["/Resources"].get("/XObject", {}).values()
        rows = [row.get_object() for row in objects]
        found += [(row["/Width"], row["/Height"]) for row in rows if row["/Subtype"] == "/Image"]
    return found


def png(width: int = 48, height: int = 48) -> bytes:
    """Return a PNG that a browser can show, all red."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\0" + b"\xc8\x28\x28" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
