"""The default matrix and the lines of a canned job."""

from __future__ import annotations

from decimal import Decimal

import pytest

from catalogue.pricing.queries import find_lines, get_default_matrix, get_price
from testing import factories

pytestmark = pytest.mark.django_db


def test_price_is_that_of_the_default_matrix_or_the_named_one(django_assert_num_queries):
    assert (get_default_matrix(), get_price(Decimal("4.00"))) == (None, None)
    usual = factories.PriceMatrixFactory(is_default=True)
    other = factories.PriceMatrixFactory()
    factories.PriceBandFactory(matrix=usual, multiplier="3.0000")
    factories.PriceBandFactory(matrix=other, multiplier=None, margin="50.0000")
    assert get_default_matrix() == usual
    with django_assert_num_queries(1):
        assert get_price(Decimal("4.00")) == (Decimal("12.00"), f"{usual}, from 0.00: cost × 3")
    assert get_price(Decimal("4.00"), other) == (Decimal("8.00"), f"{other}, from 0.00: a margin of 50 %")


def test_lines_are_in_their_order_with_their_articles(django_assert_num_queries):
    second = factories.CannedLineFactory(position=2)
    first = factories.CannedLineFactory(canned_job=second.canned_job, position=1)
    factories.CannedLineFactory()
    with django_assert_num_queries(1):
        lines = find_lines(second.canned_job_id)
        assert [line.part.name for line in lines] == ["Oil Filter"] * 2
    assert lines == [first, second]
