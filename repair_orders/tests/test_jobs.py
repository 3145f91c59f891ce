"""Jobs and lines: values, prices, versions and the states in which they can change."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from catalogue.models import Part, Reservation, Service
from catalogue.shelf import actions as shelf
from catalogue.shelf.actions import PartNeeded, WholePieces
from common.domain.errors import IllegalTransition, Missing
from repair_orders import actions, jobs
from repair_orders.changes import StaleVersion, TotalTooLarge
from repair_orders.cores import CoreFollowsPart
from repair_orders.estimates import actions as estimates
from repair_orders.models import Job, PartLine, RepairOrder, ServiceLine
from testing.factories import (
    CannedJobFactory,
    CannedLineFactory,
    LocationFactory,
    PartFactory,
    PriceBandFactory,
    PriceMatrixFactory,
    ServiceFactory,
    TechnicianFactory,
    put_on_shelf,
)
from testing.shelf import assert_balanced, on_shelf
from testing.worked_example import (
    add_labour,
    add_oil,
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

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def order():
    return new_order()


@pytest.fixture
def job(order):
    return jobs.add_job(order=order, name="Brakes")


def part_line(job, part=None, **fields):
    return PartLine.objects.get(pk=jobs.add_part_line(job=fresh(job), part=part, given=given(), **fields).pk)


def service_line(job, service=None, **fields):
    line = jobs.add_service_line(job=fresh(job), service=service, given=given(), **fields)
    return ServiceLine.objects.get(pk=line.pk)


def counts():
    return Job.objects.count(), PartLine.objects.count(), ServiceLine.objects.count()


class TestPrices:
    def test_typed_price_wins_over_cost_and_catalogue(self, job):
        PriceBandFactory(matrix=PriceMatrixFactory(is_default=True))
        line = part_line(job, PartFactory(), unit_price=D("1.00"), unit_cost=D("4.00"))
        assert (line.unit_price, line.price_source, line.unit_cost) == (D("1.00"), "typed", D("4.00"))

    def test_cost_takes_the_matrix(self, job):
        PriceBandFactory(matrix=PriceMatrixFactory(is_default=True))
        line = part_line(job, PartFactory(), unit_cost=D("4.00"), quantity=D("2"))
        assert (line.unit_price, line.price_source, line.amount) == (D("12.00"), "matrix", D("24.00"))

    def test_cost_without_a_matrix_takes_the_catalogue(self, job):
        line = part_line(job, PartFactory(), unit_cost=D("4.00"))
        assert (line.unit_price, line.price_source) == (D("9.49"), "catalogue")

    def test_typed_part_needs_a_price_or_a_matrix(self, job):
        with pytest.raises(jobs.PriceIsNeeded) as error:
            part_line(job, name="Clip")
        assert (error.value.field, PartLine.objects.count()) == ("unit_price", 0)
        PriceBandFactory(matrix=PriceMatrixFactory(is_default=True))
        assert part_line(job, name="Clip", unit_cost=D("0.11")).unit_price == D("0.33")

    def test_catalogue_cost_is_kept_and_takes_no_matrix(self, job):
        """Only an entered cost makes a price. The catalogue's is kept with the price that the part has."""
        PriceBandFactory(matrix=PriceMatrixFactory(is_default=True))
        part = PartFactory(unit_cost=D("4.0050"))
        line = part_line(job, part)
        assert (line.unit_price, line.price_source, line.unit_cost) == (D("9.49"), "catalogue", D("4.01"))
        Part.objects.filter(pk=part.pk).update(unit_cost=D("6.00"))
        line.refresh_from_db()
        line.unit_price = None  # emptied on the page of the order
        jobs.change_lines(order=reload(job.repair_order), save=[line])
        line.refresh_from_db()
        assert (line.unit_price, line.price_source, line.unit_cost) == (D("9.49"), "catalogue", D("4.01"))

    def test_entered_cost_wins_over_the_catalogue(self, job):
        part = PartFactory(unit_cost=D("4.00"))
        assert part_line(job, part, unit_cost=D("3.50")).unit_cost == D("3.50")
        assert part_line(job, part, unit_cost=None).unit_cost is None

    def test_customers_own_part_costs_nothing(self, job):
        line = part_line(job, name="Customer's own rotor", unit_price=D(0), warranty_months=0)
        assert (line.amount, line.warranty_months, line.part.is_placeholder) == (D(0), 0, True)

    @pytest.mark.parametrize(
        ("values", "rate", "amount", "source"),
        [
            ({"hours": D("1.50")}, "129.95", "194.93", "rate"),
            ({"hours": D("1.50"), "rate": D("100.00")}, "100.00", "150.00", "typed"),
            ({"hours": D("1.50"), "amount": D("80.00")}, None, "80.00", "typed"),
            ({"amount": D("80.00")}, None, "80.00", "typed"),
        ],
    )
    def test_labour(self, job, values, rate, amount, source):
        line = service_line(job, name="Labor", **values)
        assert (line.rate and str(line.rate), str(line.amount), line.price_source) == (rate, amount, source)

    def test_labour_of_the_catalogue(self, job):
        line = service_line(job, ServiceFactory())
        assert (line.name, line.amount, line.price_source) == ("Oil Change", D("45.00"), "catalogue")

    @pytest.mark.parametrize(
        ("values", "field"), [({}, "amount"), ({"rate": D(50)}, "hours"), ({"hours": D(1)}, "rate")]
    )
    def test_labour_without_a_price(self, values, field):
        job = jobs.add_job(order=new_order(location=LocationFactory()), name="No rate here")
        with pytest.raises(jobs.PriceIsNeeded) as error:
            service_line(job, name="Labor", **values)
        assert (error.value.field, ServiceLine.objects.count()) == (field, 0)

    def test_rate_alone_does_not_take_the_catalogues_price(self, job):
        with pytest.raises(jobs.PriceIsNeeded):
            service_line(job, ServiceFactory(), rate=D(50))
        line = service_line(job, ServiceFactory(), amount=D("80.00"))
        with pytest.raises(jobs.PriceIsNeeded):
            jobs.change_line(line=line, given=given(), rate=D(50))
        line.refresh_from_db()
        assert (line.amount, line.rate) == (D("80.00"), None)

    def test_change_of_labour(self, job):
        line = service_line(job, name="Labor", hours=D(1))
        expected = [
            ({"hours": D(2)}, (D(2), D("129.95"), D("259.90"), "rate")),
            ({"rate": D(100)}, (D(2), D(100), D("200.00"), "typed")),
            ({"hours": D(3)}, (D(3), D(100), D("300.00"), "typed")),
            ({"amount": D("75.50")}, (None, None, D("75.50"), "typed")),
            ({"hours": D("0.5")}, (D("0.5"), D("129.95"), D("64.98"), "rate")),
            ({"name": "Work"}, (D("0.5"), D("129.95"), D("64.98"), "rate")),
        ]
        for fields, after in expected:
            jobs.change_line(line=line, given=given(), **fields)
            line = ServiceLine.objects.get(pk=line.pk)
            assert (line.hours, line.rate, line.amount, line.price_source) == after

    def test_taxable_by_location_and_catalogue(self, job):
        untaxed = ServiceFactory(taxable=False)
        lines = [
            service_line(job, untaxed),
            service_line(job, name="Labor", hours=D(1)),
            service_line(job, name="Tow", amount=D(50), kind="sublet"),
            service_line(job, name="Tow", amount=D(50), kind="sublet", taxable=True),
            part_line(job, PartFactory(taxable=False)),
            part_line(job, PartFactory(taxable=False), taxable=True),
        ]
        assert [line.taxable for line in lines] == [False, True, False, True, False, True]

    def test_too_large(self, job):
        with pytest.raises(TotalTooLarge):
            part_line(job, PartFactory(unit_price=D("99999999.99")), quantity=D(2))
        assert PartLine.objects.count() == 0


class TestWhatWasSold:
    def test_line_keeps_the_catalogues_words(self, job):
        part = PartFactory(warranty_months=12)
        line = part_line(job, part, condition="rebuilt", is_oem=True, manufacturer="Bosch")
        Part.objects.update(name="Renamed", part_number="X", warranty_months=0, unit_price=D(1))
        line.refresh_from_db()
        assert (line.name, line.part_number, line.manufacturer, line.warranty_months) == (
            "Oil Filter", part.part_number, "Bosch", 12,
        )  # fmt: skip
        assert (line.condition, line.is_oem, line.unit_price) == ("rebuilt", True, D("9.49"))

    def test_part_without_warranty_takes_none_of_the_catalogue(self, job):
        part = PartFactory(warranty_months=12)
        lines = [part_line(job, part), part_line(job, part, warranty_months=0, manufacturer="")]
        assert [(line.warranty_months, line.manufacturer) for line in lines] == [(12, "Fram"), (0, "")]

    def test_typed_lines_share_one_hidden_row(self, job):
        first = part_line(job, name="Clip", unit_price=D(1))
        second = part_line(job, name="Nut", unit_price=D(2))
        work = service_line(job, name="Towing", amount=D(5))
        assert first.part_id == second.part_id
        assert (first.part.is_listed, first.part.is_sold_online, first.part_number) == (False, False, "")
        assert (work.service.is_listed, Service.objects.filter(is_placeholder=True).count()) == (False, 1)

    def test_canned_job_copies_its_lines_at_todays_prices(self, order):
        canned = CannedJobFactory(name="Brake service", concern="Squeals")
        part = PartFactory(unit_price=D("10.00"))
        CannedLineFactory(canned_job=canned, part=part, quantity=D("2.00"))
        CannedLineFactory(
            canned_job=canned,
            position=2,
            kind="labour",
            part=None,
            quantity=None,
            name="Labor",
            hours=D("1.80"),
        )
        CannedLineFactory(
            canned_job=canned,
            position=3,
            kind="sublet",
            part=None,
            quantity=None,
            name="Tow",
            amount=D("21.00"),
            cost=D("15.00"),
        )
        CannedLineFactory(
            canned_job=canned, position=4, kind="labour", part=None, quantity=None, service=ServiceFactory()
        )
        Part.objects.filter(pk=part.pk).update(unit_price=D("64.50"))
        job = jobs.add_canned_job(order=order, canned=canned, concern="Grinds")
        canned.delete()
        assert (job.name, job.concern, job.status, job.is_draft) == (
            "Brake service",
            "Grinds",
            "proposed",
            True,
        )
        assert list(job.part_lines.values_list("name", "quantity", "amount")) == [
            ("Oil Filter", D(2), D("129.00"))
        ]
        work = job.service_lines.in_order().values_list("kind", "name", "amount", "cost", "taxable")
        assert list(work) == [
            ("labour", "Labor", D("233.91"), None, True),
            ("sublet", "Tow", D("21.00"), D("15.00"), False),
            ("labour", "Oil Change", D("45.00"), None, True),
        ]

    def test_canned_job_without_a_price_adds_nothing(self):
        order = new_order(location=LocationFactory())
        canned = CannedJobFactory()
        CannedLineFactory(canned_job=canned)
        CannedLineFactory(
            canned_job=canned, position=2, kind="labour", part=None, quantity=None, name="Labor", hours=D(1)
        )
        with pytest.raises(jobs.PriceIsNeeded):
            jobs.add_canned_job(order=order, canned=canned)
        assert (counts(), reload(order).version) == ((0, 0, 0), 1)


class TestVersion:
    def test_what_raises_it(self, order):
        """Jobs, lines, terms and proposals raise the version. Words, technicians and costs do not."""
        job = jobs.add_job(order=order, name="Brakes")
        line = add_part(job, "1", "10.00")
        work = add_labour(job, "1")
        steps = [
            (0, lambda: jobs.change_job(job=fresh(job), name="Brake job", technician=TechnicianFactory())),
            (0, lambda: jobs.change_line(line=line, given=given(), name="Pad", unit_cost=D(3))),
            (0, lambda: jobs.change_line(line=line, given=given(), condition="used", warranty_months=3)),
            (0, lambda: jobs.change_line(line=line, given=given(), quantity=D(1))),
            (1, lambda: jobs.change_line(line=line, given=given(), quantity=D(2))),
            (1, lambda: jobs.change_line(line=line, given=given(), unit_price=D(5))),
            (1, lambda: jobs.change_line(line=line, given=given(), taxable=False)),
            (1, lambda: jobs.change_line(line=work, given=given(), hours=D(2))),
            (1, lambda: jobs.remove_line_of_job(line=work, given=given())),
            (0, lambda: actions.change_order(order=reload(order), notes="Words", po_number="7")),
            (1, lambda: actions.change_order(order=reload(order), discount_percent=D(5))),
            (0, lambda: actions.change_order(order=reload(order), discount_percent=D(5))),
            (1, lambda: actions.retax(order=self.with_tax(order, "3"), now=given()["now"])),
            (0, lambda: actions.retax(order=reload(order), now=given()["now"])),
            (1, lambda: jobs.add_job(order=reload(order), name="More")),
            (1, lambda: jobs.remove_job(job=Job.objects.get(name="More"))),
            (0, lambda: estimates.send_estimate(order=reload(order), by=None, now=given()["now"])),
            (0, lambda: estimates.approve(order=reload(order), by=None, now=given()["now"])),
            (0, lambda: actions.start(order=reload(order), by=None, now=given()["now"])),
            (0, lambda: actions.finish_job(job=fresh(job), by=None, now=given()["now"])),
            (0, lambda: actions.unfinish_job(job=fresh(job), by=None, now=given()["now"])),
            (0, lambda: actions.complete(order=reload(order), by=None, now=given()["now"])),
        ]
        for number, (rise, step) in enumerate(steps):
            before = reload(order).version
            step()
            assert reload(order).version == before + rise, number

    def with_tax(self, order, percent):
        order.location.tax_rules.update(percent=D(percent))
        return reload(order)

    def test_stale_version_changes_nothing(self, order, job):
        line = add_part(job, "1", "10.00")
        oil = add_oil(reload(order))
        stale = reload(order).version - 1
        before = counts(), RepairOrder.objects.values().get()
        seen = {**given(), "version": stale}
        calls = [
            lambda: jobs.add_job(order=reload(order), name="More", version=stale),
            lambda: jobs.add_canned_job(order=reload(order), canned=CannedJobFactory(), version=stale),
            lambda: jobs.remove_job(job=fresh(oil), version=stale),
            lambda: jobs.add_part_line(job=fresh(job), part=PartFactory(), given=seen),
            lambda: jobs.add_service_line(job=fresh(job), service=ServiceFactory(), given=seen),
            lambda: jobs.change_line(line=line, given=seen, quantity=D(9)),
            lambda: jobs.remove_line_of_job(line=line, given=seen),
            lambda: actions.change_order(order=reload(order), version=stale, notes="Words"),
            lambda: actions.retax(order=reload(order), version=stale, now=given()["now"]),
        ]
        for call in calls:
            with pytest.raises(StaleVersion) as error:
                call()
            assert error.value.facts == {"version": stale + 1}
        assert (counts(), RepairOrder.objects.values().get()) == before


class TestSeveralLines:
    """Lines that are changed in one step: the version rises once, and the ceiling holds them together."""

    def test_figures_and_version(self, order, job):
        part, work = part_line(job, PartFactory(unit_price=D("10.00"))), add_labour(job, "1")
        before = reload(order).version
        changes = [(part, {"quantity": D("4.5")}), (work, {"hours": D(2)})]
        jobs.change_lines_of_jobs(order=reload(order), changes=changes, given=given())
        part, work = PartLine.objects.get(), ServiceLine.objects.get(job=job)
        assert (part.amount, work.amount, work.price_source) == (D("45.00"), D("259.90"), "rate")
        assert reload(order).version == before + 1

    def test_exchange_stays_under_the_ceiling(self):
        order, brakes, _ = started()
        inspection, work = (brakes.service_lines.get(name=name) for name in ("State inspection", "Labor"))
        changes = [(inspection, {"amount": D("60.00")}), (work, {"hours": D(1)})]
        jobs.change_lines_of_jobs(order=order, changes=changes, given=given())
        inspection.refresh_from_db()
        assert inspection.amount == D("60.00")

    def test_error_has_the_index_of_its_line_and_changes_nothing(self, order, job):
        part = part_line(job, PartFactory(unit_price=D("10.00"), core_charge=D("5.00")))
        core = PartLine.objects.get(core_of=part)
        changes = [(part, {"quantity": D(2)}), (core, {"quantity": D(3)})]
        with pytest.raises(CoreFollowsPart) as raised:
            jobs.change_lines_of_jobs(order=order, changes=changes, given=given())
        assert raised.value.item == 1
        assert set(PartLine.objects.values_list("quantity", flat=True)) == {D(1)}


class TestStates:
    def closed(self, state):
        order, brakes, oil = started()
        if state == "completed":
            actions.complete(order=order, by=None, now=given()["now"])
        else:
            actions.stop(order=order, reason="No", by=None, now=given()["now"])
        return reload(order), brakes, oil

    @pytest.mark.parametrize("state", ["completed", "denied"])
    def test_closed_order_is_fixed(self, state):
        order, brakes, _oil = self.closed(state)
        part, labour = brakes.part_lines.first(), brakes.service_lines.first()
        before = counts(), RepairOrder.objects.values().get()
        for call in (
            lambda: jobs.add_job(order=order, name="More"),
            lambda: jobs.add_canned_job(order=order, canned=CannedJobFactory()),
            lambda: jobs.remove_job(job=fresh(brakes)),
            lambda: part_line(brakes, PartFactory()),
            lambda: service_line(brakes, ServiceFactory()),
            lambda: jobs.change_line(line=part, given=given(), quantity=D(9)),
            lambda: jobs.remove_line_of_job(line=labour, given=given()),
            lambda: jobs.add_part(order=order, part=PartFactory()),
            lambda: actions.change_order(order=reload(order), discount_percent=D(1)),
            lambda: actions.retax(order=reload(order), now=given()["now"]),
        ):
            with pytest.raises(jobs.LinesAreFixed):
                call()
        assert (counts(), RepairOrder.objects.values().get()) == before
        actions.change_order(order=reload(order), notes="Words are free")

    @pytest.mark.parametrize("status", ["declined", "deferred", "done"])
    def test_answered_job_is_fixed(self, status):
        _order, brakes, oil = started()
        job = oil
        if status == "done":
            actions.finish_job(job=fresh(brakes), by=None, now=given()["now"])
            job = brakes
        Job.objects.filter(pk=oil.pk, status="declined").update(
            status="deferred" if status == "deferred" else "declined"
        )
        assert fresh(job).status == status
        line = job.part_lines.first()
        before = counts()
        for call in (
            lambda: part_line(job, PartFactory()),
            lambda: jobs.change_line(line=line, given=given(), quantity=D(9)),
            lambda: jobs.remove_line_of_job(line=line, given=given()),
            lambda: jobs.remove_job(job=fresh(job)),
        ):
            with pytest.raises(jobs.JobIsFixed):
                call()
        assert counts() == before

    def test_lines_without_a_job_go_to_the_first_proposed_one(self):
        order, brakes, _oil = estimated()
        line = jobs.add_part(order=order, part=PartFactory())
        assert line.job_id == brakes.pk
        answered, approved, _declined = authorised()
        add = jobs.add_job(order=answered, name="More")
        add_labour(add, "0.1")
        estimates.send_estimate(order=reload(answered), by=None, now=given()["now"])
        assert jobs.add_service(order=reload(answered), service=ServiceFactory()).job_id == add.pk
        with pytest.raises(jobs.LinesAreFixed):
            jobs.remove_line(order=reload(answered), model=PartLine, line_id=approved.part_lines.first().pk)

    def test_line_that_is_gone_is_missing(self, order, job):
        line, again = (add_part(job, "1", "10.00") for _ in range(2))
        PartLine.objects.filter(pk=line.pk).delete()
        for call in (
            lambda: jobs.change_line(line=line, given=given(), quantity=D(2)),
            lambda: jobs.remove_line_of_job(line=line, given=given()),
        ):
            with pytest.raises(Missing):
                call()
        gone = fresh(job)
        jobs.remove_job(job=fresh(job))
        for call in (
            lambda: jobs.remove_job(job=gone),
            lambda: jobs.propose(job=gone),
            lambda: jobs.change_line(line=again, given=given(), quantity=D(2)),
        ):
            with pytest.raises(Missing):
                call()

    def test_loaded_state_of_a_line_does_not_decide(self):
        order, brakes, _ = authorised()
        line = PartLine.objects.select_related("repair_order", "job__repair_order").first()
        actions.stop(order=order, reason="No", by=None, now=given()["now"])
        Job.objects.filter(pk=brakes.pk).update(status="approved")
        with pytest.raises(jobs.JobIsFixed):
            jobs.change_line(line=line, given=given(), quantity=D(9))


class TestFinish:
    def test_complete_finishes_some_jobs(self, now):
        order, brakes, oil = started()
        jobs.propose(job=fresh(oil))
        more = jobs.add_job(order=reload(order), name="More")
        with pytest.raises(actions.UnknownJob):
            actions.complete(order=reload(order), by=None, now=now, jobs=[brakes.pk, oil.pk])
        with pytest.raises(actions.NothingToComplete):
            actions.complete(order=reload(order), by=None, now=now, jobs=[])
        assert [fresh(job).status for job in (brakes, oil, more)] == ["approved", "proposed", "proposed"]
        actions.complete(order=reload(order), by=None, now=now, jobs=[brakes.pk])
        assert [fresh(job).status for job in (brakes, oil, more)] == ["done", "deferred", "deferred"]
        assert str(reload(order).total_cost) == "491.56"

    def test_approved_jobs_that_are_left_out_are_declined(self, now):
        order, brakes, oil = estimated()
        answer(order, {brakes: "approved", oil: "approved"})
        actions.start(order=reload(order), by=None, now=now)
        actions.complete(order=reload(order), by=None, now=now, jobs=[oil.pk])
        order = reload(order)
        assert [fresh(job).status for job in (brakes, oil)] == ["declined", "done"]
        assert (str(order.total_cost), str(order.work_amount), str(order.authorised_total)) == (
            "154.75",
            "154.75",
            "640.94",
        )
        fee = order.service_lines.get(kind="fee")
        assert str(fee.amount) == "7.52"

    def test_reopen_makes_the_jobs_approved_again(self, ada, now):
        order, brakes, oil = started()
        actions.complete(order=order, by=None, now=now)
        services = reload(order).customer.total_services
        actions.reopen(order=reload(order), reason="Noise", by=ada.pk, now=now)
        order = reload(order)
        assert (order.status, order.total_cost, order.completed_at, fresh(brakes).status) == (
            "in_progress",
            None,
            None,
            "approved",
        )
        assert fresh(oil).status == "declined"
        assert order.history.filter(history_change_reason="reopened: Noise", history_user=ada).count() == 1
        with pytest.raises(IllegalTransition):
            actions.reopen(order=order, reason="Noise", by=None, now=now)
        actions.complete(order=order, by=None, now=now)
        assert reload(order).customer.total_services == services

    def test_finish_is_of_an_approved_job_in_progress(self, now):
        order, brakes, oil = authorised()
        for job in (brakes, oil):
            with pytest.raises(IllegalTransition):
                actions.finish_job(job=fresh(job), by=None, now=now)
        actions.start(order=order, by=None, now=now)
        actions.finish_job(job=fresh(brakes), by=None, now=now)
        for job in (brakes, oil):
            with pytest.raises(IllegalTransition):
                actions.finish_job(job=fresh(job), by=None, now=now)

    def test_a_finish_is_taken_back(self, now):
        order, brakes, oil = started()
        before = RepairOrder.objects.values().get()
        actions.finish_job(job=fresh(brakes), by=None, now=now)
        actions.unfinish_job(job=fresh(brakes), by=None, now=now)
        assert fresh(brakes).status == "approved"
        assert RepairOrder.objects.values().get() == before
        actions.stop(order=reload(order), reason="Another car's work", by=None, now=now)
        assert [fresh(job).status for job in (brakes, oil)] == ["declined", "declined"]

    @pytest.mark.parametrize("status", ["proposed", "approved", "declined", "deferred"])
    def test_only_a_finish_is_taken_back(self, now, status):
        _order, brakes, _oil = started()
        Job.objects.filter(pk=brakes.pk).update(status=status)
        before = counts(), RepairOrder.objects.values().get()
        with pytest.raises(IllegalTransition) as error:
            actions.unfinish_job(job=fresh(brakes), by=None, now=now)
        text = "Only a job of an order in progress that is done can be taken back."
        assert (error.value.text, fresh(brakes).status) == (text, status)
        assert (counts(), RepairOrder.objects.values().get()) == before

    def test_work_of_a_completed_order_stays_done(self, now):
        order, brakes, _oil = started()
        actions.complete(order=order, by=None, now=now)
        with pytest.raises(IllegalTransition):
            actions.unfinish_job(job=fresh(brakes), by=None, now=now)
        assert fresh(brakes).status == "done"

    def test_stop_is_for_agreed_work(self, now):
        for order in (new_order(), estimated()[0]):
            with pytest.raises(IllegalTransition):
                actions.stop(order=order, reason="No", by=None, now=now)

    def test_copy_of_a_denied_order(self, now):
        order, _brakes, _oil = started()
        actions.stop(order=order, reason="No", by=None, now=now)
        copied = actions.copy_order(order=reload(order), by=None, now=now)
        copied = reload(copied)
        assert (copied.status, copied.number, copied.authorised_total, copied.ceiling) == (
            "requested",
            2,
            None,
            None,
        )
        rows = Job.objects.filter(repair_order=copied).in_order()
        assert list(rows.values_list("name", "status", "sent_in", "is_draft")) == [
            ("Brakes", "proposed", None, True),
            ("Oil", "proposed", None, True),
        ]
        estimates.send_estimate(order=copied, by=None, now=now)
        assert str(copied.estimates.get().total) == "640.94"
        assert Job.objects.filter(repair_order=order).count() == 2


class TestShelf:
    @pytest.fixture
    def needing(self, now):
        """Return an order in progress, its job and a part: three pieces are needed, and two are there."""
        order = new_order()
        job = jobs.add_job(order=order, name="Filters")
        part = PartFactory(stock=2)
        jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(3))
        assert on_shelf() == {part.pk: (2, 0)}
        estimates.send_estimate(order=reload(order), by=None, now=now)
        estimates.approve(order=reload(order), by=None, now=now)
        actions.start(order=reload(order), by=None, now=now)
        assert on_shelf() == {part.pk: (2, 2)}
        return reload(order), job, part

    def test_missing_piece_is_named(self, needing, now):
        order, job, part = needing
        for call in (
            lambda: actions.finish_job(job=fresh(job), by=None, now=now),
            lambda: actions.complete(order=reload(order), by=None, now=now),
        ):
            with pytest.raises(PartNeeded) as error:
                call()
            assert error.value.facts == {"part_id": part.pk, "short": 1}
        assert (reload(order).status, fresh(job).status, on_shelf()) == (
            "in_progress",
            "approved",
            {part.pk: (2, 2)},
        )

    def test_received_books_it_and_reopen_brings_it_back(self, needing, now):
        order, _job, part = needing
        actions.complete(order=order, by=None, now=now, received=True)
        assert on_shelf() == {part.pk: (0, 0)}
        actions.reopen(order=reload(order), reason="Noise", by=None, now=now)
        assert on_shelf() == {part.pk: (3, 3)}
        actions.complete(order=reload(order), by=None, now=now)
        assert on_shelf() == {part.pk: (0, 0)}
        assert_balanced()

    def test_a_finish_that_is_taken_back_brings_its_parts_back(self, needing, now):
        _order, job, part = needing
        actions.finish_job(job=fresh(job), by=None, now=now, received=True)
        assert on_shelf() == {part.pk: (0, 0)}
        actions.unfinish_job(job=fresh(job), by=None, now=now)
        assert on_shelf() == {part.pk: (3, 3)}
        moves = part.moves.filter(source=f"job:{job.pk}").order_by("id").values_list("kind", "pieces")
        assert list(moves) == [
            ("RESERVE", 2),
            ("RECEIPT", 1),
            ("RESERVE", 1),
            ("ISSUE", -3),
            ("RETURN", 3),
            ("RESERVE", 3),
        ]
        actions.finish_job(job=fresh(job), by=None, now=now)
        assert on_shelf() == {part.pk: (0, 0)}
        assert_balanced()

    @pytest.mark.parametrize("way", ["stop", "left out", "line"])
    def test_pieces_that_are_not_needed_are_released(self, needing, now, way):
        order, job, part = needing
        if way == "stop":
            actions.stop(order=order, reason="No", by=None, now=now)
        elif way == "line":
            jobs.remove_line_of_job(line=job.part_lines.get(), given=given())
        else:
            more = jobs.add_job(order=order, name="More")
            add_labour(more, "0.1")
            estimates.send_estimate(order=reload(order), by=None, now=now)
            answer(order, {more: "approved"})
            actions.complete(order=reload(order), by=None, now=now, jobs=[more.pk])
        assert on_shelf() == {part.pk: (2, 0)}
        assert_balanced()

    def test_stocked_parts_come_in_whole_pieces(self, needing, now):
        _order, job, part = needing
        with pytest.raises(WholePieces):
            jobs.change_line(line=job.part_lines.get(), given=given(), quantity=D("2.5"))
        jobs.change_line(line=job.part_lines.get(), given=given(), quantity=D(1))
        assert on_shelf() == {part.pk: (2, 1)}


class TestFirstPieces:
    """A part that is received or counted for the first time after jobs with it were approved."""

    @pytest.fixture
    def part(self):
        return PartFactory()

    def started(self, part, quantity, now):
        """Return the job of an order in progress that needs a quantity of a part."""
        order = new_order()
        job = jobs.add_job(order=order, name="Filters")
        jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(quantity))
        estimates.send_estimate(order=reload(order), by=None, now=now)
        estimates.approve(order=reload(order), by=None, now=now)
        actions.start(order=reload(order), by=None, now=now)
        return fresh(job)

    def receive(self, part, pieces, now):
        shelf.receive(part=part, pieces=pieces, by=None, now=now, unit_cost=D("4.00"))

    def reserved(self):
        rows = Reservation.objects.in_order().values_list("source", "pieces", "filled")
        return [(source, pieces, filled) for source, pieces, filled in rows]

    def test_a_receipt_is_kept_for_the_jobs_that_wait_and_leaves_with_them(self, part, now):
        first, second = self.started(part, 2, now), self.started(part, 2, now)
        self.receive(part, 3, now)
        assert on_shelf() == {part.pk: (3, 3)}
        assert self.reserved() == [(f"job:{first.pk}", 2, 2), (f"job:{second.pk}", 2, 1)]
        actions.complete(order=first.repair_order, by=None, now=now)
        assert on_shelf() == {part.pk: (1, 1)}
        [(kind, pieces, cost)] = part.moves.filter(source=f"job:{first.pk}", kind="ISSUE").values_list(
            "kind", "pieces", "unit_cost"
        )
        assert (kind, pieces, cost) == ("ISSUE", -2, D("4.00"))
        with pytest.raises(PartNeeded) as error:
            actions.finish_job(job=fresh(second), by=None, now=now)
        assert error.value.facts == {"part_id": part.pk, "short": 1}
        assert_balanced()

    def test_the_job_that_was_approved_first_has_the_first_pieces(self, part, now):
        later = self.started(part, 1, now + timedelta(hours=1))
        earlier = self.started(part, 1, now)
        self.receive(part, 1, now + timedelta(hours=2))
        assert self.reserved() == [(f"job:{earlier.pk}", 1, 1), (f"job:{later.pk}", 1, 0)]

    def test_a_first_count_shows_what_is_missing(self, part, now):
        job = self.started(part, 2, now)
        shelf.count(part=part, pieces=0, reason="Inventory", by=None, now=now)
        assert (on_shelf(), self.reserved()) == ({part.pk: (0, 0)}, [(f"job:{job.pk}", 2, 0)])
        shelf.count(part=part, pieces=5, reason="Found", by=None, now=now)
        assert (on_shelf(), self.reserved()) == ({part.pk: (5, 2)}, [(f"job:{job.pk}", 2, 2)])
        assert_balanced()

    def test_jobs_that_do_not_wait_are_passed_over(self, part, now):
        """Those that are proposed, finished or stopped, and those that need a part of a piece."""
        done = self.started(part, 1, now)
        actions.complete(order=done.repair_order, by=None, now=now)
        stopped = self.started(part, 1, now)
        actions.stop(order=stopped.repair_order, reason="No", by=None, now=now)
        proposed = jobs.add_job(order=new_order(), name="Filters")
        jobs.add_part_line(job=fresh(proposed), part=part, given=given(), quantity=D(1))
        quarts = self.started(part, "4.5", now)
        self.receive(part, 3, now)
        assert (on_shelf(), self.reserved()) == ({part.pk: (3, 0)}, [])
        # What was approved by the quart is finished by the quart.
        actions.finish_job(job=quarts, by=None, now=now)
        assert (on_shelf(), fresh(quarts).status) == ({part.pk: (3, 0)}, "done")

    def test_finishing_takes_what_the_job_needs_without_a_reservation(self, part, now):
        """Such as a job that was approved before receipts were kept for waiting jobs."""
        job = self.started(part, 2, now)
        put_on_shelf(part, 2)
        assert self.reserved() == []
        actions.finish_job(job=job, by=None, now=now)
        assert (on_shelf(), self.reserved()) == ({part.pk: (0, 0)}, [])
        other = self.started(part, 2, now)
        Reservation.objects.all().delete()
        actions.complete(order=other.repair_order, by=None, now=now, received=True)
        assert (on_shelf(), self.reserved()) == ({part.pk: (0, 0)}, [])

    def test_a_change_of_the_job_changes_what_is_kept(self, part, now):
        job = self.started(part, 2, now)
        self.receive(part, 2, now)
        jobs.change_line(line=job.part_lines.get(), given=given(), quantity=D(1))
        assert (on_shelf(), self.reserved()) == ({part.pk: (2, 1)}, [(f"job:{job.pk}", 1, 1)])
