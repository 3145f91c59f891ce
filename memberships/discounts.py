"""Membership reaches the price: plans, offers and points as discounts of a repair order (docs/design, D135).

The member is the contact of the customer, who is shown and billed. What each discount takes off is computed by
`repair_orders/discounts/rule.py`. This module decides whether it may be given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.referrals import book_points
from common.domain.errors import DomainError, Invalid
from common.domain.money import to_cents, to_dollars
from customers.models import Customer
from memberships.models import Offer, Plan
from memberships.queries import get_active_membership
from repair_orders.changes import lock
from repair_orders.discounts.actions import DiscountGiven, give_discount
from repair_orders.discounts.models import OrderDiscount
from repair_orders.discounts.rule import DiscountKind
from repair_orders.discounts.sources import Refusal
from repair_orders.jobs import LinesAreFixed
from repair_orders.models import OPEN_STATUSES, RepairOrder
from repair_orders.worksheet import Worksheet

_COLUMNS = ("off_parts", "off_labour", "off_jobs", "discount_cap")
_FEW = 5


class NoPlanDiscount(DomainError):
    """The customer's contact is no member, or the plan takes nothing off. The message says which."""

    code = "no_plan_discount"
    title = "No discount of a plan"


class OfferNotValid(DomainError):
    """An offer cannot be redeemed on this order. The message says why."""

    code = "offer_not_valid"
    title = "Offer is not valid"


class NoContact(DomainError):
    code = "no_contact"
    title = "No contact"
    message = "The customer has no contact, whose points could be spent."


class TooManyPoints(Invalid):
    """More points than the order can take. The fact is the most."""

    code = "too_many_points"
    title = "Too many points"

    def __init__(self, most: int) -> None:
        text = f"The order takes at most {most} points." if most else "The order has nothing to take off."
        super().__init__(text, field="points", most=most)


# --- Plans ------------------------------------------------------------------------------------------------


def take_plan(order: RepairOrder, *, now: datetime) -> list[OrderDiscount]:
    """Return the discount that a new order takes from the plan of its customer's contact."""
    plan = _plan_of(order.customer, now)
    return [_of_plan(plan)] if plan is not None and plan.has_percent else []


def give_plan(
    *, order: RepairOrder, by: int | None, now: datetime, version: int | None = None
) -> OrderDiscount:
    """Give the discount of the member's plan, as it is today, on an order that has none.

    Raises NoPlanDiscount, DiscountGiven, LinesAreFixed, StaleVersion.
    """
    plan = _plan_of(order.customer, now)
    if plan is None or not plan.has_percent:
        raise NoPlanDiscount(_no_plan(plan))
    return give_discount(order=order, discount=_of_plan(plan), by=by, now=now, version=version)


def _plan_of(customer: Customer, now: datetime) -> Plan | None:
    if customer.contact_id is None:
        return None
    membership = get_active_membership(customer.contact_id, now)
    return membership.plan if membership else None


def _no_plan(plan: Plan | None) -> str:
    return f"The plan {plan.name} has no discount." if plan else "The customer's contact is not a member."


def _of_plan(plan: Plan) -> OrderDiscount:
    return OrderDiscount(
        kind=DiscountKind.PLAN.value, source_id=plan.pk, name=f"Membership {plan.name}", **_terms(plan)
    )


def _terms(rules: Plan | Offer) -> dict[str, Any]:
    jobs = sorted(rules.discounted_jobs.values_list("pk", flat=True)) if rules.off_jobs else []
    return {name: getattr(rules, name) for name in _COLUMNS} | {"canned_jobs": jobs}


# --- Offers -----------------------------------------------------------------------------------------------


def find_offers(order: RepairOrder, now: datetime) -> QuerySet[Offer]:
    """Return the offers with a discount that are valid for the order's member, vehicle and location now."""
    offers = Offer.objects.for_member(order.customer.contact_id or 0, now).with_discount()
    offers = offers.filter(is_active=True, expiry__gt=now).for_vehicle(order.vehicle.uuid)
    if order.location is not None:
        offers = offers.valid_at(order.location.uuid)
    return offers.order_by("expiry", "id")


def redeem_offer(
    *, order: RepairOrder, offer: Offer, by: int | None, now: datetime, version: int | None = None
) -> OrderDiscount:
    """Redeem an offer on an order. A customer redeems it once, unless the order was denied or it was taken off.

    Raises OfferNotValid, DiscountGiven, LinesAreFixed, StaleVersion.
    """
    if not offer.has_discount:
        raise OfferNotValid("This offer has no discount.")
    if not find_offers(order, now).filter(pk=offer.pk).exists():
        raise OfferNotValid("The offer is not valid for this customer, vehicle, location and day.")
    discount = OrderDiscount(
        kind=DiscountKind.OFFER.value,
        source_id=offer.pk,
        name=f"Offer {offer.title}"[:200],
        off_amount=offer.off_amount,
        combines=offer.combines,
        **_terms(offer),
    )
    with transaction.atomic():
        lock(order)
        # Orders come before customers (D25). Two orders of one customer redeem an offer one after the other.
        Customer.objects.select_for_update(no_key=True).get(pk=order.customer_id)
        if elsewhere := _redeemed(order, offer):
            raise OfferNotValid(f"The customer has redeemed this offer on repair order {elsewhere}.")
        return give_discount(order=order, discount=discount, by=by, now=now, version=version)


def _redeemed(order: RepairOrder, offer: Offer) -> int | None:
    """Return the id of another order of the customer on which the offer is redeemed."""
    rows = OrderDiscount.objects.filter(
        kind=DiscountKind.OFFER.value,
        source_id=offer.pk,
        released_at=None,
        repair_order__customer=order.customer_id,
    )
    return rows.exclude(repair_order=order).values_list("repair_order_id", flat=True).first()


# --- Points -----------------------------------------------------------------------------------------------


def spend_points(
    *, order: RepairOrder, points: int, by: int | None, now: datetime, version: int | None = None
) -> OrderDiscount:
    """Spend points of the customer's contact on an order, at `POINT_CENTS` a point.

    Raises NoContact, TooManyPoints, NotEnoughPoints, DiscountGiven, LinesAreFixed, StaleVersion.
    """
    member = order.customer.contact_id
    if member is None:
        raise NoContact
    with transaction.atomic():
        lock(order)
        if order.status not in OPEN_STATUSES:
            raise LinesAreFixed
        if OrderDiscount.objects.filter(repair_order=order, kind=DiscountKind.POINTS.value).exists():
            raise DiscountGiven(DiscountKind.POINTS)
        most = most_points(order)
        if points > most:
            raise TooManyPoints(most)
        discount = OrderDiscount(
            kind=DiscountKind.POINTS.value,
            source_id=member,
            name=f"{points} points",
            points=points,
            off_amount=to_dollars(points * settings.POINT_CENTS),
        )
        given = give_discount(order=order, discount=discount, by=by, now=now, version=version)
        book_points(user_id=member, points=-points, reason=f"Spent on repair order {order.pk}", now=now)
        return given


def most_points(order: RepairOrder) -> int:
    """Return the most points that an order can take: whole ones, up to its price before tax."""
    sheet = Worksheet.of(order)
    return to_cents(sheet.figures(sheet.counted).totals.net) // int(settings.POINT_CENTS)


def give_back(discount: OrderDiscount, *, points: int, by: int | None, now: datetime) -> None:
    """Book points back to the member who spent them."""
    order = discount.repair_order_id
    book_points(user_id=discount.source_id, points=points, reason=f"Back from repair order {order}", now=now)


# --- Why not ----------------------------------------------------------------------------------------------


def explain_refusals(order: RepairOrder, *, now: datetime) -> list[Refusal]:
    """Return why an order has no discount of a plan, of an offer, or of points."""
    given = set(OrderDiscount.objects.filter(repair_order=order).values_list("kind", flat=True))
    return [Refusal(kind, reason) for kind, reason in _reasons(order, now) if kind not in given]


def _reasons(order: RepairOrder, now: datetime) -> Iterator[tuple[str, str]]:
    plan = _plan_of(order.customer, now)
    if plan is not None and plan.has_percent:
        yield DiscountKind.PLAN, f"The order did not take the discount of {plan.name}, or it was taken off."
    else:
        yield DiscountKind.PLAN, _no_plan(plan)
    offers = list(find_offers(order, now).values_list("title", flat=True)[:_FEW])
    valid = (
        f"Valid and not redeemed here: {', '.join(offers)}."
        if offers
        else "No offer with a discount is valid."
    )
    yield DiscountKind.OFFER, valid
    contact = order.customer.contact
    yield DiscountKind.POINTS, f"The contact has {contact.rewards_balance if contact else 0} points."
