"""What approved work may come to without a further answer, to the cent and through every door."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from repair_orders import actions, jobs
from repair_orders.changes import OverCeiling, changing
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import AddedTax
from repair_orders.models import PartLine, RepairOrder
from repair_orders.pricing.models import TaxExemption, TaxRule
from testing.factories import (
    LocationFactory,
    OverrunPolicyFactory,
    PartFactory,
    TaxExemptionFactory,
    TaxRuleFactory,
)
from testing.storms import parallel
from testing.worked_example import (
    TEN_PERCENT,
    add_part,
    authorised,
    fresh,
    given,
    new_order,
    priced_location,
    reload,
    started,
)

D = Decimal
# The table of the design: what was authorised, and the ceiling under each policy.
POLICIES = {
    "greater of 10.00 / 10 %, at most 50.00": {
        "percent": D(10), "amount": D(10), "choose": "greater", "cap": D(50),
    },
    "lesser of 10.00 / 10 %": {"percent": D(10), "amount": D(10), "choose": "lesser"},
    "lesser of 25.00 / 10 %": {"percent": D(10), "amount": D(25), "choose": "lesser"},
    "10 %": {"percent": D(10)},
    "none": None,
}  # fmt: skip
CEILINGS = """
80.00    90.00    88.00    88.00    88.00    80.00
100.00   110.00   110.00   110.00   110.00   100.00
300.00   330.00   310.00   325.00   330.00   300.00
499.00   548.90   509.00   524.00   548.90   499.00
501.00   551.00   511.00   526.00   551.10   501.00
1000.00  1050.00  1010.00  1025.00  1100.00  1000.00
"""
ROWS = [line.split() for line in CEILINGS.strip().splitlines()]
CASES = [
    pytest.param(POLICIES[name], authorised, ceiling, id=f"{name}, {authorised}")
    for authorised, *row in ROWS
    for name, ceiling in zip(POLICIES, row, strict=True)
]
# A row below and one above the place where the amount, the percent and the cap change over.
NET_CASES = [case for case in CASES if case.values[0] and case.values[1] in ("80.00", "501.00")]
CENT = D("0.01")


def agreed(price, policy=None, *, location=None, **terms):
    """Return an order in progress whose one job, a part at `price`, was approved, and the job."""
    location = location or LocationFactory()
    if policy:
        OverrunPolicyFactory(location=location, **{"percent": None, **policy})
    order = new_order(location=location, **{"discount_percent": D(0), **terms})
    job = jobs.add_job(order=order, name="Brakes")
    add_part(job, "1", price)
    now = timezone.now()
    estimates.send_estimate(order=reload(order), by=None, now=now)
    order = reload(order)
    estimates.approve(order=order, by=None, now=now)
    actions.start(order=order, by=None, now=now)
    return reload(order), job


@pytest.mark.django_db
def test_work_that_is_not_done_after_all_counts_as_approved():
    order, job = agreed("100.00")
    actions.finish_job(job=fresh(job), by=None, now=timezone.now())
    actions.unfinish_job(job=fresh(job), by=None, now=timezone.now())
    order = reload(order)
    assert (order.work_amount, order.ceiling) == (D("100.00"), D("100.00"))
    with pytest.raises(OverCeiling):
        jobs.change_line(line=the_line(job), given=given(), quantity=D(2))


def the_line(job):
    return job.part_lines.select_related("repair_order", "job").get()


@pytest.mark.django_db
class TestTable:
    @pytest.mark.parametrize(("policy", "authorised", "ceiling"), CASES)
    def test_edge_to_the_cent(self, policy, authorised, ceiling):
        """The work may come to 2 and 1 cents less than the ceiling and to the ceiling, and to no cent more."""
        order, job = agreed(authorised, policy)
        assert (order.authorised_total, order.ceiling) == (D(authorised), D(ceiling))
        room = D(ceiling) - D(authorised)
        for cents in (2, 1):  # one more line
            with pytest.raises(OverCeiling) as error:
                add_part(job, "1", room + D(cents).scaleb(-2))
            assert error.value.facts == {
                "ceiling": ceiling,
                "attempted": str(D(ceiling) + D(cents).scaleb(-2)),
                "delta": f"0.0{cents}",
            }
            with pytest.raises(OverCeiling):  # or a dearer one
                jobs.change_line(
                    line=the_line(job), given=given(), unit_price=D(ceiling) + D(cents).scaleb(-2)
                )
        assert (reload(order).work_amount, the_line(job).unit_price) == (D(authorised), D(authorised))
        for cents in (-2, -1, 0):
            price = D(ceiling) + D(cents).scaleb(-2)
            jobs.change_line(line=the_line(job), given=given(), unit_price=price)
            assert reload(order).work_amount == price
        with pytest.raises(OverCeiling):
            add_part(job, "1", "0.01")

    @pytest.mark.parametrize(("policy", "authorised", "ceiling"), CASES)
    def test_completion_to_the_cent(self, policy, authorised, ceiling, now):
        """An order completes up to its ceiling. One cent more, written past the actions, is refused."""
        order, _ = agreed(authorised, policy)
        assert (order.authorised_total, order.ceiling) == (D(authorised), D(ceiling))
        for cents in (-1, 0):
            total = D(ceiling) + D(cents).scaleb(-2)
            assert completed_at(order, total, now) == ("completed", total, total)
        assert refused_at(order, D(ceiling) + CENT, now) == {
            "ceiling": ceiling,
            "attempted": str(D(ceiling) + CENT),
            "delta": "0.01",
        }

    @pytest.mark.parametrize(("policy", "authorised", "ceiling"), NET_CASES)
    def test_completion_to_the_cent_of_the_net(self, policy, authorised, ceiling, now):
        """The same amounts are net where the policy says so. Tax of 8 % comes on top of the ceiling."""
        location = LocationFactory()
        TaxRuleFactory(location=location, percent=D(8))
        order, _ = agreed(authorised, policy | {"basis": "NET"}, location=location)
        assert (order.authorised_net, order.ceiling) == (D(authorised), D(ceiling))
        for cents in (-1, 0):
            net = D(ceiling) + D(cents).scaleb(-2)
            total = net + (net * 8 / 100).quantize(CENT, ROUND_HALF_UP)
            assert completed_at(order, net, now) == ("completed", net, total)
        assert refused_at(order, D(ceiling) + CENT, now) == {
            "ceiling": ceiling,
            "attempted": str(D(ceiling) + CENT),
            "delta": "0.01",
        }


def completed_at(order, price, now):
    """Complete the order with its one line at `price`. Return its status, work and total, and take all of it back."""
    with transaction.atomic():
        PartLine.objects.filter(repair_order=order).update(amount=price, unit_price=price)
        actions.complete(order=reload(order), by=None, now=now)
        done = reload(order)
        transaction.set_rollback(True)
    return done.status, done.work_amount, done.total_cost


def refused_at(order, price, now):
    """Try to complete the order with its one line at `price`. Return the facts, after nothing has changed."""
    PartLine.objects.filter(repair_order=order).update(amount=price, unit_price=price)
    before = RepairOrder.objects.values().get(pk=order.pk), list(order.jobs.values()), order.history.count()
    with pytest.raises(OverCeiling) as error:
        actions.complete(order=reload(order), by=None, now=now)
    after = RepairOrder.objects.values().get(pk=order.pk), list(order.jobs.values()), order.history.count()
    assert after == before
    return error.value.facts


@pytest.mark.django_db
class TestDoors:
    """Each change that raises what the approved jobs come to."""

    @pytest.mark.parametrize(("discount", "fits"), [("0.00", False), ("0.01", False), ("0.02", True)])
    def test_discount(self, discount, fits):
        """100.00 less 5.00 was authorised with 5.24 of room: at 0.02 of discount 99.98 is the ceiling."""
        order, _ = agreed("100.00", {"amount": D("4.98")}, discount_amount=D("5.00"))
        if fits:
            actions.change_order(order=order, discount_amount=D(discount))
        else:
            with pytest.raises(OverCeiling):
                actions.change_order(order=order, discount_amount=D(discount))
        assert reload(order).discount_amount == D(discount if fits else "5.00")

    @pytest.mark.parametrize(("percent", "fits"), [("5.01", True), ("5.0149", True), ("5.015", False)])
    def test_tax(self, percent, fits):
        order, _ = agreed("100.00", {"amount": D("5.01")})
        if fits:
            actions.change_order(order=order, tax_percent=D(percent))
        else:
            with pytest.raises(OverCeiling) as error:
                actions.change_order(order=order, tax_percent=D(percent))
            assert error.value.facts == {"ceiling": "105.01", "attempted": "105.02", "delta": "0.01"}
        assert reload(order).tax_percent == (D(percent) if fits else 0)

    def test_fee(self):
        """A part at 48.12 brings a fee of 2.41 with it, and fits. One at 48.13 does not."""
        order, brakes, _ = started(policy=TEN_PERCENT)
        with pytest.raises(OverCeiling):
            add_part(brakes, "1", "48.13")
        assert str(order.service_lines.get(kind="fee").amount) == "22.97"
        add_part(brakes, "1", "48.12")
        assert (str(order.service_lines.get(kind="fee").amount), reload(order).work_amount) == (
            "25.00",
            D("540.71"),
        )

    def test_net_is_without_tax(self):
        """Under a policy of NET tax may rise. Lines may not."""
        location = LocationFactory()
        TaxRuleFactory(location=location, percent=D(8))
        order, job = agreed("100.00", {"amount": D(10), "basis": "NET"}, location=location)
        assert (order.authorised_total, order.ceiling, order.work_amount) == (D("108.00"), D(110), D(100))
        actions.change_order(order=order, tax_percent=D(50))
        with pytest.raises(OverCeiling) as error:
            add_part(job, "1", "10.01")
        assert error.value.facts == {"ceiling": "110.00", "attempted": "110.01", "delta": "0.01"}
        add_part(job, "1", "10.00")

    def test_canned_job_in_one_step_and_proposed_jobs_are_free(self):
        """The ceiling is of the approved jobs. A job that is only proposed may cost anything."""
        order, _job = agreed("100.00")
        more = jobs.add_job(order=order, name="More")
        add_part(more, "1", "5000.00")
        assert (reload(order).work_amount, reload(order).ceiling) == (D(100), D(100))

    def test_complete_holds_the_ceiling(self, now):
        """Rows that were changed past the actions are refused as well."""
        order, _ = agreed("100.00")
        PartLine.objects.update(amount=D("100.01"), unit_price=D("100.01"))
        with pytest.raises(OverCeiling):
            actions.complete(order=order, by=None, now=now)
        order = reload(order)
        assert (order.status, order.total_cost, order.jobs.get().status) == ("in_progress", None, "approved")

    def test_order_is_measured_in_pending_too(self, now):
        order, job = agreed("100.00")
        more = jobs.add_job(order=reload(order), name="More")
        add_part(more, "1", "50.00")
        estimates.send_estimate(order=reload(order), by=None, now=now)
        with pytest.raises(OverCeiling):
            add_part(job, "1", "0.01")

    def test_constraint_of_the_database(self):
        order, _ = agreed("100.00", TEN_PERCENT)
        with pytest.raises(IntegrityError, match="work_is_within_ceiling"), transaction.atomic():
            RepairOrder.objects.filter(pk=order.pk).update(work_amount=D("110.01"))
        with pytest.raises(IntegrityError, match="work_is_within_ceiling"), transaction.atomic():
            RepairOrder.objects.filter(pk=order.pk).update(ceiling=D("99.99"))
        RepairOrder.objects.filter(pk=order.pk).update(work_amount=D("110.00"))
        RepairOrder.objects.filter(pk=order.pk).update(ceiling=None, work_amount=D("99999.00"))


@pytest.mark.django_db
class TestTaxByLaw:
    """Tax that the law adds after the answer raises what was authorised, and nothing else does."""

    @pytest.fixture
    def exempt(self, now):
        location = priced_location()
        TaxRule.objects.update(percent=D(8))
        location.fee_rules.all().delete()
        order = new_order(location=location, discount_percent=D(0))
        TaxExemptionFactory(customer=order.customer, number="NY-1", valid_until=now.date())
        job = jobs.add_job(order=order, name="Brakes")
        add_part(job, "1", "100.00")
        actions.retax(order=reload(order), now=now)
        estimates.send_estimate(order=reload(order), by=None, now=now)
        order = reload(order)
        estimates.approve(order=order, by=None, now=now)
        actions.start(order=order, by=None, now=now)
        return reload(order)

    def test_valid_certificate_completes_without_tax(self, exempt, now):
        assert (exempt.tax_exemption, exempt.tax_percent, exempt.ceiling) == ("NY-1", D(0), D(100))
        actions.complete(order=exempt, by=None, now=now)
        assert exempt.total_cost == D(100)

    def test_expired_certificate_stops_the_completion(self, exempt, now):
        tomorrow = now + timedelta(days=1)
        with pytest.raises(actions.ExemptionExpired) as error:
            actions.complete(order=exempt, by=None, now=tomorrow)
        assert (error.value.facts, reload(exempt).status) == ({"tax": "8.00"}, "in_progress")
        actions.retax(order=reload(exempt), now=tomorrow)
        order = reload(exempt)
        assert (order.tax_exemption, order.tax_percent) == ("", D(8))
        assert (order.authorised_total, order.authorised_net, order.ceiling) == (D(108), D(100), D(108))
        actions.complete(order=order, by=None, now=tomorrow)
        assert order.total_cost == D(108)

    def test_new_certificate_takes_its_place(self, exempt, now):
        TaxExemptionFactory(customer=exempt.customer, number="NY-2", valid_from=date(2026, 1, 1))
        actions.complete(order=exempt, by=None, now=now + timedelta(days=1))
        assert exempt.total_cost == D(100)

    def test_certificate_that_replaces_an_expired_one_is_that_of_the_order(self, exempt, now):
        """The invoice prints the certificate of the order."""
        TaxExemptionFactory(customer=exempt.customer, number="NY-2", valid_from=date(2026, 1, 1))
        actions.complete(order=exempt, by=None, now=now + timedelta(days=1))
        order = reload(exempt)
        assert (order.tax_exemption, order.tax_percent, order.total_cost) == ("NY-2", D(0), D(100))

    def test_certificate_that_is_still_valid_stays(self, exempt, now):
        TaxExemptionFactory(customer=exempt.customer, number="NY-2", location=exempt.location)
        actions.complete(order=exempt, by=None, now=now)
        assert reload(exempt).tax_exemption == "NY-1"

    def test_expired_certificate_without_anything_to_tax_is_taken_off(self, exempt, now):
        """The order takes the rate again, so that work added after it is reopened is taxed."""
        PartLine.objects.update(taxable=False)
        actions.complete(order=exempt, by=None, now=now + timedelta(days=1))
        order = reload(exempt)
        assert (order.tax_exemption, order.tax_percent, order.total_cost) == ("", D(8), D(100))

    def test_certificate_of_another_location_does_not_help(self, exempt, now):
        TaxExemption.objects.update(location=LocationFactory())
        with pytest.raises(actions.ExemptionExpired):
            actions.complete(order=exempt, by=None, now=now)

    def test_a_changed_rule_touches_no_order(self, exempt, now):
        TaxRule.objects.update(percent=D(20))
        actions.complete(order=exempt, by=None, now=now)
        assert exempt.total_cost == D(100)

    def test_added_tax_comes_back_with_the_answer_before(self, exempt, now):
        """A further answer that is withdrawn leaves what was authorised before, with the tax that was added."""
        order = self.approved(exempt, now)
        actions.retax(order=order, now=now + timedelta(days=1))
        order = self.withdrawn(order, now)
        assert (order.authorised_total, order.authorised_net, order.ceiling) == (D(108), D(100), D(108))
        assert (order.work_amount, order.status) == (D(108), "pending")

    def test_tax_that_is_added_after_two_answers_is_that_of_each(self, exempt, now):
        order = self.approved(exempt, now)
        self.approve_more(order, now)
        order = reload(order)
        assert (order.authorised_total, order.ceiling) == (D(150), D(150))
        actions.retax(order=order, now=now + timedelta(days=1))
        order = reload(order)
        assert (order.authorised_total, order.ceiling, order.work_amount) == (D(162), D(162), D(162))
        added = AddedTax.objects.order_by("authorisation__estimate__revision")
        assert list(added.values_list("authorisation__estimate__revision", "amount", "at")) == [
            (1, D(8), now + timedelta(days=1)),
            (2, D(12), now + timedelta(days=1)),
        ]
        estimates.withdraw(order=order, reason="Misheard", by=None, now=now)
        order = reload(order)
        assert (order.authorised_total, order.authorised_net, order.ceiling) == (D(108), D(100), D(108))

    def test_added_tax_comes_on_top_of_the_overrun(self, now):
        """10 % of 491.56 make 540.71. At 10.875 % of tax 8.68 more are owed."""
        order, _, _ = authorised(policy=TEN_PERCENT)
        self.assert_back(order, now, total=D("500.24"), ceiling=D("549.39"), work=D("500.24"))

    def test_added_tax_does_not_touch_a_ceiling_of_the_net(self, now):
        order, _, _ = authorised(policy={**TEN_PERCENT, "basis": "NET"})
        self.assert_back(order, now, total=D("500.24"), ceiling=D("498.33"), work=D("453.03"))

    def assert_back(self, order, now, **figures):
        """Assert the figures after the tax rises by 2 %, and again after a further answer was withdrawn."""
        TaxRule.objects.update(percent=D("10.875"))
        actions.retax(order=order, now=now)
        for stored in (reload(order), self.withdrawn(reload(order), now)):
            found = (stored.authorised_total, stored.ceiling, stored.work_amount)
            assert found == tuple(figures.values())

    def approved(self, exempt, now):
        """Return the exempt order as it is before its work starts."""
        RepairOrder.objects.update(status="approved", started_at=None)
        return reload(exempt)

    def approve_more(self, order, now):
        add_part(jobs.add_job(order=reload(order), name="More"), "1", "50.00")
        estimates.send_estimate(order=reload(order), by=None, now=now)
        estimates.approve(order=reload(order), by=None, now=now)

    def withdrawn(self, order, now):
        """Return the order after a further answer was given and withdrawn."""
        self.approve_more(order, now)
        estimates.withdraw(order=reload(order), reason="Misheard", by=None, now=now)
        return reload(order)

    def test_lower_tax_keeps_the_ceiling(self, now):
        order, _, _ = started(policy=TEN_PERCENT)
        TaxRule.objects.update(percent=D(0))
        actions.retax(order=order, now=now)
        order = reload(order)
        assert (order.authorised_total, order.ceiling, order.work_amount) == (
            D("491.56"),
            D("540.71"),
            D("453.03"),
        )

    def test_new_fees_do_not_raise_the_ceiling(self, now):
        order, _, _ = started(policy=None)
        order.location.fee_rules.update(cap=None, percent=D(50))
        with pytest.raises(OverCeiling):
            actions.retax(order=order, now=now)
        assert str(reload(order).ceiling) == "491.56"

    def test_new_policy_does_not_touch_an_agreed_ceiling(self, now):
        """A policy of NET that comes later must not compare the net with a ceiling of the total."""
        order, brakes, _ = started(policy=TEN_PERCENT)
        order.location.overrun_policies.update(percent=D(90), basis="NET")
        actions.retax(order=order, now=now)
        order = reload(order)
        assert (order.overrun_terms["basis"], order.ceiling) == ("TOTAL", D("540.71"))
        with pytest.raises(OverCeiling):
            add_part(brakes, "1", "48.13")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallelChanges:
    def test_fifty_changes_never_pass_the_ceiling_together(self):
        """Each of 50 lines of 1.00 fits alone. 29 of them reach the last dollar under 130.00, with the tax."""
        order, job = agreed("100.00", {"amount": D("29.99")})
        part = PartFactory(unit_price=D("1.00"))

        def add(number):
            return jobs.add_part_line(job=fresh(job), part=part, given=given()).pk

        outcomes = parallel(50, add)
        fitted = [outcome for outcome in outcomes if isinstance(outcome, int)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, OverCeiling)]
        assert (len(fitted), len(refused)) == (29, 21)
        order = reload(order)
        assert (order.work_amount, order.ceiling, job.part_lines.count()) == (D(129), D("129.99"), 30)
        assert {error.facts["attempted"] for error in refused} == {"130.00"}

    def test_fifty_changes_of_every_kind(self):
        order, job = agreed("100.00", {"amount": D("20.00")}, discount_amount=D("30.00"))
        first = the_line(job).pk

        def change(number):
            if number % 3 == 0:
                return add_part(job, "1", "7.00")
            if number % 3 == 1:
                line = PartLine.objects.select_related("repair_order", "job").get(pk=first)
                return jobs.change_line(line=line, given=given(), quantity=D("1.00") + D(number).scaleb(-2))
            return actions.change_order(order=reload(order), discount_amount=D(30 - number % 25))

        outcomes = parallel(50, change)
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [error for error in errors if not isinstance(error, OverCeiling)] == []
        with changing(reload(order)):  # what is stored fits as well
            pass
        order = reload(order)
        assert order.work_amount <= order.ceiling == D("90.00")
        assert len(errors) < 50
