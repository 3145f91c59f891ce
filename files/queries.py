"""Reads of uploads that need more than a queryset."""

from __future__ import annotations

from uuid import UUID

from common.caller import Caller
from files.actions import FileNotFound
from files.models import Upload, UploadState
from files.stores import store


def public_url(key: str, *, site: str) -> str:
    """The address that shows a file to whoever has it. `site` is where this server is reached: the request's own
    (`https://api.garage.example/`), or `settings.PUBLIC_URL` outside a request."""
    return store().public_url(key, site=site)


def uploaded(*, caller: Caller, upload_id: UUID) -> Upload:
    """An upload by its uuid, for somebody who may see it. Raises FileNotFound, also when its bytes never came."""
    upload = Upload.objects.visible_to(caller).filter(uuid=upload_id).first()
    if upload is None or (upload.state == UploadState.PENDING and store().look(upload) is None):
        raise FileNotFound
    return upload
