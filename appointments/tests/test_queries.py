"""Free slots, services and vehicles for a booking."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from appointments.models import HOLDS_A_BAY, AppointmentStatus
from appointments.queries import (
    TooFarAhead,
    UnknownService,
    VehicleNotChosen,
    find_next_free_slots,
    find_services,
    get_appointment_length,
    get_available_slots,
    get_vehicle_to_book,
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
    found = get_available_slots(location=garage, day=day, length=length, now=now)
    assert all(slot.end - slot.start == length for slot in found)
    return [slot.start for slot in found]


def appointment(bay, start, end, **fields):
    return AppointmentFactory(bay=bay, start=start, end=end, **fields)


class TestAvailable:
    def test_day_without_appointments_has_every_slot(self):
        assert starts(GarageFactory()) == [at(8) + n * HALF_HOUR for n in range(20)]

    def test_today_has_only_future_slots(self):
        garage, today = GarageFactory(), NOW.date()
        assert starts(garage, today)[0] == at(12, 30, today)  # a slot that begins now is past
        assert starts(garage, today, now=NOW - timedelta(microseconds=1))[0] == NOW
        assert starts(garage, today, now=at(17, 30, today)) == []

    def test_slot_is_free_while_one_bay_is_free(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        appointment(first, at(9), at(10))
        assert len(starts(garage)) == 20
        appointment(second, at(9, 30), at(11))
        assert at(9, 30) not in starts(garage)
        assert {at(9), at(10)} <= set(starts(garage))

    def test_one_bay_must_be_free_for_the_whole_length(self):
        garage = GarageFactory()
        first, second = garage.bays.order_by("id")
        appointment(first, at(9), at(10))
        appointment(second, at(10), at(11))
        assert len(starts(garage)) == 20  # 30 minutes fit in every slot
        hours = starts(garage, length=timedelta(hours=1))
        assert at(9, 30) not in hours  # neither bay is free for the whole hour
        assert {at(8), at(9), at(10), at(11)} <= set(hours)

    @pytest.mark.parametrize("status", AppointmentStatus)
    def test_closed_appointments_hold_no_bay(self, status):
        garage = GarageFactory(bays=1)
        appointment(garage.bays.get(), at(9), at(10), status=status)
        assert (at(9) in starts(garage)) is (status not in HOLDS_A_BAY)

    def test_appointment_from_the_day_before_holds_its_bay(self):
        garage = GarageFactory(bays=1)
        appointment(garage.bays.get(), at(23, day=NOW.date()), at(9))
        assert starts(garage)[0] == at(9)

    def test_appointments_of_another_location_hold_no_bay(self):
        garage, other = GarageFactory(bays=1), GarageFactory(bays=1)
        appointment(other.bays.get(), at(8), at(18))
        assert len(starts(garage)) == 20
        assert starts(other) == []

    def test_closed_days_and_locations_without_bays_have_no_slots(self):
        garage = GarageFactory()
        ClosureFactory(location=garage, day=TUESDAY)
        assert starts(garage) == []
        assert len(starts(garage, TUESDAY + timedelta(days=1))) == 20
        garage.opening_hours.filter(weekday=2).delete()
        assert starts(garage, TUESDAY + timedelta(days=1)) == []
        assert starts(GarageFactory(bays=0)) == []
        assert starts(LocationFactory()) == []

    def test_day_is_a_local_day_of_the_location(self):
        garage = GarageFactory(time_zone="Pacific/Auckland")  # UTC+13 in January: Tuesday, 01:00, local time
        assert starts(garage)[0] == datetime(2027, 1, 4, 19, tzinfo=UTC)
        assert starts(garage, NOW.date()) == []

    def test_past_day_has_no_slots(self):
        garage = GarageFactory()
        assert [starts(garage, day) for day in (NOW.date() - timedelta(days=1), date.min)] == [[], []]

    @pytest.mark.parametrize(("zone", "today"), [("UTC", date(2027, 1, 4)), ("Pacific/Auckland", TUESDAY)])
    def test_day_is_limited_to_ninety_days_ahead(self, zone, today):
        garage, last = GarageFactory(time_zone=zone), today + timedelta(days=90)
        assert len(starts(garage, last)) == 20
        for day in (last + timedelta(days=1), date.max):
            with pytest.raises(TooFarAhead) as error:
                starts(garage, day)
            assert error.value.field == "day"

    def test_number_of_queries_is_constant(self):
        garage = GarageFactory(bays=10)
        empty = count_queries(lambda: starts(garage))
        for bay in garage.bays.all():
            for number in range(20):
                appointment(bay, at(8) + number * HALF_HOUR, at(8, 30) + number * HALF_HOUR)
        assert starts(garage) == []
        assert count_queries(lambda: starts(garage)) == empty == 5


class TestNext:
    def next(self, garage, after, length=HALF_HOUR, **options):
        found = find_next_free_slots(location=garage, after=after, length=length, now=NOW, **options)
        return [slot.start for slot in found]

    def test_next_three_slots(self):
        garage = GarageFactory(bays=1)
        appointment(garage.bays.get(), at(9, 30), at(10))
        assert self.next(garage, at(9)) == [at(10), at(10, 30), at(11)]
        assert self.next(garage, at(9), count=1) == [at(10)]

    def test_search_continues_on_other_days(self):
        garage, wednesday = GarageFactory(bays=1), TUESDAY + timedelta(days=1)
        appointment(garage.bays.get(), at(9), at(18))
        ClosureFactory(location=garage, day=wednesday)
        thursday = wednesday + timedelta(days=1)
        assert self.next(garage, at(9)) == [at(8, 0, thursday), at(8, 30, thursday), at(9, 0, thursday)]

    def test_search_ends_at_the_last_bookable_day(self):
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
    def test_services_are_found_in_any_notation(self, name):
        service = ServiceTypeFactory(code="oil_change", name="Oil & filter")
        ServiceTypeFactory()
        assert find_services([name]) == [service]

    def test_services_keep_their_order_without_repetitions(self):
        oil, tires = ServiceTypeFactory(code="oil_change"), ServiceTypeFactory(code="tire-rotation")
        assert find_services(["Tire rotation", "oil_change", "tire_rotation", "oil change"]) == [tires, oil]

    def test_code_takes_precedence_over_a_name(self):
        ServiceTypeFactory(code="full_service", name="Inspection")
        assert find_services(["inspection"])[0].code == "full_service"
        inspection = ServiceTypeFactory(code="inspection", name="State inspection")
        assert find_services(["inspection"]) == [inspection]

    @pytest.mark.parametrize("name", ["teleport", "", "oil", "oil_change_", "%"])
    def test_unknown_service_is_reported(self, name):
        ServiceTypeFactory(code="oil_change")
        with pytest.raises(UnknownService) as error:
            find_services(["oil_change", name])
        assert (error.value.text, error.value.field) == (
            f"There is no service “{name}”. Use the code or the name of a service.",
            "services",
        )

    def test_no_names_need_no_query_and_several_need_one(self):
        codes = [service.code for service in ServiceTypeFactory.create_batch(5)]
        assert [count_queries(lambda n=n: find_services(codes[:n])) for n in (0, 1, 5)] == [0, 1, 1]

    def test_length_is_the_sum_of_the_services(self):
        assert get_appointment_length([]) == HALF_HOUR
        assert get_appointment_length(ServiceTypeFactory.create_batch(2, minutes=45)) == timedelta(minutes=90)


class TestVehicleToBook:
    def caller_of(self, customer):
        return Caller(Role.CUSTOMER, 1, customer.pk if customer else None)

    def test_named_or_only_vehicle_is_returned(self, alice, now):
        mine = VehicleFactory(customer=alice)
        VehicleFactory(customer=alice, archived_at=now)
        assert get_vehicle_to_book(self.caller_of(alice)) == mine
        assert get_vehicle_to_book(self.caller_of(alice), mine.uuid) == mine
        VehicleFactory(customer=alice)
        assert get_vehicle_to_book(self.caller_of(alice), mine.uuid) == mine
        with pytest.raises(VehicleNotChosen) as error:
            get_vehicle_to_book(self.caller_of(alice))
        assert (error.value.text, error.value.field) == (
            "You have several vehicles. Choose one of them.",
            "vehicle",
        )

    def test_customer_without_a_vehicle_is_told_to_add_one(self, alice):
        VehicleFactory()
        for customer in (alice, None):
            with pytest.raises(VehicleNotChosen) as error:
                get_vehicle_to_book(self.caller_of(customer))
            assert error.value.text == "Add a vehicle first."

    def test_foreign_or_archived_vehicle_is_missing(self, alice, now):
        for vehicle in (VehicleFactory(), VehicleFactory(customer=alice, archived_at=now)):
            with pytest.raises(Missing):
                get_vehicle_to_book(self.caller_of(alice), vehicle.uuid)


def test_bay_is_held_by_an_appointment_of_another_location():
    """An old row can name another location than its bay. The bay counts."""
    garage = GarageFactory(bays=1)
    appointment(garage.bays.get(), at(9), at(10), location=BayFactory().location)
    assert at(9) not in starts(garage)
