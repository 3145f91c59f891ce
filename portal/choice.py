"""A choice of the proposed jobs of a revision with its total, for pages without a script (docs/design, D79).

The server computes each total from the snapshot. For up to `MOST_PRINTED` proposed jobs a page prints the total of
every choice, and its style sheet shows the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from common.domain.money import to_dollars
from common.domain.types import Json
from repair_orders.estimates.actions import get_choice
from repair_orders.estimates.models import Answer, Estimate
from repair_orders.models import JobStatus
from repair_orders.money import Totals
from repair_orders.worksheet import Figures, named_discounts

MOST_PRINTED = 4
_ANSWERS = (Answer.APPROVED.value, Answer.DECLINED.value)


@dataclass(frozen=True, slots=True)
class PaperJob:
    """A job of a revision. `number` is its place among the proposed ones, from 1, or 0 if it was agreed before."""

    body: Json  # as the snapshot has it
    number: int
    chosen: str = ""  # approved, declined or empty

    @property
    def id(self) -> int:
        return int(self.body["id"])

    @property
    def field(self) -> str:
        return f"job-{self.id}"

    @property
    def is_approved(self) -> bool:
        return self.chosen == Answer.APPROVED

    @property
    def is_declined(self) -> bool:
        return self.chosen == Answer.DECLINED


@dataclass(frozen=True, slots=True)
class Combination:
    """One choice with its figures. `classes` names the answers by which the style sheet finds it."""

    classes: str
    agreed: tuple[Json, ...]
    approved: tuple[Json, ...]
    fees: tuple[tuple[str, Decimal], ...]
    discounts: tuple[tuple[str, Decimal], ...]
    totals: Totals


class Choice:
    """The jobs of a revision with the answers that were posted for them, or none."""

    def __init__(self, estimate: Estimate, posted: Mapping[str, str] | None = None) -> None:
        posted = posted or {}
        self.estimate = estimate
        self.jobs: list[PaperJob] = []
        for body in estimate.snapshot["jobs"]:
            if body["status"] != JobStatus.PROPOSED:
                self.jobs.append(PaperJob(body, 0))
                continue
            chosen = posted.get(f"job-{body['id']}", "")
            number = len(self.proposed) + 1
            self.jobs.append(PaperJob(body, number, chosen if chosen in _ANSWERS else ""))

    @property
    def proposed(self) -> list[PaperJob]:
        return [job for job in self.jobs if job.number]

    @property
    def missing(self) -> list[PaperJob]:
        """Return the proposed jobs without an answer."""
        return [job for job in self.proposed if not job.chosen]

    @property
    def decisions(self) -> dict[int, str]:
        return {job.id: job.chosen for job in self.proposed}

    @property
    def approves(self) -> bool:
        return any(job.is_approved for job in self.proposed)

    @property
    def prints_all(self) -> bool:
        """Return whether the page prints the total of every choice."""
        return len(self.proposed) <= MOST_PRINTED

    @property
    def combinations(self) -> list[Combination]:
        """Return every choice, or none if there are too many."""
        if not self.prints_all:
            return []
        count = len(self.proposed)
        return [self._combination(answers) for answers in product((True, False), repeat=count)]

    @property
    def chosen(self) -> Combination | None:
        """Return the choice that was posted, or None if an answer is missing."""
        if self.missing:
            return None
        return self._combination(tuple(job.is_approved for job in self.proposed))

    def _combination(self, answers: tuple[bool, ...]) -> Combination:
        taken = [job for job, yes in zip(self.proposed, answers, strict=True) if yes]
        figures: Figures = get_choice(self.estimate, {job.id for job in taken})
        return Combination(
            classes=" ".join(
                f"c{job.number}{'y' if yes else 'n'}" for job, yes in zip(self.proposed, answers, strict=True)
            ),
            agreed=tuple(job.body for job in self.jobs if not job.number),
            approved=tuple(job.body for job in taken),
            fees=tuple((fee.name, to_dollars(fee.cents)) for fee in figures.fees),
            discounts=tuple(named_discounts(figures)),
            totals=figures.totals,
        )
