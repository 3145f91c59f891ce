"""Count each discount of an order to the cent, with the rule that decided it (docs/design, D135).

One pure function. Amounts are whole cents, percentages 1/10,000 of a percent, so that every figure is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from common.domain.money import WHOLE, half_up


class DiscountKind(StrEnum):
    """The source of a discount, in the order in which they are taken."""

    PLAN = "plan"
    OFFER = "offer"
    POINTS = "points"


class Rule(StrEnum):
    """The rule that decided a discount. The texts are printed by `?explain=true`."""

    PERCENT = "percent of the lines it covers before discount, half up to the cent"
    AMOUNT = "a fixed amount"
    CAP = "at most the largest discount of the plan or the offer"
    REST = "at most what is left of the subtotal after the discounts before it"
    NOT_COMBINED = "does not combine with the other one, which takes more off"
    NOTHING = "no line that counts is covered"


PART, LABOUR = "part", "labour"  # the kinds of lines as worksheets have them


@dataclass(frozen=True, slots=True)
class Covered:
    """A line that a discount may cover: its kind, its cents, and the canned job that its job was copied from."""

    kind: str
    cents: int
    canned_job: int | None = None


@dataclass(frozen=True, slots=True)
class DiscountTerms:
    """A discount as an order has taken it. `id` is that of its row, and is not compared.

    It takes percentages off parts, labour and the lines of named canned jobs, a fixed amount, or both. A line that
    several percentages cover has the highest one.
    """

    id: int
    kind: str
    name: str
    off_parts: int = 0
    off_labour: int = 0
    off_jobs: int = 0
    canned_jobs: frozenset[int] = frozenset()
    off_amount: int = 0
    cap: int | None = None
    combines: bool = True

    def percent_of(self, line: Covered) -> int:
        """Return the percentage that a line has, 0 if it is not covered. Sublet work and fees never are."""
        own = {PART: self.off_parts, LABOUR: self.off_labour}.get(line.kind)
        if own is None:
            return 0
        return max(own, self.off_jobs if line.canned_job in self.canned_jobs else 0)


@dataclass(frozen=True, slots=True)
class Given:
    """The amount of a discount for a choice of jobs. `base` is the sum of the lines that it covers, in cents."""

    terms: DiscountTerms
    cents: int
    base: int
    rule: Rule


def give(
    discounts: Iterable[DiscountTerms], lines: Sequence[Covered], *, subtotal: int, typed: int
) -> tuple[Given, ...]:
    """Return what each discount takes off, in the order plan, offer, points.

    `lines` are the part, labour and sublet lines of the jobs that count, `subtotal` the sum of all lines with fees, and
    `typed` what the shop's own discount takes off, which comes first. All of them together are at most the subtotal.
    """
    order = list(DiscountKind)
    rows = [
        _alone(terms, lines)
        for terms in sorted(discounts, key=lambda row: order.index(DiscountKind(row.kind)))
    ]
    beaten = _beaten(rows)
    rest = max(subtotal - typed, 0)
    given = []
    for row in rows:
        if row.terms.kind == beaten:
            row = Given(row.terms, 0, row.base, Rule.NOT_COMBINED)
        elif row.cents > rest:
            row = Given(row.terms, rest, row.base, Rule.REST)
        rest -= row.cents
        given.append(row)
    return tuple(given)


def _alone(terms: DiscountTerms, lines: Sequence[Covered]) -> Given:
    """Return what a discount takes off by itself."""
    sums: dict[int, int] = {}
    for line in lines:
        if percent := terms.percent_of(line):
            sums[percent] = sums.get(percent, 0) + line.cents
    base = sum(sums.values())
    cents = terms.off_amount + sum(half_up(amount * percent, WHOLE) for percent, amount in sums.items())
    if not cents:
        return Given(terms, 0, base, Rule.NOTHING)
    if terms.cap is not None and cents > terms.cap:
        return Given(terms, terms.cap, base, Rule.CAP)
    return Given(terms, cents, base, Rule.PERCENT if base else Rule.AMOUNT)


def _beaten(rows: Sequence[Given]) -> str | None:
    """Return the kind that gives way where plan and offer do not combine: the smaller one, the offer at a tie."""
    found = {row.terms.kind: row for row in rows}
    plan, offer = found.get(DiscountKind.PLAN), found.get(DiscountKind.OFFER)
    if plan is None or offer is None or (plan.terms.combines and offer.terms.combines):
        return None
    return DiscountKind.PLAN if offer.cents > plan.cents else DiscountKind.OFFER
