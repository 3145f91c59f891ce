"""Shifts and absences bound the bookable starts (docs/design, D98)."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments import actions
from appointments.holds import SlotTaken, TechnicianIsAway
from appointments.models import Weekday
from appointments.presence import Crew, TechnicianDay, merge, subtract, technicians_of_day
from appointments.queries import get_available_slots
from appointments.slots import Slot
from appointments.tests.booking import HALF_HOUR, NOW, TEN, assert_rejected, book
from testing.factories import (
    AbsenceFactory,
    AppointmentFactory,
    GarageFactory,
    ShiftFactory,
    TechnicianFactory,
    VehicleFactory,
)
from testing.suites import count_queries

TUESDAY = TEN.date()
MINUTE = timedelta(minutes=1)
NEW_YORK = "America/New_York"


def at(hour, minute=0, day=TUESDAY):
    return datetime.combine(day, time(hour, minute), UTC)


def works(location, begins=8, ends=18, weekday=Weekday.TUESDAY, technician=None):
    """Return a technician of the location with a shift on Tuesdays."""
    technician = technician or TechnicianFactory(location=location)
    ends = time(0) if ends == 24 else time(ends)
    ShiftFactory(technician=technician, weekday=weekday, begins=time(begins), ends=ends)
    return technician


def starts(garage, day=TUESDAY, length=HALF_HOUR, now=NOW):
    slots = get_available_slots(location=garage, day=day, length=length, now=now)
    return [slot.start for slot in slots]


@pytest.mark.django_db
class TestBookableStarts:
    def test_location_without_shifts_is_not_bound(self):
        garage = GarageFactory(bays=3)
        absent = AbsenceFactory(technician__location=garage, first_day=TUESDAY).technician
        works(GarageFactory())
        assert len(starts(garage)) == 20
        assert [book(garage).start for _ in range(3)] == [TEN] * 3
        assert not absent.shifts.exists()

    def test_starts_lie_within_the_shifts(self):
        garage = GarageFactory()
        technician = works(garage, 9, 12)
        works(garage, 14, 15, technician=technician)
        assert starts(garage) == [
            *(at(9) + n * HALF_HOUR for n in range(6)), at(14), at(14, 30)
        ]  # fmt: skip
        assert starts(garage, length=timedelta(hours=2)) == [at(9), at(9, 30), at(10)]
        assert starts(garage, TUESDAY + timedelta(days=1)) == []

    def test_shifts_that_touch_or_overlap_are_one(self):
        garage = GarageFactory()
        technician = works(garage, 9, 11)
        works(garage, 10, 12, technician=technician)
        works(garage, 12, 13, technician=technician)
        assert starts(garage, length=timedelta(hours=4)) == [at(9)]
        AppointmentFactory(bay=garage.bays.first(), start=at(10), end=at(10, 30))
        assert at(10) not in starts(garage)  # one technician, though two shifts

    def test_as_many_appointments_as_technicians_at_work(self):
        garage = GarageFactory(bays=4)
        first, second, *_ = garage.bays.order_by("id")
        works(garage, 8, 12), works(garage, 10, 18)
        AppointmentFactory(bay=first, start=at(9), end=at(10, 30))
        AppointmentFactory(bay=second, start=at(13), end=at(14))
        taken = {at(9), at(9, 30), at(13), at(13, 30)}
        assert starts(garage) == [
            start for n in range(20) if (start := at(8) + n * HALF_HOUR) not in taken
        ]  # fmt: skip

    def test_technicians_without_shifts_and_of_other_locations_are_not_counted(self):
        garage = GarageFactory(bays=3)
        works(garage), TechnicianFactory(location=garage), works(GarageFactory()), works(None)
        book(garage)
        assert TEN not in starts(garage)

    @pytest.mark.parametrize(
        ("absence", "left"),
        [
            ({}, []),
            ({"first_day": date(2027, 1, 1), "last_day": date(2027, 1, 31)}, []),
            ({"first_day": date(2027, 1, 6)}, [9, 10, 11]),
            ({"first_day": date(2027, 1, 1), "last_day": date(2027, 1, 4)}, [9, 10, 11]),
            ({"begins": time(10), "ends": time(11)}, [9, 11]),
            ({"begins": time(11), "ends": time(0)}, [9, 10]),
        ],
    )
    def test_absent_technician_is_not_counted(self, absence, left):
        garage = GarageFactory()
        technician = works(garage, 9, 12)
        AbsenceFactory(technician=technician, **{"first_day": TUESDAY} | absence)
        found = starts(garage, length=timedelta(hours=1))
        assert [start.hour for start in found if not start.minute] == left

    def test_overrun_counts_as_an_appointment(self):
        garage = GarageFactory()
        works(garage)
        AppointmentFactory(bay=garage.bays.first(), start=at(9), end=at(9, 30), status="in_progress")
        assert starts(garage, now=at(10))[0] == at(10, 30)

    def test_appointment_that_moves_does_not_count(self):
        garage = GarageFactory()
        works(garage)
        appointment = book(garage)
        actions.move_appointment(appointment=appointment, start=TEN + HALF_HOUR, now=NOW)
        assert appointment.start == TEN + HALF_HOUR

    def test_booking_beyond_the_technicians_is_rejected_unless_staff_allow_it(self):
        garage = GarageFactory(bays=3)
        works(garage, 10, 18)
        book(garage)
        error = assert_rejected(SlotTaken, lambda: book(garage, allow_overlap=True))  # a customer
        assert error.text == (
            "No technician is free at that time. Next free: Tue 05 Jan 10:30, Tue 05 Jan 11:00, Tue 05 Jan 11:30."
        )
        assert_rejected(SlotTaken, lambda: book(garage, by_staff=True))
        assert book(garage, by_staff=True, allow_overlap=True).start == TEN
        other = book(garage, TEN + HALF_HOUR)
        move = {"appointment": other, "start": TEN, "now": NOW}
        assert_rejected(SlotTaken, lambda: actions.move_appointment(**move, by_staff=True), other)

    def test_bay_of_an_appointment_can_change_whoever_is_at_work(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        appointment = AppointmentFactory(bay=first, start=TEN)
        works(garage, 14, 15)
        actions.move_appointment(appointment=appointment, bay=second, by_staff=True, now=NOW)
        assert appointment.bay == second

    def test_walk_in_is_not_bound(self):
        garage, vehicle = GarageFactory(), VehicleFactory()
        works(garage, 14, 15)
        made = actions.walk_in(customer=vehicle.customer, vehicle=vehicle, location=garage, now=TEN)
        assert made.start == TEN

    def test_number_of_queries_is_constant(self):
        garage = GarageFactory(bays=10)
        works(garage)
        one = count_queries(lambda: starts(garage))
        for _ in range(9):
            AbsenceFactory(technician=works(garage), first_day=TUESDAY, begins=time(9), ends=time(10))
        assert count_queries(lambda: starts(garage)) == one == 7


@pytest.mark.django_db
class TestLocalTime:
    def test_shifts_are_local_times(self):
        garage = GarageFactory(time_zone="Pacific/Auckland")
        works(garage, 8, 9)
        assert starts(garage, now=NOW - timedelta(days=2)) == [
            datetime(2027, 1, 4, 19, tzinfo=UTC), datetime(2027, 1, 4, 19, 30, tzinfo=UTC)
        ]  # fmt: skip

    @pytest.mark.parametrize(("day", "hours"), [(date(2027, 3, 14), 23), (date(2027, 11, 7), 25)])
    def test_shift_of_a_day_on_which_the_clocks_change_has_its_real_length(self, day, hours):
        garage = GarageFactory(time_zone=NEW_YORK, hours=(time(0), time(0)))
        works(garage, 0, 24, weekday=day.weekday())
        now = datetime.combine(day - timedelta(days=2), time(12), UTC)
        found = starts(garage, day, now=now)
        assert len(found) == hours * 2
        assert found[0] == datetime.combine(day, time(0), ZoneInfo(NEW_YORK))

    def test_hour_that_comes_twice_is_absent_twice(self):
        day = date(2027, 11, 7)
        garage = GarageFactory(time_zone=NEW_YORK, hours=(time(0), time(0)))
        technician = works(garage, 0, 4, weekday=day.weekday())
        AbsenceFactory(technician=technician, first_day=day, begins=time(1), ends=time(2))
        found = starts(garage, day, now=datetime.combine(day - timedelta(days=2), time(12), UTC))
        local = [f"{start.astimezone(ZoneInfo(NEW_YORK)):%H:%M}" for start in found]
        assert local == ["00:00", "00:30", "02:00", "02:30", "03:00", "03:30"]


@pytest.mark.django_db
class TestAway:
    @pytest.fixture
    def technician(self):
        return TechnicianFactory(name="Tina")

    def assign(self, technician, now=NOW, **options):
        appointment = AppointmentFactory(bay__location__time_zone="UTC", start=TEN)
        actions.assign_technician(appointment=appointment, technician=technician, by=None, now=now, **options)
        return appointment.technician

    def why(self, technician, **options):
        with pytest.raises(TechnicianIsAway) as error:
            self.assign(technician, **options)
        assert error.value.code == "technician_is_away"
        return error.value.text

    def test_technician_without_shifts_is_away_only_when_absent(self, technician):
        other = TechnicianFactory()
        assert self.assign(other) == other
        AbsenceFactory(technician=technician, first_day=TUESDAY, reason="Surgery")
        assert self.why(technician) == (
            "Tina is absent on 2027-01-05. Choose another technician or time, or allow it."
        )

    @pytest.mark.parametrize(
        ("shift", "text"),
        [
            ((time(8), time(10), 1), "Tina works 08:00–10:00 on 2027-01-05."),
            ((time(10, 1), time(0), 1), "Tina works 10:01–24:00 on 2027-01-05."),
            ((time(8), time(18), 2), "Tina does not work on 2027-01-05."),
        ],
    )
    def test_technician_is_away_outside_of_the_shifts(self, technician, shift, text):
        begins, ends, weekday = shift
        ShiftFactory(technician=technician, weekday=weekday, begins=begins, ends=ends)
        assert self.why(technician) == f"{text} Choose another technician or time, or allow it."

    def test_technician_within_the_shifts_can_be_assigned(self, technician):
        ShiftFactory(technician=technician, weekday=1, begins=time(8), ends=time(10, 15))
        ShiftFactory(technician=technician, weekday=1, begins=time(10, 15), ends=time(10, 30))
        assert self.assign(technician) == technician

    def test_overlap_that_is_allowed_covers_an_absence(self, technician):
        AbsenceFactory(technician=technician, first_day=TUESDAY)
        assert self.assign(technician, allow_overlap=True) == technician

    def test_only_what_is_ahead_must_be_worked(self, technician):
        ShiftFactory(technician=technician, weekday=1, begins=time(10, 10), ends=time(18))
        assert self.why(technician, now=TEN + 9 * MINUTE).startswith("Tina works 10:10–18:00")
        assert self.assign(technician, now=TEN + 10 * MINUTE) == technician

    def test_shifts_are_local_times_of_the_technicians_location(self, technician):
        technician.location = GarageFactory(time_zone="Asia/Tokyo")  # 19:00 there at 10:00 UTC
        technician.save()
        ShiftFactory(technician=technician, weekday=1, begins=time(19), ends=time(20))
        assert self.assign(technician) == technician

    def test_booking_names_the_absence(self, technician):
        garage = GarageFactory()
        AbsenceFactory(technician=technician, first_day=TUESDAY, begins=time(10), ends=time(11))
        error = assert_rejected(TechnicianIsAway, lambda: book(garage, technician=technician))
        assert error.text.startswith("Tina is absent on 2027-01-05, 10:00–11:00.")
        booked = book(garage, technician=technician, by_staff=True, allow_overlap=True)
        assert booked.technician == technician

    def test_customers_move_leaves_the_appointment_without_a_technician(self, technician):
        appointment = book(GarageFactory(), technician=technician)
        AbsenceFactory(technician=technician, first_day=TUESDAY, begins=time(14), ends=time(0))
        move = {"appointment": appointment, "start": at(14), "now": NOW}
        assert_rejected(
            TechnicianIsAway, lambda: actions.move_appointment(**move, by_staff=True), appointment
        )
        actions.move_appointment(**move)
        assert (appointment.start, appointment.technician, appointment.assigned_at) == (at(14), None, None)


@pytest.mark.django_db
class TestDay:
    def test_technicians_of_a_day_have_their_shifts_and_absences(self):
        garage = GarageFactory()
        tina = TechnicianFactory(name="Tina", location=garage)
        abe = TechnicianFactory(name="Abe", location=garage)
        works(GarageFactory())
        works(garage, 13, 17, technician=tina)
        works(garage, 8, 12, technician=tina)
        works(garage, 8, 12, weekday=Weekday.MONDAY, technician=abe)
        absence = AbsenceFactory(technician=tina, first_day=TUESDAY, begins=time(11), ends=time(14))
        AbsenceFactory(technician=tina, first_day=TUESDAY + timedelta(days=1))
        found = technicians_of_day(garage, TUESDAY)
        assert found == [
            TechnicianDay(abe, [], []),
            TechnicianDay(
                tina, [Slot(at(8), at(12)), Slot(at(13), at(17))], [(Slot(at(11), at(14)), absence)]
            ),
        ]
        assert found[1].at_work == [Slot(at(8), at(11)), Slot(at(14), at(17))]
        assert count_queries(lambda: technicians_of_day(garage, TUESDAY)) == 3


spans = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6)).map(
        lambda one: Slot(TEN + one[0] * MINUTE, TEN + sum(one) * MINUTE)
    ),
    max_size=6,
)


def minutes_of(slots):
    return sorted({n for slot in slots for n in range(30) if slot.start <= TEN + n * MINUTE < slot.end})


@given(spans, spans)
def test_spans_match_a_count_of_minutes(some, others):
    merged = merge(some)
    assert minutes_of(merged) == minutes_of(some)
    assert all(one.end < two.start for one, two in itertools.pairwise(merged))
    assert minutes_of(subtract(merged, others)) == sorted(set(minutes_of(some)) - set(minutes_of(others)))


@given(spans, spans, st.integers(0, 25), st.integers(1, 6))
def test_room_matches_a_count_of_minutes(present, held, start, length):
    slot = Slot(TEN + start * MINUTE, TEN + (start + length) * MINUTE)

    def count(slots, instant):
        return sum(one.start <= instant < one.end for one in slots)

    instants = [slot.start + n * MINUTE for n in range(length)]
    expected = all(count(present, one) - count(held, one) >= 1 for one in instants)
    assert Crew(present, held).has_room(slot) is expected
