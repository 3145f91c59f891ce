"""The sentence of consent: how far the work may go beyond the approved amount without asking (docs/design, D79)."""

from __future__ import annotations

from common.domain.money import format_percent
from common.domain.types import Json
from portal.templatetags.fleet import money
from repair_orders.pricing.models import OverrunBasis, OverrunChoice
from repair_orders.pricing.terms import OverrunTerms


def consent_sentence(paper: Json, shop: str) -> str:
    """Return what the customer agrees to, from the overrun terms of the snapshot."""
    first = f"I authorize {shop} to do the jobs I approved."
    terms = OverrunTerms.read(paper["terms"]["overrun"])
    if terms is None:
        return f"{first} I am asked again before it costs more."
    return f"{first} If they turn out to cost over {_overrun(terms)}, I am asked again first."


def _overrun(terms: OverrunTerms) -> str:
    amount = money(terms.amount) if terms.amount is not None else ""
    percent = f"{_short(format_percent(terms.percent))} %" if terms.percent is not None else ""
    words = f"{amount} or {percent} more" if amount and percent else f"{amount or percent} more"
    if terms.basis == OverrunBasis.NET:
        words += " before tax"
    if amount and percent:
        words += ", whichever is greater" if terms.choose == OverrunChoice.GREATER else ", whichever is less"
    if terms.cap is not None:
        words += f", but at most {money(terms.cap)}"
    return words


def _short(percent: str) -> str:
    return percent.removesuffix(".00")
