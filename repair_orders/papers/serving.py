"""The response with a stored paper, for the staff's API, the admin and the page of an estimate's link."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from files.papers import Document


def pdf_response(document: Document) -> HttpResponse:
    """Return a PDF that a browser opens, and stores under its name. No cache keeps it."""
    return HttpResponse(
        document.content,
        content_type="application/pdf",
        headers={
            "Content-Disposition": content_disposition_header(False, document.name) or "inline",
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
