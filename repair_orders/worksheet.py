"""The jobs and lines of one repair order as plain values, and the figures of any choice of its jobs (docs/design, D75).

One function says which jobs count for the shop, and one which count for the customer. Lines, totals, papers and every
contract follow them. A worksheet is read from the stored rows, or from the snapshot of a revision, so that an answer is
computed from what was shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from common.domain.money import WHOLE, half_up, ten_thousandths, to_cents, to_dollars
from common.domain.types import Json
from repair_orders.discounts.models import read_terms
from repair_orders.discounts.rule import Covered, DiscountTerms, Given, give
from repair_orders.models import (
    AUTHORISED_STATUSES,
    Job,
    JobStatus,
    OrderDiscount,
    PartLine,
    RepairOrder,
    RepairOrderStatus,
    ServiceKind,
    ServiceLine,
)
from repair_orders.money import Totals, in_dollars, totals_in_cents
from repair_orders.pricing.money import fee_amount, fee_base
from repair_orders.pricing.terms import FeeTerms, read_fees

PART = "part"
_AGREED = (JobStatus.APPROVED, JobStatus.DONE)


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A line: `cents` is its amount. `asked` is what else the customer is asked, such as quantity and price."""

    kind: str
    cents: int
    taxable: bool
    part_id: int = 0
    pieces: Decimal = Decimal(0)
    asked: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class SheetJob:
    """A job with its parts, then its labour and sublet work, each in the order of their ids."""

    id: int
    status: str
    sent_in: int | None
    is_draft: bool
    parts: tuple[tuple[int, SheetLine], ...]  # (id of the line, line)
    services: tuple[tuple[int, SheetLine], ...]
    canned_job: int | None = None

    @property
    def lines(self) -> Iterator[SheetLine]:
        yield from (line for _, line in (*self.parts, *self.services))

    @property
    def cents(self) -> int:
        """Return the sum of the lines, before discount, fees and tax."""
        return sum(line.cents for line in self.lines)


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee of a choice of jobs. `position` is the place of its rule in the order's `fee_terms`.

    `base` is the sum in dollars of which a percent fee is taken, `pieces` what a fee per piece counts.
    """

    position: int
    name: str
    cents: int
    taxable: bool
    base: Decimal
    pieces: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """The totals of a choice of jobs, the fees in them, and what discounts took off (docs/design, D135)."""

    totals: Totals
    fees: tuple[Fee, ...]
    given: tuple[Given, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What an order is computed with, beside its lines. Amounts are in cents, percentages in 1/10,000 of a percent."""

    discount_amount: int
    discount_percent: int
    tax_percent: int
    fees: tuple[FeeTerms, ...] = ()
    discounts: tuple[DiscountTerms, ...] = ()

    @classmethod
    def of(cls, order: RepairOrder) -> Terms:
        """Read the terms of an order. Costs one query if it has discount rows."""
        rows = () if order.given_discount is None else OrderDiscount.objects.filter(repair_order=order)
        return cls(
            to_cents(order.discount_amount),
            ten_thousandths(order.discount_percent),
            ten_thousandths(order.tax_percent),
            read_fees(order.fee_terms),
            tuple(row.terms for row in (rows and rows.in_order())),
        )


@dataclass(frozen=True)
class Worksheet:
    """The jobs of an order in its present state. `revision` is the last one sent, None before the first."""

    status: str
    revision: int | None
    terms: Terms
    jobs: tuple[SheetJob, ...] = field(default=())

    @classmethod
    def of(cls, order: RepairOrder) -> Worksheet:
        """Read the worksheet of an order from its stored lines. Costs three queries, with discount rows four."""
        parts, services = _stored_lines(order)
        jobs = [
            SheetJob(
                job.pk,
                job.status,
                job.sent_in,
                job.is_draft,
                tuple(parts.get(job.pk, ())),
                tuple(services.get(job.pk, ())),
                job.canned_job_id,
            )
            for job in Job.objects.filter(repair_order=order).in_order()
        ]
        return cls(order.status, last_revision(jobs), Terms.of(order), tuple(jobs))

    # --- Which jobs count -----------------------------------------------------------------------------

    @property
    def counted(self) -> frozenset[int]:
        """Return the ids of the jobs that count for the shop (docs/design, D75)."""
        return frozenset(job.id for job in self.jobs if self._counts(job))

    @property
    def shown(self) -> frozenset[int]:
        """Return the ids of the jobs that count for the customer: those of the shop, without its drafts."""
        hides_drafts = self.status in AUTHORISED_STATUSES
        return frozenset(
            job.id
            for job in self.jobs
            if self._counts(job) and not (hides_drafts and job.status == JobStatus.PROPOSED and job.is_draft)
        )

    @property
    def agreed(self) -> frozenset[int]:
        """Return the ids of the approved and the finished jobs, which the ceiling holds."""
        return frozenset(job.id for job in self.jobs if job.status in _AGREED)

    @property
    def proposed(self) -> frozenset[int]:
        return frozenset(job.id for job in self.jobs if job.status == JobStatus.PROPOSED)

    def _counts(self, job: SheetJob) -> bool:
        if self.status == RepairOrderStatus.COMPLETED:
            return job.status == JobStatus.DONE
        if self.status == RepairOrderStatus.DENIED:
            return self.revision is None or job.sent_in == self.revision
        return job.status == JobStatus.PROPOSED or job.status in _AGREED

    # --- Figures --------------------------------------------------------------------------------------

    def figures(self, choice: Collection[int]) -> Figures:
        """Return the totals of the jobs with these ids, with the fees that they bring."""
        jobs = [job for job in self.jobs if job.id in choice]
        lines = [line for _, line in sorted((pair for job in jobs for pair in job.parts), key=_by_id)]
        lines += [line for _, line in sorted((pair for job in jobs for pair in job.services), key=_by_id)]
        fees = tuple(self._fees(lines)) if jobs else ()
        cents = [*(line.cents for line in lines), *(fee.cents for fee in fees)]
        given = self._given(jobs, sum(cents)) if self.terms.discounts else ()
        subtotal, discount, tax = totals_in_cents(
            cents,
            [*(line.taxable for line in lines), *(fee.taxable for fee in fees)],
            self.terms.discount_amount + sum(row.cents for row in given),
            self.terms.discount_percent,
            self.terms.tax_percent,
        )
        return Figures(in_dollars(subtotal, discount, tax), fees, given)

    def _given(self, jobs: Iterable[SheetJob], subtotal: int) -> tuple[Given, ...]:
        """Return what the discount rows take off these jobs, after the shop's own discount."""
        lines = [Covered(line.kind, line.cents, job.canned_job) for job in jobs for line in job.lines]
        typed = self.terms.discount_amount + half_up(subtotal * self.terms.discount_percent, WHOLE)
        return give(self.terms.discounts, lines, subtotal=subtotal, typed=typed)

    def _fees(self, lines: Sequence[SheetLine]) -> Iterator[Fee]:
        """Yield the fees of a choice of lines. Their base is the parts and the labour, before discount."""
        parts = to_dollars(sum(line.cents for line in lines if line.kind == PART))
        labour = to_dollars(sum(line.cents for line in lines if line.kind == ServiceKind.LABOUR))
        for position, rule in enumerate(self.terms.fees):
            pieces = sum((line.pieces for line in lines if line.part_id in rule.parts), Decimal(0))
            base = fee_base(rule.kind, parts=parts, labour=labour)
            amount = fee_amount(rule, base, pieces)
            if amount:
                yield Fee(position, rule.name, to_cents(amount), rule.taxable, base, pieces)

    @property
    def asked(self) -> tuple[object, ...]:
        """Return what the customer is asked: terms and the lines of the jobs that count. A change is a new version."""
        counted = self.counted
        return self.terms, tuple(
            (job.id, tuple(line.asked for line in job.lines)) for job in self.jobs if job.id in counted
        )

    # --- Snapshots ------------------------------------------------------------------------------------

    @classmethod
    def from_snapshot(cls, snapshot: Json) -> Worksheet:
        """Return the worksheet that a revision was sent with."""
        terms = snapshot["terms"]
        jobs = [
            SheetJob(
                job["id"],
                job["status"],
                snapshot["revision"],
                False,
                tuple(_snapshot_lines(job["lines"], is_part=True)),
                tuple(_snapshot_lines(job["lines"], is_part=False)),
                job.get("canned_job_id"),
            )
            for job in snapshot["jobs"]
        ]
        return cls(
            RepairOrderStatus.PENDING,
            snapshot["revision"],
            Terms(
                to_cents(Decimal(terms["discount_amount"])),
                ten_thousandths(Decimal(terms["discount_percent"])),
                ten_thousandths(Decimal(terms["tax_percent"])),
                read_fees(terms["fees"]),
                tuple(map(read_terms, terms.get("discounts", ()))),
            ),
            tuple(jobs),
        )


def named_discounts(figures: Figures) -> Iterator[tuple[str, Decimal]]:
    """Yield the name and the dollars of each discount that takes something off: the shop's own, then the rows."""
    own = to_cents(figures.totals.discount) - sum(row.cents for row in figures.given)
    if own:
        yield "Discount", to_dollars(own)
    yield from ((row.terms.name, to_dollars(row.cents)) for row in figures.given if row.cents)


def last_revision(jobs: Iterable[Any]) -> int | None:
    """Return the last revision in which any of the jobs was sent."""
    return max((job.sent_in for job in jobs if job.sent_in is not None), default=None)


def amount_of(job: SheetJob) -> Decimal:
    """Return a job's amount on paper: the sum of its lines before discount, fees and tax."""
    return to_dollars(job.cents)


def _by_id(pair: tuple[int, SheetLine]) -> int:
    return pair[0]


_Lines = dict[int, list[tuple[int, SheetLine]]]  # by the id of the job


def _stored_lines(order: RepairOrder) -> tuple[_Lines, _Lines]:
    parts: _Lines = {}
    services: _Lines = {}
    for line in PartLine.objects.filter(repair_order=order).in_order():
        asked = (PART, line.part_id, line.quantity, line.unit_price, line.amount, line.taxable)
        sheet_line = SheetLine(PART, to_cents(line.amount), line.taxable, line.part_id, line.quantity, asked)
        parts.setdefault(line.job_id, []).append((line.pk, sheet_line))
    work = ServiceLine.objects.filter(repair_order=order).exclude(kind=ServiceKind.FEE)
    for work_line in work.order_by("id"):
        asked_of_work = (
            work_line.kind, work_line.service_id, work_line.hours, work_line.rate, work_line.amount, work_line.taxable
        )  # fmt: skip
        sheet_line = SheetLine(
            work_line.kind, to_cents(work_line.amount), work_line.taxable, asked=asked_of_work
        )
        assert work_line.job_id is not None  # a constraint: only fees are of no job
        services.setdefault(work_line.job_id, []).append((work_line.pk, sheet_line))
    return parts, services


def _snapshot_lines(lines: Iterable[Json], *, is_part: bool) -> Iterator[tuple[int, SheetLine]]:
    for line in lines:
        if (line["kind"] == PART) == is_part:
            yield (
                line["id"],
                SheetLine(
                    line["kind"],
                    to_cents(Decimal(line["amount"])),
                    line["taxable"],
                    line.get("part_id") or 0,
                    Decimal(line.get("quantity") or 0),
                ),
            )
