"""Safe file names. A name that a client sends is never used as a path or as evidence of the file's type."""

from __future__ import annotations

import re
import unicodedata

from files.kinds import KINDS

MAX_NAME_LENGTH = 100
_UNNAMED = "file"


def safe_name(name: str, content_type: str) -> str:
    """Return the name to display and to download under.

    It is the last part of the path, without control characters and bidirectional marks. It has at most 100 characters
    and an extension of the content type.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    # Unicode categories C*: control characters, bidirectional marks, surrogates, unassigned code points.
    printable = "".join(" " if c.isspace() else c for c in last if c.isspace() or _is_printable(c))
    return _with_extension(" ".join(printable.split()), content_type)


def key_name(name: str) -> str:
    """Return a safe name as the last part of a key: ASCII letters, digits, `.`, `_` and `-`."""
    stem, _, extension = name.rpartition(".")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return f"{re.sub('[^A-Za-z0-9_]+', '-', plain).strip('-') or _UNNAMED}.{extension}"


def _is_printable(character: str) -> bool:
    return unicodedata.category(character)[0] != "C"


def _with_extension(name: str, content_type: str) -> str:
    extensions = KINDS[content_type].extensions
    stem, _, extension = name.rpartition(".")
    if extension.lower() not in extensions:
        stem, extension = name, extensions[0]
    stem = stem[: MAX_NAME_LENGTH - len(extension) - 1].strip(" .")
    return f"{stem or _UNNAMED}.{extension.lower()}"
