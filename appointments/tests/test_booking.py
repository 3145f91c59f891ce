"""Book, one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError

from appointments import actions, holds
from appointments.holds import BayElsewhere, SlotTaken
from appointments.queries import NotASlot, TooFarAhead
from appointments.slots import BaySchedule
from appointments.tests.booking import HALF_HOUR, NOW, TEN, assert_rejected, book
from testing.factories import (
    BayFactory,
    ClosureFactory,
    CustomerFactory,
    GarageFactory,
    ReportedProblemFactory,
    ServiceTypeFactory,
    TechnicianFactory,
    VehicleFactory,
)
from testing.suites import count_queries
from vehicles.locks import VehicleNotOfCustomer


@pytest.mark.django_db
class TestBook:
    def test_booking_stores_every_field(self):
        garage, problem, tina = GarageFactory(), ReportedProblemFactory(), TechnicianFactory()
        services = [ServiceTypeFactory(minutes=90), ServiceTypeFactory(minutes=30)]
        vehicle = VehicleFactory()
        appointment = book(
            garage, vehicle=vehicle, services=services[::-1], technician=tina,
            description="It squeaks.", notes="Key in the box", reported_problem=problem,
        )  # fmt: skip
        appointment.refresh_from_db()
        assert (appointment.customer, appointment.vehicle, appointment.location) == (
            vehicle.customer,
            vehicle,
            garage,
        )
        assert (appointment.start, appointment.end, appointment.status) == (
            TEN,
            TEN + timedelta(hours=2),
            "pending",
        )
        assert appointment.bay == garage.bays.order_by("id")[0]
        assert (appointment.technician, appointment.assigned_at) == (tina, NOW)
        assert (appointment.description, appointment.notes, appointment.reported_problem) == (
            "It squeaks.", "Key in the box", problem
        )  # fmt: skip
        rows = appointment.services.through.objects.order_by("id").values_list("servicetype", flat=True)
        assert list(rows) == [services[1].pk, services[0].pk]
        assert appointment.history.count() == 1

    def test_booking_without_services_takes_30_minutes(self):
        appointment = book(GarageFactory())
        assert (appointment.end - appointment.start, appointment.description) == (HALF_HOUR, "")
        assert (appointment.technician, appointment.assigned_at) == (None, None)

    def test_default_description_is_the_service_names(self):
        services = [ServiceTypeFactory(name="Oil change"), ServiceTypeFactory(name="AC recharge")]
        assert book(GarageFactory(), services=services).description == "Oil change, AC recharge"

    def test_booking_takes_the_first_free_bay_until_none_is_left(self):
        garage = GarageFactory()
        bays = [book(garage).bay_id for _ in range(2)]
        assert bays == list(garage.bays.order_by("id").values_list("id", flat=True))
        error = assert_rejected(SlotTaken, lambda: book(garage))
        assert (
            error.text
            == "That time is taken. Next free: Tue 05 Jan 10:30, Tue 05 Jan 11:00, Tue 05 Jan 11:30."
        )
        after = [TEN + n * HALF_HOUR for n in (1, 2, 3)]
        assert error.facts == {"alternatives": [{"start": at, "end": at + HALF_HOUR} for at in after]}

    def test_alternatives_fit_the_length_and_are_in_local_time(self):
        garage = GarageFactory(bays=1, time_zone="America/New_York")
        service = ServiceTypeFactory(minutes=120)
        start = datetime(2027, 1, 5, 20, 30, tzinfo=UTC)  # 15:30 local time, and the location closes at 18:00
        book(garage, start)
        error = assert_rejected(SlotTaken, lambda: book(garage, start, services=[service]))
        assert (
            error.text
            == "That time is taken. Next free: Tue 05 Jan 16:00, Wed 06 Jan 08:00, Wed 06 Jan 08:30."
        )
        assert [slot["end"] - slot["start"] for slot in error.facts["alternatives"]] == [
            timedelta(hours=2)
        ] * 3

    def test_constraint_error_becomes_slot_taken(self, monkeypatch):
        """Another writer did not lock the bays and wrote between the query and the insert."""
        garage = GarageFactory(bays=1)
        book(garage)
        get_bay_schedule = holds.get_bay_schedule
        monkeypatch.setattr(
            holds, "get_bay_schedule", lambda *_, **__: BaySchedule([garage.bays.get().pk], [])
        )
        error = assert_rejected(SlotTaken, lambda: book(garage))
        assert error.facts["alternatives"][0]["start"] == TEN + HALF_HOUR
        monkeypatch.setattr(holds, "get_bay_schedule", get_bay_schedule)
        assert_rejected(SlotTaken, lambda: book(garage))

    def test_other_integrity_errors_are_not_translated(self):
        with pytest.raises(IntegrityError):
            book(GarageFactory(), notes=None)

    def test_location_without_bays_has_no_alternatives(self):
        garage = GarageFactory(bays=0)
        error = assert_rejected(SlotTaken, lambda: book(garage))
        assert (error.text, error.facts) == (
            "That time is taken. Nothing is free in the next 90 days.", {"alternatives": []}
        )  # fmt: skip

    def test_booking_can_name_a_bay(self):
        garage = GarageFactory()
        second = garage.bays.order_by("id")[1]
        assert book(garage, bay=second).bay == second
        error = assert_rejected(SlotTaken, lambda: book(garage, bay=second))
        assert error.text.startswith("This bay is taken at that time. Next free: Tue 05 Jan 10:30")
        book(garage, TEN + HALF_HOUR, bay=second)
        assert (
            assert_rejected(SlotTaken, lambda: book(garage, bay=second))
            .facts["alternatives"][0]["start"]
            .hour
            == 11
        )
        assert_rejected(BayElsewhere, lambda: book(garage, bay=BayFactory()))

    @pytest.mark.parametrize(
        ("start", "minutes", "text"),
        [
            (NOW, 30, "Choose a time in the future."),
            (NOW - timedelta(days=7), 30, "Choose a time in the future."),
            (datetime.min.replace(tzinfo=UTC), 30, "Choose a time in the future."),
            (TEN + timedelta(minutes=15), 30, "Appointments start every 30 minutes from 08:00 on."),
            (TEN + timedelta(microseconds=1), 30, "Appointments start every 30 minutes from 08:00 on."),
            (TEN.replace(hour=7), 30, "is open from 08:00 to 18:00 on that day. The appointment takes 30 minutes."),
            (TEN.replace(hour=18), 30, "is open from 08:00 to 18:00 on that day. The appointment takes 30 minutes."),
            (TEN.replace(hour=17), 90, "is open from 08:00 to 18:00 on that day. The appointment takes 90 minutes."),
            (TEN, 24 * 60, "is open from 08:00 to 18:00 on that day. The appointment takes 1440 minutes."),
            (TEN + timedelta(days=1), 30, "is closed on 2027-01-06. Choose another day."),
            (TEN + timedelta(days=2), 30, "is closed on 2027-01-07. Choose another day."),
        ],
    )  # fmt: skip
    def test_start_that_is_not_a_slot_is_rejected(self, start, minutes, text):
        garage = GarageFactory(name="Springfield")
        ClosureFactory(location=garage, day=TEN.date() + timedelta(days=1))
        garage.opening_hours.filter(weekday=TEN.weekday() + 2).delete()
        services = [ServiceTypeFactory(minutes=minutes)]
        error = assert_rejected(NotASlot, lambda: book(garage, start, services=services))
        assert error.text == (f"Springfield {text}" if text.startswith("is ") else text)
        assert error.field == "start"

    def test_slots_begin_at_the_local_opening_time(self):
        garage = GarageFactory(time_zone="Asia/Kathmandu", hours=(time(8, 10), time(12)))  # UTC+5:45
        start = datetime(2027, 1, 5, 2, 25, tzinfo=UTC)
        assert book(garage, start).start == start
        assert assert_rejected(NotASlot, lambda: book(garage, start.replace(minute=30))).text == (
            "Appointments start every 30 minutes from 08:10 on."
        )

    @pytest.mark.parametrize("day", [91, 92, 93, 400])
    def test_booking_is_limited_to_ninety_days_ahead(self, day):
        garage = GarageFactory()
        last = TEN.replace(hour=17, minute=30) + timedelta(days=89)
        assert book(garage, last).start == last
        error = assert_rejected(TooFarAhead, lambda: book(garage, TEN + timedelta(days=day - 1)))
        assert (error.text, error.field) == ("Appointments can be booked at most 90 days ahead.", "start")

    def test_start_at_the_end_of_the_calendar_is_too_far_ahead(self):
        for zone in ("UTC", "Pacific/Kiritimati"):
            garage = GarageFactory(time_zone=zone)
            assert_rejected(TooFarAhead, lambda garage=garage: book(garage, datetime.max.replace(tzinfo=UTC)))

    def test_vehicle_must_belong_to_the_customer_and_be_in_use(self, now):
        garage, vehicle = GarageFactory(), VehicleFactory()
        archived = VehicleFactory(archived_at=now)
        assert_rejected(VehicleNotOfCustomer, lambda: book(garage, vehicle=archived))
        with pytest.raises(VehicleNotOfCustomer):
            actions.book_appointment(
                customer=CustomerFactory(), vehicle=vehicle, location=garage, start=TEN, services=(), now=NOW
            )

    def test_vehicle_can_have_several_appointments_one_after_the_other(self):
        garage, vehicle = GarageFactory(), VehicleFactory()
        book(garage, vehicle=vehicle)
        book(garage, TEN + HALF_HOUR, vehicle=vehicle)
        assert vehicle.appointments.count() == 2

    def test_number_of_queries_is_constant(self):
        garage = GarageFactory(bays=5)
        one = count_queries(lambda: book(garage, TEN, VehicleFactory()))
        for hour in range(8, 18):
            for _ in range(3):
                book(garage, TEN.replace(hour=hour))
        services = ServiceTypeFactory.create_batch(3)
        many = count_queries(lambda: book(garage, TEN, VehicleFactory(), services[:1]))
        assert (
            count_queries(lambda: book(garage, TEN.replace(hour=15), VehicleFactory(), services))
            == many
            == one + 1
        )
