"""Find price matrices and canned jobs."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from catalogue.pricing.models import CannedLine, PriceBand, PriceMatrix
from catalogue.pricing.money import band_of, band_price


def get_default_matrix() -> PriceMatrix | None:
    """Return the matrix for parts with a cost and without a price, or None if the shop has no matrix."""
    return PriceMatrix.objects.filter(is_default=True).first()


class MatrixPrice(NamedTuple):
    """A price in dollars and the rule that made it, such as `Parts, from 4.00: cost × 3`."""

    amount: Decimal
    rule: str


def get_price(cost: Decimal, matrix: PriceMatrix | None = None) -> MatrixPrice | None:
    """Return the price that a matrix, by default the default one, makes of a cost in dollars.

    None if there is no matrix, or if the cost is below its first band.
    """
    bands = PriceBand.objects.select_related("matrix")
    bands = bands.filter(matrix=matrix) if matrix else bands.filter(matrix__is_default=True)
    band = band_of(cost, list(bands))
    if band is None:
        return None
    return MatrixPrice(band_price(cost, band), f"{band.matrix}, {band}: {band.rule}")


def find_lines(canned_job_id: int) -> list[CannedLine]:
    """Return the lines of a canned job in their order, with their parts and services."""
    lines = CannedLine.objects.filter(canned_job_id=canned_job_id)
    return list(lines.select_related("part", "service").in_order())
