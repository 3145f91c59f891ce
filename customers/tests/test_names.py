from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.names import customer_name, one_line_address, or_empty


@pytest.mark.parametrize(
    ("company", "first", "last", "name"),
    [
        ("RS Wind", "Rosa", "Winding", "RS Wind"),
        ("RS Wind", None, None, "RS Wind"),
        ("", "Alice", "Cooper", "Alice Cooper"),
        (None, "Alice", "", "Alice"),
        (None, None, "Cooper", "Cooper"),
        ("", "", "", "Former customer"),
        (None, None, None, "Former customer"),
    ],
)
def test_customer_name(company, first, last, name):
    assert customer_name(company, first, last) == name


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("123 Elm St", "Springfield", "NY", "10001", "USA"), "123 Elm St, Springfield, NY 10001"),
        (("123 Elm St", "Springfield", "NY", "10001", ""), "123 Elm St, Springfield, NY 10001"),
        (("1 Rue", "Paris", "", "75001", "France"), "1 Rue, Paris, 75001, France"),
        (("", "Springfield", "NY", "", "USA"), "Springfield, NY"),
        (("", "", "", "", "USA"), ""),
        (("", "", "", "", ""), ""),
    ],
)
def test_one_line_address(parts, line):
    assert one_line_address(*parts) == line


word = st.text("abc ÄÖ", max_size=6).map(str.strip)


@given(st.none() | word, st.none() | word, st.none() | word)
def test_customer_name_is_never_empty_or_padded(company, first, last):
    name = customer_name(company, first, last)
    assert name
    assert name == name.strip()


@given(word, word, word, word, word)
def test_one_line_address_has_every_part_and_no_empty_part(street, city, state, postal_code, country):
    line = one_line_address(street, city, state, postal_code, country)
    assert all(part in line for part in (street, city, state, postal_code, country))
    assert "" not in line.split(", ") or line == ""


@pytest.mark.parametrize(("value", "text"), [(None, ""), ("", ""), ("a@b.example", "a@b.example")])
def test_or_empty(value, text):
    assert or_empty(value) == text
