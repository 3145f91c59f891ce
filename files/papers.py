"""Store papers of all rooms: each is set once, at the first request, and kept among the uploads (docs/design, D72)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction

from common.domain.errors import Missing
from common.domain.types import AnyQuerySet
from files.actions import discard_file, store_file
from files.stores import store


class PaperLost(Missing):
    """The file of a stored paper is not in the store. It is not set again, because a paper is printed once."""

    code = "paper_lost"
    title = "Paper not found"
    message = "The stored file of this paper is missing. Restore the files from a backup."


@dataclass(frozen=True, slots=True)
class Document:
    """A stored paper: the name to download it under, and its bytes."""

    name: str
    content: bytes


def stored_paper(
    papers: AnyQuerySet, name: str, typeset: Callable[[], bytes], *, now: datetime, **key: object
) -> Document:
    """Return the stored paper of this key, or set and store it. Raises PaperLost, StoreUnavailable.

    `papers` are the rows of a table with the columns of `key`, which a constraint makes unique, and with `upload`,
    `digest` and `created_at`. Setting and storing happen outside of a transaction. Of requests at the same time the
    first stores its file. The others discard theirs.
    """
    found: Any = papers.filter(**key).select_related("upload").first()
    if found is None:
        content = typeset()
        upload = store_file(name=name, content_type="application/pdf", content=content, now=now)
        try:
            with transaction.atomic():
                papers.create(**key, upload=upload, digest=sha256(content).hexdigest(), created_at=now)
                upload.attach(now=now)
            return Document(name, content)
        except IntegrityError:
            discard_file(upload)
            found = papers.filter(**key).select_related("upload").first()
            if found is None:
                raise
    try:
        return Document(name, b"".join(store().read(found.upload)))
    except FileNotFoundError:
        raise PaperLost from None
