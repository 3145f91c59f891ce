"""NoOverlap on both databases: the constraint, the form's validation, and the migration."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import isolate_apps
from django.utils import timezone

from appointments.models import Appointment
from common.domain.constraints import NoOverlap
from common.domain.database import violates
from repair_orders.time_entries.models import TimeEntry
from testing.factories import AppointmentFactory, BayFactory, TimeEntryFactory, VehicleFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
CONSTRAINT = next(c for c in Appointment._meta.constraints if isinstance(c, NoOverlap))


@pytest.fixture
def visit(now):
    return AppointmentFactory(start=now, end=now + HOUR)


def another(visit, start, end, **fields):
    return AppointmentFactory(
        **{"bay": visit.bay, "start": visit.start + start, "end": visit.start + end} | fields
    )


def assert_refused(work):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        work()
    assert violates(error.value, Appointment, "bay_is_held_once")


OVERLAPS = {
    "the same": (0 * HOUR, HOUR),
    "inside": (HOUR / 4, HOUR / 2),
    "around": (-HOUR, 2 * HOUR),
    "into its start": (-HOUR, timedelta(microseconds=1)),
    "into its end": (HOUR - timedelta(microseconds=1), 2 * HOUR),
    "from its start": (0 * HOUR, timedelta(seconds=1)),
}
APART = {
    "before": (-2 * HOUR, -HOUR),
    "up to its start": (-HOUR, 0 * HOUR),
    "from its end": (HOUR, 2 * HOUR),
    "the next day": (24 * HOUR, 25 * HOUR),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_overlap_is_refused(visit, name):
    assert_refused(lambda: another(visit, *OVERLAPS[name]))
    assert Appointment.objects.get() == visit


@pytest.mark.parametrize("name", APART)
def test_adjacent_intervals_are_allowed(visit, name):
    another(visit, *APART[name])
    assert Appointment.objects.count() == 2


def test_instants_compare_with_and_without_microseconds(visit, now):
    whole = now.replace(microsecond=0) + timedelta(days=1)
    Appointment.objects.update(start=whole, end=whole + HOUR)
    visit.refresh_from_db()
    another(visit, HOUR, 2 * HOUR)
    assert_refused(lambda: another(visit, HOUR - timedelta(microseconds=1), HOUR))
    assert_refused(lambda: another(visit, timedelta(microseconds=1), timedelta(seconds=1)))


def test_same_time_in_another_bay_is_allowed(visit):
    another(visit, 0 * HOUR, HOUR, bay=BayFactory())
    assert Appointment.objects.count() == 2


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_ended_appointment_frees_its_bay(visit, status):
    another(visit, 0 * HOUR, HOUR, status=status)
    Appointment.objects.filter(pk=visit.pk).update(status=status)
    another(visit, 0 * HOUR, HOUR)
    assert Appointment.objects.count() == 3


def test_appointment_in_progress_holds_its_bay(visit):
    Appointment.objects.update(status="in_progress")
    assert_refused(lambda: another(visit, 0 * HOUR, HOUR))


@pytest.mark.parametrize(
    "change",
    [
        {"start": -HOUR / 2, "end": HOUR / 2},
        {"end": 3 * HOUR + timedelta(microseconds=1)},
        {"start": HOUR - timedelta(microseconds=1)},
    ],
)
def test_update_into_an_overlap_is_refused(visit, change):
    later = another(visit, 3 * HOUR, 4 * HOUR)
    moving = another(visit, HOUR, 2 * HOUR)
    values = {name: visit.start + shift for name, shift in change.items()}
    assert_refused(lambda: Appointment.objects.filter(pk=moving.pk).update(**values))
    moving.refresh_from_db()
    assert (moving.start, moving.end) == (visit.start + HOUR, visit.start + 2 * HOUR)
    assert_refused(lambda: Appointment.objects.filter(pk=later.pk).update(bay=visit.bay, start=visit.start))


def test_cancelled_appointment_cannot_return_to_a_taken_bay(visit):
    cancelled = another(visit, 0 * HOUR, HOUR, status="cancelled")
    assert_refused(lambda: Appointment.objects.filter(pk=cancelled.pk).update(status="pending"))


def test_appointment_may_move_within_its_own_time(visit):
    Appointment.objects.update(start=visit.start + HOUR / 2, end=visit.end + HOUR / 2)
    visit.refresh_from_db()
    visit.save()
    assert visit.end - visit.start == HOUR


class TestValidate:
    def test_form_reports_the_overlap(self, visit):
        mine = AppointmentFactory.build(
            vehicle=VehicleFactory(), customer=visit.customer, bay=visit.bay, location=visit.location,
            start=visit.start, end=visit.end,
        )  # fmt: skip
        with pytest.raises(ValidationError) as refusal:
            mine.full_clean()
        assert refusal.value.message_dict == {"__all__": ["This bay is taken at that time."]}

    def test_row_does_not_overlap_itself(self, visit):
        assert visit.full_clean() is None

    @pytest.mark.parametrize(
        "fields", [{"status": "cancelled"}, {"start": None}, {"end": None}, {"bay": None}]
    )
    def test_incomplete_or_ended_row_is_valid(self, visit, fields):
        mine = Appointment(**{"bay": visit.bay, "start": visit.start, "end": visit.end} | fields)
        assert CONSTRAINT.validate(Appointment, mine) is None

    @pytest.mark.parametrize("name", ["bay", "start", "end", "status"])
    def test_form_without_the_field_does_not_validate(self, visit, name):
        mine = Appointment(bay=visit.bay, start=visit.start, end=visit.end)
        assert CONSTRAINT.validate(Appointment, mine, exclude={name}) is None
        with pytest.raises(ValidationError):
            CONSTRAINT.validate(Appointment, mine, exclude={"notes"})

    def test_adjacent_row_is_valid(self, visit):
        mine = Appointment(bay=visit.bay, start=visit.end, end=visit.end + HOUR)
        assert CONSTRAINT.validate(Appointment, mine) is None


class TestDeclaration:
    def test_migration_writes_the_declaration(self):
        path, args, kwargs = CONSTRAINT.deconstruct()
        assert path == "common.domain.constraints.NoOverlap"
        assert NoOverlap(*args, **kwargs) == CONSTRAINT
        assert hash(NoOverlap(*args, **kwargs)) == hash(CONSTRAINT)
        assert CONSTRAINT.clone() == CONSTRAINT

    @pytest.mark.parametrize(
        "change", [{"name": "x"}, {"holder": "vehicle"}, {"start": "end"}, {"end": "start"}, {"statuses": ()}]
    )
    def test_changed_declaration_is_not_equal(self, change):
        _path, args, kwargs = CONSTRAINT.deconstruct()
        assert NoOverlap(*args, **kwargs | change) != CONSTRAINT
        assert models.Index(fields=["start"], name="x") != CONSTRAINT


@pytest.mark.django_db(transaction=True)
class TestSchema:
    """SQLite remakes an altered table, which must keep the triggers."""

    def assert_holds(self):
        visit = AppointmentFactory()
        assert_refused(lambda: another(visit, 0 * HOUR, HOUR))
        later = another(visit, HOUR, 2 * HOUR)
        assert_refused(lambda: Appointment.objects.filter(pk=later.pk).update(start=visit.start))
        Appointment.objects.all().delete()

    def triggers(self):
        if connection.vendor != "sqlite":
            return None
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
            return [name for (name,) in cursor.fetchall()]

    def test_triggers_survive_an_altered_and_an_added_column(self):
        before = self.triggers()
        old, new = Appointment._meta.get_field("description"), models.CharField(max_length=50, default="")
        new.set_attributes_from_name("description")
        extra = models.IntegerField(null=True)
        extra.set_attributes_from_name("extra")
        with connection.schema_editor() as editor:
            editor.alter_field(Appointment, old, new)
            editor.add_field(Appointment, extra)
        try:
            self.assert_holds()
            assert self.triggers() == before
        finally:
            with connection.schema_editor() as editor:
                editor.remove_field(Appointment, extra)
                editor.alter_field(Appointment, new, old)
        self.assert_holds()
        assert self.triggers() == before

    @isolate_apps("common")
    def test_new_table_has_the_constraint(self):
        class Meeting(models.Model):  # noqa: DJ008
            room = models.IntegerField()
            begins = models.DateTimeField()
            ends = models.DateTimeField()
            status = models.CharField(max_length=10, default="on")

            class Meta:
                app_label = "common"
                constraints = [
                    NoOverlap(
                        name="room_once", holder="room", start="begins", end="ends", statuses=("on", "late")
                    )
                ]

        now = timezone.now()
        with connection.schema_editor() as editor:
            editor.create_model(Meeting)
        try:
            Meeting.objects.create(room=1, begins=now, ends=now + HOUR)
            Meeting.objects.create(room=1, begins=now + HOUR, ends=now + 2 * HOUR, status="late")
            with pytest.raises(IntegrityError) as error, transaction.atomic():
                Meeting.objects.create(room=1, begins=now + HOUR / 2, ends=now + HOUR)
            assert violates(error.value, Meeting, "room_once")
        finally:
            with connection.schema_editor() as editor:
                editor.delete_model(Meeting)

    def test_constraint_is_removed_and_added_again(self):
        without = [c for c in Appointment._meta.constraints if c is not CONSTRAINT]
        every, before = Appointment._meta.constraints, self.triggers()
        Appointment._meta.constraints = without
        try:
            with connection.schema_editor() as editor:
                editor.remove_constraint(Appointment, CONSTRAINT)
            visit = AppointmentFactory()
            another(visit, 0 * HOUR, HOUR)
            assert not [name for name in self.triggers() or () if name.startswith(CONSTRAINT.name)]
            Appointment.objects.all().delete()
        finally:
            Appointment._meta.constraints = every
            with connection.schema_editor() as editor:
                editor.add_constraint(Appointment, CONSTRAINT)
        self.assert_holds()
        assert self.triggers() == before


class TestOpenEnd:
    """Time entries have no status, and an end that may be missing."""

    @pytest.fixture
    def entry(self, now):
        return TimeEntryFactory(started=now, ended=now + HOUR)

    def another(self, entry, start, end):
        return TimeEntryFactory(
            technician=entry.technician,
            started=entry.started + start,
            ended=None if end is None else entry.started + end,
        )

    def assert_refused(self, work, name="technician_works_on_one_job"):
        with pytest.raises(IntegrityError) as error, transaction.atomic():
            work()
        assert violates(error.value, TimeEntry, name)

    @pytest.mark.parametrize("name", OVERLAPS)
    def test_overlap_is_refused(self, entry, name):
        self.assert_refused(lambda: self.another(entry, *OVERLAPS[name]))
        assert TimeEntry.objects.get() == entry

    @pytest.mark.parametrize("name", APART)
    def test_adjacent_entries_are_allowed(self, entry, name):
        self.another(entry, *APART[name])
        assert TimeEntry.objects.count() == 2

    @pytest.mark.parametrize("start", [-HOUR, 0 * HOUR, HOUR - timedelta(microseconds=1)])
    def test_open_entry_overlaps_all_that_end_later(self, entry, start):
        self.assert_refused(lambda: self.another(entry, start, None))
        assert TimeEntry.objects.get() == entry

    def test_open_entry_is_allowed_after_the_others(self, entry):
        self.another(entry, HOUR, None)
        assert TimeEntry.objects.count() == 2

    @pytest.mark.parametrize(("start", "end"), [(-HOUR, HOUR), (HOUR, 2 * HOUR), (24 * HOUR, 25 * HOUR)])
    def test_entry_into_an_open_one_is_refused(self, now, start, end):
        running = TimeEntryFactory(started=now, ended=None)
        self.assert_refused(lambda: self.another(running, start, end))
        self.another(running, -HOUR, 0 * HOUR)
        assert TimeEntry.objects.count() == 2

    def test_second_open_entry_is_refused(self, now):
        running = TimeEntryFactory(started=now, ended=None)
        with pytest.raises(IntegrityError), transaction.atomic():
            self.another(running, HOUR, None)
        assert TimeEntry.objects.get() == running

    def test_empty_entry_overlaps_none(self, entry):
        empty = self.another(entry, HOUR / 2, HOUR / 2)
        assert TimeEntry.objects.count() == 2
        self.assert_refused(lambda: self.another(entry, HOUR / 4, HOUR / 2))
        entry.delete()
        self.another(empty, -HOUR, HOUR)
        assert TimeEntry.objects.count() == 2

    def test_update_into_an_overlap_is_refused(self, entry):
        later = self.another(entry, HOUR, None)
        rows = TimeEntry.objects.filter(pk=later.pk)
        self.assert_refused(lambda: rows.update(started=entry.started + HOUR / 2))
        rows.update(ended=entry.started + 2 * HOUR)
        self.assert_refused(
            lambda: TimeEntry.objects.filter(pk=entry.pk).update(ended=entry.started + 3 * HOUR)
        )
        assert [row.ended for row in TimeEntry.objects.order_by("started")] == [
            entry.started + HOUR, entry.started + 2 * HOUR
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("start", "end", "is_valid"),
        [
            (0 * HOUR, HOUR, False),
            (-HOUR, None, False),
            (HOUR / 2, HOUR / 2, True),
            (HOUR, None, True),
            (-HOUR, 0 * HOUR, True),
        ],
    )
    def test_form_reports_what_the_database_refuses(self, entry, start, end, is_valid):
        constraint = next(c for c in TimeEntry._meta.constraints if isinstance(c, NoOverlap))
        mine = TimeEntry(
            technician=entry.technician,
            started=entry.started + start,
            ended=None if end is None else entry.started + end,
        )
        if is_valid:
            assert constraint.validate(TimeEntry, mine) is None
        else:
            with pytest.raises(ValidationError) as refusal:
                constraint.validate(TimeEntry, mine)
            assert refusal.value.messages == ["The technician has another entry at that time."]
        assert constraint.validate(TimeEntry, mine, exclude={"started"}) is None

    def test_migration_writes_no_statuses(self):
        constraint = next(c for c in TimeEntry._meta.constraints if isinstance(c, NoOverlap))
        _path, args, kwargs = constraint.deconstruct()
        assert "statuses" not in kwargs
        assert NoOverlap(*args, **kwargs) == constraint
        assert NoOverlap(*args, **kwargs | {"statuses": ()}) != constraint


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_twenty_parallel_appointments_gets_the_bay(now):
    bay, vehicle = BayFactory(), VehicleFactory()

    def book(_):
        return AppointmentFactory(bay=bay, vehicle=vehicle, start=now, end=now + HOUR).pk

    outcomes = parallel(20, book)
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [Appointment.objects.get().pk]
