from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from customers import preferences

kinds = st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,50}", fullmatch=True), st.booleans(), max_size=20)


def test_defaults_are_all_on():
    assert preferences.default_notifications() == {
        "email": True, "order_updates": True, "refund_updates": True, "support_replies": True,
    }  # fmt: skip
    preferences.validate_notifications(preferences.default_notifications())


def test_defaults_are_not_shared():
    assert preferences.default_notifications() is not preferences.default_notifications()


@given(kinds, kinds)
def test_kinds_not_sent_keep_values(stored, given_now):
    before = dict(stored)
    result = preferences.merge(stored, given_now)
    assert set(result) == set(stored) | set(given_now)
    assert all(result[kind] is given_now.get(kind, stored.get(kind)) for kind in result)
    assert stored == before


@given(kinds)
def test_switch_is_on_while_any_kind_is_on(stored):
    missing = set(preferences.default_notifications()) - set(stored)
    assert preferences.is_any_on(stored) is (bool(missing) or True in stored.values())


@given(kinds, st.booleans())
def test_switch_sets_all_kinds(stored, on):
    result = preferences.merge(stored, on)
    assert set(result) == set(stored) | set(preferences.default_notifications())
    assert set(result.values()) == {on}
    assert preferences.is_any_on(result) is on


@pytest.mark.parametrize(
    ("stored", "mailed"),
    [
        ({}, ["ORDER", "REFUND", "SUPPORT", "REPAIR_ORDER", "APPOINTMENT"]),
        ({"email": False}, []),
        ({"order_updates": False}, ["REFUND", "SUPPORT", "REPAIR_ORDER", "APPOINTMENT"]),
        ({"refund_updates": False}, ["ORDER", "SUPPORT", "REPAIR_ORDER", "APPOINTMENT"]),
        ({"support_replies": False}, ["ORDER", "REFUND", "REPAIR_ORDER", "APPOINTMENT"]),
        ({"email": False, "order_updates": True, "sms": True}, []),
    ],
)
def test_mail_requires_email_and_its_kind(stored, mailed):
    types = ["ORDER", "REFUND", "SUPPORT", "REPAIR_ORDER", "APPOINTMENT"]
    assert [word for word in types if preferences.allows_mail(stored, word)] == mailed


@given(kinds)
def test_valid_kinds_are_accepted(stored):
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
        ({f"kind{n}": True for n in range(51)}, "Give at most 50 kinds of notification."),
    ],
)
def test_invalid_kinds_are_refused(value, message):
    with pytest.raises(ValidationError) as refused:
        preferences.validate_notifications(value)
    assert refused.value.messages == [message]


@pytest.mark.parametrize(
    ("stored", "allowed"),
    [
        ({}, True),
        ({"service_reminders": True}, True),
        ({"service_reminders": False}, False),
        ({"email": False}, False),
        ({"email": False, "service_reminders": True}, False),
        ({"parking_reminders": False, "order_updates": False}, True),
    ],
)
def test_reminder_needs_email_and_its_kind(stored, allowed):
    assert preferences.allows_reminder(stored, "service") is allowed


def test_kinds_of_reminders_do_not_count_against_the_most():
    most = {f"kind{number}": True for number in range(preferences.MAX_KINDS)}
    preferences.validate_notifications(most | dict.fromkeys(preferences.REMINDERS, False))
    with pytest.raises(ValidationError):
        preferences.validate_notifications(most | {"another": True})
