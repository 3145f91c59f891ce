"""The parts of jobs on the shelf: kept when a job is approved, taken when it is done (docs/design, D30, D76)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import OuterRef, Subquery, Sum

from catalogue.shelf.actions import issue, lock_parts, release_all, reserve, take_back
from catalogue.shelf.models import MoveKind, StockMove
from catalogue.shelf.sources import Named, source_of
from common.domain.money import exact
from repair_orders.models import Decision, Job, JobStatus
from repair_orders.worksheet import SheetJob, Worksheet

KIND = "job"


def pieces_of(job: SheetJob) -> dict[int, Decimal]:
    """Return the quantities of a job's parts, by part id."""
    pieces: dict[int, Decimal] = {}
    for _, line in job.parts:
        pieces[line.part_id] = pieces.get(line.part_id, Decimal(0)) + line.pieces
    return pieces


def follow_jobs(before: Worksheet, after: Worksheet, *, by: int | None, now: datetime) -> None:
    """Keep the parts of approved jobs on the shelf, and release those of jobs that are approved no more.

    Jobs that were finished have taken theirs, and jobs that are finished no more bring them back. Raises WholePieces.
    """
    earlier = {job.id: job for job in before.jobs}
    ended, brought, needed = [], [], []
    for job in after.jobs:
        old = earlier.pop(job.id, None)
        was = old.status if old else JobStatus.PROPOSED
        if job.status == JobStatus.APPROVED:
            if was == JobStatus.DONE:
                brought.append(job)
            if was != JobStatus.APPROVED or (old and pieces_of(old) != pieces_of(job)):
                needed.append(job)
        elif was == JobStatus.APPROVED and job.status != JobStatus.DONE:
            ended.append(job.id)
    ended += [job.id for job in earlier.values() if job.status == JobStatus.APPROVED]
    if not (ended or brought or needed):
        return
    # All parts of what changed, before and after: one that is stocked for the first time meanwhile waits, or is seen.
    held = [job for job in before.jobs if job.status == JobStatus.APPROVED]
    parts = {part_id for job in (*held, *brought, *needed) for part_id in pieces_of(job)}
    lock_parts(parts, sources=_sources(ended))
    if ended:
        release_all(sources=_sources(ended), by=by, now=now)
    for job in brought:
        _bring_back(job, by=by, now=now)
    for job in needed:
        reserve(source=source_of(KIND, job.id), pieces=pieces_of(job), by=by, now=now)


def take_parts(jobs: Sequence[SheetJob], *, received: bool, by: int | None, now: datetime) -> None:
    """Take the parts of jobs that are being finished off the shelf. Raises PartNeeded, StockTooLarge.

    What a job needs is reserved first, because a part may be stocked since the job was approved. With `received`
    missing pieces are booked as received. A quantity that is not whole was approved before its part was stocked, and is
    passed over.
    """
    lock_parts(
        {part_id for job in jobs for part_id in pieces_of(job)}, sources=_sources(job.id for job in jobs)
    )
    for job in jobs:
        source = source_of(KIND, job.id)
        pieces = {part_id: number for part_id, number in pieces_of(job).items() if _is_whole(number)}
        reserve(source=source, pieces=pieces, by=by, now=now)
        issue(source=source, by=by, now=now, received=received)


def find_needs(part_id: int) -> dict[str, int]:
    """Return the whole pieces of a part that approved jobs need, by source, in the order of their approval."""
    approved = Decision.objects.filter(job=OuterRef("pk"), decision=JobStatus.APPROVED)
    jobs = (
        Job.objects.filter(status=JobStatus.APPROVED, part_lines__part=part_id)
        .annotate(
            pieces=Sum("part_lines__quantity"),
            approved_at=Subquery(approved.order_by("-id").values("authorisation__at")[:1]),
        )
        .order_by("approved_at", "id")
    )
    needs = [(pk, exact(pieces)) for pk, pieces in jobs.values_list("pk", "pieces")]
    return {source_of(KIND, pk): int(pieces) for pk, pieces in needs if _is_whole(pieces)}


def name_jobs(ids: Collection[int]) -> Mapping[int, Named]:
    """Name jobs as sources of the shelf's reservations."""
    jobs = Job.objects.filter(pk__in=ids).select_related("repair_order").only("name", "repair_order__number")
    return {
        job.pk: Named(
            {"repair_order_id": job.repair_order_id, "job_id": job.pk}, f"{job.repair_order}: {job.name}"
        )
        for job in jobs
    }


def _bring_back(job: SheetJob, *, by: int | None, now: datetime) -> None:
    """Put back what a finished job had taken. What it takes when it is finished again is issued anew."""
    source = source_of(KIND, job.id)
    taken: dict[int, int] = {}
    moves = StockMove.objects.filter(source=source, kind__in=(MoveKind.ISSUE, MoveKind.RETURN))
    for part_id, pieces in moves.values_list("part_id", "pieces"):
        taken[part_id] = taken.get(part_id, 0) - pieces
    back = {part_id: pieces for part_id, pieces in sorted(taken.items()) if pieces > 0}
    if back:
        take_back(source=source, pieces=back, by=by, now=now)


def _is_whole(quantity: Decimal) -> bool:
    return quantity == int(quantity)


def _sources(job_ids: Iterable[int]) -> list[str]:
    return [source_of(KIND, pk) for pk in job_ids]
