"""Walk-ins take a bay from now on (docs/design, D97)."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from appointments import actions
from appointments.actions import WrongLength
from appointments.holds import BayElsewhere, NoFreeBay, TechnicianIsAway, TechnicianIsBusy, VehicleIsBooked
from appointments.models import Appointment
from appointments.tests.booking import HALF_HOUR, TEN, assert_rejected
from testing.factories import (
    AbsenceFactory,
    AppointmentFactory,
    BayFactory,
    GarageFactory,
    ServiceTypeFactory,
    TechnicianFactory,
    VehicleFactory,
)
from testing.storms import parallel
from vehicles.locks import VehicleNotOfCustomer

# A Tuesday, off the grid of half hours.
NOW = TEN + timedelta(minutes=7, seconds=3, microseconds=5)
MINUTE = timedelta(minutes=1)


def walk_in(garage, vehicle=None, now=NOW, **options):
    vehicle = vehicle or VehicleFactory()
    return actions.walk_in(customer=vehicle.customer, vehicle=vehicle, location=garage, now=now, **options)


@pytest.mark.django_db
class TestWalkIn:
    def test_appointment_is_from_now_on_in_the_first_free_bay(self, ada):
        garage, vehicle = GarageFactory(), VehicleFactory()
        first, second = garage.bays.order_by("id")
        AppointmentFactory(bay=first, start=NOW + 29 * MINUTE)
        made = walk_in(garage, vehicle, by=ada.pk, notes="Waits")
        row = Appointment.objects.values().get(pk=made.pk)
        assert {name: row[name] for name in ("customer_id", "vehicle_id", "location_id", "bay_id")} == {
            "customer_id": vehicle.customer_id,
            "vehicle_id": vehicle.pk,
            "location_id": garage.pk,
            "bay_id": second.pk,
        }
        assert (row["start"], row["end"], row["status"]) == (NOW, NOW + HALF_HOUR, "pending")
        assert (row["technician_id"], row["assigned_at"], row["description"], row["notes"]) == (
            None, None, "", "Waits"
        )  # fmt: skip
        history = made.history.get()
        assert (history.history_user_id, history.history_change_reason) == (ada.pk, "walk-in")

    def test_neither_grid_nor_hours_bind_it(self):
        garage = GarageFactory(bays=1, hours=(time(8), time(9)))
        assert walk_in(garage, now=TEN.replace(hour=23, minute=59)).end == TEN.replace(hour=0, minute=29) + (
            timedelta(days=1)
        )

    def test_length_is_that_of_the_services_else_the_minutes(self):
        services = [ServiceTypeFactory(name="Oil", minutes=45), ServiceTypeFactory(name="Tires", minutes=30)]
        made = walk_in(GarageFactory(), services=services, minutes=5)
        assert (made.end - made.start, made.description) == (75 * MINUTE, "Oil, Tires")
        assert list(made.services.order_by("id")) == services
        for minutes in (5, 20, 1440):
            made = walk_in(GarageFactory(), minutes=minutes)
            assert made.end - made.start == minutes * MINUTE

    @pytest.mark.parametrize("minutes", [0, 4, 1441, -30])
    def test_wrong_length_is_rejected(self, minutes):
        garage = GarageFactory()
        error = assert_rejected(WrongLength, lambda: walk_in(garage, minutes=minutes))
        assert (error.text, error.field) == (f"Give 5 to 1440 minutes, not {minutes}.", "minutes")

    def test_services_must_fit_a_day(self):
        services, garage = ServiceTypeFactory.create_batch(2, minutes=1000), GarageFactory()
        error = assert_rejected(WrongLength, lambda: walk_in(garage, services=services))
        assert (error.text, error.field) == (
            "The services take 2000 minutes, and an appointment at most 1440.",
            "services",
        )

    def test_no_free_bay_names_the_one_that_is_free_next(self):
        garage = GarageFactory(time_zone="America/New_York")
        first, second = garage.bays.order_by("id")
        AppointmentFactory(bay=first, start=NOW - HALF_HOUR, end=NOW - MINUTE, status="in_progress")
        AppointmentFactory(bay=second, start=NOW - MINUTE, end=NOW + 10 * MINUTE)
        AppointmentFactory(bay=second, start=NOW + 39 * MINUTE, end=NOW + 40 * MINUTE)
        error = assert_rejected(NoFreeBay, lambda: walk_in(garage))
        assert (error.code, error.text, error.facts) == (
            "no_free_bay",
            f"No bay is free for 30 minutes from now. {first.name} becomes free on Tue 05 Jan at 05:37.",
            {"next_free": {"bay_id": first.pk, "bay": first.name, "start": NOW + HALF_HOUR}},
        )
        error = assert_rejected(NoFreeBay, lambda: walk_in(garage, bay=second, minutes=25))
        assert (error.text, error.facts) == (
            (
                f"{second.name} is not free for 25 minutes from now. "
                f"{second.name} becomes free on Tue 05 Jan at 05:17."
            ),
            {"next_free": {"bay_id": second.pk, "bay": second.name, "start": NOW + 10 * MINUTE}},
        )

    def test_location_without_bays_says_so(self):
        garage = GarageFactory(name="Springfield", bays=0)
        error = assert_rejected(NoFreeBay, lambda: walk_in(garage))
        assert (error.text, error.facts) == (
            "Springfield has no bays. Add one first.", {"next_free": None}
        )  # fmt: skip

    def test_bay_can_be_named(self):
        garage = GarageFactory()
        second = garage.bays.order_by("id")[1]
        assert walk_in(garage, bay=second).bay == second
        assert_rejected(BayElsewhere, lambda: walk_in(garage, bay=BayFactory()))

    def test_vehicle_that_is_elsewhere_is_rejected(self):
        garage, vehicle = GarageFactory(), VehicleFactory()
        walk_in(GarageFactory(), vehicle)
        assert_rejected(VehicleIsBooked, lambda: walk_in(garage, vehicle, now=NOW + 29 * MINUTE))
        assert walk_in(garage, vehicle, now=NOW + HALF_HOUR).start == NOW + HALF_HOUR

    def test_vehicle_must_be_in_use_and_of_the_customer(self, now):
        garage, archived, vehicle = GarageFactory(), VehicleFactory(archived_at=now), VehicleFactory()
        assert_rejected(VehicleNotOfCustomer, lambda: walk_in(garage, archived))
        assert_rejected(
            VehicleNotOfCustomer,
            lambda: actions.walk_in(
                customer=VehicleFactory().customer, vehicle=vehicle, location=garage, now=NOW
            ),
        )

    def test_technician_must_be_free_and_at_work_unless_allowed(self):
        garage, technician = GarageFactory(bays=3), TechnicianFactory()
        made = walk_in(garage, technician=technician)
        assert (made.technician, made.assigned_at) == (technician, NOW)
        assert_rejected(TechnicianIsBusy, lambda: walk_in(garage, technician=technician))
        assert walk_in(garage, technician=technician, allow_overlap=True).technician == technician
        away = AbsenceFactory(first_day=NOW.date()).technician
        assert_rejected(TechnicianIsAway, lambda: walk_in(garage, technician=away))
        assert walk_in(garage, technician=away, allow_overlap=True).technician == away

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_parallel_walk_ins_take_each_bay_once(self):
        garage, vehicles = GarageFactory(), VehicleFactory.create_batch(8)
        outcomes = [type(o).__name__ for o in parallel(8, lambda number: walk_in(garage, vehicles[number]))]
        assert sorted(outcomes) == ["Appointment"] * 2 + ["NoFreeBay"] * 6
        assert len(set(Appointment.objects.values_list("bay", flat=True))) == 2
