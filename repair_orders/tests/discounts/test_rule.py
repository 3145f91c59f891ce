"""What discounts take off: worked examples by hand, and properties against the totals of an order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.money import WHOLE, half_up
from repair_orders.discounts.rule import Covered, DiscountTerms, Rule, give
from repair_orders.money import totals_in_cents

TEN, FIFTEEN, HALF, ALL = (
    100_000,
    150_000,
    500_000,
    1_000_000,
)  # 10 %, 15 %, 50 % and 100 % in 1/10,000 of a percent
OIL, BRAKES = 7, 8
# An oil change (canned job 7) of 89.99 parts and 45.00 labour, brakes (8) of 129.00 parts, 261.00 labour, 60.00 sublet.
LINES = [
    Covered("part", 89_99, OIL),
    Covered("labour", 45_00, OIL),
    Covered("part", 129_00, BRAKES),
    Covered("labour", 261_00, BRAKES),
    Covered("sublet", 60_00, BRAKES),
]
SUBTOTAL = 584_99


def plan(**terms):
    return DiscountTerms(1, "plan", "Membership Plus", **terms)


def offer(**terms):
    return DiscountTerms(2, "offer", "Offer Spring", **terms)


def points(cents):
    return DiscountTerms(3, "points", f"{cents} points", off_amount=cents)


def taken(*discounts, lines=LINES, subtotal=SUBTOTAL, typed=0):
    return [
        (row.terms.kind, row.cents, row.rule)
        for row in give(discounts, lines, subtotal=subtotal, typed=typed)
    ]


class TestWorkedExamples:
    def test_percent_of_labour(self):
        # 10 % of 45.00 + 261.00
        assert taken(plan(off_labour=TEN)) == [("plan", 30_60, Rule.PERCENT)]

    def test_percent_of_parts_is_rounded_half_up_once(self):
        # 15 % of 89.99 + 129.00 = 218.99 is 32.8485
        assert taken(plan(off_parts=FIFTEEN)) == [("plan", 32_85, Rule.PERCENT)]

    def test_line_in_a_named_job_has_the_higher_percent(self):
        # 50 % of the oil change, 134.99, is 67.495. 10 % of the other labour, 261.00, is 26.10.
        rules = {"off_labour": TEN, "off_jobs": HALF, "canned_jobs": frozenset({OIL})}
        assert taken(plan(**rules)) == [("plan", 67_50 + 26_10, Rule.PERCENT)]

    def test_lower_percent_of_a_named_job_is_not_taken(self):
        rules = {"off_labour": FIFTEEN, "off_jobs": TEN, "canned_jobs": frozenset({OIL})}
        # 15 % of 306.00 = 45.90 and 10 % of 89.99 = 9.00
        assert taken(plan(**rules)) == [("plan", 45_90 + 9_00, Rule.PERCENT)]

    def test_sublet_work_and_fees_are_never_covered(self):
        rules = {"off_parts": ALL, "off_labour": ALL, "off_jobs": ALL, "canned_jobs": frozenset({BRAKES})}
        assert taken(plan(**rules)) == [("plan", 524_99, Rule.PERCENT)]

    def test_cap_of_the_plan(self):
        assert taken(plan(off_labour=TEN, cap=25_00)) == [("plan", 25_00, Rule.CAP)]
        assert taken(plan(off_labour=TEN, cap=30_60)) == [("plan", 30_60, Rule.PERCENT)]

    def test_nothing_is_covered(self):
        rules = {"off_jobs": TEN, "canned_jobs": frozenset({99})}
        assert taken(plan(**rules)) == [("plan", 0, Rule.NOTHING)]

    def test_offer_that_combines_is_added_and_both_are_of_the_whole_lines(self):
        assert taken(offer(off_labour=TEN, off_amount=20_00), plan(off_labour=TEN)) == [
            ("plan", 30_60, Rule.PERCENT),
            ("offer", 50_60, Rule.PERCENT),
        ]

    def test_larger_one_counts_where_they_do_not_combine(self):
        assert taken(plan(off_labour=TEN), offer(off_amount=30_61, combines=False)) == [
            ("plan", 0, Rule.NOT_COMBINED),
            ("offer", 30_61, Rule.AMOUNT),
        ]

    def test_plan_counts_at_a_tie(self):
        assert taken(plan(off_labour=TEN), offer(off_amount=30_60, combines=False)) == [
            ("plan", 30_60, Rule.PERCENT),
            ("offer", 0, Rule.NOT_COMBINED),
        ]

    def test_points_come_last_and_combine_with_either(self):
        assert taken(points(15_00), offer(off_amount=30_61, combines=False), plan(off_labour=TEN)) == [
            ("plan", 0, Rule.NOT_COMBINED),
            ("offer", 30_61, Rule.AMOUNT),
            ("points", 15_00, Rule.AMOUNT),
        ]

    def test_later_ones_take_what_is_left(self):
        # The shop's own 500.00 leaves 84.99: 30.60 for the plan, 54.39 of the offer's 60.00, nothing for points.
        assert taken(plan(off_labour=TEN), offer(off_amount=60_00), points(10_00), typed=500_00) == [
            ("plan", 30_60, Rule.PERCENT),
            ("offer", 54_39, Rule.REST),
            ("points", 0, Rule.REST),
        ]

    def test_choice_without_jobs_has_nothing_to_take_off(self):
        assert taken(plan(off_labour=TEN), points(10_00), lines=[], subtotal=0) == [
            ("plan", 0, Rule.NOTHING),
            ("points", 0, Rule.REST),
        ]


percents = st.integers(0, ALL)
cents = st.integers(0, 500_000)
lines = st.lists(
    st.builds(
        Covered, st.sampled_from(["part", "labour", "sublet"]), cents, st.sampled_from([None, OIL, BRAKES])
    ),
    max_size=8,
)


@st.composite
def discounts(draw):
    def rules():
        return {
            "off_parts": draw(percents),
            "off_labour": draw(percents),
            "off_jobs": draw(percents),
            "canned_jobs": frozenset(draw(st.sets(st.sampled_from([OIL, BRAKES])))),
            "cap": draw(st.none() | cents),
        }

    rows = [
        plan(**rules()),
        offer(**rules(), off_amount=draw(cents), combines=draw(st.booleans())),
        points(draw(cents)),
    ]
    return draw(st.permutations(rows))[: draw(st.integers(0, 3))]


@given(discounts(), lines, cents, cents, percents)
def test_discounts_are_never_more_than_what_is_left(rows, drawn, fees, amount, percent):
    subtotal = sum(line.cents for line in drawn) + fees
    typed = amount + half_up(subtotal * percent, WHOLE)
    found = give(rows, drawn, subtotal=subtotal, typed=typed)
    assert all(row.cents >= 0 for row in found)
    assert sum(row.cents for row in found) <= max(subtotal - typed, 0)
    assert [row.terms.kind for row in found] == [
        k for k in ("plan", "offer", "points") if k in {r.kind for r in rows}
    ]
    for row in found:
        assert row.terms.cap is None or row.cents <= row.terms.cap
    # The order in which they were given does not matter.
    assert give(list(reversed(rows)), drawn, subtotal=subtotal, typed=typed) == found


@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.booleans()), min_size=1, max_size=8),
    st.integers(0, 100_000),
    st.integers(1, 100_000),
    st.integers(0, 200_000),
)
def test_larger_discount_never_raises_the_total(rows, smaller, more, tax_percent):
    """Tax is at most 20 %. A cent less of tax base moves the rounded tax by at most one cent."""
    amounts, taxable = [amount for amount, _ in rows], [is_taxed for _, is_taxed in rows]

    def total(discount):
        subtotal, off, tax = totals_in_cents(amounts, taxable, discount, 0, tax_percent)
        return subtotal - off + tax

    assert total(smaller + more) <= total(smaller)


@pytest.mark.parametrize("percent", [1, 333_333, 999_999])
def test_percent_of_one_cent_is_rounded_half_up(percent):
    expected = int(percent * 2 >= ALL)
    assert taken(plan(off_parts=percent), lines=[Covered("part", 1)], subtotal=1)[0][1] == expected
