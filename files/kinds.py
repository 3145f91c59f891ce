"""The kinds of file that are taken: what a client calls them, how their names end, how their bytes begin.

Photos and documents, and nothing that a browser would run. Plain text is not among them: nothing in its bytes says
what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# As much of a file's beginning as the longest of the patterns below looks at.
HEAD_BYTES = 32


@dataclass(frozen=True)
class FileKind:
    """`endings` are of file names, the usual one first; `begins` matches the first bytes."""

    endings: tuple[str, ...]
    begins: re.Pattern[bytes]


_JPEG = FileKind(("jpg", "jpeg"), re.compile(rb"\xff\xd8\xff"))
# ISO 14496-12: the size of the first box, `ftyp`, then the brand (ISO 23008-12, annex B).
_HEIF = FileKind(
    ("heic", "heif"), re.compile(rb".{4}ftyp(?:heic|heix|heim|heis|hevc|hevx|mif1|msf1)", re.DOTALL)
)

KINDS: dict[str, FileKind] = {
    "image/jpeg": _JPEG,
    "image/jpg": _JPEG,  # no registered type, and what many phones say
    "image/png": FileKind(("png",), re.compile(rb"\x89PNG\r\n\x1a\n")),
    "image/webp": FileKind(("webp",), re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    "image/gif": FileKind(("gif",), re.compile(rb"GIF8[79]a")),
    "image/heic": _HEIF,
    "image/heif": _HEIF,
    "application/pdf": FileKind(("pdf",), re.compile(rb"%PDF-")),
}


def is_what_it_says(content_type: str, head: bytes) -> bool:
    """Whether a file that begins with `head` is of this type."""
    return KINDS[content_type].begins.match(head) is not None
