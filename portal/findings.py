"""The findings of inspections that pages show: what needs attention, with notes and photos (docs/design, D103)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from inspections.models import Finding, Inspection, Rating
from inspections.queries import advised_of


class ShownPhoto(NamedTuple):
    url: str
    text: str  # for those who do not see it


class ShownFinding(NamedTuple):
    rating: str
    word: str
    name: str
    measured: str
    note: str
    photos: list[ShownPhoto]


class ShownInspection(NamedTuple):
    id: int
    name: str
    finished_at: datetime | None
    findings: list[ShownFinding]
    paper_url: str


def shown_inspections(
    inspections: Iterable[Inspection],
    *,
    photo_url: Callable[[UUID], str],
    paper_url: Callable[[int], str],
) -> list[ShownInspection]:
    """Return what a page shows of inspections that `find_finished` has read. Costs no query."""
    return [
        ShownInspection(
            row.pk,
            row.name,
            row.finished_at,
            [_shown(finding, photo_url) for finding in advised_of(row)],
            paper_url(row.pk),
        )
        for row in inspections
    ]


def _shown(finding: Finding, photo_url: Callable[[UUID], str]) -> ShownFinding:
    assert finding.rating is not None
    rating = Rating(finding.rating)
    return ShownFinding(
        rating.value,
        rating.label,
        finding.name,
        f"{finding.value} {finding.unit}".strip() if finding.value else "",
        finding.note,
        [
            ShownPhoto(photo_url(photo.upload.uuid), f"Photo {number}: {finding.name}")
            for number, photo in enumerate(finding.photos.all(), start=1)
        ],
    )
