"""Plans, offers and points on repair orders: what is given, refused and given back. Figures are computed by hand.

The brakes of the worked example cost 480.40 and a fee of 22.97. 10 % of their labour, 233.91, is 23.39. Shared over the
lines, 22.41 of it are taxed. So net is 479.98, the tax 8.875 % of 459.96 = 40.82, and the total 520.80.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import RewardEntry, User
from accounts.referrals import NotEnoughPoints, book_points
from billing.invoices import issue_invoice
from common.domain.errors import DomainError
from memberships.actions import cancel
from memberships.discounts import (
    NoContact,
    NoPlanDiscount,
    OfferNotValid,
    TooManyPoints,
    explain_refusals,
    find_offers,
    give_plan,
    most_points,
    redeem_offer,
    spend_points,
)
from repair_orders import actions
from repair_orders.changes import OverCeiling
from repair_orders.discounts.actions import DiscountGiven, DiscountNotFound, take_off
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import Answer
from repair_orders.jobs import LinesAreFixed
from repair_orders.models import OrderDiscount, RepairOrder
from repair_orders.queries import totals_of
from repair_orders.worksheet import Worksheet
from testing import factories
from testing.storms import parallel
from testing.worked_example import add_brakes, add_oil, answer, new_order, priced_location, reload

pytestmark = pytest.mark.django_db
D = Decimal
LABOUR = {"off_labour": D(10)}


def order_of(customer, **terms):
    vehicle = factories.VehicleFactory(customer=customer)
    return new_order(vehicle=vehicle, **{"discount_percent": D(0), **terms})


def brakes_of(customer, **terms):
    order = order_of(customer, **terms)
    add_brakes(order)
    return reload(order)


def join(customer, **terms):
    return factories.MembershipFactory(
        user=customer.contact, plan=factories.PlanFactory(name="Plus", **terms)
    )


def who():
    return {"by": None, "now": timezone.now()}


def rows(order):
    return [
        (row.kind, row.name, row.amount, row.points, row.released_at is not None)
        for row in OrderDiscount.objects.filter(repair_order=order).order_by("id")
    ]


def balance(customer):
    return User.objects.get(pk=customer.contact_id).rewards_balance


def earn(customer, points):
    book_points(user_id=customer.contact_id, points=points, reason="Test", now=timezone.now())


def send(order):
    estimates.send_estimate(order=order, **who())
    return reload(order)


class TestPlan:
    def test_new_order_of_a_member_takes_it(self, alice):
        membership = join(alice, **LABOUR)
        order = brakes_of(alice)
        assert rows(order) == [("plan", "Membership Plus", D("23.39"), None, False)]
        found = totals_of(order)
        assert (found.subtotal, found.discount, found.net, found.tax, found.total) == (
            D("503.37"), D("23.39"), D("479.98"), D("40.82"), D("520.80"),
        )  # fmt: skip
        assert (order.discount_amount, order.given_discount) == (D("0.00"), D("23.39"))
        assert OrderDiscount.objects.get().source_id == membership.plan_id

    def test_it_is_added_to_the_discount_of_the_shop(self, alice):
        join(alice, **LABOUR)
        assert totals_of(brakes_of(alice, discount_percent=D(10))).discount == D("50.34") + D("23.39")

    def test_order_keeps_it_when_plan_and_membership_end(self, alice):
        membership = join(alice, **LABOUR)
        order = order_of(alice)
        membership.plan.off_labour = D(50)
        membership.plan.save()
        cancel(membership=membership, by=None, now=timezone.now())
        add_brakes(order)
        assert totals_of(reload(order)).discount == D("23.39")

    @pytest.mark.parametrize("case", ["no member", "no discount", "over"])
    def test_no_row_without_a_discount(self, alice, now, case):
        if case == "no discount":
            join(alice)
        elif case == "over":
            membership = join(alice, **LABOUR)
            membership.started_at, membership.ends_at = now - timedelta(days=31), now
            membership.save()
        order = brakes_of(alice)
        assert (rows(order), order.given_discount) == ([], None)
        with pytest.raises(NoPlanDiscount) as refused:
            give_plan(order=order, **who())
        reason = (
            "The plan Plus has no discount."
            if case == "no discount"
            else "The customer's contact is not a member."
        )
        assert refused.value.text == reason
        assert reason in [row.reason for row in explain_refusals(order, now=timezone.now())]

    def test_taken_off_and_given_again_but_never_twice(self, alice):
        join(alice, **LABOUR)
        order = brakes_of(alice)
        with pytest.raises(DiscountGiven):
            give_plan(order=order, **who())
        version = reload(order).version
        take_off(order=order, discount_id=OrderDiscount.objects.get().pk, **who())
        assert (rows(order), reload(order).given_discount, reload(order).version) == ([], None, version + 1)
        assert totals_of(reload(order)).total == D("546.18")
        give_plan(order=order, **who())
        assert totals_of(reload(order)).total == D("520.80")
        history = [row.history_change_reason for row in order.history.order_by("history_id")]
        assert history[-2:] == ["discount taken off: Membership Plus", "discount given: Membership Plus"]

    def test_named_jobs_are_those_copied_from_the_canned_job(self, alice):
        canned = factories.CannedJobFactory()
        plan = join(alice, off_jobs=D(50)).plan
        plan.discounted_jobs.add(canned)
        order = order_of(alice)
        job = add_brakes(order)
        type(job).objects.filter(pk=job.pk).update(canned_job=canned)
        add_oil(order)
        # 50 % of 225.49 + 233.91
        assert totals_of(reload(order)).discount == D("229.70")

    def test_copy_takes_the_plan_of_today_and_no_offer(self, alice):
        join(alice, **LABOUR)
        order = brakes_of(alice)
        redeem_offer(order=order, offer=factories.OfferFactory(off_amount=D(5), combines=True), **who())
        copied = actions.copy_order(order=reload(order), **who())
        assert rows(copied) == [("plan", "Membership Plus", D("23.39"), None, False)]
        assert (copied.discount_amount, totals_of(reload(copied)).discount) == (D("0.00"), D("23.39"))


class TestEstimate:
    """A revision keeps its discounts, and a choice of its jobs has those of exactly these jobs."""

    def test_choice_has_the_discount_of_its_jobs(self, alice):
        join(alice, **LABOUR)
        order = order_of(alice)
        brakes, oil = add_brakes(order), add_oil(order)
        order = send(order)
        sent = order.estimates.get()
        # 10 % of 233.91 + 97.46
        assert sent.snapshot["discounts"] == [{"kind": "plan", "name": "Membership Plus", "amount": "33.14"}]
        assert sent.snapshot["totals"]["discount"] == "33.14"
        sheet = Worksheet.from_snapshot(sent.snapshot)
        assert sheet.figures({brakes.pk}).totals.total == D("520.80")
        given = answer(order, {brakes: Answer.APPROVED, oil: Answer.DECLINED})
        assert (given.total, reload(order).ceiling) == (D("520.80"), D("520.80"))
        assert rows(order) == [("plan", "Membership Plus", D("23.39"), None, False)]

    def test_discount_after_sending_asks_for_a_new_answer(self, alice):
        order = send(brakes_of(alice))
        join(alice, **LABOUR)
        give_plan(order=order, **who())
        with pytest.raises(estimates.EstimateChanged):
            estimates.approve(order=reload(order), **who())


class TestCeiling:
    @pytest.fixture
    def approved(self, alice):
        order = send(brakes_of(alice))
        estimates.approve(order=order, **who())
        return reload(order)

    def test_discount_never_raises_what_is_owed(self, approved, alice):
        join(alice, **LABOUR)
        assert (approved.work_amount, approved.ceiling) == (D("546.18"), D("546.18"))
        give_plan(order=approved, **who())
        assert (reload(approved).work_amount, reload(approved).ceiling) == (D("520.80"), D("546.18"))

    def test_taking_off_what_was_authorised_with_it_is_refused(self, alice):
        earn(alice, 500)
        order = brakes_of(alice)
        discount = spend_points(order=order, points=500, **who())
        estimates.approve(order=send(order), **who())
        before, total = rows(order), reload(order).work_amount
        with pytest.raises(OverCeiling):
            take_off(order=reload(order), discount_id=discount.pk, **who())
        assert (rows(order), reload(order).work_amount, balance(alice)) == (before, total, 0)


class TestOffer:
    def test_fixed_amount_and_percent(self, alice):
        order = brakes_of(alice)
        redeem_offer(
            order=order,
            offer=factories.OfferFactory(title="Spring", off_amount=D(20), off_parts=D(10)),
            **who(),
        )
        # 20.00 + 10 % of 225.49
        assert rows(order) == [("offer", "Offer Spring", D("42.55"), None, False)]

    def test_larger_one_counts_where_they_do_not_combine(self, alice):
        join(alice, **LABOUR)
        order = brakes_of(alice)
        redeem_offer(order=order, offer=factories.OfferFactory(title="Spring", off_amount=D(30)), **who())
        assert [row[:3] for row in rows(order)] == [
            ("plan", "Membership Plus", D("0.00")),
            ("offer", "Offer Spring", D("30.00")),
        ]
        assert totals_of(reload(order)).discount == D("30.00")

    @pytest.mark.parametrize(
        "offer",
        [
            {"expiry": timezone.now() - timedelta(seconds=1)},
            {"is_active": False},
            {"for_premium": True},
            {"makes": ["Subaru"]},
            {"year_to": 1990},
        ],
    )
    def test_invalid_offer_is_refused(self, alice, offer):
        join(alice)
        order = brakes_of(alice)
        invalid = factories.OfferFactory(off_amount=D(20), **offer)
        with pytest.raises(OfferNotValid) as refused:
            redeem_offer(order=order, offer=invalid, **who())
        assert refused.value.text == "The offer is not valid for this customer, vehicle, location and day."
        assert (rows(order), list(find_offers(order, timezone.now()))) == ([], [])

    def test_offer_of_another_location_or_without_a_discount_is_refused(self, alice):
        order = brakes_of(alice)
        elsewhere = factories.OfferFactory(off_amount=D(20), locations=[priced_location()])
        with pytest.raises(OfferNotValid):
            redeem_offer(order=order, offer=elsewhere, **who())
        with pytest.raises(OfferNotValid) as refused:
            redeem_offer(order=order, offer=factories.OfferFactory(), **who())
        assert refused.value.text == "This offer has no discount."

    def test_customer_redeems_it_once(self, alice, bob):
        offer = factories.OfferFactory(off_amount=D(20))
        first, second = brakes_of(alice), brakes_of(alice)
        redeem_offer(order=first, offer=offer, **who())
        with pytest.raises(OfferNotValid) as refused:
            redeem_offer(order=second, offer=offer, **who())
        assert refused.value.text == f"The customer has redeemed this offer on repair order {first.pk}."
        with pytest.raises(DiscountGiven):
            redeem_offer(order=first, offer=offer, **who())
        redeem_offer(order=brakes_of(bob), offer=offer, **who())

    def test_denied_order_frees_it(self, alice):
        offer = factories.OfferFactory(title="Spring", off_amount=D(20))
        first, second = brakes_of(alice), brakes_of(alice)
        redeem_offer(order=first, offer=offer, **who())
        estimates.deny(order=reload(first), reason="", **who())
        assert rows(first) == [("offer", "Offer Spring", D("20.00"), None, True)]
        redeem_offer(order=second, offer=offer, **who())


class TestPoints:
    def test_spent_through_the_ledger(self, alice):
        earn(alice, 500)
        order = brakes_of(alice)
        spend_points(order=order, points=300, **who())
        assert rows(order) == [("points", "300 points", D("3.00"), 300, False)]
        assert balance(alice) == 200
        spent = RewardEntry.objects.latest("id")
        assert (spent.points, spent.reason) == (-300, f"Spent on repair order {order.pk}")

    def test_worth_of_a_point_is_a_setting(self, alice, settings):
        settings.POINT_CENTS = 5
        earn(alice, 500)
        order = brakes_of(alice)
        spend_points(order=order, points=300, **who())
        assert rows(order)[0][2] == D("15.00")

    def test_more_than_the_balance_is_refused_and_changes_nothing(self, alice):
        earn(alice, 299)
        order = brakes_of(alice)
        with pytest.raises(NotEnoughPoints):
            spend_points(order=order, points=300, **who())
        assert (rows(order), reload(order).given_discount, balance(alice)) == ([], None, 299)

    def test_more_than_the_order_takes_is_refused(self, alice):
        earn(alice, 100_000)
        order = brakes_of(alice)
        assert most_points(order) == 503_37
        with pytest.raises(TooManyPoints) as refused:
            spend_points(order=order, points=503_38, **who())
        assert (refused.value.text, refused.value.facts) == (
            "The order takes at most 50337 points.",
            {"most": 50337},
        )
        assert balance(alice) == 100_000
        spend_points(order=order, points=503_37, **who())
        assert totals_of(reload(order)).total == D("0.00")

    def test_second_time_on_one_order_is_refused(self, alice):
        earn(alice, 500)
        order = brakes_of(alice)
        spend_points(order=order, points=100, **who())
        with pytest.raises(DiscountGiven):
            spend_points(order=order, points=100, **who())
        assert balance(alice) == 400

    def test_former_customer_has_none(self, alice):
        order = brakes_of(alice)
        alice.contact = None
        alice.save()
        with pytest.raises(NoContact):
            spend_points(order=reload(order), points=1, **who())

    @pytest.mark.parametrize("end", ["take_off", "deny", "stop"])
    def test_given_back(self, alice, end):
        earn(alice, 500)
        order = brakes_of(alice)
        discount = spend_points(order=order, points=300, **who())
        if end == "take_off":
            take_off(order=order, discount_id=discount.pk, **who())
        elif end == "deny":
            estimates.deny(order=send(order), reason="", **who())
        else:
            estimates.approve(order=send(order), **who())
            actions.stop(order=reload(order), reason="Sold", **who())
        assert balance(alice) == 500
        assert RewardEntry.objects.latest("id").reason == f"Back from repair order {order.pk}"
        assert rows(order) == ([] if end == "take_off" else [("points", "300 points", D("3.00"), 300, True)])

    def test_completed_order_gives_back_what_it_did_not_take(self, alice, settings):
        settings.POINT_CENTS = 7
        earn(alice, 10_000)
        order = order_of(alice)
        brakes, oil = add_brakes(order), add_oil(order)
        # 9,000 points are 630.00. Only the oil, 150.41 and a fee of 7.52, is done: 157.93 are 2,256.14 points.
        spend_points(order=order, points=9_000, **who())
        answer(send(order), {brakes: Answer.DECLINED, oil: Answer.APPROVED})
        actions.start(order=reload(order), **who())
        actions.complete(order=reload(order), **who())
        assert rows(order) == [("points", "2257 points", D("157.93"), 2257, False)]
        assert balance(alice) == 10_000 - 2257
        assert reload(order).total_cost == D("0.00")

    def test_fixed_once_completed(self, alice):
        earn(alice, 500)
        order = brakes_of(alice)
        discount = spend_points(order=order, points=300, **who())
        estimates.approve(order=send(order), **who())
        actions.start(order=reload(order), **who())
        actions.complete(order=reload(order), **who())
        for call in (
            lambda: take_off(order=reload(order), discount_id=discount.pk, **who()),
            lambda: redeem_offer(order=reload(order), offer=factories.OfferFactory(off_amount=D(1)), **who()),
        ):
            with pytest.raises(LinesAreFixed):
                call()
        assert balance(alice) == 200

    def test_discount_of_another_order_is_not_found(self, alice, bob):
        earn(bob, 500)
        discount = spend_points(order=brakes_of(bob), points=300, **who())
        with pytest.raises(DiscountNotFound):
            take_off(order=brakes_of(alice), discount_id=discount.pk, **who())
        assert balance(bob) == 200


def test_invoice_names_each_discount_and_adds_up(alice):
    join(alice, **LABOUR)
    earn(alice, 500)
    order = brakes_of(alice, discount_amount=D("7.00"))
    spend_points(order=order, points=500, **who())
    estimates.approve(order=send(order), **who())
    actions.start(order=reload(order), **who())
    actions.complete(order=reload(order), **who())
    invoice = issue_invoice(order=reload(order), **who())
    assert invoice.snapshot["discounts"] == [
        {"kind": "plan", "name": "Membership Plus", "amount": "23.39"},
        {"kind": "points", "name": "500 points", "amount": "5.00"},
    ]
    assert (invoice.discount, invoice.total) == (D("35.39"), reload(order).total_cost)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_points_cannot_be_spent_twice(self, alice):
        earn(alice, 500)
        orders = [brakes_of(alice) for _ in range(4)]

        def spend(number):
            return spend_points(order=reload(orders[number % 4]), points=200, **who()).points

        outcomes = parallel(8, spend)
        assert outcomes.count(200) == 2
        assert all(outcome == 200 or isinstance(outcome, DomainError) for outcome in outcomes)
        assert balance(alice) == 100
        assert sum(RewardEntry.objects.values_list("points", flat=True)) == 100
        assert OrderDiscount.objects.count() == 2

    def test_offer_is_redeemed_once(self, alice):
        offer = factories.OfferFactory(off_amount=D(20))
        orders = [brakes_of(alice) for _ in range(4)]
        outcomes = parallel(8, lambda n: redeem_offer(order=reload(orders[n % 4]), offer=offer, **who()).kind)
        assert outcomes.count("offer") == 1
        assert RepairOrder.objects.filter(given_discount=D("20.00")).count() == 1
