"""Answers, changes, starts, stops and the shelf at once, on real threads and connections."""

from __future__ import annotations

import random
import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue.models import Part, Reservation
from catalogue.shelf import actions as shelf
from common.domain.errors import DomainError
from orders import actions as mail_orders
from orders.models import Order
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import Authorisation, Decision, Estimate
from repair_orders.models import Job, PartLine, RepairOrder
from repair_orders.tests.test_random_orders import check
from testing.factories import CustomerFactory, LocationFactory, PartFactory
from testing.shelf import assert_balanced, on_shelf
from testing.storms import parallel
from testing.worked_example import (
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
storm = [pytest.mark.storm, pytest.mark.django_db(transaction=True)]


def by_now():
    return {"by": None, "now": timezone.now()}


def assert_only_refusals(outcomes):
    """Assert that each call succeeded or was refused: no deadlock, lost row or broken constraint."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [error for error in errors if not isinstance(error, DomainError)] == []


def assert_only_shown_work_is_agreed(order):
    """Assert that what was authorised is what the answered revision showed, and that the work is not more."""
    for authorisation in Authorisation.objects.filter(estimate__repair_order=order):
        revision = authorisation.estimate
        shown = {job["id"]: job["amount"] for job in revision.snapshot["jobs"]}
        decisions = Decision.objects.filter(authorisation=authorisation)
        approved = {row.job_id for row in decisions if row.decision == "approved"}
        assert {str(row.amount) for row in decisions} <= set(shown.values())
        if approved:
            figures = estimates.get_choice(revision, approved).totals
            assert (authorisation.total, authorisation.net) == (figures.total, figures.net)
    if order.authorised_total is not None:
        assert order.work_amount <= order.ceiling == order.authorised_total


@pytest.mark.parametrize("seed", range(2))
class TestOneOrder:
    pytestmark = storm

    def test_answers_changes_and_steps_have_one_outcome(self, seed):
        """The link, the phone, a changed price, a new revision, start and stop reach one order 50 times."""
        order, brakes, oil = estimated()
        first, pads = Estimate.objects.get(), brakes.part_lines.order_by("id").first().pk

        def by_link():
            revision = Estimate.objects.select_related("repair_order").get(pk=first.pk)
            who = estimates.Answerer("online", "Alice", "alice@example.com")
            decisions = {brakes.pk: "approved", oil.pk: "approved"}
            estimates.answer(
                estimate=revision, decisions=decisions, answerer=who, now=timezone.now(), total=D("640.94")
            )

        def cheaper(number):
            line = PartLine.objects.select_related("repair_order", "job").get(pk=pads)
            jobs.change_line(line=line, given=given(), unit_price=D("89.99") - number)

        def dearer(number):
            line = PartLine.objects.select_related("repair_order", "job").get(pk=pads)
            jobs.change_line(line=line, given=given(), unit_price=D("89.99") + number)

        work = [
            lambda n: by_link(),
            lambda n: answer(reload(order), {brakes: "approved"}),
            cheaper,
            dearer,
            lambda n: estimates.send_estimate(order=reload(order), **by_now()),
            lambda n: actions.start(order=reload(order), **by_now()),
            lambda n: estimates.approve(order=reload(order), **by_now()),
            lambda n: answer(reload(order), {brakes: "deferred", oil: "declined"}) if n > 40 else None,
            lambda n: actions.stop(order=reload(order), reason="No", **by_now()) if n > 30 else None,
        ]
        numbers = random.Random(seed).sample(range(50), 50)
        outcomes = parallel(50, lambda n: work[numbers[n] % len(work)](numbers[n]))
        assert_only_refusals(outcomes)
        order = reload(order)
        check(order, 0)
        assert_only_shown_work_is_agreed(order)
        statuses = set(Job.objects.filter(repair_order=order).values_list("status", flat=True))
        if order.status == "denied":
            assert not statuses & {"approved", "proposed"}
        if order.status in ("approved", "in_progress"):
            assert "approved" in statuses
        history = list(order.history.order_by("history_id").values_list("status", flat=True))
        assert history[-1] == order.status
        assert [revision.revision for revision in Estimate.objects.order_by("revision")] == list(
            range(1, Estimate.objects.count() + 1)
        )

    def test_refusal_of_a_request_never_ends_agreed_work(self, seed):
        order = new_order()
        job = jobs.add_job(order=order, name="Brakes")
        add_part(job, "1", "10.00")
        work = [
            lambda: estimates.send_estimate(order=reload(order), **by_now()),
            lambda: estimates.approve(order=reload(order), **by_now()),
            lambda: actions.start(order=reload(order), **by_now()),
            # Read as requested before the others.
            lambda: estimates.deny(order=RepairOrder(pk=order.pk, status="requested"), **by_now()),
        ]
        outcomes = parallel(24, lambda n: work[(n + seed) % 4]())
        assert_only_refusals(outcomes)
        order = reload(order)
        if order.status == "denied":
            assert not Decision.objects.filter(decision="approved").exists()
        else:
            assert fresh(job).status in ("proposed", "approved")
        check(order, 0)

    def test_fifty_answers_are_one(self, seed):
        order, brakes, oil = estimated()
        word = ("approved", "declined")
        outcomes = parallel(50, lambda n: answer(reload(order), {brakes: word[n % 2], oil: word[seed]}).pk)
        assert_only_refusals(outcomes)
        given_answers = [outcome for outcome in outcomes if isinstance(outcome, int)]
        assert given_answers == list(Authorisation.objects.values_list("pk", flat=True))
        assert Decision.objects.count() == 2
        assert all(
            isinstance(error, estimates.AlreadyAnswered) for error in outcomes if error not in given_answers
        )


class TestShelf:
    pytestmark = storm

    def filter_order(self, part, quantity=1):
        """Return a pending order of one job with a part."""
        order = new_order(location=LocationFactory(), discount_percent=D(0))
        job = jobs.add_job(order=order, name="Filter")
        jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(quantity))
        estimates.send_estimate(order=reload(order), **by_now())
        return reload(order), job

    def test_last_piece_is_promised_once(self):
        """25 repairs are approved while 25 parts orders are placed. One of the 50 gets the piece."""
        part = PartFactory(stock=1)
        repairs = [self.filter_order(part)[0] for _ in range(5)]
        customers = CustomerFactory.create_batch(5)

        def ask(number):
            if number % 2:
                return estimates.approve(order=reload(repairs[number // 2 % 5]), **by_now()).pk
            customer = customers[number // 2 % 5]
            return mail_orders.place_order(
                customer_id=customer.pk, items=[(part.pk, 1)], now=timezone.now()
            ).source

        outcomes = parallel(50, ask)
        assert_only_refusals(outcomes)
        bought = [outcome for outcome in outcomes if isinstance(outcome, str)]
        filled = list(Reservation.objects.filter(filled=1).values_list("source", flat=True))
        assert len(filled) == 1 and set(bought) <= set(filled)
        assert Reservation.objects.count() == 5 + len(bought)
        assert {reload(order).status for order in repairs} == {"approved"}
        assert on_shelf() == {part.pk: (1, 1)}
        assert_balanced()

    def test_storm_of_all_verbs_has_no_deadlock(self):
        """Jobs name the parts in one order and in the opposite one, while pieces come, go and are promised by mail."""
        parts, customers = PartFactory.create_batch(3, stock=12), CustomerFactory.create_batch(3)
        orders, firsts = [], []
        for number in range(6):
            order = new_order(location=LocationFactory(), discount_percent=D(0))
            for chosen in (parts, parts[::-1]):
                job = jobs.add_job(order=reload(order), name="Service")
                for part in chosen if number % 2 else chosen[::-1]:
                    jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(1))
            estimates.send_estimate(order=reload(order), **by_now())
            orders.append(order)
            firsts.append(job)
            if number % 2:
                estimates.approve(order=reload(order), **by_now())
                actions.start(order=reload(order), **by_now())
        items = [(part.pk, 1) for part in parts]
        placed = [
            mail_orders.place_order(customer_id=customers[n].pk, items=items, now=timezone.now())
            for n in range(3)
        ]
        pick = lambda n: reload(orders[n % 6])  # noqa: E731
        work = [
            lambda n: estimates.approve(order=pick(n), **by_now()),
            lambda n: actions.start(order=pick(n), **by_now()),
            lambda n: actions.finish_job(job=fresh(firsts[n % 6]), received=bool(n % 2), **by_now()),
            lambda n: actions.complete(order=pick(n), received=True, **by_now()),
            lambda n: actions.stop(order=pick(n), reason="No", **by_now()),
            lambda n: actions.reopen(order=pick(n), reason="Noise", **by_now()),
            lambda n: estimates.withdraw(order=pick(n), reason="No", **by_now()),
            lambda n: shelf.receive(part=parts[n % 3], pieces=2, **by_now()),
            lambda n: shelf.count(part=parts[n % 3], pieces=3 + n % 9, reason="Counted", **by_now()),
            lambda n: mail_orders.place_order(
                customer_id=customers[n % 3].pk, items=items[:: 1 if n % 2 else -1], now=timezone.now()
            ),
            lambda n: mail_orders.cancel(order=Order.objects.get(pk=placed[n % 3].pk), **by_now()),
            lambda n: jobs.add_part_line(
                job=fresh(firsts[n % 6]), part=parts[n % 3], given=given(), unit_price=D(0)
            ),
        ]
        numbers = random.Random(7).sample(range(72), 72)
        outcomes = parallel(72, lambda n: work[numbers[n] % len(work)](numbers[n] // 2))
        assert_only_refusals(outcomes)
        assert sum(not isinstance(outcome, Exception) for outcome in outcomes) > 15
        assert_balanced()
        for order in orders:
            check(reload(order), 0)

    def test_finishing_takes_the_pieces_once(self):
        part = PartFactory(stock=2)
        order, job = self.filter_order(part, 2)
        estimates.approve(order=order, **by_now())
        actions.start(order=order, **by_now())

        def end(number):
            if number % 2:
                return actions.complete(order=reload(order), **by_now())
            return actions.finish_job(job=fresh(job), **by_now())

        outcomes = parallel(30, end)
        assert_only_refusals(outcomes)
        assert outcomes.count(None) in (1, 2)  # completed at once, or finished and then completed
        assert (reload(order).status, on_shelf()) == ("completed", {part.pk: (0, 0)})
        assert_balanced()

    def test_first_receipt_is_kept_for_the_jobs_that_are_approved(self):
        """A part is received for the first time while jobs with it are approved, finished and stopped."""
        part = PartFactory()
        orders = []
        for number in range(12):
            order = new_order()
            jobs.add_part_line(job=jobs.add_job(order=order, name="Filter"), part=part, given=given())
            estimates.send_estimate(order=order, **by_now())
            if number % 3:
                estimates.approve(order=order, **by_now())
                actions.start(order=order, **by_now())
            orders.append(order)
        steps = (
            lambda order: estimates.approve(order=reload(order), **by_now()),
            lambda order: actions.complete(order=reload(order), **by_now()),
            lambda order: actions.stop(order=reload(order), reason="No", **by_now()),
        )

        def step(number):
            if number == 6:
                return shelf.receive(part=part, pieces=20, **by_now())
            place = number - (number > 6)
            return steps[place % 3](orders[place])

        outcomes = parallel(13, step)
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        approved = {f"job:{pk}" for pk in Job.objects.filter(status="approved").values_list("pk", flat=True)}
        kept = Reservation.objects.values_list("source", "pieces", "filled")
        assert sorted(kept) == sorted((source, 1, 1) for source in approved)
        assert len(approved) == 4
        assert_balanced()

    def test_parallel_removals_of_a_line_are_one(self):
        _order, brakes, _ = started()
        line = add_part(brakes, "1", "0.00")
        loaded = [PartLine.objects.select_related("repair_order", "job").get(pk=line.pk) for _ in range(20)]
        outcomes = parallel(20, lambda n: jobs.remove_line_of_job(line=loaded[n], given=given()))
        assert_only_refusals(outcomes)
        assert outcomes.count(None) == 1
        assert PartLine.history.filter(id=line.pk, history_type="-").count() == 1

    def test_numbers_have_no_gaps(self):
        order = new_order()
        outcomes = parallel(20, lambda _: actions.copy_order(order=reload(order), **by_now()).number)
        assert sorted(outcomes) == list(range(2, 22))


# --- The order of locks ------------------------------------------------------------------------------------

RANKS = (
    "appointments_appointment", "appointments_bay", "vehicles_vehicle", "repair_orders_repairorder",
    "catalogue_part", "customers_customer", "common_numberseries",
)  # fmt: skip
_LOCKS = re.compile(
    r'^(?:UPDATE "(\w+)"|SELECT .* FROM "(\w+)".* FOR (?:NO KEY UPDATE|UPDATE|SHARE))', re.DOTALL
)


def locked(call):
    """Return the tables that a call locks rows of, in the order of their first locks."""
    with CaptureQueriesContext(connection) as queries:
        call()
    found = [match for query in queries if (match := _LOCKS.match(query["sql"].strip()))]
    tables = [match[1] or match[2] for match in found]
    return list(dict.fromkeys(table for table in tables if table in RANKS))


@pytest.mark.django_db
@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="only PostgreSQL locks rows, SQLite the whole file"
)
class TestLockOrder:
    """Appointment, bays, vehicle, order, part, customer, number series: every action locks them in this order."""

    def assert_in_order(self, call):
        tables = locked(call)
        assert tables == sorted(tables, key=RANKS.index)
        return tables

    def test_order_part_customer(self, now):
        order, _brakes, oil = estimated()
        part = PartFactory(stock=3)
        jobs.add_part_line(job=fresh(oil), part=part, given=given(), quantity=D(1))
        again = {"order": reload(order), **by_now()}
        seen = [
            self.assert_in_order(lambda: estimates.send_estimate(**again)),
            self.assert_in_order(lambda: estimates.approve(**again)),
            self.assert_in_order(lambda: actions.start(**again)),
            self.assert_in_order(lambda: actions.complete(**again)),
            self.assert_in_order(lambda: actions.reopen(**again, reason="Noise")),
            self.assert_in_order(lambda: actions.finish_job(job=fresh(oil), **by_now())),
        ]
        orders, parts, customers = RANKS[3], RANKS[4], RANKS[5]
        assert seen == [
            [orders],
            [orders, parts],
            [orders],
            [orders, parts, customers],
            [orders, parts],
            [orders, parts],
        ]

    def test_vehicle_and_number(self):
        assert self.assert_in_order(new_order)[0] == "vehicles_vehicle"

    def test_withdraw_and_stop(self):
        order, _, _ = authorised()
        assert (
            self.assert_in_order(lambda: estimates.withdraw(order=order, reason="No", **by_now()))[0]
            == RANKS[3]
        )
        order, _, _ = started()
        assert self.assert_in_order(lambda: actions.stop(order=order, reason="No", **by_now()))[0] == RANKS[3]
        assert Part.objects.exists()
