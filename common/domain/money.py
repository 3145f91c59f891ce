"""Money: columns, cents, rounding and sharing (docs/design, D28).

Amounts are passed as `Decimal` dollars with two places. Computations use whole cents as integers, which are exact in
every decimal context.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

if TYPE_CHECKING:  # Django's fields take arguments only after its setup, and the peers of the bench have none
    MoneyField: TypeAlias = models.DecimalField[Any, Any]


def money(**kwargs: Any) -> MoneyField:
    """Return a column for dollars and cents, not negative."""
    return models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)], **kwargs)


def percent() -> models.DecimalField[Any, Any]:
    """Return a column for 0 to 100 with two places."""
    return models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal("0.00"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )


def share(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Split `amount` in proportion to `weights`, so that the parts add up to it.

    Each part is cut to whole cents. The cents left over go to the largest remainders, and among equal ones to the
    earlier part. If there are no weights, or all are zero, every part is zero.
    """
    return [
        to_dollars(part) for part in share_cents(to_cents(amount), [to_cents(weight) for weight in weights])
    ]


def share_cents(cents: int, weights: Sequence[int]) -> list[int]:
    """Split `cents` in proportion to `weights`, as `share` does."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [divmod(cents * weight, whole) for weight in weights]
    left_over = cents - sum(part for part, _ in parts)
    richest = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))[:left_over]
    return [part + (i in richest) for i, (part, _) in enumerate(parts)]


def half_up(numerator: int, denominator: int) -> int:
    """Return the quotient rounded half up. Neither number may be negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def to_cents(amount: Decimal) -> int:
    return int(amount * 100)


def to_dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
