"""Selectors of uploads that need the store or the settings."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from common.domain.caller import Caller
from files.actions import FileNotFound
from files.models import Upload, UploadState
from files.stores import store


def public_url(key: str, site: str | None = None) -> str:
    """Return the URL that serves a file without authentication.

    `site` is this server's base URL as the request reached it (`https://api.garage.example/`). It defaults to
    `PUBLIC_URL`, for compiled reads and wherever there is no request.
    """
    return store().public_url(key, site=site or settings.PUBLIC_URL)


def get_upload(*, caller: Caller, upload_id: UUID | None) -> Upload:
    """Return an upload by its uuid, if it is visible to the caller.

    Raises FileNotFound, also if its bytes were never uploaded.
    """
    upload = Upload.objects.visible_to(caller).filter(uuid=upload_id).first() if upload_id else None
    if upload is None or (upload.state == UploadState.PENDING and store().stat(upload) is None):
        raise FileNotFound
    return upload
