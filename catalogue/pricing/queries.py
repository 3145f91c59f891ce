"""Find price matrices and canned jobs."""

from __future__ import annotations

from decimal import Decimal

from catalogue.pricing.models import CannedLine, PriceBand, PriceMatrix
from catalogue.pricing.money import matrix_price


def get_default_matrix() -> PriceMatrix | None:
    """Return the matrix for parts with a cost and without a price, or None if the shop has no matrix."""
    return PriceMatrix.objects.filter(is_default=True).first()


def get_price(cost: Decimal, matrix: PriceMatrix | None = None) -> Decimal | None:
    """Return the price that a matrix, by default the default one, makes of a cost in dollars.

    None if there is no matrix, or if the cost is below its first band.
    """
    bands = (
        PriceBand.objects.filter(matrix=matrix)
        if matrix
        else PriceBand.objects.filter(matrix__is_default=True)
    )
    return matrix_price(cost, list(bands))


def find_lines(canned_job_id: int) -> list[CannedLine]:
    """Return the lines of a canned job in their order, with their parts and services."""
    lines = CannedLine.objects.filter(canned_job_id=canned_job_id)
    return list(lines.select_related("part", "service").in_order())
