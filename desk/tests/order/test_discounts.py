"""Discounts of a plan, an offer and points on the page *Order*."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.referrals import book_points
from repair_orders.models import OrderDiscount
from testing import factories
from testing.worked_example import add_brakes, new_order, reload

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def order(alice):
    factories.MembershipFactory(user=alice.contact, plan=factories.PlanFactory(name="Plus", off_labour=D(10)))
    book_points(user_id=alice.contact_id, points=500, reason="Test", now=timezone.now())
    made = new_order(vehicle=factories.VehicleFactory(customer=alice), discount_percent=D(0))
    add_brakes(made)
    return reload(made)


def given(order):
    rows = OrderDiscount.objects.filter(repair_order=order).order_by("id")
    return list(rows.values_list("kind", "name", "amount"))


def test_page_names_the_discount_in_the_totals(at_desk, order):
    discount = OrderDiscount.objects.get()
    page = at_desk(order).show()
    assert "Membership Plus −23.39" in page.text
    assert f"step:take-off:{discount.pk}" in page.buttons


def test_offer_is_redeemed(at_desk, order, advisor):
    offer = factories.OfferFactory(title="Spring", off_amount=D(20), combines=True)
    factories.OfferFactory(title="Nothing off")
    page = at_desk(order).show(step="discount")
    assert "Offer Spring" in page.text
    assert "Nothing off" not in page.text
    page.send(what=f"offer:{offer.pk}")
    assert page.told == ["Offer Spring: $20.00 off."]
    assert given(order)[1:] == [("offer", "Offer Spring", D("20.00"))]
    assert OrderDiscount.objects.get(kind="offer").given_by == advisor


def test_points_are_spent_and_given_back(at_desk, order, alice):
    page = at_desk(order).step("discount", what="points", points="300")
    assert page.told == ["300 points: $3.00 off."]
    assert User.objects.get(pk=alice.contact_id).rewards_balance == 200
    points = OrderDiscount.objects.get(kind="points")
    page.step("take-off", of=str(points.pk))
    assert page.told == ["Taken off: 300 points."]
    assert User.objects.get(pk=alice.contact_id).rewards_balance == 500


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"what": "points"}, "Enter the number of points."),
        ({"what": "points", "points": "501"}, "The balance has fewer points than this entry takes away."),
        ({}, "This field is required."),
        ({"what": "offer:999"}, "Select a valid choice. offer:999 is not one of the available choices."),
    ],
)
def test_refusals_change_nothing(at_desk, order, answers, error):
    before = given(order)
    page = at_desk(order).step("discount", **answers)
    assert error in page.text
    assert (given(order), reload(order).version) == (before, order.version)


def test_plan_that_was_taken_off_can_be_given_again(at_desk, order):
    page = at_desk(order).step("take-off", of=str(OrderDiscount.objects.get().pk))
    assert given(order) == []
    page.step("discount", what="plan")
    assert page.told == ["Membership Plus: $23.39 off."]
    assert given(order) == [("plan", "Membership Plus", D("23.39"))]


def test_unknown_discount_is_404(at_desk, order):
    assert at_desk(order).show(step="take-off", of="999").response.status_code == 404


def test_history_tells_it(at_desk, order):
    page = at_desk(order).step("take-off", of=str(OrderDiscount.objects.get().pk))
    assert "Discount taken off : Membership Plus" in page.text  # the first words are bold
