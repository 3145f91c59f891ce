"""The logo of a location, which papers print (docs/design, D72)."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from appointments.models import Logo
from common.domain.caller import Caller
from common.domain.errors import Invalid
from common.domain.types import Json
from common.papers.images import MAX_SIDE, is_image
from files.actions import FileNotFound
from files.queries import get_upload
from files.stores import store

MAX_LOGO_BYTES = 256 * 1024


class NotALogo(Invalid):
    code = "not_a_logo"
    title = "Not a logo"
    message = f"A logo must be a PNG or JPEG image of at most {MAX_LOGO_BYTES:,} bytes and {MAX_SIDE:,} pixels a side."


def save_logo(content: bytes) -> Logo:
    """Store an image, if it is not stored yet, and return it. Raises NotALogo."""
    if len(content) > MAX_LOGO_BYTES or not is_image(content):
        raise NotALogo(field="logo")
    digest = sha256(content).hexdigest()
    return Logo.objects.get_or_create(digest=digest, defaults={"content": content})[0]


def save_uploaded_logo(upload_id: UUID, *, caller: Caller) -> Logo:
    """Store the image of an upload that the caller may see. Raises NotALogo, FileNotFound, StoreUnavailable."""
    upload = get_upload(caller=caller, upload_id=upload_id)
    stored = store().stat(upload)
    if stored is None:
        raise FileNotFound
    if stored.size > MAX_LOGO_BYTES:
        raise NotALogo(field="logo")
    return save_logo(b"".join(store().read(upload)))


def find_logo(shop: Json | None) -> bytes | None:
    """Return the image that a snapshot of a shop names, or None if it names none."""
    digest = (shop or {}).get("logo")
    return None if digest is None else bytes(Logo.objects.get(digest=digest).content)
