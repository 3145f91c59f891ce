"""Reminders are sent once each, whatever crashes, in the hours and by the preferences of the person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from common.domain import sweeps, tasks
from common.domain.expiry import clear_expired
from common.domain.units import Units
from customers.models import Customer
from reminders.models import Reminder, ReminderMail, Sweep
from reminders.sweep import order_reminders, sweep
from testing import factories
from testing.suites import count_queries
from vehicles.odometer import read_odometer
from vehicles.parking.actions import change_spot
from vehicles.schedules.actions import record_service
from vehicles.schedules.models import ServiceSchedule

pytestmark = pytest.mark.django_db


def work_through(clock):
    """Order what is due, and run the tasks that are due."""
    sweep(now=clock.now)
    return tasks.run_all()


def subjects(mailoutbox):
    return [mail.subject for mail in mailoutbox]


def put_off(car, clock, *, days, text="Brake pads"):
    """Return work that was put off that many days ago."""
    row = factories.RecommendationFactory(vehicle=car, source="declined", text=text)
    type(row).objects.filter(pk=row.pk).update(created_at=clock.now - timedelta(days=days))
    order = factories.RepairOrderFactory(customer=car.customer, vehicle=car)
    factories.JobFactory(repair_order=order, status="declined", recommendation=row)
    return row


class TestService:
    def test_work_is_reminded_of_when_it_is_due_soon_and_when_it_is_overdue(self, oil, clock, mailoutbox):
        work_through(clock)
        assert subjects(mailoutbox) == ["Service is due: 2019 Honda Civic (ABC-123)"]
        assert "- Oil change is due soon (June 24, 2026)" in mailoutbox[0].body
        for _ in range(20):
            clock.move(days=1)
            work_through(clock)
        assert len(mailoutbox) == 2
        assert "- Oil change is overdue (June 24, 2026)" in mailoutbox[1].body
        assert list(Reminder.objects.order_by("id").values_list("kind", "subject", "occasion", "text")) == [
            (
                "service", f"schedule:{oil.pk}", f"2026-01-11:{state}",
                f"2019 Honda Civic (ABC-123): Oil change is {words} (June 24, 2026)",
            )
            for state, words in (("due_soon", "due soon"), ("overdue", "overdue"))
        ]  # fmt: skip

    def test_next_cycle_is_reminded_of_anew(self, oil, clock, mailoutbox):
        work_through(clock)
        record_service(schedule=oil, now=clock.now)
        oil.refresh_from_db()
        clock.now = datetime(oil.due_on.year, oil.due_on.month, oil.due_on.day, 16, tzinfo=UTC)
        Sweep.objects.update(day=clock.now.date() - timedelta(days=15))
        work_through(clock)
        assert len(mailoutbox) == 2

    def test_everything_that_is_due_goes_in_one_mail(self, alice, car, oil, clock, mailoutbox):
        other = factories.VehicleFactory(
            customer=alice, year=2021, make="Ford", model="F-150", unit_number="T-7"
        )
        templates = [factories.ScheduleTemplateFactory(name=name) for name in ("Tires", "Brakes")]
        for vehicle in (car, other):
            for template in templates:
                factories.ServiceScheduleFactory(
                    vehicle=vehicle, template=template, due_on=date(2026, 5, 1), due_miles=Decimal(9000)
                )
        work_through(clock)
        assert subjects(mailoutbox) == ["Service is due: 2 vehicles"]
        assert [line for line in mailoutbox[0].body.splitlines() if line.startswith(("-", "20"))] == [
            "2019 Honda Civic (ABC-123)",
            "- Oil change is due soon (June 24, 2026)",
            "- Tires is overdue (May 1, 2026 or 9,000 miles)",
            "- Brakes is overdue (May 1, 2026 or 9,000 miles)",
            "2021 Ford F-150 (T-7)",
            "- Tires is overdue (May 1, 2026 or 9,000 miles)",
            "- Brakes is overdue (May 1, 2026 or 9,000 miles)",
        ]
        assert (Reminder.objects.count(), ReminderMail.objects.count()) == (5, 1)

    def test_reading_makes_work_due_by_its_miles(self, car, clock, mailoutbox):
        factories.ServiceScheduleFactory(vehicle=car, due_on=None, due_miles=Decimal("15000"))
        read_odometer(vehicle=car, miles=Decimal("14000"), at=clock.now, by=None, now=clock.now)
        work_through(clock)
        clock.move(hours=1)
        read_odometer(vehicle=car, miles=Decimal("14500"), at=clock.now, by=None, now=clock.now)
        assert (work_through(clock), mailoutbox) == (0, [])
        clock.move(days=1)
        work_through(clock)
        assert "is due soon (15,000 miles)" in mailoutbox[0].body
        assert Reminder.objects.get().text.endswith("is due soon (15,000 miles)")
        clock.move(days=1)
        work_through(clock)
        assert len(mailoutbox) == 1

    def test_miles_are_in_the_units_of_the_customer(self, alice, oil, clock, mailoutbox):
        Customer.objects.filter(pk=alice.pk).update(units=Units.METRIC)
        ServiceSchedule.objects.filter(pk=oil.pk).update(due_miles=9000)
        work_through(clock)
        assert "- Oil change is due soon (June 24, 2026 or 14,484 km)" in mailoutbox[0].body
        assert Reminder.objects.get().text.endswith("is due soon (June 24, 2026 or 14,484 km)")

    def test_miles_of_a_customer_who_was_never_here_are_in_the_units_of_the_default_location(
        self, oil, clock, mailoutbox
    ):
        factories.LocationFactory(is_default=True, units=Units.METRIC)
        ServiceSchedule.objects.filter(pk=oil.pk).update(due_miles=9000)
        work_through(clock)
        assert "- Oil change is due soon (June 24, 2026 or 14,484 km)" in mailoutbox[0].body

    def test_reading_that_is_stored_late_is_found_by_the_next_sweep(self, car, clock, mailoutbox):
        factories.ServiceScheduleFactory(vehicle=car, due_on=None, due_miles=Decimal("15000"))
        other = factories.VehicleFactory()
        for vehicle, miles in ((car, 14900), (other, 5)):
            read_odometer(vehicle=vehicle, miles=Decimal(miles), at=clock.now, by=None, now=clock.now)
        early, newest = (vehicle.readings.get().pk for vehicle in (car, other))
        # The transaction of the first reading ended after the sweep that saw the second one.
        yesterday = clock.now.date() - timedelta(days=1)
        Sweep.objects.create(kind="service", day=yesterday, reading=newest, reading_before=early - 1)
        work_through(clock)
        assert len(mailoutbox) == 1
        assert Sweep.objects.values_list("reading", "reading_before").get(kind="service") == (newest, newest)

    def test_archived_vehicles_and_unlisted_templates_are_left_out(self, alice, oil, clock, mailoutbox):
        oil.template.is_listed = False
        oil.template.save()
        sold = factories.VehicleFactory(customer=alice, archived_at=clock.now)
        factories.ServiceScheduleFactory(vehicle=sold, due_on=oil.due_on)
        assert (work_through(clock), mailoutbox) == (0, [])


class TestPutOff:
    def test_work_is_reminded_of_after_30_90_and_180_days(self, car, clock, mailoutbox):
        put_off(car, clock, days=29)
        days = []
        start = clock.now
        for day in (29, 30, 31, 60, 89, 90, 91, 120, 150, 179, 180, 181, 200, 230, 300, 400):
            clock.now = start + timedelta(days=day - 29)
            if work_through(clock):
                days.append(day)
        assert days == [30, 90, 180]
        assert subjects(mailoutbox) == ["Work that you put off: 2019 Honda Civic (ABC-123)"] * 3
        assert "- Brake pads (put off 90 days ago)" in mailoutbox[1].body

    def test_work_that_was_done_or_is_asked_about_later_is_left_out(self, car, clock, mailoutbox):
        done = put_off(car, clock, days=30)
        done.status = "done"
        done.save()
        later = put_off(car, clock, days=30, text="Tires")
        later.due_on = clock.now.date() + timedelta(days=20)
        later.save()
        assert (work_through(clock), mailoutbox) == (0, [])

    def test_customer_who_was_not_reminded_for_weeks_gets_one_mail(self, car, clock, mailoutbox):
        put_off(car, clock, days=10)
        work_through(clock)
        clock.move(days=85)  # the worker is off
        work_through(clock)
        assert [mail.body.count("put off 90 days ago") for mail in mailoutbox] == [1]


class TestParking:
    @pytest.fixture
    def spot(self, alice, clock, car):
        return factories.ParkingSpotFactory(
            user=alice.contact, vehicle=car, parked_at=clock.now, ends_at=clock.now + timedelta(hours=1)
        )

    def test_user_is_reminded_a_quarter_of_an_hour_before_the_end(self, spot, alice, clock, mailoutbox):
        clock.move(minutes=44)
        assert (work_through(clock), mailoutbox) == (0, [])
        for _ in range(3):
            clock.move(minutes=1)
            work_through(clock)
        [mail] = mailoutbox
        assert (mail.subject, mail.to) == ("Your parking ends at 13:00", [alice.contact.email])
        spot.refresh_from_db()
        assert spot.reminded_at == datetime(2026, 6, 10, 16, 45, tzinfo=UTC)

    def test_end_that_is_moved_is_reminded_of_anew(self, spot, clock, mailoutbox):
        clock.move(minutes=50)
        work_through(clock)
        change_spot(spot=spot, now=clock.now, ends_at=clock.now + timedelta(hours=2))
        clock.move(minutes=110)
        work_through(clock)
        assert subjects(mailoutbox) == ["Your parking ends at 13:00", "Your parking ends at 14:50"]

    def test_spot_that_was_cleared_before_the_task_runs_is_not_mailed(self, spot, clock, mailoutbox):
        clock.move(minutes=50)
        sweep(now=clock.now)
        spot.cleared_at = clock.now
        spot.save()
        assert (tasks.run_all(), mailoutbox, ReminderMail.objects.count()) == (1, [], 0)

    @pytest.mark.parametrize(
        ("ends", "sent"),
        [("07:00", "06:45"), ("08:05", "08:00"), ("08:00", "07:45"), ("23:30", "23:15")],
    )
    def test_night_is_broken_only_where_the_end_does_not_wait(self, alice, clock, mailoutbox, ends, sent):
        end = datetime.fromisoformat(f"2026-06-11T{ends}-04:00")
        factories.ParkingSpotFactory(user=alice.contact, ends_at=end)
        times = []
        for minute in range(-60, 30, 5):
            clock.now = end + timedelta(minutes=minute)
            if work_through(clock):
                times.append(f"{clock.now:%H:%M}")
        assert (times, len(mailoutbox)) == ([sent], 1)


class TestMembership:
    @pytest.mark.parametrize(
        ("started", "sent"),
        [
            (datetime(2026, 5, 17, 16, tzinfo=UTC), date(2026, 6, 10)),
            (datetime(2026, 1, 31, 16, tzinfo=UTC), date(2026, 6, 23)),  # renews on 30 June
        ],
    )
    def test_member_is_reminded_a_week_before_each_renewal(self, alice, clock, mailoutbox, started, sent):
        factories.MembershipFactory(user=alice.contact, plan__name="Plus", started_at=started)
        days = []
        while clock.now.date() < date(2026, 7, 1):
            if work_through(clock):
                days.append(clock.now.date())
            clock.move(days=1)
        assert (days, len(mailoutbox)) == ([sent], 1)
        assert mailoutbox[0].subject.startswith("Your membership: Plus renews on June ")

    def test_membership_that_ends_says_so(self, alice, clock, mailoutbox):
        factories.MembershipFactory(
            user=alice.contact, plan__name="Plus", started_at=clock.now - timedelta(days=20),
            ends_at=clock.now + timedelta(days=7),
        )  # fmt: skip
        work_through(clock)
        assert subjects(mailoutbox) == ["Your membership: Plus ends on June 17, 2026"]

    def test_user_without_a_customer_is_left_out(self, carol, clock, mailoutbox):
        factories.MembershipFactory(user=carol, started_at=datetime(2026, 5, 17, 16, tzinfo=UTC))
        assert (work_through(clock), mailoutbox) == (0, [])


class TestOnce:
    def test_killed_worker_sends_again_with_the_same_message_id(self, oil, clock, mailoutbox, monkeypatch):
        sweep(now=clock.now)
        claimed = tasks._claim(DBTaskResult.objects.ready())
        with monkeypatch.context() as patched:
            # The process dies after the mail server has taken the mail.
            patched.setattr(ReminderMail.objects.__class__, "filter", _dies_at_the_update(ReminderMail))
            with pytest.raises(KeyboardInterrupt):
                tasks._call(claimed)
        assert DBTaskResult.objects.get().status == "RUNNING"
        clock.move(minutes=2)
        assert tasks.run_all() == 1
        first, second = mailoutbox
        assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
        assert first.body == second.body
        assert ReminderMail.objects.get().sent_at == clock.now

    def test_task_that_is_taken_over_after_the_record_sends_nothing(self, oil, clock, mailoutbox):
        sweep(now=clock.now)
        claimed = tasks._claim(DBTaskResult.objects.ready())
        tasks._call(claimed)  # the process dies before the task is marked
        clock.move(minutes=2)
        assert (tasks.run_all(), len(mailoutbox)) == (1, 1)

    def test_message_id_stays_when_the_mail_waits_for_the_morning(self, oil, clock, mailoutbox):
        sweep(now=clock.now)
        row = ReminderMail.objects.get()
        clock.move(hours=10)  # the worker is off until 22:00
        assert (tasks.run_all(), mailoutbox) == (1, [])
        clock.move(hours=9, minutes=59)
        assert tasks.run_all() == 0
        clock.move(minutes=1)
        assert tasks.run_all() == 1
        assert mailoutbox[0].extra_headers["Message-ID"].startswith(f"<{row.uuid}@")

    def test_sweep_that_died_in_the_middle_begins_the_day_anew(self, oil, clock, mailoutbox):
        other = factories.ServiceScheduleFactory(
            vehicle=factories.VehicleFactory(customer=factories.CustomerFactory()),
            due_on=oil.due_on, due_miles=None,
        )  # fmt: skip
        order_reminders("service", [oil.vehicle.customer_id], now=clock.now)
        work_through(clock)
        assert sorted(to for mail in mailoutbox for to in mail.to) == sorted(
            schedule.vehicle.customer.contact.email for schedule in (oil, other)
        )

    def test_sweep_that_fails_leaves_neither_row_nor_task(self, oil, clock, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError

        monkeypatch.setattr("reminders.sweep.order_mail", fail)
        sweeps.sweep_all(now=clock.now)
        assert (Reminder.objects.count(), ReminderMail.objects.count()) == (0, 0)
        monkeypatch.undo()
        assert Sweep.objects.get(kind="service").day < clock.now.date()

    def test_work_that_was_done_meanwhile_is_not_mailed(self, oil, car, clock, mailoutbox):
        factories.ServiceScheduleFactory(
            vehicle=car, template__name="Tires", due_on=oil.due_on, due_miles=None
        )
        sweep(now=clock.now)
        record_service(schedule=oil, now=clock.now)
        tasks.run_all()
        assert "Tires" in mailoutbox[0].body
        assert "Oil change" not in mailoutbox[0].body
        assert Reminder.objects.get().text.startswith("2019 Honda Civic (ABC-123): Tires")

    def test_mail_of_which_nothing_is_left_is_deleted(self, oil, clock, mailoutbox):
        sweep(now=clock.now)
        record_service(schedule=oil, now=clock.now)
        assert (tasks.run_all(), mailoutbox) == (1, [])
        assert (Reminder.objects.count(), ReminderMail.objects.count()) == (0, 0)

    def test_mail_that_waited_tells_the_present_state_and_is_the_only_one(self, oil, clock, mailoutbox):
        sweep(now=clock.now)
        clock.move(days=20)  # no worker ran
        tasks.run_all()
        work_through(clock)
        assert len(mailoutbox) == 1
        assert "Oil change is overdue" in mailoutbox[0].body
        assert Reminder.objects.get().occasion == "2026-01-11:overdue"

    def test_of_two_waiting_mails_about_one_work_one_is_sent(self, oil, clock, mailoutbox):
        sweep(now=clock.now)
        clock.move(days=20)
        sweep(now=clock.now)
        assert (ReminderMail.objects.count(), tasks.run_all(), len(mailoutbox)) == (2, 2, 1)


def _dies_at_the_update(model):
    """Return a `filter` whose second call for a mail, that of the record of its end, kills the process."""
    calls = []
    whole = model.objects.__class__.filter

    def dying(self, *args, **kwargs):
        if self.model is model:
            calls.append(kwargs)
            if len(calls) == 2:
                raise KeyboardInterrupt
        return whole(self, *args, **kwargs)

    return dying


class TestPreferences:
    @pytest.mark.parametrize("off", ["email", "service_reminders"])
    def test_kind_or_email_that_is_off_is_not_mailed(self, alice, oil, clock, mailoutbox, off):
        alice.notification_preferences[off] = False
        alice.save()
        assert (work_through(clock), mailoutbox, Reminder.objects.count()) == (0, [], 0)

    def test_other_kinds_stay_on(self, alice, oil, clock, mailoutbox):
        alice.notification_preferences |= dict.fromkeys(
            ("put_off_reminders", "parking_reminders", "membership_reminders", "order_updates"), False
        )
        alice.save()
        work_through(clock)
        assert len(mailoutbox) == 1

    def test_preferences_are_read_when_the_mail_is_sent(self, alice, oil, clock, mailoutbox):
        sweep(now=clock.now)
        alice.notification_preferences["service_reminders"] = False
        alice.save()
        assert (tasks.run_all(), mailoutbox, ReminderMail.objects.count()) == (1, [], 0)

    def test_setting_switches_reminders_off(self, oil, clock, mailoutbox, settings):
        sweep(now=clock.now)
        settings.REMINDERS = False
        clock.move(days=20)
        assert (work_through(clock), mailoutbox) == (1, [])

    @pytest.mark.parametrize("values", [{"email": None}, {"is_active": False}])
    def test_contact_without_email_or_who_may_not_sign_in_gets_none(
        self, alice, oil, clock, mailoutbox, values
    ):
        type(alice.contact).objects.filter(pk=alice.contact_id).update(**values)
        assert (work_through(clock), mailoutbox) == (0, [])


class TestHours:
    @pytest.mark.parametrize(
        ("zone", "utc"),
        [
            ("Europe/Berlin", "2026-03-29T06:00"),  # the night of the change to summer time
            ("America/New_York", "2026-03-29T12:00"),
            ("UTC-7", "2026-03-29T15:00"),
            ("Mars/Olympus", "2026-03-29T12:00"),  # no zone: that of the project
        ],
    )
    def test_mail_waits_for_the_morning_of_the_customer(self, alice, car, clock, mailoutbox, zone, utc):
        alice.timezone = zone
        alice.save()
        clock.now = datetime(2026, 3, 29, 4, 30, tzinfo=UTC)  # 00:30 in New York, 06:30 in Berlin
        factories.ServiceScheduleFactory(vehicle=car, due_on=date(2026, 4, 12), due_miles=None)
        work_through(clock)
        due = DBTaskResult.objects.values_list("run_after", flat=True).first()
        assert due == datetime.fromisoformat(f"{utc}+00:00")
        clock.now = due
        assert (tasks.run_all(), len(mailoutbox)) == (1, 1)

    def test_default_preference_leaves_the_zone_to_the_location_of_the_latest_visit(self, alice, car, clock):
        factories.ServiceScheduleFactory(vehicle=car, due_on=clock.now.date() + timedelta(days=14))
        factories.RepairOrderFactory(
            customer=alice,
            vehicle=car,
            location=factories.LocationFactory(time_zone="Asia/Tokyo"),
            created_at=clock.now,
        )
        visit = factories.AppointmentFactory(
            customer=alice, vehicle=car, location=factories.LocationFactory(time_zone="Europe/Berlin"),
            start=clock.now + timedelta(days=3), end=clock.now + timedelta(days=3, hours=1),
        )  # fmt: skip
        clock.now = datetime(2026, 6, 10, 22, tzinfo=UTC)  # midnight in Berlin
        sweep(now=clock.now)
        assert visit.location.time_zone == "Europe/Berlin"
        assert DBTaskResult.objects.get().run_after == datetime(2026, 6, 11, 6, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_write_each_reminder_once(clock, mailoutbox):
    for _ in range(20):
        factories.ServiceScheduleFactory(due_on=clock.now.date() + timedelta(days=14), due_miles=None)
    start = Barrier(2)

    def run(_):
        try:
            start.wait()
            sweep(now=clock.now)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, range(2)))
    assert (Reminder.objects.count(), ReminderMail.objects.count()) == (20, 20)
    assert DBTaskResult.objects.count() == 20
    assert (tasks.run_all(), len(mailoutbox)) == (20, 20)


def test_search_of_a_day_costs_a_fixed_number_of_queries_and_one_task_a_mail(clock):
    counts = []
    sweep(now=clock.now)
    clock.move(days=1)
    for number in (2, 12):
        for _ in range(number):
            factories.ServiceScheduleFactory(due_on=clock.now.date() + timedelta(days=14), due_miles=None)
        with CaptureQueriesContext(connection) as captured:
            sweep(now=clock.now)
        queries = [
            one["sql"]
            for one in captured
            if "django_tasks" not in one["sql"] and "SAVEPOINT" not in one["sql"]
        ]
        counts.append(len(queries))
        clock.move(days=1)
        Reminder.objects.all().delete()
    assert counts[0] == counts[1]


def test_sending_costs_no_statement_for_work_that_is_due_as_before(car, clock):
    counts = []
    for number in (1, 10):
        for _ in range(number):
            factories.ServiceScheduleFactory(
                vehicle=car, due_on=clock.now.date() + timedelta(days=14), due_miles=None
            )
        sweep(now=clock.now)
        counts.append(count_queries(tasks.run_all))
        clock.move(days=1)
    assert counts[0] == counts[1]


def test_search_later_that_day_reads_little(oil, clock, django_assert_num_queries):
    sweep(now=clock.now)
    with django_assert_num_queries(1 + 3 * 2):  # parking, and the newest reading and the day of three kinds
        sweep(now=clock.now + timedelta(hours=1))


def test_daily_task_deletes_old_reminders_of_parking_and_no_others(settings, clock):
    old, recent = (clock.now - timedelta(days=settings.KEEP_DAYS + days) for days in (1, -1))
    made = {
        (kind, day): factories.ReminderFactory(
            kind=kind, subject=f"{kind}:{day:%j}", mail__kind=kind, mail__created_at=day
        )
        for kind in ("parking", "service")
        for day in (old, recent)
    }
    assert clear_expired(now=clock.now)["parking reminders"] == 1
    del made["parking", old]
    assert set(Reminder.objects.all()) == set(made.values())
    assert ReminderMail.objects.count() == 3
