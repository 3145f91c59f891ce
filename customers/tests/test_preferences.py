from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from customers import preferences

kinds = st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,50}", fullmatch=True), st.booleans(), max_size=20)


def test_everything_is_on_at_first():
    assert preferences.default_notifications() == {
        "email": True, "order_updates": True, "refund_updates": True, "support_replies": True,
    }  # fmt: skip
    preferences.validate_notifications(preferences.default_notifications())


def test_two_customers_do_not_share_the_first_ones():
    assert preferences.default_notifications() is not preferences.default_notifications()


@given(kinds, kinds)
def test_what_is_not_sent_stays(stored, given_now):
    before = dict(stored)
    result = preferences.merged(stored, given_now)
    assert set(result) == set(stored) | set(given_now)
    assert all(result[kind] is given_now.get(kind, stored.get(kind)) for kind in result)
    assert stored == before


@given(kinds)
def test_the_one_switch_is_on_while_any_kind_is(stored):
    assert preferences.is_any_on(stored) is (True in stored.values())


@given(kinds, st.booleans())
def test_the_one_switch_switches_all(stored, on):
    result = preferences.all_switched(stored, on)
    assert set(result) == set(stored) | set(preferences.default_notifications())
    assert set(result.values()) == {on}
    assert preferences.is_any_on(result) is on


@given(kinds)
def test_kinds_are_valid(stored):
    preferences.validate_notifications(stored)


NOT_BOOLEANS = "Give an object whose values are true or false."
NOT_KINDS = "Name each kind with 1 to 50 letters, digits, dots, hyphens or underscores."


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, NOT_BOOLEANS),
        ("email", NOT_BOOLEANS),
        (["email"], NOT_BOOLEANS),
        ({"email": 1}, NOT_BOOLEANS),
        ({"email": None}, NOT_BOOLEANS),
        ({"email": "true"}, NOT_BOOLEANS),
        ({"email": {"on": True}}, NOT_BOOLEANS),
        ({"": True}, NOT_KINDS),
        ({"a b": True}, NOT_KINDS),
        ({"a\x00": True}, NOT_KINDS),
        ({"a\n": True}, NOT_KINDS),
        ({"x" * 51: True}, NOT_KINDS),
        ({f"kind{n}": True for n in range(51)}, "There can be at most 50 kinds."),
    ],
)
def test_anything_else_is_refused(value, message):
    with pytest.raises(ValidationError) as refused:
        preferences.validate_notifications(value)
    assert refused.value.messages == [message]
