from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from catalogue.pricing.models import CannedJob
from common.domain.database import violates
from privacy.merge import merge_customers
from repair_orders.actions import complete, reopen
from repair_orders.models import Job
from testing import factories
from vehicles import actions as vehicles
from vehicles.locks import AlreadyArchived
from vehicles.odometer import read_odometer
from vehicles.schedules import actions
from vehicles.schedules.models import ScheduleTemplate, ServiceRecord, ServiceSchedule

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
TODAY = NOON.date()
DAY = timedelta(days=1)


@pytest.fixture
def template():
    return factories.ScheduleTemplateFactory(name="Oil change", services="oil_change\nOil and filter")


@pytest.fixture
def civic(alice, template):
    return vehicles.add_vehicle(
        customer=alice, by=None, now=NOON, make="Honda", model="Civic", year=2020, odometer=Decimal(42_000)
    )


@pytest.fixture
def schedule(civic):
    return ServiceSchedule.objects.get(vehicle=civic)


def shown(schedule):
    schedule.refresh_from_db()
    return schedule.last_on, schedule.last_miles, schedule.due_on, schedule.due_miles


def status(schedule, now=NOON):
    return ServiceSchedule.objects.with_status(now).get(pk=schedule.pk).status


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"interval_miles": None, "interval_months": None}, "schedule_template_has_an_interval"),
        ({"interval_miles": 0}, "schedule_interval_miles_are_possible"),
        ({"interval_months": 241}, "schedule_interval_months_are_possible"),
        ({"priority": "urgent"}, "schedule_priority_is_known"),
    ],
)
def test_constraints_of_templates_hold(template, fields, constraint):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        ScheduleTemplate.objects.filter(pk=template.pk).update(**fields)
    assert violates(error.value, ScheduleTemplate, constraint)


class TestStart:
    def test_new_vehicle_has_a_schedule_for_each_listed_template(self, civic, template):
        factories.ScheduleTemplateFactory(is_listed=False)
        row = ServiceSchedule.objects.get()
        assert (row.vehicle, row.template, row.started_on, row.started_miles) == (
            civic, template, TODAY, 42_000
        )  # fmt: skip
        assert shown(row) == (None, None, date(2026, 9, 30), 47_000)

    def test_vehicle_of_unknown_mileage_is_due_by_time_alone(self, alice, template):
        vehicles.add_vehicle(customer=alice, by=None, now=NOON, make="A", model="B", year=2020)
        assert shown(ServiceSchedule.objects.get()) == (None, None, date(2026, 9, 30), None)

    def test_new_template_reaches_all_vehicles_in_use(self, civic):
        archived = factories.VehicleFactory(archived_at=NOON)
        other = factories.VehicleFactory()
        tires = actions.save_template(ScheduleTemplate(), name="Tires", interval_miles=7_500)
        actions.spread(template=tires, now=NOON)
        actions.spread(template=tires, now=NOON)
        assert set(tires.schedules.values_list("vehicle", flat=True)) == {civic.pk, other.pk}
        assert not archived.schedules.exists()

    def test_new_interval_moves_what_is_due(self, schedule, template):
        actions.record_service(schedule=schedule, now=NOON, on=date(2026, 1, 31), miles=Decimal(41_000))
        read_before = ScheduleTemplate.objects.get(pk=template.pk)
        actions.save_template(template, interval_months=1, interval_miles=7_000)
        for row in (template, read_before):  # by the task of an earlier change, which is slower
            actions.spread(template=row, now=NOON)
            assert shown(schedule) == (date(2026, 1, 31), 41_000, date(2026, 2, 28), 48_000)

    def test_standard_templates_are_added_once(self):
        actions.add_standard_templates()
        names = set(ScheduleTemplate.objects.values_list("name", flat=True))
        actions.add_standard_templates()
        assert ScheduleTemplate.objects.count() == len(names) == 6
        for row in ScheduleTemplate.objects.all():
            row.full_clean()


class TestStatus:
    @pytest.mark.parametrize(
        ("due_on", "due_miles", "last_on", "expected"),
        [
            (TODAY - DAY, None, None, "overdue"),
            (TODAY, None, None, "due_soon"),
            (TODAY + 14 * DAY, None, None, "due_soon"),
            (TODAY + 15 * DAY, None, None, "upcoming"),
            (None, 42_000, None, "overdue"),
            (None, Decimal("42000.01"), None, "due_soon"),
            (None, 42_500, None, "due_soon"),
            (None, Decimal("42500.01"), None, "upcoming"),
            # Whichever comes first.
            (TODAY + 90 * DAY, 41_999, None, "overdue"),
            (TODAY - DAY, 90_000, None, "overdue"),
            (TODAY + 90 * DAY, 42_400, TODAY, "due_soon"),
            (TODAY + 90 * DAY, 90_000, TODAY - 30 * DAY, "completed"),
            (TODAY + 90 * DAY, 90_000, TODAY - 31 * DAY, "upcoming"),
            (None, None, None, "upcoming"),
        ],
    )
    def test_worked_examples(self, schedule, due_on, due_miles, last_on, expected):
        ServiceSchedule.objects.update(due_on=due_on, due_miles=due_miles, last_on=last_on)
        assert status(schedule) == expected

    def test_day_is_that_of_the_shop(self, schedule, settings):
        ServiceSchedule.objects.update(due_on=TODAY, due_miles=None)
        evening = datetime(2026, 4, 1, 2, tzinfo=UTC)
        assert status(schedule, evening) == "overdue"
        settings.TIME_ZONE = "America/New_York"
        assert status(schedule, evening) == "due_soon"


class TestByHand:
    def test_today_at_the_vehicles_miles(self, schedule):
        actions.record_service(schedule=schedule, now=NOON)
        assert shown(schedule) == (TODAY, 42_000, date(2026, 9, 30), 47_000)

    def test_latest_day_counts_whatever_the_order(self, schedule):
        actions.record_service(schedule=schedule, now=NOON, on=date(2026, 2, 1), miles=Decimal(41_000))
        actions.record_service(schedule=schedule, now=NOON, on=date(2025, 2, 1), miles=Decimal(30_000))
        assert shown(schedule) == (date(2026, 2, 1), 41_000, date(2026, 8, 1), 46_000)

    def test_earlier_day_without_miles_is_due_by_time_alone(self, schedule):
        actions.record_service(schedule=schedule, now=NOON, on=date(2026, 2, 1))
        assert shown(schedule) == (date(2026, 2, 1), None, date(2026, 8, 1), None)

    def test_future_and_miles_above_the_odometer_are_refused(self, schedule):
        before = shown(schedule)
        with pytest.raises(actions.DoneInTheFuture):
            actions.record_service(schedule=schedule, now=NOON, on=TODAY + DAY)
        with pytest.raises(actions.MilesAboveOdometer, match="The vehicle has 42000"):
            actions.record_service(schedule=schedule, now=NOON, miles=Decimal("42000.01"))
        assert shown(schedule) == before
        assert not ServiceRecord.objects.exists()

    def test_archived_vehicle_records_nothing(self, schedule, civic):
        vehicles.archive_vehicle(vehicle=civic, now=NOON)
        with pytest.raises(AlreadyArchived):
            actions.record_service(schedule=schedule, now=NOON)


class TestOrders:
    def order(self, civic, *jobs, **fields):
        order = factories.RepairOrderFactory(
            customer=civic.customer, vehicle=civic, status="in_progress", **fields
        )
        for number, values in enumerate(jobs, 1):
            job = factories.JobFactory(
                repair_order=order, position=number, **{"status": "approved", "is_draft": False} | values
            )
            factories.ServiceLineFactory(repair_order=order, job=job)
        return order

    @pytest.mark.parametrize("name", ["Oil change", "OIL CHANGE", "oil-change", "oil and filter"])
    def test_completed_job_of_that_name_does_the_work(self, civic, schedule, name):
        complete(order=self.order(civic, {"name": name}), by=None, now=NOON)
        assert shown(schedule) == (TODAY, 42_000, date(2026, 9, 30), 47_000)

    def test_job_made_from_the_canned_job_does_it_under_any_name(self, civic, schedule, template):
        template.canned_job = CannedJob.objects.create(name="LOF")
        template.save()
        order = self.order(
            civic, {"name": "Lube", "canned_job": template.canned_job}, odometer_out=Decimal(42_010)
        )
        complete(order=order, by=None, now=NOON)
        assert shown(schedule) == (TODAY, 42_010, date(2026, 9, 30), 47_010)

    def test_other_jobs_and_those_that_were_not_done_do_not(self, civic, schedule):
        before = shown(schedule)
        order = self.order(civic, {"name": "Brakes"}, {"name": "Oil change"})
        brakes = Job.objects.get(name="Brakes")
        complete(order=order, by=None, now=NOON, jobs=[brakes.pk])
        assert shown(schedule) == before

    def test_reopened_order_takes_its_record_back(self, civic, schedule):
        actions.record_service(schedule=schedule, now=NOON, on=date(2026, 2, 1), miles=Decimal(41_000))
        order = self.order(civic, {"name": "Oil change"})
        complete(order=order, by=None, now=NOON)
        assert shown(schedule)[0] == TODAY
        reopen(order=order, reason="Wrong order", by=None, now=NOON)
        assert shown(schedule) == (date(2026, 2, 1), 41_000, date(2026, 8, 1), 46_000)
        complete(order=order, by=None, now=NOON + DAY)
        assert shown(schedule)[0] == TODAY + DAY


class TestOwners:
    def test_new_owner_sees_what_is_due_and_no_record(self, civic, schedule, bob):
        actions.record_service(schedule=schedule, now=NOON, on=date(2026, 2, 1), miles=Decimal(41_000))
        successor = vehicles.transfer_vehicle(vehicle=civic, customer=bob, by=None, now=NOON)
        row = ServiceSchedule.objects.get(vehicle=successor)
        assert shown(row) == (None, None, date(2026, 8, 1), 46_000)
        assert not row.records.exists()
        assert schedule.records.count() == 1

    def test_merged_rows_of_a_vehicle_join_their_records(self, alice, bob, template):
        add = {"by": None, "make": "Honda", "model": "Civic", "year": 2020, "vin": "1HGBH41JXMN109186"}
        kept = vehicles.add_vehicle(customer=bob, now=NOON, **add)
        other = vehicles.add_vehicle(customer=alice, now=NOON, **add)
        theirs = ServiceSchedule.objects.get(vehicle=other)
        read_odometer(vehicle=other, miles=Decimal(900), by=None, now=NOON)
        actions.record_service(schedule=theirs, now=NOON, on=TODAY, miles=Decimal(900))
        merge_customers(customer=alice, into=bob, by=None, now=NOON)
        assert shown(ServiceSchedule.objects.get(vehicle=kept)) == (TODAY, 900, date(2026, 9, 30), 5_900)
