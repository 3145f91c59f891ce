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


class PaymentMethod(models.TextChoices):
    """The method of a payment. The shop records payments, and takes none itself."""

    CASH = "cash", "Cash"
    CHECK = "check", "Check"
    CARD = "card", "Card terminal"
    TRANSFER = "transfer", "Bank transfer"
    OTHER = "other", "Other"


WHOLE = 1_000_000  # 100 % in 1/10,000 of a percent


def money(**kwargs: Any) -> MoneyField:
    """Return a column for dollars and cents, not negative."""
    return models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)], **kwargs)


def signed_money(**kwargs: Any) -> MoneyField:
    """Return a column for dollars and cents of either sign."""
    return models.DecimalField(max_digits=10, decimal_places=2, **kwargs)


def fine_percent(**kwargs: Any) -> MoneyField:
    """Return a column for 0 to 100 with four places, as tax rates need them (8.875, 9.9750)."""
    return models.DecimalField(
        max_digits=7, decimal_places=4, validators=[MinValueValidator(0), MaxValueValidator(100)], **kwargs
    )


def format_percent(percent: Decimal) -> str:
    """Return a percentage with two to four places: `8.25`, `8.875`."""
    text = f"{percent:.4f}"
    return text[:-2] if text.endswith("00") else text.rstrip("0")


def exact(amount: Decimal | None) -> Decimal:
    """Return an amount that a database summed with two places, 0.00 for none. SQLite sums floating point numbers."""
    return Decimal("0.00") if amount is None else amount.quantize(Decimal("0.01"))


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
    parts = [cents * weight // whole for weight in weights]
    if left_over := cents - sum(parts):
        remainders = [cents * weight % whole for weight in weights]
        for place in sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)[:left_over]:
            parts[place] += 1
    return parts


def half_up(numerator: int, denominator: int) -> int:
    """Return the quotient rounded half up. Neither number may be negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def to_cents(amount: Decimal) -> int:
    return int(amount * 100)


def to_dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def ten_thousandths(number: Decimal) -> int:
    """Return a percentage or a factor with at most four places in 1/10,000. 8.875 % is 88,750."""
    return int(number * 10_000)
