"""The prices that an order takes from its location when it is made, and keeps (docs/design, D76).

An order stores the rules as values. A rule that changes later touches no order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from appointments.models import Location
from common.domain.types import Json
from customers.models import Customer
from repair_orders.models import every_kind
from repair_orders.money import Totals
from repair_orders.pricing.models import OverrunBasis
from repair_orders.pricing.queries import find_fee_rules, get_overrun_policy, get_tax_terms


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """A fee rule as an order has taken it. `parts` are the ids of the parts whose pieces are counted."""

    name: str
    kind: str
    percent: Decimal | None
    amount: Decimal | None
    cap: Decimal | None
    taxable: bool
    parts: tuple[int, ...] = ()

    @classmethod
    def read(cls, stored: Json) -> FeeTerms:
        return cls(
            stored["name"],
            stored["kind"],
            _decimal(stored["percent"]),
            _decimal(stored["amount"]),
            _decimal(stored["cap"]),
            stored["taxable"],
            tuple(stored["parts"]),
        )


@dataclass(frozen=True, slots=True)
class OverrunTerms:
    """An overrun policy as an order has taken it."""

    percent: Decimal | None
    amount: Decimal | None
    choose: str
    cap: Decimal | None
    basis: str

    @classmethod
    def read(cls, stored: Json | None) -> OverrunTerms | None:
        if stored is None:
            return None
        numbers = (_decimal(stored[name]) for name in ("percent", "amount", "cap"))
        percent, amount, cap = numbers
        return cls(percent, amount, stored["choose"], cap, stored["basis"])


def take_prices(*, location: Location | None, customer: Customer, day: date) -> Json:
    """Return the columns of an order that are taken from its location on that local day.

    They are the tax rate with the certificate of an exemption, the kinds of lines that are taxed, the fee rules and the
    overrun policy. An order without a location has no tax, no fees and no overrun.
    """
    if location is None:
        return {
            "tax_percent": Decimal(0),
            "tax_exemption": "",
            "taxed_kinds": every_kind(),
            "fee_terms": [],
            "overrun_terms": None,
        }
    tax = get_tax_terms(customer=customer, location=location, day=day)
    return {
        "tax_percent": tax.percent,
        "tax_exemption": tax.exemption.number if tax.exemption else "",
        "taxed_kinds": tax.kinds,
        "fee_terms": [
            {
                "name": rule.name,
                "kind": rule.kind,
                "percent": _text(rule.percent),
                "amount": _text(rule.amount),
                "cap": _text(rule.cap),
                "taxable": rule.taxable and tax.taxes_fees,
                "parts": sorted(part.pk for part in rule.parts.all()),
            }
            for rule in find_fee_rules(location)
        ],
        "overrun_terms": _overrun(location),
    }


def figure_of(figures: Totals, basis: str) -> Decimal:
    """Return the figure that a ceiling with this basis holds, in dollars: the total, or the subtotal less discount."""
    return figures.net if basis == OverrunBasis.NET else figures.total


def read_fees(stored: Iterable[Json]) -> tuple[FeeTerms, ...]:
    return tuple(FeeTerms.read(terms) for terms in stored)


def _overrun(location: Location) -> Json | None:
    policy = get_overrun_policy(location)
    if policy is None:
        return None
    return {
        "percent": _text(policy.percent),
        "amount": _text(policy.amount),
        "choose": policy.choose,
        "cap": _text(policy.cap),
        "basis": policy.basis,
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
