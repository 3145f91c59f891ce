"""Totals (docs/design, D29), compared with a second calculation that uses neither Decimal nor the same formula."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.domain.money import share
from repair_orders.money import Line, Totals, line_amount, order_total, totals


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def oracle(lines, discount_cents, discount_percent, tax_percent):
    """Return (subtotal, discount, net, tax, total) in cents. `lines` are (cents, taxable).

    Percentages are in 1/10,000 of a percent. The discount is shared cent by cent.
    The line furthest below its exact part gets the next cent.
    """
    subtotal = sum(cents for cents, _ in lines)
    discount = min(subtotal, discount_cents + half_up(Fraction(subtotal * discount_percent, 1_000_000)))
    exact = [Fraction(discount * cents, subtotal) if subtotal else Fraction(0) for cents, _ in lines]
    got = [floor(part) for part in exact]
    while sum(got) < discount and subtotal:
        behind = [part - have for part, have in zip(exact, got, strict=True)]
        got[behind.index(max(behind))] += 1
    taxable = sum(cents - off for (cents, taxed), off in zip(lines, got, strict=True) if taxed)
    tax = half_up(Fraction(taxable * tax_percent, 1_000_000))
    return subtotal, discount, subtotal - discount, tax, subtotal - discount + tax


def in_dollars(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def in_percent(parts: int) -> Decimal:
    return Decimal(parts).scaleb(-4)


def figures(lines, discount_amount="0", discount_percent="0", tax_percent="0") -> tuple[str, ...]:
    made = totals(
        [Line(Decimal(amount), taxable) for amount, taxable in lines],
        discount_amount=Decimal(discount_amount),
        discount_percent=Decimal(discount_percent),
        tax_percent=Decimal(tax_percent),
    )
    return str(made.subtotal), str(made.discount), str(made.tax), str(made.total)


WORKED = [("89.99", True), ("129.00", True), ("261.00", False), ("5.00", False)]


class TestTotals:
    @pytest.mark.parametrize(
        ("lines", "terms", "expected"),
        [
            (WORKED, ("0", "10.00", "8.25"), ("484.99", "48.50", "16.26", "452.75")),
            (WORKED, ("50.00", "0", "8.25"), ("484.99", "50.00", "16.20", "451.19")),
            (WORKED, ("0", "0", "8.25"), ("484.99", "0.00", "18.07", "503.06")),
            ([], ("50.00", "10.00", "8.25"), ("0.00", "0.00", "0.00", "0.00")),
            ([("0.00", True)], ("1.00", "0", "10"), ("0.00", "0.00", "0.00", "0.00")),
            ([("10.00", True)], ("10.01", "0", "10"), ("10.00", "10.00", "0.00", "0.00")),
            ([("10.00", True)], ("0", "100", "10"), ("10.00", "10.00", "0.00", "0.00")),
            ([("10.00", True)], ("6.00", "50", "10"), ("10.00", "10.00", "0.00", "0.00")),
            ([("10.00", True)], ("0", "0", "100"), ("10.00", "0.00", "10.00", "20.00")),
            # Half a cent is rounded up, in the discount and in the tax.
            ([("0.10", True)], ("0", "5", "0"), ("0.10", "0.01", "0.00", "0.09")),
            ([("0.10", True)], ("0", "0", "5"), ("0.10", "0.00", "0.01", "0.11")),
            ([("0.10", True)], ("0", "0", "4.99"), ("0.10", "0.00", "0.00", "0.10")),
            # Of two equal lines the earlier one gets a discount of one cent, which makes its tax base smaller.
            ([("5.00", True), ("5.00", False)], ("0.01", "0", "100"), ("10.00", "0.01", "4.99", "14.98")),
            ([("5.00", False), ("5.00", True)], ("0.01", "0", "100"), ("10.00", "0.01", "5.00", "14.99")),
            # Tax is rounded once and not by line: three times 0.005 rounded up would be 0.03.
            ([("0.05", True)] * 3, ("0", "0", "10"), ("0.15", "0.00", "0.02", "0.17")),
            (
                [("99999999.99", True)] * 40, ("0", "33.33", "8.25"),
                ("3999999999.60", "1333199999.87", "220010999.98", "2886810999.71"),
            ),
        ],
    )  # fmt: skip
    def test_worked_examples(self, lines, terms, expected):
        assert figures(lines, *terms) == expected

    cents = st.integers(0, 200_000) | st.sampled_from([0, 1, 2, 333, 500, 9_999_999_999])
    lines = st.lists(st.tuples(cents, st.booleans()), max_size=8)
    percent = st.integers(0, 1_000_000) | st.sampled_from([0, 1, 33_300, 82_500, 88_750, 500_000, 1_000_000])

    @given(lines, cents, percent, percent)
    @example([(8999, True), (12900, True), (26100, False), (500, False)], 0, 100_000, 82_500)
    @example([(1, True)] * 8, 3, 0, 500_000)
    def test_totals_match_second_calculation(self, lines, discount_cents, discount_percent, tax_percent):
        made = totals(
            [Line(in_dollars(cents), taxable) for cents, taxable in lines],
            discount_amount=in_dollars(discount_cents),
            discount_percent=in_percent(discount_percent),
            tax_percent=in_percent(tax_percent),
        )
        expected = oracle(lines, discount_cents, discount_percent, tax_percent)
        assert made == Totals(*(in_dollars(cents) for cents in expected))

    @given(lines, cents, percent, percent)
    def test_totals_are_within_bounds(self, lines, discount_cents, discount_percent, tax_percent):
        made = totals(
            [Line(in_dollars(cents), taxable) for cents, taxable in lines],
            discount_amount=in_dollars(discount_cents),
            discount_percent=in_percent(discount_percent),
            tax_percent=in_percent(tax_percent),
        )
        assert 0 <= made.discount <= made.subtotal
        assert 0 <= made.tax <= made.subtotal - made.discount
        assert made.total == made.subtotal - made.discount + made.tax
        for figure in (made.subtotal, made.discount, made.tax, made.total):
            assert figure.as_tuple().exponent == -2
        if not any(taxable for _, taxable in lines):
            assert made.tax == 0


class TestShare:
    @pytest.mark.parametrize(
        ("amount", "weights", "parts"),
        [
            ("1.00", ["1", "1", "1"], ["0.34", "0.33", "0.33"]),
            ("0.02", ["1", "1", "1"], ["0.01", "0.01", "0.00"]),
            ("0.01", ["1", "2"], ["0.00", "0.01"]),
            ("0.05", ["3", "0", "3"], ["0.03", "0.00", "0.02"]),
            ("48.50", ["89.99", "129.00", "261.00", "5.00"], ["9.00", "12.90", "26.10", "0.50"]),
            ("5.00", ["0", "0"], ["0.00", "0.00"]),
            ("5.00", [], []),
            ("0.00", ["1", "2"], ["0.00", "0.00"]),
        ],
    )
    def test_share(self, amount, weights, parts):
        assert [
            str(part) for part in share(Decimal(amount), [Decimal(weight) for weight in weights])
        ] == parts

    @given(st.integers(0, 10**10), st.lists(st.integers(0, 10**10), max_size=12))
    def test_parts_add_up_and_differ_less_than_a_cent(self, cents, weights):
        parts = share(in_dollars(cents), [in_dollars(weight) for weight in weights])
        assert len(parts) == len(weights)
        assert all(part >= 0 for part in parts)
        if not sum(weights):
            assert not any(parts)
            return
        assert sum(parts) == in_dollars(cents)
        for part, weight in zip(parts, weights, strict=True):
            exact = Fraction(cents * weight, sum(weights))
            assert abs(Fraction(part) * 100 - exact) < 1
            if cents <= sum(weights):
                assert part <= in_dollars(weight)

    @given(st.integers(0, 1000), st.integers(1, 9))
    def test_earlier_of_equal_lines_gets_larger_part(self, cents, count):
        parts = share(in_dollars(cents), [Decimal("7.00")] * count)
        assert parts == sorted(parts, reverse=True)
        assert parts[0] - parts[-1] <= Decimal("0.01")

    def test_share_is_exact_at_low_decimal_precision(self):
        with localcontext() as context:
            context.prec = 6
            parts = share(Decimal("9999.99"), [Decimal("3333.33"), Decimal("3333.33"), Decimal("3333.34")])
        assert [str(part) for part in parts] == ["3333.33", "3333.33", "3333.33"]


class TestOrderTotal:
    lines = st.lists(st.tuples(st.integers(0, 99_999), st.booleans()), max_size=4)

    @given(lines, lines, st.integers(0, 50_000), TestTotals.percent, TestTotals.percent)
    def test_columns_are_parts_then_services(self, parts, services, off, percent, tax):
        total = order_total(
            [in_dollars(amount) for amount, _ in parts],
            [taxable for _, taxable in parts],
            [in_dollars(amount) for amount, _ in services],
            [taxable for _, taxable in services],
            in_dollars(off),
            in_percent(percent),
            in_percent(tax),
        )
        assert total == in_dollars(oracle(parts + services, off, percent, tax)[4])

    def test_part_gets_odd_cent_before_service(self):
        def total(parts_taxed: bool) -> Decimal:
            price, cent = [Decimal("5.00")], Decimal("0.01")
            return order_total(price, [parts_taxed], price, [not parts_taxed], cent, Decimal(0), Decimal(100))

        assert (str(total(True)), str(total(False))) == ("14.98", "14.99")

    def test_columns_of_different_lengths_raise(self):
        with pytest.raises(ValueError, match="1 amounts and 0 taxabilities"):
            order_total([Decimal(1)], [], [], [], Decimal(0), Decimal(0), Decimal(0))


class TestLineAmount:
    @pytest.mark.parametrize(
        ("quantity", "price", "amount"),
        [
            ("0.5", "12.99", "6.50"),
            ("4.5", "8.99", "40.46"),
            ("1.8", "129.95", "233.91"),
            ("0.75", "129.95", "97.46"),
            ("0.9", "129.95", "116.96"),
            ("10000", "99999999.99", "999999999900.00"),
        ],
    )
    def test_half_cents_are_rounded_up(self, quantity, price, amount):
        assert str(line_amount(Decimal(quantity), Decimal(price))) == amount
