from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from common.http.etags import RowChanged, WrongMatch, check_match, etag_of

BODY = {"id": 7, "name": "Linda", "phone": None, "lines": [{"id": 1, "amount": "5.00"}]}


def refused(seen, body=BODY):
    with pytest.raises(RowChanged) as error:
        check_match(seen, body, "customer")
    return error.value.text, error.value.facts


def test_equal_bodies_have_equal_etags():
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert etag_of({"at": at, "amount": Decimal("5.00")}) == etag_of({"at": at, "amount": "5.00"})
    assert etag_of(BODY) == etag_of(dict(BODY))


@pytest.mark.parametrize("name", BODY)
def test_etag_changes_with_each_value(name):
    assert etag_of({**BODY, name: "another"}) != etag_of(BODY)


def test_match_passes():
    for seen in (etag_of(BODY), f'"another", {etag_of(BODY)}', "*"):
        assert check_match(seen, BODY, "customer") is None


def test_refusal_names_the_values_that_changed():
    now = {**BODY, "phone": "555", "lines": []}
    assert refused(etag_of(BODY), now) == (
        "The customer has changed since it was read: phone, lines.",
        {"changed": ["phone", "lines"], "etag": etag_of(now), "row": now},
    )


@pytest.mark.parametrize("seen", ['"3"', '"another"', f"W/{etag_of(BODY)}"])
def test_etag_of_something_else_names_no_values(seen):
    text, facts = refused(seen)
    assert (text, facts["changed"]) == (
        "If-Match is not an ETag of this customer. Send one that was read, with its quotes and without W/.",
        [],
    )


@pytest.mark.parametrize("seen", ["3", "abc", '"open'])
def test_what_is_no_etag_is_refused(seen):
    with pytest.raises(WrongMatch):
        check_match(seen, BODY, "customer")
