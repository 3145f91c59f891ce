"""Technicians' clocks on jobs, corrections, and what ends a clock (docs/design, D105)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from appointments.models import Technician
from common.domain.models import Event
from repair_orders import actions, jobs
from repair_orders.clock import (
    ClockIsNotRunning,
    ClockIsRunning,
    JobIsNotApproved,
    OwnClockOnly,
    check_clock,
    clock_in,
    clock_out,
)
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.snapshot import instant
from repair_orders.models import Job, RepairOrder
from repair_orders.time_entries.actions import (
    EndsBeforeItStarts,
    EntriesOverlap,
    TimeInTheFuture,
    correct_entry,
)
from repair_orders.time_entries.models import TimeEntry, hours_of
from testing import factories
from testing.storms import parallel
from testing.worked_example import add_brakes, add_oil, answer, authorised, fresh, new_order, reload, started

pytestmark = pytest.mark.django_db
D = Decimal
HOUR = timedelta(hours=1)


@pytest.fixture
def tina(db):
    return factories.TechnicianFactory(name="Tina")


@pytest.fixture
def by(db):
    return factories.UserFactory(role="advisor").pk


def work(technician, job, now, by=None, **options):
    return clock_in(technician=technician, job=fresh(job), by=by, now=now, **options)


def entries():
    """Return the entries by start: technician, job, start and end."""
    return list(
        TimeEntry.objects.order_by("started", "id").values_list("technician", "job", "started", "ended")
    )


def both_approved():
    """Return an order in progress with two approved jobs."""
    order = new_order()
    brakes, oil = add_brakes(order), add_oil(order)
    estimates.send_estimate(order=order, by=None, now=timezone.now())
    answer(reload(order), {brakes: "approved", oil: "approved"})
    actions.start(order=reload(order), by=None, now=timezone.now())
    return reload(order), brakes, oil


class TestClockIn:
    def test_clock_runs_on_the_job(self, tina, by, now):
        _, brakes, _ = started()
        entry = work(tina, brakes, now, by)
        assert entries() == [(tina.pk, brakes.pk, now, None)]
        assert (str(entry), entry.history.get().history_type) == (f"Time entry {entry.pk}", "+")
        event = Event.objects.get(type="repair_orders.timeentry.started")
        assert event.payload == {"id": entry.pk, "job_id": brakes.pk, "technician_id": tina.pk}

    def test_work_of_an_approved_order_starts(self, tina, by, now):
        order, brakes, _ = authorised()
        work(tina, brakes, now, by)
        order = reload(order)
        assert (order.status, order.started_at) == ("in_progress", now)
        assert order.history.get(history_change_reason="status: in_progress").history_user_id == by

    def test_job_without_a_technician_gets_this_one(self, tina, now):
        _, brakes, _ = started()
        work(tina, brakes, now)
        assert fresh(brakes).technician == tina

    def test_job_keeps_its_technician(self, tina, now):
        _, brakes, _ = started()
        theo = factories.TechnicianFactory(name="Theo")
        jobs.change_job(job=brakes, technician=theo)
        work(tina, brakes, now)
        assert fresh(brakes).technician == theo

    def test_two_technicians_work_on_one_job(self, tina, now):
        _, brakes, _ = started()
        theo = factories.TechnicianFactory(name="Theo")
        for technician in (tina, theo):
            work(technician, brakes, now)
        assert entries() == [(tina.pk, brakes.pk, now, None), (theo.pk, brakes.pk, now, None)]

    def test_running_clock_is_named(self, tina, now):
        order, brakes, oil = both_approved()
        entry = work(tina, brakes, now)
        with pytest.raises(ClockIsRunning) as refusal:
            work(tina, oil, now + HOUR)
        assert refusal.value.text == (
            f"Tina works on Brakes of repair order {order.reference}. Stop that clock, or switch to this job."
        )
        assert refusal.value.facts == {
            "time_entry_id": entry.pk,
            "job_id": brakes.pk,
            "job": "Brakes",
            "repair_order_id": order.pk,
            "started": instant(now),
        }
        assert entries() == [(tina.pk, brakes.pk, now, None)]

    def test_switch_stops_the_running_clock(self, tina, by, now):
        _, brakes, oil = both_approved()
        first = work(tina, brakes, now, by)
        work(tina, oil, now + HOUR, by, switch=True)
        assert entries() == [
            (tina.pk, brakes.pk, now, now + HOUR),
            (tina.pk, oil.pk, now + HOUR, None),
        ]
        stopped = first.history.latest()
        assert (stopped.ended, stopped.history_user_id) == (now + HOUR, by)

    def test_clock_on_the_same_job_keeps_running(self, tina, now):
        _, brakes, _ = started()
        entry = work(tina, brakes, now)
        assert work(tina, brakes, now + HOUR, switch=True) == entry
        assert entries() == [(tina.pk, brakes.pk, now, None)]

    @pytest.mark.parametrize("status", ["proposed", "declined", "deferred", "done"])
    def test_job_that_is_not_approved_is_refused(self, tina, now, status):
        order, _, oil = started()
        Job.objects.filter(pk=oil.pk).update(status=status)
        with pytest.raises(JobIsNotApproved):
            work(tina, oil, now)
        assert (entries(), reload(order).status) == ([], "in_progress")

    @pytest.mark.parametrize("status", ["requested", "pending", "denied", "completed"])
    def test_order_that_cannot_be_worked_on_is_refused(self, tina, now, status):
        order, brakes, _ = authorised()
        RepairOrder.objects.filter(pk=order.pk).update(
            status=status, total_cost=D(0) if status == "completed" else None
        )
        with pytest.raises(JobIsNotApproved):
            work(tina, brakes, now)
        assert (entries(), reload(order).status) == ([], status)

    def test_refused_switch_leaves_the_clock_running(self, tina, now):
        _, brakes, oil = started()
        work(tina, brakes, now)
        with pytest.raises(JobIsNotApproved):
            work(tina, oil, now + HOUR, switch=True)
        assert entries() == [(tina.pk, brakes.pk, now, None)]

    def test_clock_of_a_server_that_is_behind_starts_when_the_last_entry_ended(self, tina, now):
        _, brakes, _ = started()
        work(tina, brakes, now)
        clock_out(technician=tina, by=None, now=now + HOUR)
        work(tina, brakes, now + HOUR - timedelta(milliseconds=5))
        assert entries()[-1] == (tina.pk, brakes.pk, now + HOUR, None)


class TestClockOut:
    def test_clock_stops(self, tina, by, now):
        _, brakes, _ = started()
        work(tina, brakes, now)
        entry = clock_out(technician=tina, by=by, now=now + HOUR)
        assert entries() == [(tina.pk, brakes.pk, now, now + HOUR)]
        assert (entry.ended, entry.history.latest().history_user_id) == (now + HOUR, by)
        assert Event.objects.filter(type="repair_orders.timeentry.ended").count() == 1

    def test_clock_that_does_not_run_is_refused(self, tina, now):
        factories.TimeEntryFactory(technician=tina)
        with pytest.raises(ClockIsNotRunning, match="Tina has no running clock"):
            clock_out(technician=tina, by=None, now=now)
        assert Event.objects.count() == 0

    def test_entry_never_ends_before_it_starts(self, tina, now):
        _, brakes, _ = started()
        work(tina, brakes, now)
        clock_out(technician=tina, by=None, now=now - timedelta(milliseconds=5))
        assert entries() == [(tina.pk, brakes.pk, now, now)]


class TestEndOfWork:
    def ended(self):
        return list(TimeEntry.objects.order_by("id").values_list("ended", flat=True))

    def test_finished_job_stops_its_clocks_only(self, tina, now):
        order, brakes, oil = both_approved()
        theo = factories.TechnicianFactory(name="Theo")
        work(tina, brakes, now)
        work(theo, oil, now)
        actions.finish_job(job=fresh(brakes), by=None, now=now + HOUR)
        assert self.ended() == [now + HOUR, None]
        assert TimeEntry.objects.first().history.latest().history_change_reason == "the job is over"
        actions.complete(order=reload(order), by=None, now=now + 2 * HOUR)
        assert self.ended() == [now + HOUR, now + 2 * HOUR]

    def test_job_that_is_left_out_of_completing_stops_its_clock(self, tina, now):
        order, brakes, oil = both_approved()
        work(tina, oil, now)
        actions.complete(order=order, by=None, now=now + HOUR, jobs=[brakes.pk])
        assert (fresh(oil).status, self.ended()) == ("declined", [now + HOUR])

    def test_stopped_order_stops_its_clocks(self, tina, now):
        order, brakes, _ = started()
        work(tina, brakes, now)
        actions.stop(order=order, reason="Too dear", by=None, now=now + HOUR)
        assert self.ended() == [now + HOUR]


class TestCorrection:
    @pytest.fixture
    def entry(self, tina, now):
        _, brakes, _ = started()
        return factories.TimeEntryFactory(
            technician=tina, job=brakes, started=now - 3 * HOUR, ended=now - HOUR
        )

    def correct(self, entry, now, **times):
        correct_entry(
            entry=TimeEntry.objects.get(pk=entry.pk), reason="Forgot to stop", by=None, now=now, **times
        )

    def test_times_and_reason_are_kept(self, entry, by, now):
        correct_entry(
            entry=TimeEntry.objects.get(pk=entry.pk),
            reason="Forgot to stop",
            by=by,
            now=now,
            started=now - 4 * HOUR,
            ended=now - 2 * HOUR,
        )
        entry.refresh_from_db()
        assert (entry.started, entry.ended) == (now - 4 * HOUR, now - 2 * HOUR)
        new, old = entry.history.order_by("-history_id")
        assert (old.started, old.ended) == (now - 3 * HOUR, now - HOUR)
        assert (new.history_user_id, new.history_change_reason) == (by, "corrected: Forgot to stop")

    def test_end_stops_a_running_clock(self, tina, now):
        running = factories.TimeEntryFactory(technician=tina, started=now - 9 * HOUR, ended=None)
        self.correct(running, now, ended=now - HOUR)
        running.refresh_from_db()
        assert running.ended == now - HOUR
        assert Event.objects.filter(type="repair_orders.timeentry.ended").count() == 1

    @pytest.mark.parametrize(
        ("times", "error", "field"),
        [
            ({"ended": 3 * HOUR}, EndsBeforeItStarts, "ended"),
            ({"started": HOUR}, EndsBeforeItStarts, "started"),
            ({"ended": -HOUR}, TimeInTheFuture, "ended"),
            ({"started": -HOUR}, TimeInTheFuture, "started"),
        ],
    )
    def test_impossible_time_is_refused(self, entry, now, times, error, field):
        before = TimeEntry.objects.values().get()
        with pytest.raises(error) as refusal:
            self.correct(entry, now, **{name: now - ago for name, ago in times.items()})
        assert refusal.value.field == field
        assert (TimeEntry.objects.values().get(), entry.history.count()) == (before, 1)

    def test_overlap_is_refused(self, entry, tina, now):
        factories.TimeEntryFactory(technician=tina, job=entry.job, started=now - HOUR, ended=now)
        with pytest.raises(EntriesOverlap, match="Tina has another time entry at that time"):
            self.correct(entry, now, ended=now - HOUR / 2)
        entry.refresh_from_db()
        assert (entry.ended, entry.history.count()) == (now - HOUR, 1)


def test_technicians_move_their_own_clock_only(tina):
    tina.user = factories.UserFactory(role="technician")
    tina.save()
    assert check_clock(technician=tina, user_id=tina.user_id, may_clock_others=False) is None
    assert check_clock(technician=tina, user_id=0, may_clock_others=True) is None
    with pytest.raises(OwnClockOnly):
        check_clock(technician=tina, user_id=tina.user_id + 1, may_clock_others=False)


@pytest.mark.parametrize(
    ("worked", "hours"),
    [
        (timedelta(0), "0.00"),
        (timedelta(seconds=17, microseconds=999_999), "0.00"),
        (timedelta(seconds=18), "0.01"),
        (timedelta(hours=1, minutes=24), "1.40"),
        (timedelta(days=30), "720.00"),
    ],
)
def test_hours_are_rounded_half_up_once(now, worked, hours):
    assert hours_of(now, now + worked) == D(hours)
    assert hours_of(now, None) is None


def test_entry_ends_after_it_starts(tina, now):
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.TimeEntryFactory(technician=tina, started=now, ended=now - HOUR)
    assert not TimeEntry.objects.exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_one_clock_runs(self, tina):
        _, brakes, oil = both_approved()
        wanted = (brakes, oil)

        def start(number):
            technician = Technician.objects.get(pk=tina.pk)
            return work(technician, wanted[number % 2], timezone.now()).pk

        outcomes = parallel(12, start)
        entry = TimeEntry.objects.get()
        assert entry.ended is None
        assert {outcome for outcome in outcomes if isinstance(outcome, int)} == {entry.pk}
        assert {type(error) for error in outcomes if error != entry.pk} == {ClockIsRunning}

    def test_switches_and_the_end_of_the_work_leave_no_gap_and_no_overlap(self, tina):
        order, brakes, oil = both_approved()
        wanted = (brakes, oil)

        def move(number):
            if number == 11:
                actions.complete(order=reload(order), by=None, now=timezone.now())
            else:
                technician = Technician.objects.get(pk=tina.pk)
                work(technician, wanted[number % 2], timezone.now(), switch=True)

        outcomes = parallel(12, move)
        assert {type(error) for error in outcomes if error} <= {JobIsNotApproved}
        assert outcomes[11] is None
        assert not TimeEntry.objects.running().exists()
        rows = entries()
        assert all(before[3] <= after[2] for before, after in pairwise(rows))
