"""The inspections and photos that the page of an estimate's link shows (docs/design, D79, D103)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.urls import reverse

from inspections.models import PHOTO_TYPES
from inspections.queries import find_finished
from portal.findings import ShownInspection, ShownPhoto, shown_inspections
from repair_orders.estimates.models import Estimate
from repair_orders.estimates.queries import get_last
from repair_orders.queries import photos_of


def shown_through(estimate: Estimate, last: Estimate | None = None) -> datetime | None:
    """Return until when an inspection was finished that the link of a revision shows, None for no limit.

    After a later revision was sent, the link shows no later inspection, because the later link may have gone to another
    address.
    """
    last = last or get_last(estimate.repair_order)
    return None if last.pk == estimate.pk else estimate.sent_at


def link_inspections(estimate: Estimate, last: Estimate, token: str) -> list[ShownInspection]:
    """Return the inspections that found something red or yellow."""
    rows = shown_inspections(
        find_finished(estimate.repair_order, through=shown_through(estimate, last)),
        photo_url=lambda uuid: _photo_url(token, uuid),
        paper_url=lambda pk: reverse(
            "estimate-link-inspection", kwargs={"token": token, "inspection_id": pk}
        ),
    )
    return [row for row in rows if row.findings]


def link_photos(estimate: Estimate, token: str) -> list[ShownPhoto]:
    """Return the photos of the customer's request."""
    uploads = photos_of(estimate.repair_order).filter(content_type__in=PHOTO_TYPES)
    return [
        ShownPhoto(_photo_url(token, upload.uuid), f"Photo {number}: {upload.name}")
        for number, upload in enumerate(uploads, start=1)
    ]


def _photo_url(token: str, uuid: UUID) -> str:
    return reverse("estimate-link-photo", kwargs={"token": token, "photo_id": uuid})
