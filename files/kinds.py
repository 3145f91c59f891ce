"""The accepted file types, by content type: their extensions and first bytes.

They are photos and PDF documents, which a browser does not execute. Plain text is not accepted, because its first
bytes do not identify it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Enough first bytes for the longest of the patterns below.
HEAD_BYTES = 32


@dataclass(frozen=True)
class FileKind:
    """A file type. `extensions` has the usual one first. `signature` matches the first bytes."""

    extensions: tuple[str, ...]
    signature: re.Pattern[bytes]


_JPEG = FileKind(("jpg", "jpeg"), re.compile(rb"\xff\xd8\xff"))
# ISO 14496-12: the size of the first box, `ftyp`, then the brand (ISO 23008-12, annex B).
_HEIF = FileKind(
    ("heic", "heif"), re.compile(rb".{4}ftyp(?:heic|heix|heim|heis|hevc|hevx|mif1|msf1)", re.DOTALL)
)

KINDS: dict[str, FileKind] = {
    "image/jpeg": _JPEG,
    "image/jpg": _JPEG,  # not a registered type, but sent by many phones
    "image/png": FileKind(("png",), re.compile(rb"\x89PNG\r\n\x1a\n")),
    "image/webp": FileKind(("webp",), re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    "image/gif": FileKind(("gif",), re.compile(rb"GIF8[79]a")),
    "image/heic": _HEIF,
    "image/heif": _HEIF,
    "application/pdf": FileKind(("pdf",), re.compile(rb"%PDF-")),
}


def has_signature(content_type: str, head: bytes) -> bool:
    """Return whether a file that begins with `head` is of this content type."""
    return KINDS[content_type].signature.match(head) is not None
