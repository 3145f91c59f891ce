"""Booking, moving and calling off, one at a time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import IntegrityError

from appointments import actions
from appointments.actions import SlotTaken
from appointments.models import Appointment
from appointments.queries import NotASlot, TooFarAhead
from appointments.slots import Bays
from appointments.tests.booking import HALF_HOUR, NOW, TEN, book
from common.domain.errors import IllegalTransition
from testing.factories import (
    AppointmentFactory,
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
from vehicles.actions import VehicleNotOfCustomer


def state(visit):
    row = Appointment.objects.values().get(pk=visit.pk)
    return row, [service.code for service in visit.services.order_by("id")], visit.history.count()


def refused(error, work, visit=None):
    """The refusal, and the proof that it changed nothing."""
    before = (Appointment.objects.count(), visit and state(visit))
    with pytest.raises(error) as raised:
        work()
    assert (Appointment.objects.count(), visit and state(visit)) == before
    return raised.value


@pytest.mark.django_db
class TestBook:
    def test_a_visit(self):
        garage, problem, tina = GarageFactory(), ReportedProblemFactory(), TechnicianFactory()
        services = [ServiceTypeFactory(minutes=90), ServiceTypeFactory(minutes=30)]
        vehicle = VehicleFactory()
        visit = book(
            garage, vehicle=vehicle, services=services[::-1], technician=tina,
            description="It squeaks.", notes="Key in the box", reported_problem=problem,
        )  # fmt: skip
        visit.refresh_from_db()
        assert (visit.customer, visit.vehicle, visit.location) == (vehicle.customer, vehicle, garage)
        assert (visit.start, visit.end, visit.status) == (TEN, TEN + timedelta(hours=2), "pending")
        assert visit.bay == garage.bays.order_by("id")[0]
        assert (visit.technician, visit.assigned_at) == (tina, NOW)
        assert (visit.description, visit.notes, visit.reported_problem) == (
            "It squeaks.", "Key in the box", problem
        )  # fmt: skip
        rows = visit.services.through.objects.order_by("id").values_list("servicetype", flat=True)
        assert list(rows) == [services[1].pk, services[0].pk]
        assert visit.history.count() == 1

    def test_without_words_and_services(self):
        visit = book(GarageFactory())
        assert (visit.end - visit.start, visit.description) == (HALF_HOUR, "")
        assert (visit.technician, visit.assigned_at) == (None, None)

    def test_without_words_it_takes_its_services_names(self):
        services = [ServiceTypeFactory(name="Oil change"), ServiceTypeFactory(name="AC recharge")]
        assert book(GarageFactory(), services=services).description == "Oil change, AC recharge"

    def test_bays_fill_up_and_then_it_is_taken(self):
        garage = GarageFactory()
        bays = [book(garage).bay_id for _ in range(2)]
        assert bays == list(garage.bays.order_by("id").values_list("id", flat=True))
        error = refused(SlotTaken, lambda: book(garage))
        assert (
            error.text
            == "That time is taken. Next free: Tue 05 Jan 10:30, Tue 05 Jan 11:00, Tue 05 Jan 11:30."
        )
        after = [TEN + n * HALF_HOUR for n in (1, 2, 3)]
        assert error.facts == {"alternatives": [{"start": at, "end": at + HALF_HOUR} for at in after]}

    def test_alternatives_fit_the_visit_and_are_told_in_local_time(self):
        garage = GarageFactory(bays=1, time_zone="America/New_York")
        service = ServiceTypeFactory(minutes=120)
        start = datetime(2027, 1, 5, 20, 30, tzinfo=UTC)  # half past three there; it closes at six
        book(garage, start)
        error = refused(SlotTaken, lambda: book(garage, start, services=[service]))
        assert (
            error.text
            == "That time is taken. Next free: Tue 05 Jan 16:00, Wed 06 Jan 08:00, Wed 06 Jan 08:30."
        )
        assert [slot["end"] - slot["start"] for slot in error.facts["alternatives"]] == [
            timedelta(hours=2)
        ] * 3

    def test_the_database_has_the_last_word(self, monkeypatch):
        """Somebody who did not lock wrote between the look and the insert."""
        garage = GarageFactory(bays=1)
        book(garage)
        bays_of = actions.bays_of
        monkeypatch.setattr(actions, "bays_of", lambda *_, **__: Bays([garage.bays.get().pk], []))
        error = refused(SlotTaken, lambda: book(garage))
        assert error.facts["alternatives"][0]["start"] == TEN + HALF_HOUR
        monkeypatch.setattr(actions, "bays_of", bays_of)
        refused(SlotTaken, lambda: book(garage))

    def test_another_refusal_of_the_database_is_not_taken_for_a_taken_bay(self):
        with pytest.raises(IntegrityError):
            book(GarageFactory(), notes=None)

    def test_nothing_free_at_all(self):
        garage = GarageFactory(bays=0)
        error = refused(SlotTaken, lambda: book(garage))
        assert (error.text, error.facts) == (
            "That time is taken. Nothing is free in the next 90 days.", {"alternatives": []}
        )  # fmt: skip

    def test_a_wish_for_a_bay(self):
        garage = GarageFactory()
        second = garage.bays.order_by("id")[1]
        assert book(garage, bay=second).bay == second
        error = refused(SlotTaken, lambda: book(garage, bay=second))
        assert error.text.startswith("This bay is taken at that time. Next free: Tue 05 Jan 10:30")
        book(garage, TEN + HALF_HOUR, bay=second)
        assert (
            refused(SlotTaken, lambda: book(garage, bay=second)).facts["alternatives"][0]["start"].hour == 11
        )
        refused(SlotTaken, lambda: book(garage, bay=BayFactory()))

    @pytest.mark.parametrize(
        ("start", "minutes", "text"),
        [
            (NOW, 30, "Choose a time in the future."),
            (NOW - timedelta(days=7), 30, "Choose a time in the future."),
            (datetime.min.replace(tzinfo=UTC), 30, "Choose a time in the future."),
            (TEN + timedelta(minutes=15), 30, "Visits start every 30 minutes from 08:00 on."),
            (TEN + timedelta(microseconds=1), 30, "Visits start every 30 minutes from 08:00 on."),
            (TEN.replace(hour=7), 30, "is open from 08:00 to 18:00 on that day; the visit takes 30 minutes."),
            (TEN.replace(hour=18), 30, "is open from 08:00 to 18:00 on that day; the visit takes 30 minutes."),
            (TEN.replace(hour=17), 90, "is open from 08:00 to 18:00 on that day; the visit takes 90 minutes."),
            (TEN, 24 * 60, "is open from 08:00 to 18:00 on that day; the visit takes 1440 minutes."),
            (TEN + timedelta(days=1), 30, "is closed on that day."),
            (TEN + timedelta(days=2), 30, "is closed on that day."),
        ],
    )  # fmt: skip
    def test_what_is_no_slot_is_said(self, start, minutes, text):
        garage = GarageFactory(name="Springfield")
        ClosureFactory(location=garage, day=TEN.date() + timedelta(days=1))
        garage.opening_hours.filter(weekday=TEN.weekday() + 2).delete()
        services = [ServiceTypeFactory(minutes=minutes)]
        error = refused(NotASlot, lambda: book(garage, start, services=services))
        assert error.text == (f"Springfield {text}" if text.startswith("is ") else text)
        assert error.field == "start"

    def test_the_grid_is_the_locations_own(self):
        garage = GarageFactory(time_zone="Asia/Kathmandu", hours=(time(8, 10), time(12)))  # UTC+5:45
        start = datetime(2027, 1, 5, 2, 25, tzinfo=UTC)
        assert book(garage, start).start == start
        assert refused(NotASlot, lambda: book(garage, start.replace(minute=30))).text == (
            "Visits start every 30 minutes from 08:10 on."
        )

    @pytest.mark.parametrize("day", [91, 92, 93, 400])
    def test_ninety_days_ahead_and_no_more(self, day):
        garage = GarageFactory()
        last = TEN.replace(hour=17, minute=30) + timedelta(days=89)
        assert book(garage, last).start == last
        error = refused(TooFarAhead, lambda: book(garage, TEN + timedelta(days=day - 1)))
        assert (error.text, error.field) == ("Visits are booked at most 90 days ahead.", "start")

    def test_the_end_of_the_calendar(self):
        for zone in ("UTC", "Pacific/Kiritimati"):
            garage = GarageFactory(time_zone=zone)
            refused(TooFarAhead, lambda garage=garage: book(garage, datetime.max.replace(tzinfo=UTC)))

    def test_only_the_customers_own_vehicle_in_use(self, now):
        garage, vehicle = GarageFactory(), VehicleFactory()
        archived = VehicleFactory(archived_at=now)
        refused(VehicleNotOfCustomer, lambda: book(garage, vehicle=archived))
        with pytest.raises(VehicleNotOfCustomer):
            actions.book_appointment(
                customer=CustomerFactory(), vehicle=vehicle, location=garage, start=TEN, services=(), now=NOW
            )

    def test_one_vehicle_may_hold_several_visits(self):
        garage, vehicle = GarageFactory(), VehicleFactory()
        book(garage, vehicle=vehicle)
        book(garage, vehicle=vehicle)
        assert vehicle.appointments.count() == 2

    def test_queries_do_not_grow(self):
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


@pytest.mark.django_db
class TestMove:
    def move(self, visit, **changes):
        actions.move_appointment(appointment=visit, now=NOW, **changes)
        visit.refresh_from_db()
        return visit

    def test_to_another_time_keeps_its_bay(self):
        garage = GarageFactory()
        visit = book(garage, bay=garage.bays.order_by("id")[1])
        bay = visit.bay
        moved = self.move(visit, start=TEN + HALF_HOUR)
        assert (moved.start, moved.end, moved.bay) == (TEN + HALF_HOUR, TEN + 2 * HALF_HOUR, bay)
        assert visit.history.count() == 2

    def test_into_its_own_time(self):
        """What it holds itself is no hindrance."""
        garage, service = GarageFactory(bays=1), ServiceTypeFactory(minutes=60)
        visit = book(garage, services=[service])
        assert self.move(visit, start=TEN + HALF_HOUR).start == TEN + HALF_HOUR

    def test_to_another_bay_when_its_own_is_held_then(self):
        garage = GarageFactory()
        visit, other = book(garage), book(garage, TEN + HALF_HOUR)
        assert visit.bay == other.bay
        assert self.move(visit, start=TEN + HALF_HOUR).bay != other.bay

    def test_to_another_location(self):
        visit, elsewhere = book(GarageFactory()), GarageFactory()
        moved = self.move(visit, location=elsewhere)
        assert (moved.location, moved.bay.location, moved.start) == (elsewhere, elsewhere, TEN)

    def test_to_another_bay_by_wish(self):
        garage = GarageFactory()
        visit, second = book(garage), garage.bays.order_by("id")[1]
        assert self.move(visit, bay=second).bay == second

    def test_other_services_make_it_longer_and_shorter(self):
        garage, brakes, oil = (
            GarageFactory(bays=1),
            ServiceTypeFactory(minutes=90),
            ServiceTypeFactory(name="Oil"),
        )
        visit = book(garage, services=[oil])
        assert self.move(visit, services=[brakes, oil]).end == TEN + timedelta(minutes=120)
        assert list(visit.services.order_by("id")) == [brakes, oil]
        assert self.move(visit, services=[]).end == TEN + HALF_HOUR
        assert not visit.services.exists()
        book(garage, TEN + HALF_HOUR)
        refused(SlotTaken, lambda: self.move(visit, services=[brakes]), visit)

    def test_words_follow_the_services_unless_they_are_his_own(self):
        oil, tires = ServiceTypeFactory(name="Oil change"), ServiceTypeFactory(name="Tires")
        visit = book(GarageFactory(), services=[oil])
        assert self.move(visit, services=[tires, oil]).description == "Tires, Oil change"
        assert self.move(visit, services=[oil]).description == "Oil change"
        actions.change_words(appointment=visit, description="Please be quick.")
        assert self.move(visit, services=[tires]).description == "Please be quick."

    def test_another_vehicle_of_his(self):
        visit = book(GarageFactory())
        other = VehicleFactory(customer=visit.customer)
        assert self.move(visit, vehicle=other).vehicle == other
        refused(VehicleNotOfCustomer, lambda: self.move(visit, vehicle=VehicleFactory()), visit)

    def test_what_stays_is_not_asked_for_again(self):
        """A visit that should have begun, at a time that could not be booked today, may still change its vehicle."""
        visit = AppointmentFactory(start=NOW - timedelta(minutes=7), end=NOW)
        other = VehicleFactory(customer=visit.customer)
        moved = self.move(visit, vehicle=other, start=visit.start, location=visit.location)
        assert (moved.vehicle, moved.start) == (other, NOW - timedelta(minutes=7))

    def test_no_change_writes_nothing(self):
        visit = book(GarageFactory())
        before = state(visit)
        self.move(visit)
        self.move(visit, start=visit.start, bay=visit.bay, vehicle=visit.vehicle)
        assert state(visit) == before

    def test_to_no_slot_or_a_taken_one(self):
        garage = GarageFactory(bays=1)
        visit, other = book(garage), book(garage, TEN + 2 * HALF_HOUR)
        for start, error in (
            (NOW - HALF_HOUR, NotASlot),
            (TEN + timedelta(minutes=1), NotASlot),
            (TEN + timedelta(days=100), TooFarAhead),
            (other.start, SlotTaken),
        ):
            refused(error, lambda start=start, error=error: self.move(visit, start=start), visit)
        free = refused(
            SlotTaken,
            lambda: self.move(visit, start=other.start, services=[ServiceTypeFactory(minutes=60)]),
            visit,
        )
        # Its own half hour counts as free: a whole hour fits before the other.
        assert free.facts["alternatives"][0]["start"] == TEN + 3 * HALF_HOUR

    @pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
    def test_only_what_has_not_begun(self, status):
        visit = book(GarageFactory())
        Appointment.objects.update(status=status)
        error = refused(IllegalTransition, lambda: self.move(visit, start=TEN + HALF_HOUR), visit)
        assert error.text == f"This appointment is {status.replace('_', ' ')} and cannot become moved."


@pytest.mark.django_db
class TestCallOff:
    def test_before_it_begins(self, alice):
        garage = GarageFactory(bays=1)
        visit = book(garage)
        actions.call_off_appointment(appointment=visit, by=None, now=NOW)
        assert (visit.status, visit.cancelled_at) == ("cancelled", NOW)
        assert book(garage).bay == visit.bay

    @pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
    def test_not_afterwards(self, status):
        visit = book(GarageFactory())
        Appointment.objects.update(status=status)
        error = refused(
            IllegalTransition,
            lambda: actions.call_off_appointment(appointment=visit, by=None, now=NOW),
            visit,
        )
        assert error.text == f"This appointment is {status.replace('_', ' ')} and cannot become cancelled."
