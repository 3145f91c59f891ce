"""What is free, from the tables: closures, bays, the past, the horizon, names of services."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from appointments.models import HOLDS_A_BAY, AppointmentStatus
from appointments.queries import (
    TooFarAhead,
    UnknownService,
    WhichVehicle,
    available_slots,
    next_free_slots,
    services_called,
    vehicle_meant,
    visit_length,
)
from common.domain.caller import Caller, Role
from common.domain.errors import Missing
from testing.factories import (
    AppointmentFactory,
    BayFactory,
    ClosureFactory,
    GarageFactory,
    LocationFactory,
    ServiceTypeFactory,
    VehicleFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)  # a Monday
TUESDAY = date(2027, 1, 5)
HALF_HOUR = timedelta(minutes=30)


def at(hour, minute=0, day=TUESDAY):
    return datetime.combine(day, time(hour, minute), UTC)


def starts(garage, day=TUESDAY, length=HALF_HOUR, now=NOW):
    found = available_slots(location=garage, day=day, length=length, now=now)
    assert all(slot.end - slot.start == length for slot in found)
    return [slot.start for slot in found]


def visit(bay, start, end, **fields):
    return AppointmentFactory(bay=bay, start=start, end=end, **fields)


class TestAvailable:
    def test_an_empty_day(self):
        assert starts(GarageFactory()) == [at(8) + n * HALF_HOUR for n in range(20)]

    def test_today_only_what_is_ahead(self):
        garage, today = GarageFactory(), NOW.date()
        assert starts(garage, today)[0] == at(12, 30, today)  # the one that begins now has begun
        assert starts(garage, today, now=NOW - timedelta(microseconds=1))[0] == NOW
        assert starts(garage, today, now=at(17, 30, today)) == []

    def test_a_slot_is_free_while_one_bay_is(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        visit(first, at(9), at(10))
        assert len(starts(garage)) == 20
        visit(second, at(9, 30), at(11))
        assert at(9, 30) not in starts(garage)
        assert {at(9), at(10)} <= set(starts(garage))

    def test_one_bay_must_be_free_for_the_whole_visit(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        visit(first, at(9), at(10))
        visit(second, at(10), at(11))
        assert len(starts(garage)) == 20  # a half hour fits everywhere
        hours = starts(garage, length=timedelta(hours=1))
        assert at(9, 30) not in hours  # half of it in one bay and half in the other is no visit
        assert {at(8), at(9), at(10), at(11)} <= set(hours)

    @pytest.mark.parametrize("status", AppointmentStatus)
    def test_what_is_over_holds_nothing(self, status):
        garage = GarageFactory(bays=1)
        visit(garage.bays.get(), at(9), at(10), status=status)
        assert (at(9) in starts(garage)) is (status not in HOLDS_A_BAY)

    def test_what_began_before_the_day_and_reaches_into_it_holds(self):
        garage = GarageFactory(bays=1)
        visit(garage.bays.get(), at(23, day=NOW.date()), at(9))
        assert starts(garage)[0] == at(9)

    def test_another_locations_visits_are_its_own(self):
        garage, other = GarageFactory(bays=1), GarageFactory(bays=1)
        visit(other.bays.get(), at(8), at(18))
        assert len(starts(garage)) == 20
        assert starts(other) == []

    def test_a_closed_weekday_a_closure_and_a_garage_without_bays(self):
        garage = GarageFactory()
        ClosureFactory(location=garage, day=TUESDAY)
        assert starts(garage) == []
        assert len(starts(garage, TUESDAY + timedelta(days=1))) == 20
        garage.opening_hours.filter(weekday=2).delete()
        assert starts(garage, TUESDAY + timedelta(days=1)) == []
        assert starts(GarageFactory(bays=0)) == []
        assert starts(LocationFactory()) == []

    def test_the_day_is_the_locations(self):
        garage = GarageFactory(time_zone="Pacific/Auckland")  # UTC+13 in January: it is Tuesday, 1 am, there
        assert starts(garage)[0] == datetime(2027, 1, 4, 19, tzinfo=UTC)
        assert starts(garage, NOW.date()) == []

    def test_a_past_day_is_empty(self):
        garage = GarageFactory()
        assert [starts(garage, day) for day in (NOW.date() - timedelta(days=1), date.min)] == [[], []]

    @pytest.mark.parametrize(("zone", "today"), [("UTC", date(2027, 1, 4)), ("Pacific/Auckland", TUESDAY)])
    def test_ninety_days_ahead_and_no_more(self, zone, today):
        garage, last = GarageFactory(time_zone=zone), today + timedelta(days=90)
        assert len(starts(garage, last)) == 20
        for day in (last + timedelta(days=1), date.max):
            with pytest.raises(TooFarAhead) as error:
                starts(garage, day)
            assert error.value.field == "day"

    def test_as_many_queries_on_a_busy_day_as_on_an_empty_one(self):
        garage = GarageFactory(bays=10)
        empty = count_queries(lambda: starts(garage))
        for bay in garage.bays.all():
            for number in range(20):
                visit(bay, at(8) + number * HALF_HOUR, at(8, 30) + number * HALF_HOUR)
        assert starts(garage) == []
        assert count_queries(lambda: starts(garage)) == empty == 4


class TestNext:
    def next(self, garage, after, length=HALF_HOUR, **options):
        found = next_free_slots(location=garage, after=after, length=length, now=NOW, **options)
        return [slot.start for slot in found]

    def test_the_three_after_it(self):
        garage = GarageFactory(bays=1)
        visit(garage.bays.get(), at(9, 30), at(10))
        assert self.next(garage, at(9)) == [at(10), at(10, 30), at(11)]
        assert self.next(garage, at(9), count=1) == [at(10)]

    def test_on_other_days_when_the_day_is_full(self):
        garage, wednesday = GarageFactory(bays=1), TUESDAY + timedelta(days=1)
        visit(garage.bays.get(), at(9), at(18))
        ClosureFactory(location=garage, day=wednesday)
        thursday = wednesday + timedelta(days=1)
        assert self.next(garage, at(9)) == [at(8, 0, thursday), at(8, 30, thursday), at(9, 0, thursday)]

    def test_weeks_later_and_never_beyond_the_horizon(self):
        garage, last = GarageFactory(bays=1), NOW.date() + timedelta(days=90)
        for number in range(90):
            ClosureFactory(location=garage, day=NOW.date() + timedelta(days=number))
        assert self.next(garage, at(9)) == [at(8, 0, last), at(8, 30, last), at(9, 0, last)]
        ClosureFactory(location=garage, day=last)
        assert self.next(garage, at(9)) == []


class TestServices:
    @pytest.mark.parametrize(
        "name", ["oil_change", "Oil change", " OIL  CHANGE ", "oil-change", "Oil & filter", "oil & FILTER"]
    )
    def test_as_people_write_them(self, name):
        service = ServiceTypeFactory(code="oil_change", name="Oil & filter")
        ServiceTypeFactory()
        assert services_called([name]) == [service]

    def test_in_their_order_and_once(self):
        oil, tires = ServiceTypeFactory(code="oil_change"), ServiceTypeFactory(code="tire-rotation")
        assert services_called(["Tire rotation", "oil_change", "tire_rotation", "oil change"]) == [tires, oil]

    def test_a_code_is_stronger_than_anothers_name(self):
        ServiceTypeFactory(code="full_service", name="Inspection")
        assert services_called(["inspection"])[0].code == "full_service"
        inspection = ServiceTypeFactory(code="inspection", name="State inspection")
        assert services_called(["inspection"]) == [inspection]

    @pytest.mark.parametrize("name", ["teleport", "", "oil", "oil_change_", "%"])
    def test_what_nobody_offers_is_named(self, name):
        ServiceTypeFactory(code="oil_change")
        with pytest.raises(UnknownService) as error:
            services_called(["oil_change", name])
        assert (error.value.text, error.value.field) == (f"There is no service “{name}”.", "services")

    def test_none_asks_nothing_and_many_ask_once(self):
        codes = [service.code for service in ServiceTypeFactory.create_batch(5)]
        assert [count_queries(lambda n=n: services_called(codes[:n])) for n in (0, 1, 5)] == [0, 1, 1]

    def test_length(self):
        assert visit_length([]) == HALF_HOUR
        assert visit_length(ServiceTypeFactory.create_batch(2, minutes=45)) == timedelta(minutes=90)


class TestWhichVehicle:
    def who(self, customer):
        return Caller(Role.CUSTOMER, 1, customer.pk if customer else None)

    def test_the_named_or_the_only_one(self, alice, now):
        mine = VehicleFactory(customer=alice)
        VehicleFactory(customer=alice, archived_at=now)
        assert vehicle_meant(self.who(alice)) == mine
        assert vehicle_meant(self.who(alice), mine.uuid) == mine
        VehicleFactory(customer=alice)
        assert vehicle_meant(self.who(alice), mine.uuid) == mine
        with pytest.raises(WhichVehicle) as error:
            vehicle_meant(self.who(alice))
        assert (error.value.text, error.value.field) == (
            "You have several vehicles: say which one.",
            "vehicle",
        )

    def test_none(self, alice):
        VehicleFactory()
        for customer in (alice, None):
            with pytest.raises(WhichVehicle) as error:
                vehicle_meant(self.who(customer))
            assert error.value.text == "Add a vehicle first."

    def test_anothers_and_an_archived_one_are_not_there(self, alice, now):
        for vehicle in (VehicleFactory(), VehicleFactory(customer=alice, archived_at=now)):
            with pytest.raises(Missing):
                vehicle_meant(self.who(alice), vehicle.uuid)


def test_a_bay_of_a_visit_elsewhere_in_the_books_is_held_all_the_same():
    """What is held is the bay, whatever location an old row names."""
    garage = GarageFactory(bays=1)
    visit(garage.bays.get(), at(9), at(10), location=BayFactory().location)
    assert at(9) not in starts(garage)
