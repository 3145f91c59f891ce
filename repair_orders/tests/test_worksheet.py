"""Which jobs count, and the figures of the worked example through the real actions."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal

import pytest

from repair_orders import actions, jobs
from repair_orders.changes import OverCeiling
from repair_orders.estimates import actions as estimates
from repair_orders.models import JobStatus, PartLine, RepairOrderStatus, ServiceLine
from repair_orders.queries import totals_of
from repair_orders.worksheet import SheetJob, Terms, Worksheet
from testing.factories import FeeRuleFactory, LocationFactory, TaxRuleFactory, VehicleFactory
from testing.worked_example import (
    TEN_PERCENT,
    add_labour,
    add_part,
    answer,
    authorised,
    estimated,
    fresh,
    given,
    new_order,
    reload,
    started,
)

D = Decimal

# Where a job counts. `sent`: for the shop, and for the customer once a revision has shown it. `last`: if the last
# revision showed it, or if there is none.
COUNTS = """
             proposed  approved  declined  deferred  done
requested    yes       yes       no        no        yes
pending      yes       yes       no        no        yes
approved     sent      yes       no        no        yes
in_progress  sent      yes       no        no        yes
completed    no        no        no        no        yes
denied       last      last      last      last      last
"""


def table():
    head, *rows = (line.split() for line in COUNTS.strip().splitlines())
    return {(row[0], status): cell for row in rows for status, cell in zip(head, row[1:], strict=True)}


def test_table_names_every_state():
    assert set(table()) == {(state, status) for state in RepairOrderStatus for status in JobStatus}


@pytest.mark.parametrize("last", [None, 2])
@pytest.mark.parametrize("draft", [True, False])
@pytest.mark.parametrize("sent_in", [None, 1, 2])
@pytest.mark.parametrize("state", RepairOrderStatus.values)
def test_jobs_that_count(state, sent_in, draft, last):
    """Job 9 is of the last revision, or of none."""
    revision = max(filter(None, (sent_in, last)), default=None)
    for status in JobStatus.values:
        job = SheetJob(1, status, sent_in, draft, (), ())
        other = SheetJob(9, JobStatus.PROPOSED, last, False, (), ())
        sheet = Worksheet(state, revision, Terms(0, 0, 0), (job, other))
        is_last = revision is None or sent_in == revision
        cell = table()[state, status]
        expected = {"yes": (True, True), "no": (False, False), "sent": (True, not draft)}
        counted, shown = expected.get(cell, (is_last, is_last))
        assert (1 in sheet.counted, 1 in sheet.shown) == (counted, shown), status
        assert (1 in sheet.agreed) == (status in ("approved", "done"))
        assert (1 in sheet.proposed) == (status == "proposed")


def figures(order, *choice):
    sheet = Worksheet.of(reload(order))
    return sheet.figures([job.pk for job in choice] or sheet.counted)


def text(totals):
    return " ".join(str(value) for value in asdict(totals).values())


def shown(order):
    """Return the total for the customer, from the stored flags and fees alone."""
    return str(totals_of(reload(order)).total)


@pytest.mark.django_db
class TestWorkedExample:
    def test_figures_of_each_choice(self):
        order, brakes, oil = estimated(policy=TEN_PERCENT)
        both, first, second = figures(order), figures(order, brakes), figures(order, oil)
        assert [text(found.totals) for found in (both, first, second)] == [
            "655.81 65.58 590.23 50.71 640.94",
            "503.37 50.34 453.03 38.53 491.56",
            "157.93 15.79 142.14 12.61 154.75",
        ]
        assert [[fee.cents for fee in found.fees] for found in (both, first, second)] == [
            [2500],
            [2297],
            [752],
        ]
        assert [job.cents for job in Worksheet.of(order).jobs] == [48040, 15041]

    def test_line_amounts_are_rounded_half_up(self):
        estimated()
        parts = [str(amount) for amount in PartLine.objects.order_by("id").values_list("amount", flat=True)]
        services = ServiceLine.objects.in_order().values_list("kind", "amount", "taxable")
        assert parts == ["89.99", "129.00", "6.50", "40.46", "12.49"]
        assert [(kind, str(amount), taxed) for kind, amount, taxed in services] == [
            ("labour", "233.91", True),
            ("sublet", "21.00", False),
            ("labour", "97.46", True),
            ("fee", "25.00", True),
        ]

    def test_revision_answer_and_choice(self):
        order, brakes, oil = estimated(policy=TEN_PERCENT)
        revision = order.estimates.get()
        choices = [set(), {brakes.pk}, {oil.pk}, {brakes.pk, oil.pk}]
        assert [str(estimates.get_choice(revision, choice).totals.total) for choice in choices] == [
            "0.00",
            "491.56",
            "154.75",
            "640.94",
        ]
        assert (str(revision.total), shown(order)) == ("640.94", "640.94")
        given_answer = answer(order, {brakes: "approved", oil: "declined"}, total=D("491.56"))
        assert [(str(d.amount), d.decision) for d in given_answer.decisions.order_by("id")] == [
            ("480.40", "approved"),
            ("150.41", "declined"),
        ]
        order = reload(order)
        assert (order.status, str(order.authorised_total), str(order.authorised_net), str(order.ceiling)) == (
            "approved",
            "491.56",
            "453.03",
            "540.71",
        )
        assert (shown(order), str(order.work_amount)) == ("491.56", "491.56")

    @pytest.mark.parametrize(
        ("policy", "ceiling", "delta"),
        [
            ({"percent": D(10)}, "540.71", None),
            ({"percent": D(10), "amount": D(10), "choose": "greater", "cap": D(50)}, "540.71", None),
            ({"percent": D(10), "amount": D(10), "choose": "lesser"}, "501.56", "9.29"),
            ({"percent": D(10), "amount": D(25), "choose": "lesser"}, "516.56", None),
            ({"percent": D(10), "amount": D(25), "choose": "lesser", "basis": "NET"}, "478.03", None),
            (None, "491.56", "19.29"),
        ],
    )
    def test_kit_under_each_policy(self, policy, ceiling, delta):
        order, brakes, _ = started(policy=policy)
        assert str(order.ceiling) == ceiling
        if delta:
            with pytest.raises(OverCeiling) as error:
                add_part(brakes, "1", "18.75")
            assert error.value.facts == {"ceiling": ceiling, "attempted": "510.85", "delta": delta}
            assert shown(order) == "491.56"
        else:
            add_part(brakes, "1", "18.75")
            assert text(figures(order, brakes).totals) == "523.06 52.31 470.75 40.10 510.85"
            is_net = policy.get("basis") == "NET"
            assert (shown(order), str(reload(order).work_amount)) == (
                "510.85",
                "470.75" if is_net else "510.85",
            )

    @pytest.mark.parametrize(("price", "attempted"), [("48.12", "540.71"), ("48.13", "540.72")])
    def test_last_cent_under_the_ceiling(self, price, attempted):
        order, brakes, _ = started(policy=TEN_PERCENT)
        if attempted == "540.71":
            add_part(brakes, "1", price)
        else:
            with pytest.raises(OverCeiling) as error:
                add_part(brakes, "1", price)
            assert error.value.facts == {"ceiling": "540.71", "attempted": attempted, "delta": "0.01"}
        assert shown(order) == ("540.71" if attempted == "540.71" else "491.56")

    def test_caliper_beyond_the_ceiling_changes_nothing(self):
        order, brakes, _ = started(policy=TEN_PERCENT)
        add_part(brakes, "1", "18.75")
        caliper = add_part(brakes, "1", "0.00")
        before = reload(order)
        with pytest.raises(OverCeiling):
            jobs.change_line(line=PartLine.objects.get(pk=caliper.pk), given=given(), unit_price=D("148.00"))
        jobs.remove_line_of_job(line=PartLine.objects.get(pk=caliper.pk), given=given())
        with pytest.raises(OverCeiling) as error:
            self.add_caliper(order, brakes, caliper.part)
        assert error.value.facts == {"ceiling": "540.71", "attempted": "771.55", "delta": "230.84"}
        assert shown(order) == "510.85"
        after = reload(order)
        assert (after.work_amount, after.ceiling) == (before.work_amount, before.ceiling)

    def add_caliper(self, order, job, part):
        """Add a caliper and its labor to a job in one step, as a canned job does."""
        with jobs.changing(reload(order), **given()):
            PartLine.objects.create(
                repair_order=order,
                job=job,
                part=part,
                name="Caliper",
                unit_price=D("148.00"),
                amount=D("148.00"),
                taxable=True,
            )
            ServiceLine.objects.create(
                repair_order=order,
                job=job,
                service=jobs.typed_service(),
                name="Labor",
                hours=D("0.90"),
                rate=D("129.95"),
                amount=D("116.96"),
                taxable=True,
            )

    @pytest.mark.parametrize(
        ("policy", "ceiling"),
        [
            (TEN_PERCENT, "848.70"),
            ({"percent": D(10), "amount": D(10), "choose": "greater", "cap": D(50)}, "821.55"),
        ],
    )
    def test_third_job_approved(self, policy, ceiling, alice, as_alice):
        order, brakes, _ = started(policy=policy, vehicle=VehicleFactory(customer=alice))
        caliper = self.send_caliper(order, brakes, as_alice)
        answer(order, {caliper: "approved"}, total=D("771.55"))
        order = reload(order)
        assert (order.status, str(order.authorised_total), str(order.ceiling), str(order.work_amount)) == (
            "in_progress",
            "771.55",
            ceiling,
            "771.55",
        )

    def test_third_job_declined(self, now, alice, as_alice):
        order, brakes, _ = started(policy=TEN_PERCENT, vehicle=VehicleFactory(customer=alice))
        caliper = self.send_caliper(order, brakes, as_alice)
        decided = answer(order, {caliper: "declined"}, total=D("510.85")).decisions.get()
        assert (str(decided.amount), decided.decision) == ("264.96", "declined")
        order = reload(order)
        assert (order.status, str(order.authorised_total), str(order.ceiling), shown(order)) == (
            "in_progress",
            "491.56",
            "540.71",
            "510.85",
        )
        actions.complete(order=order, by=None, now=now)
        assert (order.status, str(order.total_cost), shown(order)) == ("completed", "510.85", "510.85")

    def test_stop_before_and_after_a_job_is_done(self, now):
        order, brakes, _ = started(policy=TEN_PERCENT)
        other, done, _ = started(policy=TEN_PERCENT)
        actions.stop(order=order, reason="Too dear", by=None, now=now)
        assert (order.status, order.denial_reason, fresh(brakes).status) == (
            "denied",
            "Too dear",
            "declined",
        )
        actions.finish_job(job=fresh(done), by=None, now=now)
        with pytest.raises(actions.FinishInstead):
            actions.stop(order=other, reason="Too dear", by=None, now=now)
        actions.complete(order=reload(other), by=None, now=now)
        assert str(reload(other).total_cost) == "491.56"

    def send_caliper(self, order, brakes, client):
        """Add the kit to job 1, send the caliper as job 3, and return it. Customers see the job once it is sent."""

        def listed():
            [row] = client.get("/api/shop/repair-orders/customers/me/repair-orders/").json()["results"]
            lines = len(row["repair_order_parts"]) + len(row["repair_order_services"])
            return row["total_cost"], row["calculated_total_cost"], lines

        add_part(brakes, "1", "18.75")
        caliper = jobs.add_job(order=reload(order), name="Caliper")
        add_part(caliper, "1", "148.00")
        add_labour(caliper, "0.9")
        assert text(figures(order).totals) == "789.11 78.91 710.20 61.35 771.55"
        assert (listed(), shown(order)) == (("510.85", "510.85", 7), "510.85")
        estimates.send_estimate(order=reload(order), by=None, now=given()["now"])
        assert (listed(), shown(order)) == (("771.55", "771.55", 9), "771.55")
        return caliper


@pytest.mark.django_db
def test_flat_discount_stays_whole_whichever_jobs_are_declined():
    order, brakes, oil = estimated(discount_percent=D(0), discount_amount=D("30.00"))
    assert [str(figures(order, *choice).totals.discount) for choice in ((brakes, oil), (oil,))] == [
        "30.00"
    ] * 2


@pytest.mark.django_db
def test_denied_order_lists_its_last_revision(now):
    order, brakes, oil = authorised()
    estimates.withdraw(order=order, reason="Misheard", by=None, now=now)
    jobs.remove_job(job=jobs.add_job(order=reload(order), name="Mistake"))
    estimates.send_estimate(order=reload(order), by=None, now=now)
    estimates.deny(order=reload(order), by=None, now=now)
    order = reload(order)
    assert (order.status, Worksheet.of(order).counted) == ("denied", {brakes.pk})
    assert shown(order) == "491.56"
    lines = PartLine.objects.filter(is_shown=True).values_list("job", flat=True)
    assert (set(lines), oil.pk in lines) == ({brakes.pk}, False)


@pytest.mark.django_db
def test_new_order_takes_the_prices_of_its_location():
    """The first location is the default. A tax that is given wins over the location's."""
    example = new_order()
    words = {
        "customer": example.customer,
        "vehicle": example.vehicle,
        "description": "",
        "now": given()["now"],
    }
    default = actions.request_repair(**words)
    assert default.location == example.location
    assert (default.tax_percent, len(default.fee_terms), default.overrun_terms) == (D("8.8750"), 1, None)
    assert actions.request_repair(**words, tax_percent=D(5)).tax_percent == D(5)
    bare = actions.request_repair(**words, location=LocationFactory())
    assert (bare.tax_percent, bare.fee_terms, bare.overrun_terms) == (D(0), [], None)
    actions.change_order(order=default, location=bare.location)
    assert (default.tax_percent, default.fee_terms, default.number) == (D(0), [], 2)
    actions.change_order(order=default, location=example.location, tax_percent=D(7))
    assert (default.tax_percent, len(default.fee_terms), default.number) == (D(7), 1, 4)
    estimates.send_estimate(order=add_one_job(default), by=None, now=given()["now"])
    with pytest.raises(actions.LocationIsFixed):
        actions.change_order(order=reload(default), location=bare.location)


def add_one_job(order):
    add_labour(jobs.add_job(order=order, name="Diagnosis"), "1")
    return reload(order)


@pytest.mark.django_db
def test_fees_come_in_the_order_of_their_rules(alice, as_alice):
    """A fee that is stored later, because its base was 0.00 at first, keeps its place: cents of discount go by it."""
    location = LocationFactory()
    TaxRuleFactory(location=location, percent=D(50))
    FeeRuleFactory(location=location, name="Parts", kind="percent_of_parts", percent=D(100), taxable=False)
    FeeRuleFactory(location=location, name="Labor", kind="percent_of_labour", percent=D(100), cap=D("0.05"))
    order = new_order(
        location=location,
        vehicle=VehicleFactory(customer=alice),
        discount_percent=D(0),
        discount_amount=D("0.01"),
    )
    job = jobs.add_job(order=order, name="Work")
    jobs.add_service_line(
        job=fresh(job), service=None, given=given(), name="Labor", amount=D("0.05"), taxable=False
    )
    add_part(job, "1", "0.05", taxable=False)
    assert list(ServiceLine.objects.in_order().values_list("name", "kind")) == [
        ("Labor", "labour"),
        ("Parts", "fee"),
        ("Labor", "fee"),
    ]
    [row] = as_alice.get("/api/shop/repair-orders/customers/me/repair-orders/").json()["results"]
    names = [line["service"]["name"] for line in row["repair_order_services"]]
    assert (names, row["total_cost"]) == (["Labor", "Parts", "Labor"], shown(order))
    assert shown(order) == str(figures(order).totals.total)


@pytest.mark.django_db
def test_shown_total_is_that_of_the_worksheet_when_a_fee_comes_late():
    """Without the place of its rule, the cent of discount would go to the other fee, and the tax would differ."""
    location = LocationFactory()
    TaxRuleFactory(location=location, percent=D(100))
    FeeRuleFactory(location=location, name="A", kind="percent_of_parts", percent=D(100), taxable=True)
    FeeRuleFactory(location=location, name="B", kind="percent_of_labour", percent=D(100), taxable=False)
    order = new_order(location=location, discount_percent=D(0), discount_amount=D("0.03"))
    job = jobs.add_job(order=order, name="Work")
    jobs.add_service_line(
        job=fresh(job), service=None, given=given(), name="Labor", amount=D("1.00"), taxable=False
    )
    add_part(job, "1", "1.00", taxable=False)
    assert shown(order) == str(figures(order).totals.total) == "4.96"
