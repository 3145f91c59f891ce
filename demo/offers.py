"""Load the plans and five offers: the printed one, one for all tiers, one for a tier, one for a make, one expired."""

from __future__ import annotations

from decimal import Decimal

from demo.calendar import Calendar
from demo.garage import Garage
from memberships.models import Offer, OfferMake, Plan, Tier

# tier: (name, price per month, features)
_PLANS = {
    Tier.BASIC: ("Basic", "19.00", ["Two oil changes a year", "Tire rotation", "Digital service history"]),
    Tier.PLUS: (
        "Plus",
        "39.00",
        ["Everything in Basic", "Four oil changes a year", "Brake inspection", "10% off parts"],
    ),
    Tier.PREMIUM: (
        "Premium",
        "79.00",
        ["Everything in Plus", "Pick-up and delivery", "Loaner car", "20% off parts and labor"],
    ),
}
# What the features above say of prices, in percent.
_DISCOUNTS = {Tier.PLUS: {"off_parts": "10"}, Tier.PREMIUM: {"off_parts": "20", "off_labour": "20"}}


def load_plans() -> dict[Tier, Plan]:
    return {
        tier: Plan.objects.create(
            name=name,
            tier=tier,
            price=Decimal(price),
            features="\n".join(features),
            **{column: Decimal(percent) for column, percent in _DISCOUNTS.get(tier, {}).items()},
        )
        for tier, (name, price, features) in _PLANS.items()
    }


def load_offers(calendar: Calendar, garage: Garage) -> None:
    spring = _offer(
        calendar,
        ends=60,
        title="Spring Maintenance Special",
        description="20% off all maintenance services",
        off_labour=Decimal(20),
        for_basic=True,
        for_plus=True,
    )
    spring.locations.set([garage.location])
    _offer(
        calendar,
        ends=25,
        title="Free Brake Check",
        description="We measure pads and rotors while you wait",
        off_amount=Decimal(15),
    )
    _offer(
        calendar,
        ends=90,
        title="Detailing on the House",
        description="Inside and out, once a quarter",
        for_premium=True,
    )
    boxer = _offer(
        calendar,
        ends=45,
        title="Subaru Timing Belt Week",
        description="Timing belt and water pump at a fixed price",
        year_from=2010,
        for_plus=True,
        for_premium=True,
    )
    OfferMake.objects.create(offer=boxer, make="Subaru")
    _offer(
        calendar,
        ends=-20,
        title="Back to School Inspection",
        description="State inspection for half the price",
    )


def _offer(calendar: Calendar, *, ends: int, **fields: object) -> Offer:
    expiry = calendar.end_of_day(ends)
    return Offer.objects.create(
        terms=f"Valid until {expiry:%B} {expiry.day}, {expiry.year}",
        expiry=expiry,
        created_at=calendar.ago(90),
        **fields,
    )
