"""A bay has at most one vehicle in it, and work in progress keeps its bay (docs/design, D96)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appointments import actions
from appointments.actions import BayOccupied
from appointments.holds import SlotTaken, TechnicianIsBusy, VehicleIsBooked
from appointments.models import Appointment
from appointments.queries import find_free_bays, find_next_free_slots, free_until, get_available_slots
from appointments.slots import BaySchedule, Slot
from appointments.tests.booking import HALF_HOUR, NOW, TEN, assert_rejected, book
from common.domain.errors import IllegalTransition
from testing.factories import AppointmentFactory, GarageFactory, TechnicianFactory, VehicleFactory
from testing.storms import parallel
from testing.suites import count_queries

MINUTE = timedelta(minutes=1)


def in_bay(bay, start, end, status="pending", **fields):
    fields.setdefault("technician", TechnicianFactory())
    return AppointmentFactory(bay=bay, start=start, end=end, status=status, **fields)


def starts(garage, now, length=HALF_HOUR):
    slots = get_available_slots(location=garage, day=TEN.date(), length=length, now=now)
    return [slot.start for slot in slots]


@pytest.mark.django_db
class TestStart:
    def test_second_start_in_a_bay_names_the_free_bays(self):
        garage = GarageFactory(bays=4)
        first, second, third, fourth = garage.bays.order_by("id")
        in_bay(first, TEN - HALF_HOUR, TEN, status="in_progress")
        in_bay(second, TEN + 29 * MINUTE, TEN + 2 * HALF_HOUR)
        late = in_bay(first, TEN, TEN + HALF_HOUR)
        error = assert_rejected(
            BayOccupied, lambda: actions.start_appointment(appointment=late, by=None, now=TEN), late
        )
        assert (error.code, error.text, error.facts) == (
            "bay_occupied",
            (
                f"{first.name} is occupied. Complete the work there or choose another bay. "
                f"Free now: {third.name}, {fourth.name}."
            ),
            {"free_bays": [{"id": third.pk, "name": third.name}, {"id": fourth.pk, "name": fourth.name}]},
        )
        assert (late.status, late.started_at) == ("pending", None)

    def test_second_start_says_if_no_bay_is_free(self):
        garage = GarageFactory(bays=1)
        in_bay(garage.bays.get(), TEN - HALF_HOUR, TEN, status="in_progress")
        late = in_bay(garage.bays.get(), TEN, TEN + HALF_HOUR)
        error = assert_rejected(
            BayOccupied, lambda: actions.start_appointment(appointment=late, by=None, now=TEN), late
        )
        assert error.text.endswith("choose another bay. No other bay is free now.")
        assert error.facts == {"free_bays": []}

    def test_bay_is_free_when_the_work_is_complete(self):
        bay = GarageFactory(bays=1).bays.get()
        first, second = in_bay(bay, TEN - HALF_HOUR, TEN, "in_progress"), in_bay(bay, TEN, TEN + HALF_HOUR)
        actions.complete_appointment(appointment=first, by=None, now=TEN)
        actions.start_appointment(appointment=second, by=None, now=TEN)
        assert second.status == "in_progress"

    def test_illegal_state_is_reported_before_the_bay(self):
        bay = GarageFactory(bays=1).bays.get()
        in_bay(bay, TEN - HALF_HOUR, TEN, "in_progress")
        done = in_bay(bay, TEN, TEN + HALF_HOUR, "completed")
        assert_rejected(
            IllegalTransition, lambda: actions.start_appointment(appointment=done, by=None, now=TEN), done
        )

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_one_of_parallel_starts_in_a_bay_wins(self):
        garage = GarageFactory()
        bay = garage.bays.order_by("id")[0]
        waiting = [in_bay(bay, TEN + n * HALF_HOUR, TEN + (n + 1) * HALF_HOUR) for n in range(8)]

        def start(number):
            appointment = Appointment.objects.get(pk=waiting[number].pk)
            actions.start_appointment(appointment=appointment, by=None, now=TEN)
            return "started"

        outcomes = [o if isinstance(o, str) else type(o).__name__ for o in parallel(8, start)]
        assert sorted(outcomes) == ["BayOccupied"] * 7 + ["started"]
        assert Appointment.objects.filter(status="in_progress").count() == 1


@pytest.mark.django_db
class TestOverrun:
    """Work from 9:30 to 10:00 that is not complete."""

    @pytest.fixture
    def garage(self):
        return GarageFactory(bays=1)

    @pytest.fixture
    def work(self, garage):
        return in_bay(garage.bays.get(), TEN - HALF_HOUR, TEN, status="in_progress")

    @pytest.mark.parametrize(
        ("minutes_over", "first"),
        [(-30, 0), (-29, 30), (0, 30), (1, 60), (29, 60), (30, 60), (31, 90)],
    )
    def test_bay_is_free_thirty_minutes_from_now_at_the_earliest(self, garage, work, minutes_over, first):
        assert starts(garage, TEN + minutes_over * MINUTE)[0] == TEN + first * MINUTE

    def test_end_does_not_move(self, garage, work):
        before = Appointment.objects.values().get()
        starts(garage, TEN + HALF_HOUR)
        book(garage, TEN + timedelta(hours=4))
        assert Appointment.objects.values().get(pk=work.pk) == before

    def test_work_that_is_days_over_keeps_its_bay(self, garage, work):
        work.start, work.end = TEN - timedelta(days=5, hours=1), TEN - timedelta(days=5)
        work.save()
        assert starts(garage, TEN)[0] == TEN + HALF_HOUR

    def test_booking_and_alternatives_keep_the_bay(self, garage, work):
        vehicle = VehicleFactory()
        now = TEN + 10 * MINUTE
        error = assert_rejected(
            SlotTaken,
            lambda: actions.book_appointment(
                customer=vehicle.customer,
                vehicle=vehicle,
                location=garage,
                start=TEN + HALF_HOUR,
                services=(),
                now=now,
            ),
        )
        assert [slot["start"] for slot in error.facts["alternatives"]] == [
            TEN + n * HALF_HOUR for n in (2, 3, 4)
        ]
        found = find_next_free_slots(location=garage, after=NOW, length=HALF_HOUR, now=now)
        assert found[0].start == TEN + 2 * HALF_HOUR

    def test_work_that_reaches_into_the_next_appointment_does_not_hide_it(self, garage, work):
        in_bay(garage.bays.get(), TEN + HALF_HOUR, TEN + 2 * HALF_HOUR)
        assert starts(garage, TEN + 10 * MINUTE)[0] == TEN + 2 * HALF_HOUR

    def test_work_that_began_early_holds_its_bay_from_then_on(self, garage):
        in_bay(garage.bays.get(), TEN + 4 * HALF_HOUR, TEN + 5 * HALF_HOUR, "in_progress", started_at=TEN)
        assert starts(garage, TEN + MINUTE)[0] == TEN + 5 * HALF_HOUR

    def test_vehicle_and_technician_are_at_the_work(self, garage, work):
        other = GarageFactory()
        options = {"customer": work.customer, "location": other, "services": (), "now": TEN + 10 * MINUTE}
        start = TEN + HALF_HOUR
        error = assert_rejected(
            VehicleIsBooked,
            lambda: actions.book_appointment(vehicle=work.vehicle, start=start, **options),
        )
        assert f"appointment {work.pk} on" in error.text
        second = VehicleFactory(customer=work.customer)
        assert_rejected(
            TechnicianIsBusy,
            lambda: actions.book_appointment(
                vehicle=second, start=start, technician=work.technician, **options
            ),
        )
        later = TEN + 2 * HALF_HOUR
        booked = actions.book_appointment(
            vehicle=work.vehicle, start=later, technician=work.technician, **options
        )
        assert (booked.start, booked.technician) == (later, work.technician)


@pytest.mark.django_db
class TestBayChange:
    def test_appointment_that_is_due_can_take_another_bay(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        due = in_bay(first, TEN - 7 * MINUTE, TEN + 23 * MINUTE)
        actions.move_appointment(appointment=due, bay=second, by_staff=True, now=TEN)
        due.refresh_from_db()
        assert (due.bay, due.start, due.sequence) == (second, TEN - 7 * MINUTE, 0)

    def test_bay_with_work_in_it_is_taken(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        in_bay(second, TEN - 2 * HALF_HOUR, TEN - HALF_HOUR, "in_progress")
        due = in_bay(first, TEN - 7 * MINUTE, TEN + 23 * MINUTE)
        error = assert_rejected(
            SlotTaken,
            lambda: actions.move_appointment(appointment=due, bay=second, by_staff=True, now=TEN),
            due,
        )
        assert error.facts["alternatives"][0]["start"] == TEN + HALF_HOUR


@pytest.mark.django_db
class TestFree:
    def test_free_bays_are_named_with_the_next_appointment(self):
        garage = GarageFactory(bays=5)
        empty, later, present, in_work, closed = garage.bays.order_by("id")
        in_bay(later, TEN + 2 * HALF_HOUR, TEN + 3 * HALF_HOUR)
        in_bay(later, TEN + HALF_HOUR, TEN + 2 * HALF_HOUR)
        in_bay(present, TEN - HALF_HOUR, TEN + MINUTE)
        in_bay(in_work, TEN - 3 * HALF_HOUR, TEN - HALF_HOUR, "in_progress")
        in_bay(closed, TEN - HALF_HOUR, TEN + HALF_HOUR, "cancelled")
        AppointmentFactory(start=TEN)
        assert free_until(garage, TEN) == [(empty, None), (later, TEN + HALF_HOUR), (closed, None)]
        assert free_until(garage, TEN + MINUTE)[2] == (present, None)
        assert count_queries(lambda: free_until(garage, TEN)) == 1

    def test_bays_that_are_free_throughout(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        in_bay(second, TEN + HALF_HOUR, TEN + 2 * HALF_HOUR)
        assert find_free_bays(garage, Slot(TEN, TEN + HALF_HOUR), now=TEN) == [first, second]
        assert find_free_bays(garage, Slot(TEN, TEN + 31 * MINUTE), now=TEN) == [first]


class TestSchedule:
    def test_next_free_is_the_first_gap_that_is_long_enough(self):
        schedule = BaySchedule(
            [7, 3],
            [
                (7, TEN, TEN + HALF_HOUR),
                (7, TEN + 2 * HALF_HOUR, TEN + 3 * HALF_HOUR),
                (3, TEN - HALF_HOUR, TEN + 2 * HALF_HOUR),
            ],
        )
        assert schedule.next_free(TEN, HALF_HOUR) == (TEN + HALF_HOUR, 7)
        assert schedule.next_free(TEN, 31 * MINUTE) == (TEN + 2 * HALF_HOUR, 3)
        assert schedule.next_free(TEN - HALF_HOUR, HALF_HOUR) == (TEN - HALF_HOUR, 7)
        assert BaySchedule([], []).next_free(TEN, HALF_HOUR) is None
