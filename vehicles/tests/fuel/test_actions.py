from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from common.domain.database import violates
from privacy.merge import merge_customers
from testing import factories
from testing.storms import parallel
from vehicles.actions import archive_vehicle, transfer_vehicle
from vehicles.fuel import actions
from vehicles.fuel.models import FuelLog
from vehicles.locks import AlreadyArchived
from vehicles.models import OdometerReading, Vehicle
from vehicles.odometer import (
    OdometerAhead,
    OdometerBackwards,
    ReadingInTheFuture,
    correct_odometer,
    read_odometer,
)

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MIDNIGHT = NOON - timedelta(hours=12)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


def add(vehicle, miles, gallons="10", at=None, now=NOON, **more):
    return actions.add_fuel_log(
        vehicle=vehicle, miles=Decimal(miles), gallons=Decimal(gallons), by=None, now=now, at=at, **more
    )


def read(vehicle, miles, at):
    return read_odometer(vehicle=vehicle, miles=Decimal(miles), by=None, now=NOON, at=at)


def shown(vehicle):
    logs = FuelLog.objects.filter(vehicle=vehicle).in_order()
    return [(log.miles, None if log.mpg is None else str(log.mpg)) for log in logs]


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"gallons": 0}, "fuel_gallons_are_possible"),
        ({"price": -1}, "fuel_price_not_negative"),
    ],
)
def test_database_constraints_hold(fields, constraint):
    log = factories.FuelLogFactory()
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        FuelLog.objects.filter(pk=log.pk).update(**fields)
    assert violates(error.value, FuelLog, constraint)


class TestAdd:
    def test_odometer_becomes_a_reading_and_moves_the_vehicle(self, civic, alice):
        log = actions.add_fuel_log(
            vehicle=civic, miles=Decimal("100.5"), gallons=Decimal(9), by=alice.contact_id, now=NOON
        )
        reading = OdometerReading.objects.get()
        assert (log.at, log.reading, log.is_full, log.missed, log.price, log.mpg) == (
            NOON, reading, True, False, None, None
        )  # fmt: skip
        assert (reading.miles, reading.source, reading.at, reading.by) == (
            Decimal("100.50"), "MANUAL", NOON, alice.contact
        )  # fmt: skip
        civic.refresh_from_db()
        assert (civic.odometer, civic.odometer_at) == (Decimal("100.50"), NOON)
        assert civic.history.count() == 2

    def test_consumption_follows_each_fill_up_wherever_it_comes(self, civic):
        add(civic, 1000, at=NOON - 9 * DAY)
        add(civic, 1600, 15, at=NOON - 2 * DAY)
        assert shown(civic) == [(1000, None), (1600, "40.00")]
        add(civic, 1300, 5, at=NOON - 5 * DAY, is_full=False)
        assert shown(civic) == [(1000, None), (1300, None), (1600, "30.00")]
        assert add(civic, 1900, 10).mpg == Decimal("30.00")

    def test_lower_odometer_is_refused_as_elsewhere(self, civic):
        read(civic, 500, NOON - DAY)
        with pytest.raises(OdometerBackwards, match=r"enter at least 500\.00 miles") as error:
            add(civic, "499.99")
        assert error.value.field == "miles"
        assert not FuelLog.objects.exists()
        assert OdometerReading.objects.count() == 1

    def test_odometer_above_a_later_reading_is_refused(self, civic):
        read(civic, 500, NOON - DAY)
        with pytest.raises(OdometerAhead, match=r"A later reading is 500\.00 miles"):
            add(civic, 501, at=NOON - 2 * DAY)
        add(civic, 499, at=NOON - 2 * DAY)
        assert Vehicle.objects.get().odometer == 500

    def test_fill_up_is_not_in_the_future(self, civic):
        with pytest.raises(ReadingInTheFuture) as error:
            add(civic, 1, at=NOON + timedelta(seconds=1))
        assert error.value.field == "at"

    def test_archived_vehicle_takes_none(self, civic):
        archive_vehicle(vehicle=civic, now=NOON)
        with pytest.raises(AlreadyArchived):
            add(civic, 1)


class TestDay:
    """A time of midnight UTC stands for its day."""

    def test_comes_after_lower_readings_of_the_day(self, civic):
        read(civic, 500, MIDNIGHT + timedelta(hours=8))
        log = add(civic, 510, at=MIDNIGHT)
        assert (log.at, log.reading.at) == (MIDNIGHT, MIDNIGHT + timedelta(hours=8))
        assert Vehicle.objects.get().odometer == 510

    def test_comes_before_higher_readings_of_the_day(self, civic):
        read(civic, 500, MIDNIGHT + timedelta(hours=8))
        read(civic, 540, MIDNIGHT + timedelta(hours=11))
        assert add(civic, 520, at=MIDNIGHT).reading.at == MIDNIGHT + timedelta(hours=8)
        assert add(civic, 490, at=MIDNIGHT).reading.at == MIDNIGHT
        assert Vehicle.objects.get().odometer == 540

    def test_several_of_one_day_are_in_the_order_of_the_odometer(self, civic):
        add(civic, 1000, at=MIDNIGHT)
        add(civic, 1300, 10, at=MIDNIGHT)
        assert shown(civic) == [(1000, None), (1300, "30.00")]

    def test_reading_of_the_next_day_still_counts(self, civic):
        read(civic, 500, NOON - 2 * DAY)
        with pytest.raises(OdometerAhead):
            add(civic, 501, at=MIDNIGHT - 3 * DAY)
        with pytest.raises(OdometerBackwards):
            add(civic, 499, at=MIDNIGHT)


class TestChange:
    def test_figures_change_and_consumption_follows(self, civic):
        add(civic, 1000, at=NOON - 2 * DAY)
        log = add(civic, 1300, 10)
        actions.change_fuel_log(log=log, by=None, now=NOON, gallons=Decimal(12), notes="Highway")
        assert shown(civic) == [(1000, None), (1300, "25.00")]
        actions.change_fuel_log(log=log, by=None, now=NOON, missed=True)
        assert shown(civic) == [(1000, None), (1300, None)]
        assert OdometerReading.objects.count() == 2

    def test_higher_odometer_is_a_further_reading_at_its_time(self, civic):
        log = add(civic, 1000, at=NOON - DAY)
        actions.change_fuel_log(log=log, by=None, now=NOON, miles=Decimal(1010))
        log.refresh_from_db()
        assert (log.miles, log.reading.miles, log.reading.at) == (1010, 1010, NOON - DAY)
        assert OdometerReading.objects.filter(accepted=True).count() == 2

    def test_lower_odometer_is_refused(self, civic):
        log = add(civic, 1000)
        with pytest.raises(OdometerBackwards):
            actions.change_fuel_log(log=log, by=None, now=NOON, miles=Decimal(999), gallons=Decimal(5))
        log.refresh_from_db()
        assert (log.miles, log.gallons) == (1000, 10)


def test_correction_of_the_reading_corrects_the_fill_up(civic):
    add(civic, 1000, at=NOON - 2 * DAY)
    wrong = add(civic, 13000, 10)
    correct_odometer(
        vehicle=civic, replaces=wrong.reading_id, miles=Decimal(1300), reason="A digit", by=None, now=NOON
    )
    wrong.refresh_from_db()
    assert (wrong.reading.source, wrong.reading.miles) == ("CORRECTION", 1300)
    assert shown(civic) == [(1000, None), (1300, "30.00")]


def test_removed_fill_up_leaves_its_reading(civic):
    add(civic, 1000, at=NOON - 2 * DAY)
    middle = add(civic, 1100, 5, at=NOON - DAY)
    add(civic, 1300, 10)
    actions.remove_fuel_log(log=middle)
    assert shown(civic) == [(1000, None), (1300, "30.00")]
    assert OdometerReading.objects.filter(miles=1100, accepted=True).exists()


def test_new_owner_has_an_empty_log(civic, bob):
    add(civic, 1000)
    successor = transfer_vehicle(vehicle=civic, customer=bob, by=None, now=NOON)
    assert (shown(successor), len(shown(civic))) == ([], 1)


@pytest.mark.django_db(transaction=True)
def test_parallel_fill_ups_keep_figures_right(now):
    vehicle = factories.VehicleFactory()
    add(vehicle, 1000, at=now - DAY, now=now)

    def fill(n):
        return add(Vehicle.objects.get(), 1000, "0.5", at=now - DAY, now=now, is_full=False)

    assert not [error for error in parallel(4, fill) if isinstance(error, Exception)]
    assert add(vehicle, 1300, 10, now=now).mpg == Decimal("25.00")


def test_merged_rows_of_a_vehicle_join_their_fill_ups(alice, bob):
    kept, other = (
        factories.VehicleFactory(customer=customer, vin="1HGBH41JXMN109186") for customer in (bob, alice)
    )
    add(kept, 1000, at=NOON - 2 * DAY)
    add(other, 1300, 10)
    merge_customers(customer=alice, into=bob, by=None, now=NOON)
    assert shown(kept) == [(1000, None), (1300, "30.00")]
    assert shown(other) == []
