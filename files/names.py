"""Names of files. What a client sends is never a path, and never believed about the kind of file."""

from __future__ import annotations

import re
import unicodedata

from files.kinds import KINDS

LONGEST = 100
_UNNAMED = "file"


def safe_name(name: str, content_type: str) -> str:
    """The name to show and to save under: the last part of a path, without control characters or letters that turn
    the direction of writing, at most 100 characters, with an ending of its type."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    # C*: controls, NUL, bidirectional marks, surrogates, code points that are nobody's.
    printable = "".join(" " if c.isspace() else c for c in last if c.isspace() or _is_printable(c))
    return _with_ending(" ".join(printable.split()), content_type)


def key_name(name: str) -> str:
    """A safe name as the last part of a key: letters, digits, `.`, `_` and `-` of ASCII."""
    stem, _, ending = name.rpartition(".")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return f"{re.sub('[^A-Za-z0-9_]+', '-', plain).strip('-') or _UNNAMED}.{ending}"


def _is_printable(character: str) -> bool:
    return unicodedata.category(character)[0] != "C"


def _with_ending(name: str, content_type: str) -> str:
    endings = KINDS[content_type].endings
    stem, _, ending = name.rpartition(".")
    if ending.lower() not in endings:
        stem, ending = name, endings[0]
    stem = stem[: LONGEST - len(ending) - 1].strip(" .")
    return f"{stem or _UNNAMED}.{ending.lower()}"
