"""Fees and ceilings: the printed tables to the cent, and an independent calculation in fractions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from repair_orders.pricing.models import FeeKind
from repair_orders.pricing.money import ceiling, fee_amount, fee_base


@dataclass(frozen=True)
class Fee:
    kind: str = "percent_of_parts"
    percent: Decimal | None = None
    amount: Decimal | None = None
    cap: Decimal | None = None


@dataclass(frozen=True)
class Overrun:
    percent: Decimal | None = None
    amount: Decimal | None = None
    choose: str = "lesser"
    cap: Decimal | None = None


TEN = Decimal("10.0000")
POLICIES = {
    "greater of 10.00 / 10 %, at most 50.00 over": Overrun(
        TEN, Decimal("10.00"), "greater", Decimal("50.00")
    ),
    "lesser of 10.00 / 10 %": Overrun(TEN, Decimal("10.00")),
    "lesser of 25.00 / 10 %": Overrun(TEN, Decimal("25.00")),
    "10 %": Overrun(TEN),
    "none": None,
}
# The table of docs/prices.md: the authorised amount, then the ceiling by policy in the order above.
PAGE = (settings.BASE_DIR / "docs" / "prices.md").read_text()
CEILINGS = [
    tuple(re.findall(r"[0-9.]+", line))
    for line in PAGE.splitlines()
    if re.fullmatch(r"(\| [0-9.]+ ){6}\|", line)
]
cents = st.decimals(0, Decimal("999999.99"), places=2)
percents = st.decimals(0, 100, places=4)


def test_page_has_the_table():
    assert [row[0] for row in CEILINGS] == ["80.00", "100.00", "300.00", "499.00", "501.00", "1000.00"]
    assert CEILINGS[4] == ("501.00", "551.00", "511.00", "526.00", "551.10", "501.00")


@pytest.mark.parametrize("row", CEILINGS, ids=lambda row: row[0])
def test_ceilings_match_the_printed_table(row):
    authorised, *expected = row
    assert [str(ceiling(policy, Decimal(authorised))) for policy in POLICIES.values()] == expected


@pytest.mark.parametrize(
    ("policy", "authorised", "expected"),
    [
        ("10 %", "491.56", "540.71"),  # 540.716, cut
        ("greater of 10.00 / 10 %, at most 50.00 over", "491.56", "540.71"),
        ("lesser of 10.00 / 10 %", "491.56", "501.56"),
        ("lesser of 25.00 / 10 %", "491.56", "516.56"),
        ("lesser of 25.00 / 10 %", "453.03", "478.03"),
        ("none", "491.56", "491.56"),
        ("10 %", "771.55", "848.70"),  # 848.705, cut
        ("greater of 10.00 / 10 %, at most 50.00 over", "771.55", "821.55"),
    ],
)
def test_ceilings_of_the_worked_example(policy, authorised, expected):
    assert str(ceiling(POLICIES[policy], Decimal(authorised))) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [("609.81", "25.00"), ("150.41", "7.52"), ("459.40", "22.97"), ("478.15", "23.91"), ("743.11", "25.00")],
)
def test_capped_percent_fee_of_the_worked_example(base, expected):
    fee = Fee(percent=Decimal("5.0000"), cap=Decimal("25.00"))
    assert str(fee_amount(fee, Decimal(base), Decimal(0))) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [("399.99", "59.60"), ("399.00", "59.45"), ("400.00", "59.60"), ("400.01", "59.60"), ("0.00", "0.00")],
)
def test_fee_of_14_9_percent_is_capped_from_400_on(base, expected):
    fee = Fee(percent=Decimal("14.9000"), cap=Decimal("59.60"))
    assert str(fee_amount(fee, Decimal(base), Decimal(0))) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("percent_of_parts", "278.44"),
        ("percent_of_labour", "331.37"),
        ("percent_of_parts_and_labour", "609.81"),
        ("fixed", "0.00"),
        ("per_piece", "0.00"),
    ],
)
def test_base_is_that_of_the_kind(kind, expected):
    assert str(fee_base(kind, parts=Decimal("278.44"), labour=Decimal("331.37"))) == expected


def test_fee_is_rounded_half_up_before_it_is_capped():
    assert str(fee_amount(Fee(percent=TEN), Decimal("0.05"), Decimal(0))) == "0.01"
    assert str(fee_amount(Fee(percent=TEN), Decimal("0.04"), Decimal(0))) == "0.00"


def test_fixed_fee_ignores_base_and_pieces():
    assert str(fee_amount(Fee("fixed", amount=Decimal("4.50")), Decimal(900), Decimal(3))) == "4.50"


def test_fee_per_piece_counts_pieces():
    fee = Fee("per_piece", amount=Decimal("2.50"))
    assert str(fee_amount(fee, Decimal(900), Decimal(4))) == "10.00"
    assert str(fee_amount(fee, Decimal(900), Decimal("0.50"))) == "1.25"
    assert str(fee_amount(fee, Decimal(900), Decimal(0))) == "0.00"


@given(percent=percents, base=cents, cap=st.none() | cents)
def test_percent_fee_equals_fractions(percent, base, cap):
    exact = Fraction(base) * Fraction(percent)  # in cents
    expected = Fraction(floor(exact + Fraction(1, 2)), 100)
    if cap is not None:
        expected = min(expected, Fraction(cap))
    assert Fraction(fee_amount(Fee(percent=percent, cap=cap), base, Decimal(0))) == expected


@given(amount=cents, pieces=st.decimals(0, 9_999, places=2), cap=st.none() | cents)
def test_fee_per_piece_equals_fractions(amount, pieces, cap):
    expected = Fraction(floor(Fraction(amount) * Fraction(pieces) * 100 + Fraction(1, 2)), 100)
    if cap is not None:
        expected = min(expected, Fraction(cap))
    assert Fraction(fee_amount(Fee("per_piece", amount=amount, cap=cap), Decimal(0), pieces)) == expected


policies = st.builds(
    Overrun,
    percent=st.none() | percents,
    amount=st.none() | cents,
    choose=st.sampled_from(["greater", "lesser"]),
    cap=st.none() | cents,
).filter(lambda policy: policy.percent is not None or policy.amount is not None)


@given(policy=policies, authorised=cents)
def test_ceiling_equals_fractions(policy, authorised):
    over = []
    if policy.percent is not None:
        over.append(Fraction(authorised) * Fraction(policy.percent) / 100)
    if policy.amount is not None:
        over.append(Fraction(policy.amount))
    chosen = max(over) if policy.choose == "greater" else min(over)
    if policy.cap is not None:
        chosen = min(chosen, Fraction(policy.cap))
    exact = Fraction(authorised) + chosen
    found = Fraction(ceiling(policy, authorised))
    assert found == Fraction(floor(exact * 100), 100)
    assert authorised <= found <= exact


@given(kind=st.sampled_from(FeeKind.values), parts=cents, labour=cents)
def test_base_of_both_is_the_sum_of_the_bases(kind, parts, labour):
    base = fee_base(kind, parts=parts, labour=labour)
    expected = (parts if "parts" in kind else 0) + (labour if "labour" in kind else 0)
    assert base == (expected if kind.startswith("percent") else 0)
