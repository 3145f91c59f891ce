"""The contents of passports."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from common.domain.units import Units
from passports import contents
from passports.actions import share, withdraw
from passports.contents import get_passport
from passports.queries import get_own_chain
from testing import factories
from testing.histories import PLANTED, at, hand_over, plant_inspection, plant_order
from testing.suites import count_queries
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
D = Decimal
NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)


def passport_of(vehicle, **options):
    return get_passport(vehicle=Vehicle.objects.get(pk=vehicle.pk), now=NOW, **options)


class TestContents:
    def test_whole_history(self, vehicle):
        body = asdict(passport_of(vehicle))
        assert body.pop("location").name == "Main Street"
        assert body.pop("units") == Units.IMPERIAL
        assert body == {
            "made_at": NOW,
            "year": 2020,
            "make": "Honda",
            "model": "Civic",
            "trim": "LX",
            "vin": vehicle.vin,
            "color": "Silver",
            "fuel_type": "gasoline",
            "odometer": D("20500.50"),
            "odometer_on": date(2025, 6, 1),
            "earlier_owners": 0,
            "is_cut": False,
            "readings": [
                {"on": date(2025, 6, 1), "miles": D("20500.50"), "source": "CORRECTION", "is_base": False},
                {"on": date(2025, 5, 20), "miles": D("20400.00"), "source": "MANUAL", "is_base": False},
                {"on": date(2025, 5, 2), "miles": D("20000.00"), "source": "CHECK_OUT", "is_base": False},
                {"on": date(2025, 5, 1), "miles": D("19990.00"), "source": "CHECK_IN", "is_base": False},
                {"on": date(2025, 3, 31), "miles": D("19400.25"), "source": "TELEMATICS", "is_base": False},
            ],
            "work": [
                {
                    "on": date(2025, 5, 1),
                    "miles": D("20000.00"),
                    "location": "Main Street",
                    "jobs": ["Front brakes", "Oil change"],
                }
            ],
            "inspections": [
                {
                    "on": date(2025, 5, 1),
                    "name": "Courtesy inspection",
                    "green": 1,
                    "yellow": 1,
                    "red": 1,
                    "findings": [
                        {"rating": "red", "name": "Brake pads, rear", "measured": "2 mm"},
                        {"rating": "yellow", "name": "Air filter", "measured": ""},
                    ],
                }
            ],
            "recommendations": [
                {
                    "name": "Rear brakes",
                    "urgency": "now",
                    "due_on": date(2025, 7, 1),
                    "due_miles": D("21000.00"),
                },
                {"name": "Replace the air filter", "urgency": "later", "due_on": None, "due_miles": None},
            ],
            "schedules": [
                {
                    "name": "Tire rotation",
                    "status": "upcoming",
                    "last_on": date(2025, 5, 1),
                    "last_miles": D("20000.00"),
                    "due_on": date(2025, 11, 1),
                    "due_miles": D("25000.00"),
                }
            ],
            "codes": [
                {
                    "code": "P0301",
                    "description": "Powertrain: ignition or misfire",
                    "since": date(2025, 5, 20),
                }
            ],
            "fuel": {
                "fill_ups": 2,
                "average_mpg": D("30.00"),
                "best_mpg": D("30.00"),
                "worst_mpg": D("30.00"),
            },
        }

    def test_vehicle_without_history(self, alice):
        vehicle = factories.VehicleFactory(customer=alice, vin="")
        body = asdict(passport_of(vehicle))
        lists = ("readings", "work", "inspections", "recommendations", "schedules", "codes")
        assert {name: body[name] for name in lists} == {name: [] for name in lists}
        assert (body["odometer"], body["odometer_on"], body["location"]) == (None, None, None)
        assert body["fuel"] == {"fill_ups": 0, "average_mpg": None, "best_mpg": None, "worst_mpg": None}

    def test_no_personal_data(self, vehicle):
        body = asdict(passport_of(vehicle))
        del body["location"]  # the shop, which the paper is headed with
        assert [word for word in PLANTED if word in str(body)] == []

    def test_erased_recommendation_is_left_out(self, alice):
        row = factories.RecommendationFactory(vehicle__customer=alice, text="")
        assert passport_of(row.vehicle).recommendations == []

    def test_readings_of_two_months_by_the_shops_clock(self, alice, settings):
        """The last instant of May in New York is 1 June in UTC."""
        settings.TIME_ZONE = "America/New_York"
        vehicle = factories.VehicleFactory(customer=alice)
        for when, miles in ((at(2025, 6, 1, 3), 10), (at(2025, 6, 1, 5), 20), (at(2025, 6, 9), 30)):
            factories.OdometerReadingFactory(vehicle=vehicle, at=when, miles=miles, source="TELEMATICS")
        assert [row.miles for row in passport_of(vehicle).readings] == [D(30), D(10)]

    def test_number_of_queries_does_not_grow(self, vehicle):
        first = count_queries(lambda: passport_of(vehicle))
        for month in range(1, 5):
            order = plant_order(vehicle, None, at(2024, month, 1), miles=f"{month}0000.00")
            plant_inspection(order, at(2024, month, 1))
            factories.DtcFactory(vehicle=vehicle)
            factories.RecommendationFactory(vehicle=vehicle)
            factories.ServiceScheduleFactory(vehicle=vehicle)
            factories.FuelLogFactory(vehicle=vehicle, at=at(2024, month, 2))
        assert count_queries(lambda: passport_of(vehicle)) == first
        assert len(passport_of(vehicle).work) == 5

    def test_long_lists_are_cut(self, vehicle, monkeypatch):
        monkeypatch.setattr(contents, "MOST", 2)
        for month in (1, 2, 3):
            plant_order(vehicle, None, at(2024, month, 1), miles="10000.00")
        passport = passport_of(vehicle)
        assert (len(passport.readings), len(passport.work), passport.is_cut) == (2, 2, True)
        assert [row.on for row in passport.work] == [date(2025, 5, 1), date(2024, 3, 1)]


class TestOwners:
    """The history of earlier owners (RULES R25)."""

    def test_new_owner_begins_without_the_history(self, vehicle):
        later = hand_over(vehicle, NOW)
        passport = passport_of(later)
        assert (passport.work, passport.inspections, passport.earlier_owners) == ([], [], 0)
        assert [row.source for row in passport.readings] == ["IMPORT"]
        assert [row.last_on for row in passport.schedules] == [None]
        assert passport.fuel.fill_ups == 0
        assert [row.name for row in passport.recommendations] == ["Rear brakes", "Replace the air filter"]

    def test_history_that_was_passed_on(self, vehicle):
        before = passport_of(vehicle)
        share(vehicle=vehicle, now=NOW - timedelta(days=1), for_next_owner=True)
        passport = passport_of(hand_over(vehicle, NOW))
        assert passport.earlier_owners == 1
        assert (passport.work, passport.inspections) == (before.work, before.inspections)
        assert passport.readings == before.readings  # the one that was taken over is there once
        assert (passport.schedules, passport.fuel) == (before.schedules, before.fuel)

    def test_link_without_the_permission_passes_nothing_on(self, vehicle):
        share(vehicle=vehicle, now=NOW - timedelta(days=1))
        assert passport_of(hand_over(vehicle, NOW)).work == []

    def test_link_that_was_withdrawn_or_expired_before_passes_nothing_on(self, vehicle):
        link = share(vehicle=vehicle, now=NOW - timedelta(days=9), for_next_owner=True)
        withdraw(link=link, now=NOW - timedelta(days=1))
        share(vehicle=vehicle, now=NOW - timedelta(days=9), days=8, for_next_owner=True)
        assert passport_of(hand_over(vehicle, NOW)).work == []

    def test_withdrawing_afterwards_takes_nothing_back(self, vehicle):
        link = share(vehicle=vehicle, now=NOW - timedelta(days=1), for_next_owner=True)
        later = hand_over(vehicle, NOW)
        withdraw(link=link, now=NOW + timedelta(days=1))
        assert len(passport_of(later).work) == 1

    @pytest.mark.parametrize(
        ("first", "second", "owners"),
        [(True, True, 2), (False, True, 1), (True, False, 0), (False, False, 0)],
    )
    def test_each_step_of_a_chain_needs_its_own_permission(self, vehicle, first, second, owners):
        yesterday = NOW - timedelta(days=1)
        share(vehicle=vehicle, now=yesterday, for_next_owner=first)
        middle = hand_over(vehicle, NOW - timedelta(hours=2))
        plant_order(middle, None, NOW - timedelta(hours=1), miles="20600.00")
        share(vehicle=middle, now=NOW - timedelta(hours=1), for_next_owner=second)
        last = hand_over(middle, NOW)
        passport = passport_of(last)
        assert (passport.earlier_owners, len(passport.work)) == (owners, owners)
        whole = passport_of(last, with_all_owners=True)
        assert (whole.earlier_owners, len(whole.work)) == (2, 2)

    def test_old_row_shows_what_was_known_to_it(self, vehicle):
        before = passport_of(vehicle)
        later = hand_over(vehicle, NOW)
        plant_order(later, None, NOW, miles="20600.00")
        assert passport_of(vehicle) == before

    def test_row_that_a_merge_left_behind_is_the_owners_own(self, vehicle):
        later = hand_over(vehicle, NOW)
        assert get_own_chain(later) == [later.pk]
        Vehicle.objects.filter(pk=later.pk).update(customer=vehicle.customer)
        assert get_own_chain(later) == [later.pk, vehicle.pk]
        assert passport_of(later).earlier_owners == 0

    def test_consumption_begins_anew_at_an_owner(self, vehicle):
        """The way between the last tank of one owner and the first of the next one may hide a fill-up."""
        share(vehicle=vehicle, now=NOW - timedelta(days=1), for_next_owner=True)
        later = hand_over(vehicle, NOW)
        for day, miles in ((1, 21000), (2, 21200)):
            when = NOW + timedelta(days=day)
            reading = factories.OdometerReadingFactory(vehicle=later, at=when, miles=miles)
            factories.FuelLogFactory(vehicle=later, at=when, miles=miles, reading=reading, gallons=D(10))
        fuel = passport_of(later).fuel
        assert (fuel.fill_ups, fuel.worst_mpg, fuel.best_mpg, fuel.average_mpg) == (
            *(4, D("20.00"), D("30.00"), D("25.00")),
        )

    def test_number_of_queries_does_not_grow_with_owners(self, vehicle):
        def chain(start):
            share(vehicle=start, now=NOW - timedelta(days=1), for_next_owner=True)
            return hand_over(start, NOW)

        second = chain(vehicle)
        first = count_queries(lambda: get_passport(vehicle=second, now=NOW))
        fourth = chain(chain(second))
        assert count_queries(lambda: get_passport(vehicle=fourth, now=NOW)) == first
        assert passport_of(fourth).earlier_owners == 3


def test_second_history_is_of_another_vehicle(vehicle, bob):
    other = factories.VehicleFactory(customer=bob)
    assert passport_of(other).work == []
    plant_order(other, None, NOW, miles="500.00")
    assert len(passport_of(vehicle).work) == 1
