"""The jobs of a repair as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from repair_orders.models import (
    Job,
    JobStatus,
    PartLine,
    RepairOrder,
    ServiceLine,
)
from repair_orders.worksheet import Worksheet, amount_of

_NOT_TAKEN = (JobStatus.DECLINED, JobStatus.DEFERRED)
# The label of each state, from the customer's point of view.
_LABELS = {
    JobStatus.PROPOSED: "Proposed",
    JobStatus.APPROVED: "Approved",
    JobStatus.DECLINED: "Declined",
    JobStatus.DEFERRED: "Not now",
    JobStatus.DONE: "Done",
}


@dataclass(frozen=True)
class RepairJob:
    """A job, its lines if they count, and its amount before discount, fees and tax."""

    job: Job
    amount: Decimal
    parts: list[PartLine]
    services: list[ServiceLine]
    is_counted: bool

    @property
    def label(self) -> str:
        return _LABELS[JobStatus(self.job.status)]


def repair_jobs(order: RepairOrder) -> list[RepairJob]:
    """Return the jobs that count for the customer, then those declined or deferred. Drafts of the shop are left out.

    The lines of the order are prefetched by `with_lines`. Costs four queries.
    """
    sheet = Worksheet.of(order)
    shown, amounts = sheet.shown, {job.id: amount_of(job) for job in sheet.jobs}
    jobs = [
        RepairJob(
            job=job,
            amount=amounts[job.pk],
            parts=[line for line in order.part_lines.all() if line.job_id == job.pk],
            services=[line for line in order.service_lines.all() if line.job_id == job.pk],
            is_counted=job.pk in shown,
        )
        for job in Job.objects.filter(repair_order=order).in_order()
        if job.pk in shown or job.status in _NOT_TAKEN
    ]
    return sorted(jobs, key=lambda entry: not entry.is_counted)
