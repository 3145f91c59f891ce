"""One repair order with everything that the page *Order* shows, read in a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias
from zoneinfo import ZoneInfo

from django.db.models import Q

from billing.models import Allocation, CreditNote, Invoice, Payment, VehicleExit
from catalogue.models import Reservation
from catalogue.shelf.sources import source_of
from common.domain.types import Json
from common.domain.units import Units
from repair_orders.estimates.models import Authorisation, Estimate
from repair_orders.models import (
    OPEN_STATUSES,
    Job,
    JobStatus,
    PartLine,
    RepairOrder,
    RepairOrderStatus,
    ServiceKind,
    ServiceLine,
)
from repair_orders.parts import KIND
from repair_orders.pricing.models import TaxRule
from repair_orders.worksheet import PART, Figures, Worksheet, amount_of

Line: TypeAlias = PartLine | ServiceLine


def find_order(order_id: int) -> RepairOrder | None:
    """Return an order with the rows that the page names."""
    rows = RepairOrder.objects.select_related(
        "customer__contact", "vehicle", "location", "advisor", "appointment__bay", "comeback_of"
    )
    return rows.filter(pk=order_id).first()


def key_of(line: Line) -> str:
    """Return the name of a line on the page: parts and services have ids of their own."""
    return f"{'p' if isinstance(line, PartLine) else 's'}{line.pk}"


def kind_of(line: Line) -> str:
    return PART if isinstance(line, PartLine) else line.kind


@dataclass
class Bench:
    """The rows of one order. What only some pages need is read when it is asked for, once.

    `units` are those in which the page shows and takes distances.
    """

    order: RepairOrder
    now: datetime
    units: Units = Units.IMPERIAL
    _figures: dict[frozenset[int], Figures] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the time zone of the order's location."""
        return ZoneInfo(self.order.location.time_zone if self.order.location else "UTC")

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    @cached_property
    def jobs(self) -> list[Job]:
        rows = Job.objects.filter(repair_order=self.order).select_related("technician", "recommendation")
        return list(rows.in_order())

    @cached_property
    def parts(self) -> list[PartLine]:
        rows = PartLine.objects.filter(repair_order=self.order).select_related("part__on_order")
        return list(rows.in_order())

    @cached_property
    def services(self) -> list[ServiceLine]:
        """Return labour and sublet work. Fees are computed."""
        rows = ServiceLine.objects.filter(repair_order=self.order).exclude(kind=ServiceKind.FEE)
        return list(rows.select_related("service").in_order())

    @cached_property
    def lines(self) -> dict[str, Line]:
        """Return the lines by their name on the page, parts first."""
        rows: Iterator[Line] = iter((*self.parts, *self.services))
        return {key_of(line): line for line in rows}

    def lines_of(self, job: Job) -> list[Line]:
        found = [line for line in self.lines.values() if line.job_id == job.pk]
        for line in found:
            line.job = job
        return found

    @cached_property
    def sheet(self) -> Worksheet:
        return Worksheet.of(self.order)

    def figures(self, choice: frozenset[int]) -> Figures:
        """Return the totals of the jobs with these ids. The page asks for the same ones several times."""
        if choice not in self._figures:
            self._figures[choice] = self.sheet.figures(choice)
        return self._figures[choice]

    @cached_property
    def estimates(self) -> list[Estimate]:
        """Return the revisions with their answers, without their papers."""
        rows = Estimate.objects.filter(repair_order=self.order).with_mail()
        rows = rows.select_related("authorisation", "sent_by")
        return list(rows.defer("snapshot").order_by("revision"))

    @property
    def last(self) -> Estimate | None:
        """Return the last revision."""
        return self.estimates[-1] if self.estimates else None

    @cached_property
    def paper(self) -> Json | None:
        """Return the paper of the last revision."""
        if self.last is None:
            return None
        rows = Estimate.objects.filter(pk=self.last.pk)
        snapshot: Json | None = rows.values_list("snapshot", flat=True).first()
        return snapshot

    @property
    def waiting(self) -> Estimate | None:
        """Return the last revision if it is not answered and its order can still be."""
        statuses = (RepairOrderStatus.PENDING, RepairOrderStatus.IN_PROGRESS)
        last = self.last
        return last if last and self.order.status in statuses and not hasattr(last, "authorisation") else None

    @property
    def is_sent_as_it_is(self) -> bool:
        """Return whether the revision that waits is mailed and shows the order as it is."""
        waiting = self.waiting
        return waiting is not None and bool(waiting.sent_to) and waiting.version == self.order.version

    @property
    def can_be_read_out(self) -> bool:
        """Return whether an answer can be recorded to the order as it is, because no revision waits for one."""
        return self.is_open and self.waiting is None and bool(self.sendable)

    @cached_property
    def asked(self) -> list[Json]:
        """Return the proposed jobs that can be answered: of the revision that waits, else of the order as it is."""
        if self.waiting is not None:
            jobs = self.paper["jobs"] if self.paper else []
            return [job for job in jobs if job["status"] == JobStatus.PROPOSED]
        if not self.can_be_read_out:
            return []
        amounts = {job.id: amount_of(job) for job in self.sheet.jobs}
        return [
            {"id": job.pk, "position": job.position, "name": job.name, "amount": amounts[job.pk]}
            for job in self.of_status(JobStatus.PROPOSED)
        ]

    def approving(self, approved: AbstractSet[int]) -> Json:
        """Return what approving these of the asked jobs comes to.

        `added` is what they add to the work that was agreed before, None if there is none.
        """
        total, before = self.total_of(approved), self.total_of(frozenset())
        return {
            "total": total,
            "added": total - before if before else None,
            "jobs": numbers_in(job["position"] for job in self.asked if job["id"] in approved),
        }

    def total_of(self, approved: AbstractSet[int]) -> Decimal:
        """Return what the customer agrees to by approving these of the asked jobs, with what was agreed before."""
        sheet = self.sheet if self.waiting is None else Worksheet.from_snapshot(self.paper or {})
        return sheet.figures(sheet.agreed | approved).totals.total

    @cached_property
    def answers(self) -> list[Authorisation]:
        rows = Authorisation.objects.filter(estimate__repair_order=self.order)
        rows = rows.select_related("estimate", "taken_by").prefetch_related("decisions")
        return list(rows.order_by("estimate__revision"))

    @cached_property
    def short(self) -> list[Reservation]:
        """Return what the jobs of the order are short of on the shelf."""
        sources = [source_of(KIND, job.pk) for job in self.jobs]
        rows = Reservation.objects.filter(source__in=sources).open()
        return list(rows.select_related("part__on_order__by").order_by("part__name", "id"))

    @cached_property
    def invoices(self) -> list[Invoice]:
        """Return the invoices, the newest last."""
        rows = Invoice.objects.filter(repair_order=self.order).defer("snapshot")
        return list(rows.select_related("bill_to__contact", "issued_by").order_by("id"))

    @property
    def invoice(self) -> Invoice | None:
        """Return the invoice that is not credited as a whole."""
        return next((row for row in self.invoices if not row.is_credited), None)

    @cached_property
    def credit_notes(self) -> list[CreditNote]:
        """Return the credit notes of the invoices, the oldest first."""
        if not self.invoices:
            return []
        rows = CreditNote.objects.filter(invoice__repair_order=self.order).defer("snapshot")
        return list(rows.select_related("by").order_by("pk"))

    @cached_property
    def payments(self) -> list[Payment]:
        """Return the payments that were used for the order or its invoices, the oldest first."""
        used = Q(repair_order=self.order) | Q(invoice__repair_order=self.order)
        ids = Allocation.objects.filter(used).values("payment")
        rows = Payment.objects.filter(pk__in=ids).select_related("taken_by").defer("snapshot")
        return list(rows.order_by("pk"))

    @cached_property
    def refunds(self) -> list[Payment]:
        """Return what was given back of the payments, the oldest first."""
        if not self.payments:
            return []
        rows = Payment.objects.filter(refunds__in=self.payments).select_related("taken_by").defer("snapshot")
        return list(rows.order_by("pk"))

    @property
    def given_back(self) -> Decimal:
        return sum((row.amount for row in self.refunds if not row.is_reversal), Decimal(0))

    @cached_property
    def lacks_tax(self) -> bool:
        """Return whether no sales tax was ever set for the location of an order that is open."""
        location = self.order.location_id
        return (
            self.is_open and location is not None and not TaxRule.objects.filter(location=location).exists()
        )

    @property
    def to_give_back(self) -> list[Payment]:
        """Return the payments for an order that has ended of which something is open."""
        return [] if self.is_open else [payment for payment in self.payments if payment.open > 0]

    @cached_property
    def exit(self) -> VehicleExit | None:
        return VehicleExit.objects.filter(repair_order=self.order).select_related("by").first()

    # --- What follows ---------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self.order.status in OPEN_STATUSES

    def of_status(self, *statuses: JobStatus) -> list[Job]:
        return [job for job in self.jobs if job.status in statuses]

    @property
    def sendable(self) -> list[Job]:
        """Return the proposed jobs with lines."""
        filled = {line.job_id for line in self.lines.values()}
        return [job for job in self.of_status(JobStatus.PROPOSED) if job.pk in filled]


def numbers_of(jobs: Iterable[Job]) -> str:
    """Return the numbers of jobs as words: `job 4`, `jobs 1 and 2`, `jobs 1, 2 and 5`."""
    return numbers_in(job.position for job in jobs)


def numbers_in(positions: Iterable[int]) -> str:
    numbers = [str(position) for position in positions]
    if len(numbers) < 2:
        return f"job {''.join(numbers)}"
    return f"jobs {', '.join(numbers[:-1])} and {numbers[-1]}"
