"""A vehicle and a technician are in one place at a time, and customers book only so many appointments ahead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appointments import actions, holds
from appointments.actions import TooManyAppointments
from appointments.holds import TechnicianIsBusy, VehicleIsBooked
from appointments.models import Appointment
from appointments.tests.booking import HALF_HOUR, NOW, TEN, assert_rejected, book, state
from customers.models import Customer
from testing.factories import AppointmentFactory, GarageFactory, TechnicianFactory, VehicleFactory
from testing.storms import overlapping, parallel

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def move(appointment, **options):
    actions.move_appointment(appointment=appointment, now=NOW, **options)


def assign(appointment, technician, **options):
    actions.assign_technician(appointment=appointment, technician=technician, by=None, now=NOW, **options)


class TestVehicle:
    def test_overlap_elsewhere_is_refused_and_named(self):
        first = book(GarageFactory(time_zone="America/New_York"), TEN + 8 * HALF_HOUR)
        for by_staff in (False, True):
            error = assert_rejected(
                VehicleIsBooked,
                lambda by_staff=by_staff: book(
                    GarageFactory(), TEN + 8 * HALF_HOUR, vehicle=first.vehicle, by_staff=by_staff
                ),
            )
            assert error.text == (
                f"This vehicle has appointment {first.pk} on 2027-01-05 at 09:00, which overlaps. "
                "Choose another time or move that one."
            )

    @pytest.mark.parametrize("status", ["completed", "cancelled"])
    def test_only_appointments_that_hold_a_bay_count(self, garage, status):
        first = book(garage)
        Appointment.objects.update(status=status)
        assert book(garage, vehicle=first.vehicle).start == first.start

    def test_move_in_time_and_to_another_vehicle_are_refused(self, garage):
        first, second = book(garage), book(garage, TEN + HALF_HOUR)
        same = book(garage, TEN + 2 * HALF_HOUR, vehicle=first.vehicle)
        other = VehicleFactory(customer=first.customer)
        busy = book(garage, vehicle=other)
        assert_rejected(VehicleIsBooked, lambda: move(same, start=TEN, location=GarageFactory()), same)
        assert_rejected(VehicleIsBooked, lambda: move(first, vehicle=other), first)
        move(first, start=TEN + HALF_HOUR, location=GarageFactory())
        move(busy, vehicle=first.vehicle)
        assert (busy.vehicle, second.start) == (first.vehicle, TEN + HALF_HOUR)

    def test_move_to_an_overlap_with_itself_is_allowed(self, garage):
        first = book(garage)
        move(first, start=TEN + HALF_HOUR)
        assert first.start == TEN + HALF_HOUR

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("is_locked", [True, False])
    def test_one_of_parallel_bookings_at_two_locations_wins(self, monkeypatch, is_locked):
        """Without the search for another appointment the constraint decides, and the error is the same."""
        garages, vehicle = GarageFactory.create_batch(6), VehicleFactory()
        if not is_locked:
            monkeypatch.setattr(holds, "find_overlapping", lambda *_, **__: None)
        outcomes = parallel(6, lambda number: book(garages[number], vehicle=vehicle))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            "Appointment", *["VehicleIsBooked"] * 5
        ]  # fmt: skip
        assert Appointment.objects.count() == 1


class TestNumbers:
    def test_cancelled_and_past_appointments_do_not_count(self, garage, settings):
        settings.MAX_APPOINTMENTS_VEHICLE = 1
        first = book(garage)
        assert_rejected(TooManyAppointments, lambda: book(garage, TEN + HALF_HOUR, vehicle=first.vehicle))
        Appointment.objects.update(start=NOW - DAY, end=NOW - DAY + HALF_HOUR)
        second = book(garage, vehicle=first.vehicle)
        Appointment.objects.filter(pk=second.pk).update(status="cancelled")
        assert book(garage, vehicle=first.vehicle)

    def test_move_of_an_appointment_that_counts_already_is_not_limited(self, garage, settings):
        settings.MAX_APPOINTMENTS_VEHICLE = settings.MAX_APPOINTMENTS_CUSTOMER = 1
        first = book(garage)
        book(garage, TEN + HALF_HOUR, vehicle=first.vehicle, by_staff=True)
        move(first, start=TEN + 4 * HALF_HOUR)
        assert first.start == TEN + 4 * HALF_HOUR

    def test_move_to_another_vehicle_and_out_of_the_past_is_limited(self, garage, settings):
        settings.MAX_APPOINTMENTS_VEHICLE = 1
        first, other = book(garage), VehicleFactory()
        Customer.objects.update(is_verified=True)
        full = book(garage, vehicle=VehicleFactory(customer=first.customer))
        later = {"start": TEN + 4 * HALF_HOUR}
        error = assert_rejected(
            TooManyAppointments, lambda: move(first, vehicle=full.vehicle, **later), first
        )
        assert error.text.startswith("A vehicle can have at most 1 appointments ahead.")
        past = AppointmentFactory(vehicle=full.vehicle, start=NOW - DAY, bay=first.bay)
        assert_rejected(TooManyAppointments, lambda: move(past, **later), past)
        actions.move_appointment(appointment=past, now=NOW, by_staff=True, **later)
        assert other.appointments.count() == 0

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_parallel_bookings_do_not_exceed_the_number_of_a_customer(self, settings):
        settings.MAX_APPOINTMENTS_CUSTOMER = 2
        customer = VehicleFactory().customer
        garages, cars = GarageFactory.create_batch(8), VehicleFactory.create_batch(8, customer=customer)
        outcomes = parallel(8, lambda number: book(garages[number], vehicle=cars[number]))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            *["Appointment"] * 2, *["TooManyAppointments"] * 6
        ]  # fmt: skip

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_parallel_bookings_do_not_exceed_the_number_of_a_vehicle(self, settings):
        settings.MAX_APPOINTMENTS_VEHICLE = 2
        garages, car = GarageFactory.create_batch(8), VehicleFactory()
        outcomes = parallel(8, lambda number: book(garages[number], TEN + number * HALF_HOUR, vehicle=car))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            *["Appointment"] * 2, *["TooManyAppointments"] * 6
        ]  # fmt: skip


class TestTechnician:
    def test_booking_with_a_busy_technician_is_refused_and_named(self, garage):
        tina = TechnicianFactory(name="Tina")
        first = book(garage, technician=tina)
        error = assert_rejected(TechnicianIsBusy, lambda: book(garage, technician=tina))
        assert error.text == (
            f"Tina has appointment {first.pk} on 2027-01-05 at 10:00, which overlaps. "
            "Choose another technician or time, or allow the overlap."
        )
        assert book(garage, technician=tina, allow_overlap=True).technician == tina
        assert book(garage, TEN + HALF_HOUR, technician=tina).technician == tina

    @pytest.mark.parametrize("status", ["completed", "cancelled"])
    def test_closed_appointments_do_not_make_busy(self, garage, status):
        tina = TechnicianFactory()
        book(garage, technician=tina)
        Appointment.objects.update(status=status)
        second = book(garage)
        assign(second, tina)
        assert second.technician == tina

    def test_assigning_is_refused_and_allowed(self, garage):
        tina = TechnicianFactory()
        first, second = book(garage, technician=tina), book(garage)
        assert_rejected(TechnicianIsBusy, lambda: assign(second, tina), second)
        assign(first, tina)  # the appointment does not overlap with itself
        assign(second, tina, allow_overlap=True)
        assert second.technician == tina

    def test_move_by_staff_is_refused_and_allowed(self, garage):
        tina = TechnicianFactory()
        book(garage, technician=tina)
        second = book(garage, TEN + HALF_HOUR, technician=tina)
        by_staff = {"by_staff": True, "start": TEN}
        assert_rejected(TechnicianIsBusy, lambda: move(second, **by_staff), second)
        move(second, allow_overlap=True, **by_staff)
        assert (second.start, second.technician) == (TEN, tina)

    def test_move_by_a_customer_leaves_a_busy_technician_behind(self, garage):
        """The customer must not learn of the other appointment, and need not wait for the shop."""
        tina = TechnicianFactory()
        book(garage, technician=tina)
        second = book(garage, TEN + HALF_HOUR, technician=tina)
        move(second, start=TEN)
        row, _, _ = state(second)
        assert (row["start"], row["technician_id"], row["assigned_at"]) == (TEN, None, None)
        assert second.history.latest().technician is None

    def test_move_by_a_customer_keeps_a_free_technician(self, garage):
        second = book(garage, technician=TechnicianFactory())
        move(second, start=TEN + HALF_HOUR)
        assert (second.technician is None, second.assigned_at) == (False, NOW)

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_one_of_parallel_assignments_wins(self):
        tina, visits = TechnicianFactory(), AppointmentFactory.create_batch(6, start=TEN)
        outcomes = parallel(6, lambda number: assign(visits[number], tina))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            "NoneType", *["TechnicianIsBusy"] * 5
        ]  # fmt: skip
        assert Appointment.objects.filter(technician=tina).count() == 1

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_assignment_waits_for_another_one(self):
        tina, visits = TechnicianFactory(), AppointmentFactory.create_batch(2, start=TEN)
        done, refused = overlapping(*(lambda visit=visit: assign(visit, tina) for visit in visits))
        assert done is None
        assert isinstance(refused, TechnicianIsBusy)
