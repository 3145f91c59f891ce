"""Move and cancel, one at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appointments import actions
from appointments.holds import SlotTaken
from appointments.models import Appointment
from appointments.queries import NotASlot, TooFarAhead
from appointments.tests.booking import HALF_HOUR, NOW, TEN, assert_rejected, book, state
from common.domain.errors import IllegalTransition
from testing.factories import AppointmentFactory, GarageFactory, ServiceTypeFactory, VehicleFactory
from vehicles.locks import VehicleNotOfCustomer


@pytest.mark.django_db
class TestMove:
    def move(self, appointment, **changes):
        actions.move_appointment(appointment=appointment, now=NOW, **changes)
        appointment.refresh_from_db()
        return appointment

    def test_move_to_another_time_keeps_the_bay(self):
        garage = GarageFactory()
        appointment = book(garage, bay=garage.bays.order_by("id")[1])
        bay = appointment.bay
        moved = self.move(appointment, start=TEN + HALF_HOUR)
        assert (moved.start, moved.end, moved.bay) == (TEN + HALF_HOUR, TEN + 2 * HALF_HOUR, bay)
        assert appointment.history.count() == 2

    def test_move_can_overlap_the_present_time(self):
        """The time that the appointment itself holds counts as free."""
        garage, service = GarageFactory(bays=1), ServiceTypeFactory(minutes=60)
        appointment = book(garage, services=[service])
        assert self.move(appointment, start=TEN + HALF_HOUR).start == TEN + HALF_HOUR

    def test_move_takes_another_bay_if_its_own_is_taken(self):
        garage = GarageFactory()
        appointment, other = book(garage), book(garage, TEN + HALF_HOUR)
        assert appointment.bay == other.bay
        assert self.move(appointment, start=TEN + HALF_HOUR).bay != other.bay

    def test_move_to_another_location(self):
        appointment, other_location = book(GarageFactory()), GarageFactory()
        moved = self.move(appointment, location=other_location)
        assert (moved.location, moved.bay.location, moved.start) == (other_location, other_location, TEN)

    def test_move_to_a_named_bay(self):
        garage = GarageFactory()
        appointment, second = book(garage), garage.bays.order_by("id")[1]
        assert self.move(appointment, bay=second).bay == second

    def test_services_change_the_length(self):
        garage, brakes, oil = (
            GarageFactory(bays=1),
            ServiceTypeFactory(minutes=90),
            ServiceTypeFactory(name="Oil"),
        )
        appointment = book(garage, services=[oil])
        assert self.move(appointment, services=[brakes, oil]).end == TEN + timedelta(minutes=120)
        assert list(appointment.services.order_by("id")) == [brakes, oil]
        assert self.move(appointment, services=[]).end == TEN + HALF_HOUR
        assert not appointment.services.exists()
        book(garage, TEN + HALF_HOUR)
        assert_rejected(SlotTaken, lambda: self.move(appointment, services=[brakes]), appointment)

    def test_description_follows_the_services_unless_the_customer_wrote_it(self):
        oil, tires = ServiceTypeFactory(name="Oil change"), ServiceTypeFactory(name="Tires")
        appointment = book(GarageFactory(), services=[oil])
        assert self.move(appointment, services=[tires, oil]).description == "Tires, Oil change"
        assert self.move(appointment, services=[oil]).description == "Oil change"
        actions.change_texts(appointment=appointment, description="Please be quick.")
        assert self.move(appointment, services=[tires]).description == "Please be quick."

    def test_move_to_another_vehicle_of_the_customer(self):
        appointment = book(GarageFactory())
        other = VehicleFactory(customer=appointment.customer)
        assert self.move(appointment, vehicle=other).vehicle == other
        assert_rejected(
            VehicleNotOfCustomer, lambda: self.move(appointment, vehicle=VehicleFactory()), appointment
        )

    def test_unchanged_slot_is_not_checked(self):
        """An appointment whose start is past can change its vehicle."""
        appointment = AppointmentFactory(start=NOW - timedelta(minutes=7), end=NOW)
        other = VehicleFactory(customer=appointment.customer)
        moved = self.move(appointment, vehicle=other, start=appointment.start, location=appointment.location)
        assert (moved.vehicle, moved.start) == (other, NOW - timedelta(minutes=7))

    def test_move_without_changes_writes_nothing(self):
        appointment = book(GarageFactory())
        before = state(appointment)
        self.move(appointment)
        self.move(appointment, start=appointment.start, bay=appointment.bay, vehicle=appointment.vehicle)
        assert state(appointment) == before

    def test_move_to_an_invalid_or_taken_slot_is_rejected(self):
        garage = GarageFactory(bays=1)
        appointment, other = book(garage), book(garage, TEN + 2 * HALF_HOUR)
        for start, error in (
            (NOW - HALF_HOUR, NotASlot),
            (TEN + timedelta(minutes=1), NotASlot),
            (TEN + timedelta(days=100), TooFarAhead),
            (other.start, SlotTaken),
        ):
            assert_rejected(
                error, lambda start=start, error=error: self.move(appointment, start=start), appointment
            )
        free = assert_rejected(
            SlotTaken,
            lambda: self.move(appointment, start=other.start, services=[ServiceTypeFactory(minutes=60)]),
            appointment,
        )
        assert free.facts["alternatives"][0]["start"] == TEN + 3 * HALF_HOUR

    @pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
    def test_started_or_closed_appointment_cannot_be_moved(self, status):
        appointment = book(GarageFactory())
        Appointment.objects.update(status=status)
        error = assert_rejected(
            IllegalTransition, lambda: self.move(appointment, start=TEN + HALF_HOUR), appointment
        )
        assert error.text == f"This appointment is {status.replace('_', ' ')} and cannot become moved."


@pytest.mark.django_db
class TestCancelPending:
    def test_pending_appointment_can_be_cancelled(self, alice):
        garage = GarageFactory(bays=1)
        appointment = book(garage)
        actions.cancel_pending_appointment(appointment=appointment, by=None, now=NOW)
        assert (appointment.status, appointment.cancelled_at) == ("cancelled", NOW)
        assert book(garage).bay == appointment.bay

    @pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
    def test_started_or_closed_appointment_cannot_be_cancelled(self, status):
        appointment = book(GarageFactory())
        Appointment.objects.update(status=status)
        error = assert_rejected(
            IllegalTransition,
            lambda: actions.cancel_pending_appointment(appointment=appointment, by=None, now=NOW),
            appointment,
        )
        assert error.text == f"This appointment is {status.replace('_', ' ')} and cannot become cancelled."
