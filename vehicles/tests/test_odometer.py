from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from common.domain.database import violates
from testing.factories import VehicleFactory
from testing.storms import parallel
from vehicles import actions, odometer
from vehicles.locks import AlreadyArchived
from vehicles.models import OdometerReading, OdometerSource, Vehicle

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def civic(alice, now):
    return actions.add_vehicle(
        customer=alice, by=alice.contact_id, now=now - 9 * HOUR, make="Honda", model="Civic", year=2020,
        odometer=Decimal("100.00"),
    )  # fmt: skip


def read(vehicle, miles, now, **more):
    return odometer.read_odometer(vehicle=vehicle, miles=Decimal(miles), by=None, now=now, **more)


def correct(vehicle, miles, now, replaces=None, **more):
    return odometer.correct_odometer(
        vehicle=vehicle, miles=Decimal(miles), reason="Mistyped", by=None, now=now, replaces=replaces, **more
    )


def shown(vehicle):
    return Vehicle.objects.values_list("odometer", "odometer_at").get(pk=vehicle.pk)


def rows(vehicle):
    found = OdometerReading.objects.filter(vehicle=vehicle).order_by("id")
    return [(row.miles, row.source, row.at, row.replaces_id, row.base, row.accepted) for row in found]


class TestRead:
    def test_first_odometer_of_a_vehicle_is_a_reading(self, civic, alice, now):
        reading = OdometerReading.objects.get()
        assert (reading.miles, reading.source, reading.at, reading.by) == (
            Decimal("100.00"), "MANUAL", now - 9 * HOUR, alice.contact
        )  # fmt: skip
        assert shown(civic) == (Decimal("100.00"), now - 9 * HOUR)

    def test_odometer_of_zero_is_no_reading(self, alice, now):
        actions.add_vehicle(
            customer=alice, by=None, now=now, make="A", model="B", year=2020, odometer=Decimal(0)
        )
        assert not OdometerReading.objects.exists()

    def test_change_of_the_vehicle_is_a_reading_with_one_history_row(self, civic, alice, now):
        count = civic.history.count()
        actions.change_vehicle(
            vehicle=civic, by=alice.contact_id, now=now, odometer=Decimal("120.50"), color="Red"
        )
        assert shown(civic) == (Decimal("120.50"), now)
        assert [row[0] for row in rows(civic)] == [Decimal("100.00"), Decimal("120.50")]
        assert civic.history.count() == count + 1
        actions.change_vehicle(vehicle=civic, by=None, now=now + HOUR, odometer=Decimal("120.50"))
        assert OdometerReading.objects.count() == 2

    def test_reading_is_dated_and_the_latest_is_the_odometer(self, civic, now):
        read(civic, 130, now, at=now - HOUR, source=OdometerSource.CHECK_IN, note="Key tag 4")
        read(civic, 110, now, at=now - 2 * HOUR)
        assert shown(civic) == (Decimal("130.00"), now - HOUR)
        assert [(row.miles, row.source, row.note) for row in odometer.find_readings([civic.pk])] == [
            (Decimal("130.00"), "CHECK_IN", "Key tag 4"),
            (Decimal("110.00"), "MANUAL", ""),
            (Decimal("100.00"), "MANUAL", ""),
        ]

    @pytest.mark.parametrize(
        ("miles", "hours_ago", "error", "text"),
        [
            (
                "99.99",
                0,
                odometer.OdometerBackwards,
                "The odometer cannot go down: enter at least 130.00 miles.",
            ),
            (
                "99.99",
                5,
                odometer.OdometerBackwards,
                "The odometer cannot go down: enter at least 100.00 miles.",
            ),
            ("130.01", 5, odometer.OdometerAhead, "A later reading is 130.00 miles: enter at most that."),
            ("140.00", -1, odometer.ReadingInTheFuture, "A reading cannot be in the future."),
        ],
    )
    def test_reading_lies_between_its_neighbours(self, civic, now, miles, hours_ago, error, text):
        read(civic, 130, now, at=now - HOUR)
        before = (shown(civic), rows(civic), civic.history.count())
        with pytest.raises(error, match=text):
            read(civic, miles, now, at=now - hours_ago * HOUR if hours_ago else None)
        assert (shown(civic), rows(civic), civic.history.count()) == before

    def test_reading_now_is_the_latest_even_if_the_dongles_clock_is_ahead(self, civic, now):
        ahead = now + timedelta(minutes=4)
        OdometerReading.objects.create(vehicle=civic, miles=105, source="TELEMATICS", at=ahead)
        Vehicle.objects.filter(pk=civic.pk).update(odometer=105, odometer_at=ahead)
        read(civic, 106, now)
        assert shown(civic) == (Decimal("106.00"), ahead)

    def test_archived_vehicle_takes_no_readings(self, civic, now):
        actions.archive_vehicle(vehicle=civic, now=now)
        for verb in (read, correct):
            with pytest.raises(AlreadyArchived):
                verb(civic, 130, now)
        assert OdometerReading.objects.count() == 1


class TestCorrect:
    def test_mistyped_figure_is_replaced_at_its_time(self, civic, now, ada):
        typed = read(civic, 15_000, now - HOUR)
        correction = odometer.correct_odometer(
            vehicle=civic,
            replaces=typed.pk,
            miles=Decimal(150),
            reason="A nought too many",
            by=ada.pk,
            now=now,
        )
        assert shown(civic) == (Decimal("150.00"), now - HOUR)
        assert rows(civic)[1:] == [
            (Decimal("15000.00"), "MANUAL", now - HOUR, None, False, False),
            (Decimal("150.00"), "CORRECTION", now - HOUR, typed.pk, False, True),
        ]
        assert (correction.by, correction.note) == (ada, "A nought too many")
        assert civic.history.latest().history_change_reason == "odometer corrected: A nought too many"
        read(civic, "150.10", now)

    def test_only_the_named_reading_is_replaced(self, civic, now):
        first = read(civic, 15_000, now - 3 * HOUR)
        later = read(civic, 15_010, now - 2 * HOUR)
        correct(civic, 150, now, replaces=first.pk)
        assert shown(civic) == (Decimal("15010.00"), now - 2 * HOUR)
        correct(civic, 160, now, replaces=later.pk)
        assert shown(civic) == (Decimal("160.00"), now - 2 * HOUR)

    def test_correction_lies_between_its_neighbours(self, civic, now):
        middle = read(civic, 200, now - 3 * HOUR)
        read(civic, 300, now - 2 * HOUR)
        before = (shown(civic), rows(civic))
        with pytest.raises(odometer.OdometerBackwards, match=r"at least 100\.00 miles"):
            correct(civic, "99.99", now, replaces=middle.pk)
        with pytest.raises(odometer.OdometerAhead, match=r"A later reading is 300\.00 miles"):
            correct(civic, "300.01", now, replaces=middle.pk)
        assert (shown(civic), rows(civic)) == before

    def test_reading_is_corrected_once(self, civic, now):
        typed = read(civic, 200, now)
        correct(civic, 190, now, replaces=typed.pk)
        with pytest.raises(odometer.AlreadyCorrected):
            correct(civic, 180, now, replaces=typed.pk)
        assert shown(civic)[0] == Decimal("190.00")

    def test_reading_must_be_named_and_the_vehicles(self, civic, now):
        other = OdometerReading.objects.create(vehicle=VehicleFactory(), miles=1, source="MANUAL", at=now)
        with pytest.raises(odometer.NothingToReplace):
            correct(civic, 190, now)
        with pytest.raises(odometer.ReadingNotFound):
            correct(civic, 190, now, replaces=other.pk)
        assert OdometerReading.objects.filter(source="CORRECTION").count() == 0

    def test_new_cluster_begins_the_check_anew(self, civic, now):
        correct(civic, 5, now, base=True)
        assert shown(civic) == (Decimal("5.00"), now)
        assert rows(civic) == [
            (Decimal("100.00"), "MANUAL", now - 9 * HOUR, None, False, True),
            (Decimal("5.00"), "CORRECTION", now, None, True, True),
        ]
        with pytest.raises(odometer.OdometerBackwards, match=r"at least 5\.00 miles"):
            read(civic, "4.99", now + HOUR)
        read(civic, 6, now + HOUR)
        # A reading from before the new cluster is still checked against the old one.
        read(civic, 2000, now + HOUR, at=now - HOUR)
        assert shown(civic) == (Decimal("6.00"), now + HOUR)

    def test_mistyped_first_figure_of_a_cluster_stays_the_first(self, civic, now):
        base = correct(civic, 5000, now, base=True)
        correct(civic, 5, now + HOUR, replaces=base.pk)
        assert rows(civic)[-1] == (Decimal("5.00"), "CORRECTION", now, base.pk, True, True)
        assert shown(civic) == (Decimal("5.00"), now)

    def test_new_cluster_can_replace_a_reading(self, civic, now):
        refused = read(civic, 90_000, now - HOUR)
        correct(civic, 5, now, replaces=refused.pk, base=True)
        assert shown(civic) == (Decimal("5.00"), now)
        assert rows(civic)[1][-1] is False


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"miles": "-0.01"}, "reading_is_possible"),
        ({"source": "GUESS"}, "reading_source_is_known"),
        ({"base": True}, "only_corrections_replace"),
    ],
)
def test_database_constraints_hold(civic, now, fields, constraint):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        OdometerReading.objects.create(
            **{"vehicle": civic, "miles": 1, "source": "MANUAL", "at": now} | fields
        )
    assert violates(error.value, OdometerReading, constraint)


def test_reading_is_replaced_once(civic, now):
    typed = OdometerReading.objects.get()
    values = {"vehicle": civic, "miles": 1, "source": "CORRECTION", "at": now, "replaces": typed}
    OdometerReading.objects.create(**values)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        OdometerReading.objects.create(**values)
    assert violates(error.value, OdometerReading, "reading_replaced_once")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_readings_rise_and_the_last_is_the_odometer(now):
    vehicle = VehicleFactory()
    outcomes = parallel(12, lambda n: read(Vehicle.objects.get(pk=vehicle.pk), 100 + n % 4, now))
    found = list(OdometerReading.objects.order_by("at", "id").values_list("miles", flat=True))
    assert found == sorted(found)
    assert len(found) == sum(isinstance(outcome, OdometerReading) for outcome in outcomes)
    assert shown(vehicle)[0] == found[-1] == Decimal("103.00")
