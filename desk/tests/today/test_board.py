"""The board of a day: what stands where, until when, and where the next vehicle fits."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.utils import timezone

from appointments.models import Appointment, AppointmentStatus
from appointments.queries import find_free_bays
from appointments.slots import Slot
from billing.exits import vehicle_out
from desk.today.board import MOST_LANES, Item, duration, in_lanes, make_board, state_of
from testing.factories import (
    AbsenceFactory,
    AppointmentFactory,
    ClosureFactory,
    CustomerFactory,
    GarageFactory,
    LocationFactory,
    RepairOrderFactory,
    ShiftFactory,
    TechnicianFactory,
    UserFactory,
    VehicleExitFactory,
    VehicleFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 30)  # New York is five hours behind UTC


def at(hour, minute=0):
    """Return a local time of the day in New York."""
    return datetime(2026, 11, 30, 5, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


@pytest.fixture
def garage():
    return GarageFactory(name="Elm Street", time_zone="America/New_York", hours=(time(8), time(17)))


@pytest.fixture
def bay(garage):
    return garage.bays.order_by("id")[0]


def visit(bay, start, end, *, name="Park", model="Golf", **fields):
    customer = CustomerFactory(contact=UserFactory(first_name="Linda", last_name=name))
    vehicle = VehicleFactory(customer=customer, model=model, unit_number="")
    fields.setdefault("description", "Brakes")
    return AppointmentFactory(vehicle=vehicle, bay=bay, start=start, end=end, **fields)


def pieces(board, row=0):
    """Return kind, columns and texts of the pieces of a bay."""
    return [(item.kind, item.begins, item.ends, item.title, item.text) for item in board.bays[row].items]


class TestStates:
    @pytest.mark.parametrize(
        ("status", "is_here", "minute", "state"),
        [
            ("pending", False, -1, ("plan", 0)),
            ("pending", False, 14, ("plan", 0)),
            ("pending", False, 15, ("late", 15)),
            ("pending", True, 15, ("here", 0)),
            ("in_progress", True, 60, ("work", 0)),
            ("in_progress", False, 61, ("over", 1)),
            ("completed", True, 500, ("done", 0)),
        ],
    )
    def test_a_visit_is_late_after_15_minutes_unless_its_vehicle_is_here(
        self, status, is_here, minute, state
    ):
        row = Appointment(status=status, start=at(9), end=at(10))
        assert state_of(row, is_here=is_here, now=at(9) + timedelta(minutes=minute)) == state

    @pytest.mark.parametrize(
        ("minutes", "text"),
        [
            (0, "0 min"),
            (59, "59 min"),
            (60, "1 h 00"),
            (125, "2 h 05"),
            (1439, "23 h 59"),
            (1440, "1 day"),
            (4321, "3 days"),
        ],
    )
    def test_durations_are_short_texts(self, minutes, text):
        assert duration(minutes) == text


class TestBays:
    def test_a_vehicle_that_has_left_is_done_and_keeps_its_place(self, garage, bay):
        for start, status in ((9, "pending"), (11, "in_progress")):
            row = visit(bay, at(start), at(start + 1), status=status)
            order = RepairOrderFactory(vehicle=row.vehicle, customer=row.customer, appointment=row)
            VehicleExitFactory(repair_order=order, at=at(12))
        board = make_board(garage, DAY, now=at(13))
        assert [(visit.state, visit.shown.end) for visit in board.visits] == [
            ("done", at(10)), ("done", at(12))
        ]  # fmt: skip
        assert [head.text for head in board.heads] == ["2 done"]

    def test_a_vehicle_that_leaves_frees_the_place_of_its_visit(self, garage, bay):
        row = visit(bay, at(9), at(12))
        order = RepairOrderFactory(
            vehicle=row.vehicle, customer=row.customer, appointment=row, status="denied"
        )
        board = make_board(garage, DAY, now=at(10))
        assert [head.text for head in board.heads] == ["1 checked in"]
        vehicle_out(order=order, by=None, now=at(10))
        board = make_board(garage, DAY, now=at(10))
        assert [head.text for head in board.heads] == ["1 done"]
        assert pieces(board) == [
            ("done", 12, 24, "Park · Golf", "done · Brakes"),
            ("now", 24, 108, "Walk-in now, until 17:00", ""),
        ]
        assert find_free_bays(garage, Slot(at(10), at(17)), now=at(10))[0] == bay

    def test_a_day_shows_its_opening_hours_with_free_places(self, garage, bay):
        visit(bay, at(9), at(10, 30))
        board = make_board(garage, DAY, now=at(8) - timedelta(days=1))
        assert [label for label, _ in board.hours] == [f"{hour:02}:00" for hour in range(8, 17)]
        assert board.open_text == "open 08:00 to 17:00"
        assert pieces(board) == [
            ("free", 0, 12, "New visit", ""),
            ("plan", 12, 30, "Park · Golf", "Brakes"),
            ("free", 30, 108, "New visit", ""),
        ]
        assert pieces(board, 1) == [("free", 0, 108, "New visit", "")]
        assert (board.now_column, board.now_text, board.heads) == (None, "", [])

    def test_a_visit_that_is_over_its_end_has_a_tail_up_to_now_and_names_the_next_car(self, garage, bay):
        visit(bay, at(8), at(10), status="in_progress", started_at=at(8))
        visit(bay, at(11), at(12), name="Osei", model="RAV4")
        board = make_board(garage, DAY, now=at(10, 40))
        assert pieces(board) == [
            ("over", 0, 24, "Park · Golf", "40 min over · next car 11:00"),
            ("tail", 24, 32, "", ""),
            ("plan", 36, 48, "Osei · RAV4", "Brakes"),
            ("free", 48, 108, "New visit", ""),
        ]
        assert (board.now_column, board.now_text) == (32, "10:40")
        assert [(head.text, head.tone) for head in board.heads] == [
            ("1 over time", "red"),
            ("1 still to come", ""),
        ]

    def test_a_bay_that_is_free_now_says_until_when(self, garage, bay):
        visit(bay, at(13), at(14))
        board = make_board(garage, DAY, now=at(10, 40))
        assert pieces(board)[0] == ("now", 32, 60, "Walk-in now, until 13:00", "")
        item = board.bays[0].items[0]
        assert item.url == f"/admin/intake/?location={garage.pk}&bay={bay.pk}&start=now"
        assert item.label == f"{bay.name}, 10:40–13:00"

    def test_a_free_place_begins_at_the_next_start_that_can_be_booked(self, garage, bay):
        visit(bay, at(8), at(9, 15))
        board = make_board(garage, DAY, now=at(7))
        free = next(item for item in board.bays[0].items if item.kind == "free")
        assert (free.begins, free.ends) == (15, 108)
        assert free.url.endswith("start=2026-11-30T14%3A30%3A00%2B00%3A00")

    def test_a_place_shorter_than_half_an_hour_is_not_offered(self, garage, bay):
        visit(bay, at(8), at(9, 15))
        visit(bay, at(9, 40), at(17), name="Osei")
        assert [kind for kind, *_ in pieces(make_board(garage, DAY, now=at(7)))] == ["plan", "plan"]

    def test_a_visit_that_is_done_gives_its_place_free(self, garage, bay):
        visit(bay, at(8), at(12), status="completed", started_at=at(8), completed_at=at(9))
        board = make_board(garage, DAY, now=at(9, 30))
        assert pieces(board) == [
            ("done", 0, 12, "Park · Golf", "done · Brakes"),
            ("now", 18, 108, "Walk-in now, until 17:00", ""),
        ]

    def test_a_checked_in_vehicle_leads_to_its_order(self, garage, bay):
        row = visit(bay, at(9), at(10))
        order = RepairOrderFactory(vehicle=row.vehicle, customer=row.customer, appointment=row)
        board = make_board(garage, DAY, now=at(11))
        [item] = [item for item in board.bays[0].items if item.kind == "here"]
        assert (item.url, item.text) == (f"/admin/orders/{order.pk}/", "checked in · Brakes")
        assert (
            item.label
            == f"09:00–10:00, Linda Park, {row.vehicle.year} {row.vehicle.make} Golf, checked in · Brakes"
        )

    def test_a_right_to_left_name_does_not_turn_the_words_around_it(self, garage, bay):
        visit(bay, at(9), at(10), name="בן־גוריון", model="3")
        item = next(item for item in make_board(garage, DAY, now=at(8)).bays[0].items if item.kind == "plan")
        assert item.title == "\u2068בן־גוריון\u2069 · 3"

    def test_cancelled_visits_and_those_of_other_locations_and_days_are_not_shown(self, garage, bay):
        visit(bay, at(9), at(10), status=AppointmentStatus.CANCELLED)
        visit(bay, at(9) + timedelta(days=1), at(10) + timedelta(days=1))
        visit(GarageFactory().bays.first(), at(9), at(10))
        assert make_board(garage, DAY, now=at(7)).visits == []

    def test_a_vehicle_of_yesterday_is_still_in_its_bay(self, garage, bay):
        day = timedelta(days=1)
        visit(bay, at(15) - day, at(16) - day, status="in_progress", started_at=at(15) - day)
        board = make_board(garage, DAY, now=at(9))
        assert pieces(board)[:2] == [
            ("over", 0, 1, "Park · Golf", "17 h 00 over"),
            ("tail", 1, 12, "", ""),
        ]

    def test_closed_hours_are_said_and_not_offered(self, garage, bay):
        ClosureFactory(location=garage, day=DAY, begins=time(12), ends=time(13))
        assert pieces(make_board(garage, DAY, now=at(7))) == [
            ("free", 0, 48, "New visit", ""),
            ("shut", 48, 60, "", "Closed"),
            ("free", 60, 108, "New visit", ""),
        ]

    def test_a_closed_day_shows_closed_bays(self, garage, bay):
        ClosureFactory(location=garage, day=DAY)
        board = make_board(garage, DAY, now=at(7))
        assert (board.open_text, pieces(board)) == ("closed", [("shut", 0, 108, "", "Closed")])

    def test_a_past_day_offers_nothing(self, garage, bay):
        assert pieces(make_board(garage, DAY, now=at(9) + timedelta(days=2))) == []

    def test_visits_outside_the_hours_widen_the_day(self, garage, bay):
        visit(bay, at(6, 30), at(7))
        visit(bay, at(18), at(19, 10))
        labels = [label for label, _ in make_board(garage, DAY, now=at(5)).hours]
        assert (labels[0], labels[-1]) == ("06:00", "19:00")

    def test_a_location_without_bays_has_no_rows(self):
        assert make_board(LocationFactory(), DAY, now=at(9)).bays == []


class TestClocksThatChange:
    @pytest.mark.parametrize(
        ("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 6, 1), 24)]
    )
    def test_a_whole_day_has_as_many_hours_as_pass(self, day, hours):
        garage = GarageFactory(time_zone="America/New_York", hours=(time(0), time(0)))
        board = make_board(garage, day, now=datetime(2026, 1, 1, tzinfo=UTC))
        assert len(board.hours) == hours
        assert [(item.begins, item.ends) for item in board.bays[0].items] == [(0, hours * 12)]


class TestLanes:
    @pytest.mark.parametrize(
        ("spans", "lanes"),
        [
            ([(0, 12), (12, 24)], [0, 0]),
            ([(0, 24), (12, 18)], [0, 1]),
            ([(0, 24), (12, 36), (24, 48), (36, 60)], [0, 1, 0, 1]),
            ([(0, 60), (0, 60), (12, 24), (24, 36)], [0, 1, 2, 2]),
            ([(0, 9)] * 9, [0, 1, 2, 3, 4, 5, 5, 5, 5]),
        ],
    )
    def test_no_visit_covers_another_one(self, spans, lanes):
        rows = in_lanes(Item("plan", begins, ends) for begins, ends in reversed(spans))
        assert [row.lane for row in rows] == lanes
        assert max(lanes) < MOST_LANES

    def test_visits_stand_on_closed_hours_and_free_places(self):
        rows = in_lanes([Item("shut", 0, 60), Item("plan", 3, 9), Item("over", 9, 12), Item("tail", 12, 20)])
        assert [row.lane for row in rows] == [0, 0, 0, 0]

    def test_a_technician_with_two_visits_at_once_has_both_in_sight(self, client, garage, bay):
        technician = TechnicianFactory(location=garage)
        visit(bay, at(9), at(12), technician=technician)
        visit(garage.bays.order_by("id")[1], at(10), at(11), technician=technician)
        (row,) = make_board(garage, DAY, now=at(5)).technicians
        assert [(item.begins, item.lane) for item in row.items] == [(12, 0), (24, 1)]


class TestTechnicians:
    def test_a_technician_has_a_row_with_the_bays_of_their_visits(self, garage, bay):
        theo = TechnicianFactory(name="Theo Lindt", location=garage)
        visit(bay, at(9), at(10), technician=theo)
        board = make_board(garage, DAY, now=at(7))
        assert pieces(board)[1] == ("plan", 12, 24, "Park · Golf", "Brakes · Theo")
        [row] = board.technicians
        assert row.name == "Theo Lindt"
        assert [(item.kind, item.begins, item.ends, item.title, item.text) for item in row.items] == [
            ("plan", 12, 24, f"{bay.name} · Golf", "Brakes")
        ]

    def test_a_technician_of_another_location_who_helps_is_shown(self, garage, bay):
        TechnicianFactory(name="Away")
        visit(bay, at(9), at(10), technician=TechnicianFactory(name="Helper"))
        assert [row.name for row in make_board(garage, DAY, now=at(7)).technicians] == ["Helper"]

    def test_shifts_and_absences_are_said(self, garage):
        for name, weekday in (("Lena", 1), ("Sam", 0), ("Theo", 0)):
            ShiftFactory(
                technician=TechnicianFactory(name=name, location=garage),
                weekday=weekday, begins=time(9), ends=time(17),
            )  # fmt: skip
        AbsenceFactory(
            technician=garage.technicians.get(name="Theo"),
            first_day=DAY,
            last_day=DAY,
            begins=time(12),
            ends=time(14),
        )
        board = make_board(garage, DAY, now=at(7))
        assert [(row.name, row.text, [(item.kind, item.begins, item.ends, item.text) for item in row.items])
                for row in board.technicians] == [
            ("Lena", "Day off", [("shut", 0, 108, "Day off")]),
            ("Sam", "09:00–17:00", []),
            ("Theo", "09:00–12:00, 14:00–17:00", [("shut", 48, 72, "Away")]),
        ]  # fmt: skip


class TestQueries:
    def test_sixty_visits_cost_as_many_queries_as_one(self, garage):
        bays = list(garage.bays.all())
        visit(bays[0], at(8), at(8, 30), technician=TechnicianFactory(location=garage))
        visit(bays[1], at(8), at(8, 30), technician=TechnicianFactory())
        few = count_queries(lambda: make_board(garage, DAY, now=timezone.now()))
        for number in range(15):
            for bay in bays:
                start = at(8, 30) + timedelta(minutes=30 * number)
                visit(
                    bay, start, start + timedelta(minutes=30), technician=TechnicianFactory(location=garage)
                )
        assert count_queries(lambda: make_board(garage, DAY, now=timezone.now())) == few


def test_no_piece_leaves_the_columns_of_the_day(garage, bay):
    visit(bay, at(8), at(9), status="in_progress", started_at=at(8))
    board = make_board(garage, DAY, now=at(23, 50))
    for row in [*board.bays, *board.technicians]:
        for item in row.items:
            assert isinstance(item, Item) and 0 <= item.begins < item.ends <= board.columns
