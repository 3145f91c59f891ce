"""The inspections of an order, as the page *Order* shows them (docs/design, D103)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Prefetch

from desk.order.bench import Bench
from desk.order.state import when
from inspections.models import Finding, FindingPhoto, Inspection, Rating

MOST_PHOTOS = 12  # of an inspection
_COUNTED = ((Rating.RED, "now"), (Rating.YELLOW, "soon"), (Rating.GREEN, "good"))
_FIRST = {Rating.RED.value: 0, Rating.YELLOW.value: 1}


@dataclass(frozen=True, slots=True)
class Inspected:
    """An inspection in words, with its photos: what each is of, and the uuid of its upload."""

    inspection: Inspection
    words: str
    photos: list[tuple[str, UUID]]
    more_photos: int


def inspections_of(bench: Bench) -> list[Inspected]:
    """Return the inspections of an order, the oldest first. Costs three queries at most."""
    photos = Prefetch("photos", FindingPhoto.objects.select_related("upload").in_order())
    findings = Prefetch("findings", Finding.objects.in_order().prefetch_related(photos))
    rows = Inspection.objects.filter(repair_order=bench.order).select_related("technician").order_by("id")
    return [_inspected(bench, row) for row in rows.prefetch_related(findings)]


def _inspected(bench: Bench, inspection: Inspection) -> Inspected:
    findings = list(inspection.findings.all())
    pictures = list(_photos(findings))
    return Inspected(
        inspection,
        _words(bench, inspection, findings),
        pictures[:MOST_PHOTOS],
        max(0, len(pictures) - MOST_PHOTOS),
    )


def _words(bench: Bench, inspection: Inspection, findings: list[Finding]) -> str:
    """Return who inspected when, and what came out: `Tara Wrench, 03:29: 2 now, 2 soon, 12 good`."""
    who = f"{inspection.technician}, " if inspection.technician else ""
    rated = Counter(finding.rating for finding in findings)
    if inspection.finished_at is None:
        begun = when(bench, inspection.started_at)
        return f"{who}begun {begun}: {len(findings) - rated[None]} of {len(findings)} checked"
    counts = [f"{rated[rating]} {word}" for rating, word in _COUNTED if rated[rating]]
    return f"{who}{when(bench, inspection.finished_at)}: {', '.join(counts) or 'nothing was rated'}"


def _photos(findings: list[Finding]) -> Iterator[tuple[str, UUID]]:
    """Yield the photos, those of red findings first, then those of yellow ones."""
    for finding in sorted(findings, key=lambda row: _FIRST.get(row.rating or "", 2)):
        for number, photo in enumerate(finding.photos.all(), start=1):
            yield f"Photo {number} of {finding.name}", photo.upload.uuid
