"""The sentence of consent follows the overrun terms of the snapshot."""

from __future__ import annotations

import pytest

from portal.link.consent import consent_sentence

FIRST = "I authorize the shop to do the jobs I approved."


def terms(**given):
    return {"percent": None, "amount": None, "choose": "lesser", "cap": None, "basis": "TOTAL"} | given


@pytest.mark.parametrize(
    ("overrun", "sentence"),
    [
        (None, "I am asked again before it costs more."),
        (terms(percent="10.0000"), "If they turn out to cost over 10 % more, I am asked again first."),
        (terms(percent="7.5000"), "If they turn out to cost over 7.50 % more, I am asked again first."),
        (terms(amount="1000.00"), "If they turn out to cost over $1,000.00 more, I am asked again first."),
        (
            terms(percent="10.0000", amount="25.00"),
            "If they turn out to cost over $25.00 or 10 % more, whichever is less, I am asked again first.",
        ),
        (
            terms(percent="10.0000", amount="10.00", choose="greater", cap="50.00"),
            (
                "If they turn out to cost over $10.00 or 10 % more, whichever is greater, but at most $50.00, "
                "I am asked again first."
            ),
        ),
        (
            terms(percent="10.0000", cap="50.00"),
            "If they turn out to cost over 10 % more, but at most $50.00, I am asked again first.",
        ),
        (
            terms(amount="25.00", basis="NET"),
            "If they turn out to cost over $25.00 more before tax, I am asked again first.",
        ),
    ],
)
def test_sentence(overrun, sentence):
    assert consent_sentence({"terms": {"overrun": overrun}}, "the shop") == f"{FIRST} {sentence}"
