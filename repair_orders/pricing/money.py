"""Compute fees and ceilings, to the cent, with pure functions (docs/design, D84, D85).

Arguments and results are `Decimal` dollars with two places, percentages have at most four. Calculations use whole cents
and 1/10,000 of a percent as integers, which are exact.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from common.domain.money import WHOLE, half_up, ten_thousandths, to_cents, to_dollars
from repair_orders.pricing.models import FeeKind, OverrunChoice


class Fee(Protocol):
    """The terms of a fee: a percent, or an amount in dollars, and the largest fee."""

    @property
    def kind(self) -> str: ...

    @property
    def percent(self) -> Decimal | None: ...

    @property
    def amount(self) -> Decimal | None: ...

    @property
    def cap(self) -> Decimal | None: ...


class Overrun(Protocol):
    """The terms of an overrun: a percent, an amount in dollars or both, which of them, and the largest overrun."""

    @property
    def percent(self) -> Decimal | None: ...

    @property
    def amount(self) -> Decimal | None: ...

    @property
    def choose(self) -> str: ...

    @property
    def cap(self) -> Decimal | None: ...


def fee_base(kind: str, *, parts: Decimal, labour: Decimal) -> Decimal:
    """Return the base of a fee of that kind, in dollars: 0.00 for a fixed fee and a fee per piece.

    `parts` and `labour` are the sums of the part and labour lines of the jobs that count, before discount. Sublet work
    and other fees are in neither.
    """
    cents = {
        FeeKind.PERCENT_OF_PARTS: to_cents(parts),
        FeeKind.PERCENT_OF_LABOUR: to_cents(labour),
        FeeKind.PERCENT_OF_PARTS_AND_LABOUR: to_cents(parts) + to_cents(labour),
    }
    return to_dollars(cents.get(FeeKind(kind), 0))


def fee_amount(rule: Fee, base: Decimal, pieces: Decimal) -> Decimal:
    """Return a fee in dollars: rounded half up to the cent, then at most the cap.

    `base` is the sum in dollars of which a percent fee is taken (`fee_base`). `pieces` is the number of pieces of the
    flagged parts, with up to two places, for a fee per piece. Neither is negative.
    """
    if rule.percent is not None:
        cents = half_up(to_cents(base) * ten_thousandths(rule.percent), WHOLE)
    else:
        assert rule.amount is not None  # a constraint of the table
        cents = to_cents(rule.amount)
        if rule.kind == FeeKind.PER_PIECE:
            cents = half_up(cents * to_cents(pieces), 100)
    return to_dollars(cents if rule.cap is None else min(cents, to_cents(rule.cap)))


def ceiling(policy: Overrun | None, authorised: Decimal) -> Decimal:
    """Return the largest amount in dollars that an order may reach without a further authorisation.

    `authorised` is the figure of the policy's basis: the total, or subtotal less discount. The overrun is cut to the
    cent and never rounded up, so that the ceiling is never above what the policy allows. Without a policy the
    authorised amount is the ceiling.
    """
    cents = to_cents(authorised)
    if policy is None:
        return to_dollars(cents)
    over = []
    if policy.percent is not None:
        over.append(cents * ten_thousandths(policy.percent) // WHOLE)
    if policy.amount is not None:
        over.append(to_cents(policy.amount))
    chosen = max(over) if policy.choose == OverrunChoice.GREATER else min(over)
    return to_dollars(cents + (chosen if policy.cap is None else min(chosen, to_cents(policy.cap))))
