"""The recommendations of jobs: open when a job is declined, closed when it is done (docs/design, D73)."""

from __future__ import annotations

from collections.abc import Callable, Collection

from catalogue.pricing.models import CannedJob
from repair_orders.models import Job, JobStatus, RepairOrder
from repair_orders.worksheet import SheetJob, Worksheet, amount_of
from vehicles.models import STANDING, Recommendation, RecommendationStatus
from vehicles.recommendations import (
    find_standing,
    get_standing,
    hold_recommendations,
    move,
    recommend_declined,
    reopen,
    text_of,
)

Codes = Callable[[int], Collection[str]]
_codes: list[Codes] = []
_CANNED = "canned:"
_FOLLOWS = {
    JobStatus.DECLINED.value: RecommendationStatus.OPEN,
    JobStatus.DEFERRED.value: RecommendationStatus.OPEN,
    JobStatus.APPROVED.value: RecommendationStatus.QUOTED,
    JobStatus.DONE.value: RecommendationStatus.DONE,
}
_PUT_OFF = (JobStatus.DECLINED, JobStatus.DEFERRED)


def follow_codes(codes: Codes) -> None:
    """Take the work of a canned job as that of recommendations with the codes that `codes(canned_job_id)` returns."""
    if codes not in _codes:
        _codes.append(codes)


def follow_answers(order: RepairOrder, before: Worksheet, after: Worksheet) -> None:
    """Open, quote and close the recommendations of the jobs of a locked order whose state has changed.

    A declined or deferred job without one gets one. Costs no query if no state has changed.
    """
    was = {job.id: job.status for job in before.jobs}
    moved = [(job, status) for job in after.jobs if (status := _wanted(was.get(job.id), job.status))]
    if not moved:
        return
    hold_recommendations(order.vehicle_id)
    rows = Job.objects.filter(repair_order=order).select_related("recommendation").in_bulk()
    for job, status in moved:
        _follow(order, rows[job.id], job, status)


def canned_job_of(recommendation: Recommendation) -> CannedJob | None:
    """Return the canned job that a recommendation is about, if there still is one."""
    number = recommendation.code.removeprefix(_CANNED)
    if number == recommendation.code:
        return None
    return CannedJob.objects.filter(pk=int(number)).first()


def _wanted(old: str | None, new: str) -> RecommendationStatus | None:
    if new == old:
        return None
    if new == JobStatus.PROPOSED:  # again, because an authorisation was withdrawn
        return RecommendationStatus.OPEN if old == JobStatus.APPROVED else None
    return _FOLLOWS[new]


def _follow(order: RepairOrder, job: Job, sheet: SheetJob, status: RecommendationStatus) -> None:
    row = _row_of(order, job)
    text, amount = text_of(job.name, job.concern), amount_of(sheet)
    if row is None:
        if sheet.status not in _PUT_OFF:
            return
        row = recommend_declined(vehicle_id=order.vehicle_id, code=_code_of(job), text=text, amount=amount)
    elif status != RecommendationStatus.OPEN or _is_sold(row, job):
        move(row, status if status != RecommendationStatus.OPEN else RecommendationStatus.QUOTED)
    elif sheet.status in _PUT_OFF:
        reopen(row, text=text, amount=amount)
    else:
        move(row, status)
    if job.recommendation_id != row.pk:
        job.recommendation = row
        job.save(update_fields=["recommendation"])


def _row_of(order: RepairOrder, job: Job) -> Recommendation | None:
    """Return the recommendation of a job, or the one that stands in its place with the same code.

    A canned job without one also does the work that a room above recommended with it (`follow_codes`).
    """
    row = job.recommendation
    if row is not None and row.status in STANDING:
        return row
    code = row.code if row is not None else _code_of(job)
    standing = get_standing(vehicle_id=order.vehicle_id, code=code)
    if standing is not None or row is not None or job.canned_job_id is None:
        return standing or row
    codes = [code for codes_of in _codes for code in codes_of(job.canned_job_id)]
    return find_standing(vehicle_id=order.vehicle_id, codes=codes)


def _code_of(job: Job) -> str:
    return f"{_CANNED}{job.canned_job_id}" if job.canned_job_id else ""


def _is_sold(row: Recommendation, job: Job) -> bool:
    """Return whether the customer approved the same work in another job."""
    return Job.objects.filter(recommendation=row, status=JobStatus.APPROVED).exclude(pk=job.pk).exists()
