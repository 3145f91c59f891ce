"""Transitions of an appointment, compared with a table that is independent of the code."""

from __future__ import annotations

import pytest

from appointments import actions
from appointments.models import APPOINTMENT_MACHINE, Appointment
from common.domain.errors import IllegalTransition
from common.domain.models import Event
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


def stored_state(appointment):
    return Appointment.objects.values().get(pk=appointment.pk), appointment.history.count()


def test_machine_matches_the_table():
    moves = {(source, target) for source, targets in APPOINTMENT_MACHINE.items() for target in targets}
    assert moves == {(state, VERBS[verb][1]) for state, verb in LEGAL}
    assert set(APPOINTMENT_MACHINE) == set(STATES)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", STATES)
def test_transition_follows_the_table(state, verb, tim, now):
    appointment = AppointmentFactory(status=state, technician=TechnicianFactory())
    row, count = stored_state(appointment)
    step, target, stamp = VERBS[verb]
    if (state, verb) in LEGAL:
        step(appointment=appointment, by=tim.pk, now=now)
        # A cancellation is a change in the customer's calendar.
        changed = {"status": target, stamp: now, "sequence": 1 if verb == "cancel" else 0}
        assert stored_state(appointment) == (row | changed, count + 1)
        assert (appointment.status, getattr(appointment, stamp)) == (target, now)
        history = appointment.history.latest("history_id")
        assert (history.history_user_id, history.history_change_reason, history.history_date) == (
            tim.pk, f"status: {target}", now
        )  # fmt: skip
    else:
        with pytest.raises(IllegalTransition) as error:
            step(appointment=appointment, by=tim.pk, now=now)
        assert error.value.text == (
            f"This appointment is {state.replace('_', ' ')} and cannot become {target.replace('_', ' ')}."
        )
        assert stored_state(appointment) == (row, count)


@pytest.mark.parametrize("state", OPEN)
def test_visit_of_a_vehicle_that_leaves_is_completed_and_frees_its_bay(state, tim, now):
    appointment = AppointmentFactory(status=state)
    row, count = stored_state(appointment)
    actions.end_visit(appointment=appointment, by=tim.pk, now=now)
    assert stored_state(appointment) == (row | {"status": "completed", "completed_at": now}, count + 1)
    history = appointment.history.latest("history_id")
    assert (history.history_user_id, history.history_change_reason, history.history_date) == (
        tim.pk, "status: completed", now
    )  # fmt: skip
    assert Event.objects.get(type="appointments.appointment.completed").payload == {
        "id": appointment.pk, "uuid": str(appointment.uuid), "customer_id": appointment.customer_id,
        "status": "completed",
    }  # fmt: skip
    AppointmentFactory(bay=appointment.bay, start=appointment.start, end=appointment.end)


@pytest.mark.parametrize("state", ["completed", "cancelled"])
def test_visit_that_is_over_stays_as_it_is_when_the_vehicle_leaves(state, now):
    appointment = AppointmentFactory(status=state)
    before = stored_state(appointment)
    actions.end_visit(appointment=appointment, by=None, now=now)
    assert (stored_state(appointment), Event.objects.count()) == (before, 0)


@pytest.mark.parametrize("state", STATES)
def test_assign_follows_the_table(state, tim, now):
    appointment, technician = AppointmentFactory(status=state), TechnicianFactory(name="Test Technician")
    row, count = stored_state(appointment)
    if state in OPEN:
        actions.assign_technician(appointment=appointment, technician=technician, by=tim.pk, now=now)
        assert stored_state(appointment) == (
            row | {"technician_id": technician.pk, "assigned_at": now},
            count + 1,
        )
        assert appointment.technician == technician
        history = appointment.history.latest("history_id")
        assert (history.history_user_id, history.history_change_reason, history.technician_id) == (
            tim.pk, "assigned: Test Technician", technician.pk
        )  # fmt: skip
    else:
        with pytest.raises(IllegalTransition) as error:
            actions.assign_technician(appointment=appointment, technician=technician, by=tim.pk, now=now)
        assert error.value.text == f"This appointment is {state} and cannot become assigned."
        assert stored_state(appointment) == (row, count)
        assert appointment.technician is None


def test_another_technician_replaces_the_first(now):
    appointment = AppointmentFactory(technician=TechnicianFactory())
    other = TechnicianFactory()
    actions.assign_technician(appointment=appointment, technician=other, by=None, now=now)
    assert Appointment.objects.get().technician == other


def test_history_of_assigning_is_the_stored_row(now):
    appointment = AppointmentFactory()
    Appointment.objects.update(notes="Changed since.")
    actions.assign_technician(appointment=appointment, technician=TechnicianFactory(), by=None, now=now)
    assert appointment.history.latest("history_id").notes == "Changed since."


def test_start_needs_a_technician(now):
    appointment = AppointmentFactory()
    before = stored_state(appointment)
    with pytest.raises(actions.NoTechnician):
        actions.start_appointment(appointment=appointment, by=None, now=now)
    assert stored_state(appointment) == before


@pytest.mark.parametrize("state", ["in_progress", "completed", "cancelled"])
def test_illegal_state_is_reported_before_a_missing_technician(now, state):
    appointment = AppointmentFactory(status=state)
    with pytest.raises(IllegalTransition):
        actions.start_appointment(appointment=appointment, by=None, now=now)


def test_technician_assigned_after_loading_is_enough(now):
    appointment = AppointmentFactory()
    Appointment.objects.update(technician=TechnicianFactory())
    actions.start_appointment(appointment=appointment, by=None, now=now)
    assert Appointment.objects.get().status == "in_progress"


def test_cancelled_appointment_frees_its_bay(now):
    appointment = AppointmentFactory()
    actions.cancel_appointment(appointment=appointment, by=None, now=now)
    AppointmentFactory(bay=appointment.bay, start=appointment.start, end=appointment.end)
    assert Appointment.objects.count() == 2


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_starts_and_cancels_end_in_one_legal_state(now):
    appointment = AppointmentFactory(technician=TechnicianFactory())
    steps = [actions.start_appointment, actions.cancel_appointment]
    count = appointment.history.count()

    def step(number):
        steps[number % 2](appointment=Appointment.objects.get(pk=appointment.pk), by=None, now=now)
        return steps[number % 2].__name__

    won = [outcome for outcome in parallel(20, step) if isinstance(outcome, str)]
    appointment.refresh_from_db()
    # The legal outcomes are: cancelled, and started and then cancelled.
    assert appointment.status == "cancelled"
    assert sorted(won) in (["cancel_appointment"], ["cancel_appointment", "start_appointment"])
    assert appointment.history.count() == count + len(won)
