"""ETags of the staff's rows: a checksum of each value, so that a refused write can name the values that changed.

The checksums are of the body that the caller sees, which a row and rows of other tables make up. A column with the time
of the last change would miss those, and writes that go past it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Collection
from hashlib import blake2b

from django.utils.http import parse_etags

from common.domain.encoding import dumps
from common.domain.errors import DomainError, Invalid, Kind
from common.domain.types import Json

_BYTES, _LETTERS = 6, 8  # of the checksum of one value, and in base64


class RowChanged(DomainError):
    kind = Kind.PRECONDITION
    code = "row_changed"
    title = "Row has changed"
    message = "The row has changed since it was read."


class WrongMatch(Invalid):
    code = "wrong_match"
    message = "If-Match must be the ETag of the row, with its quotes."


class NothingToMatch(Invalid):
    code = "nothing_to_match"
    message = "This request takes no If-Match. It writes to no row with an ETag."


def without(stamps: Collection[str], body: Json) -> Json:
    """Return the values of a row that are in its ETag: not the stamps of each use, which a write does not depend on."""
    return {name: value for name, value in body.items() if name not in stamps}


def etag_of(body: Json) -> str:
    """Return the ETag of a row's body."""
    sums = (blake2b(dumps(value), digest_size=_BYTES).digest() for value in body.values())
    return f'"{urlsafe_b64encode(b"".join(sums)).decode()}"'


def check_match(seen: str, body: Json, name: str, stamps: Collection[str] = ()) -> None:
    """Raise RowChanged, which names the values that changed, unless `If-Match` has the ETag of a row's body.

    The ETag is without `stamps`. Raises WrongMatch.
    """
    compared = without(stamps, body)
    tags, present = parse_etags(seen), etag_of(compared)
    if not tags:
        raise WrongMatch
    if present in tags or tags == ["*"]:
        return
    changed = _changed(tags[0].strip('"'), present.strip('"'), compared)
    text = (
        f"The {name} has changed since it was read: {', '.join(changed)}."
        if changed
        else f"If-Match is not an ETag of this {name}. Send one that was read, with its quotes and without W/."
    )
    raise RowChanged(text, changed=changed, etag=present, row=body)


def _changed(seen: str, present: str, body: Json) -> list[str]:
    """Return the names of the values that differ, or none if the ETag is that of another kind of row."""
    if len(seen) != len(present):
        return []
    return [
        name
        for name, at in zip(body, range(0, len(present), _LETTERS), strict=True)
        if seen[at : at + _LETTERS] != present[at : at + _LETTERS]
    ]
