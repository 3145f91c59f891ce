"""Transitions of an appointment. The table is written from docs/design, D22, and not from the code."""

from __future__ import annotations

import pytest

from appointments import actions
from appointments.models import APPOINTMENT_MACHINE, Appointment
from common.domain.errors import IllegalTransition
from testing.factories import AppointmentFactory, TechnicianFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db

STATES = ("pending", "in_progress", "completed", "cancelled")
VERBS = {
    "start": (actions.start_appointment, "in_progress", "started_at"),
    "complete": (actions.complete_appointment, "completed", "completed_at"),
    "cancel": (actions.cancel_appointment, "cancelled", "cancelled_at"),
}
LEGAL = {("pending", "start"), ("pending", "cancel"), ("in_progress", "complete"), ("in_progress", "cancel")}
OPEN = ("pending", "in_progress")


def world(visit):
    return Appointment.objects.values().get(pk=visit.pk), visit.history.count()


def test_the_machine_is_designs():
    moves = {(source, target) for source, targets in APPOINTMENT_MACHINE.items() for target in targets}
    assert moves == {(state, VERBS[verb][1]) for state, verb in LEGAL}
    assert set(APPOINTMENT_MACHINE) == set(STATES)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", STATES)
def test_every_cell_of_the_table(state, verb, tim, now):
    visit = AppointmentFactory(status=state, technician=TechnicianFactory())
    row, count = world(visit)
    step, target, stamp = VERBS[verb]
    if (state, verb) in LEGAL:
        step(appointment=visit, by=tim.pk, now=now)
        assert world(visit) == (row | {"status": target, stamp: now}, count + 1)
        assert (visit.status, getattr(visit, stamp)) == (target, now)
        history = visit.history.latest("history_id")
        assert (history.history_user_id, history.history_change_reason, history.history_date) == (
            tim.pk, f"status: {target}", now
        )  # fmt: skip
    else:
        with pytest.raises(IllegalTransition) as error:
            step(appointment=visit, by=tim.pk, now=now)
        assert error.value.text == (
            f"This appointment is {state.replace('_', ' ')} and cannot become {target.replace('_', ' ')}."
        )
        assert world(visit) == (row, count)


@pytest.mark.parametrize("state", STATES)
def test_assign(state, tim, now):
    visit, technician = AppointmentFactory(status=state), TechnicianFactory(name="Test Technician")
    row, count = world(visit)
    if state in OPEN:
        actions.assign_technician(appointment=visit, technician=technician, by=tim.pk, now=now)
        assert world(visit) == (row | {"technician_id": technician.pk, "assigned_at": now}, count + 1)
        assert visit.technician == technician
        history = visit.history.latest("history_id")
        assert (history.history_user_id, history.history_change_reason, history.technician_id) == (
            tim.pk, "assigned: Test Technician", technician.pk
        )  # fmt: skip
    else:
        with pytest.raises(IllegalTransition) as error:
            actions.assign_technician(appointment=visit, technician=technician, by=tim.pk, now=now)
        assert error.value.text == f"This appointment is {state} and cannot become assigned."
        assert world(visit) == (row, count)
        assert visit.technician is None


def test_assigning_another_one_replaces_him(now):
    visit = AppointmentFactory(technician=TechnicianFactory())
    other = TechnicianFactory()
    actions.assign_technician(appointment=visit, technician=other, by=None, now=now)
    assert Appointment.objects.get().technician == other


def test_assigning_writes_the_history_of_the_stored_row(now):
    visit = AppointmentFactory()
    Appointment.objects.update(notes="Changed since.")
    actions.assign_technician(appointment=visit, technician=TechnicianFactory(), by=None, now=now)
    assert visit.history.latest("history_id").notes == "Changed since."


def test_a_start_needs_a_technician(now):
    visit = AppointmentFactory()
    before = world(visit)
    with pytest.raises(actions.NoTechnician):
        actions.start_appointment(appointment=visit, by=None, now=now)
    assert world(visit) == before


@pytest.mark.parametrize("state", ["in_progress", "completed", "cancelled"])
def test_the_wrong_state_is_said_before_the_missing_technician(now, state):
    visit = AppointmentFactory(status=state)
    with pytest.raises(IllegalTransition):
        actions.start_appointment(appointment=visit, by=None, now=now)


def test_a_technician_assigned_since_it_was_loaded_is_enough(now):
    visit = AppointmentFactory()
    Appointment.objects.update(technician=TechnicianFactory())
    actions.start_appointment(appointment=visit, by=None, now=now)
    assert Appointment.objects.get().status == "in_progress"


def test_a_cancelled_visit_frees_its_bay(now):
    visit = AppointmentFactory()
    actions.cancel_appointment(appointment=visit, by=None, now=now)
    AppointmentFactory(bay=visit.bay, start=visit.start, end=visit.end)
    assert Appointment.objects.count() == 2


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_starts_and_cancels_the_row_ends_in_one_legal_state(now):
    visit = AppointmentFactory(technician=TechnicianFactory())
    steps = [actions.start_appointment, actions.cancel_appointment]
    count = visit.history.count()

    def step(number):
        steps[number % 2](appointment=Appointment.objects.get(pk=visit.pk), by=None, now=now)
        return steps[number % 2].__name__

    won = [outcome for outcome in parallel(20, step) if isinstance(outcome, str)]
    visit.refresh_from_db()
    # Started and then cancelled is legal; cancelled is the end of it.
    assert visit.status == "cancelled"
    assert sorted(won) in (["cancel_appointment"], ["cancel_appointment", "start_appointment"])
    assert visit.history.count() == count + len(won)
