"""Reads of uploads that need more than a queryset."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from common.domain.caller import Caller
from files.actions import FileNotFound
from files.models import Upload, UploadState
from files.stores import store


def public_url(key: str, site: str | None = None) -> str:
    """The address that shows a file to whoever has it. `site` is where a request reached this server
    (`https://api.garage.example/`); `PUBLIC_URL` where there is no request, or a compiled read spells it."""
    return store().public_url(key, site=site or settings.PUBLIC_URL)


def uploaded(*, caller: Caller, upload_id: UUID | None) -> Upload:
    """An upload by its uuid, for somebody who may see it. Raises FileNotFound, also when its bytes never came."""
    upload = Upload.objects.visible_to(caller).filter(uuid=upload_id).first() if upload_id else None
    if upload is None or (upload.state == UploadState.PENDING and store().look(upload) is None):
        raise FileNotFound
    return upload
