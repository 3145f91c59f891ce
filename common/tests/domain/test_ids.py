from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.ids import format_id, new_uuid, parse_id

BIG = 2**63 - 1


def test_new_uuid_is_version_7_and_grows():
    made = [new_uuid() for _ in range(2_000)]
    assert all(type(uuid) is UUID and uuid.version == 7 for uuid in made)
    assert made == sorted(made)
    assert len(set(made)) == 2_000


@given(st.sampled_from(["ORD", "TKT", "MSG", "ITEM", "RET"]), st.integers(1, BIG))
def test_formatted_id_is_parsed(prefix, number):
    assert parse_id(prefix, format_id(prefix, number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "", "ORD", "123", "ord123", "ORD0", "ORD007", "ORD-1", "ORD+1", "ORD 1", "ORD1 ", "ORD1\n", "ORD1.0",
        "ORD²", "ORD١", "TKT1", "ORDORD1", "ORD9223372036854775808", "ORD" + "9" * 23, "ORD" + "9" * 5000,
    ],
)  # fmt: skip
def test_parse_id_returns_none_for_other_text(text):
    assert parse_id("ORD", text) is None


@given(st.text(max_size=25))
def test_parsed_text_is_the_formatted_id(text):
    number = parse_id("ORD", text)
    assert number is None or (format_id("ORD", number) == text and 0 < number <= BIG)
