"""The vehicle leaves with a paid invoice, or with a manager's reason (docs/design, D92)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from appointments.actions import cancel_appointment, complete_appointment, start_appointment
from appointments.models import Appointment
from billing.credit_notes import credit_all
from billing.exits import AlreadyOut, BalanceDue, NotInvoiced, OverrideNotAllowed, StillOpen, vehicle_out
from billing.models import VehicleExit
from common.domain.errors import IllegalTransition
from common.domain.models import Event
from repair_orders.models import RepairOrder
from testing.billed import again, finished, issue, pay
from testing.factories import AppointmentFactory, RepairOrderFactory, TechnicianFactory
from testing.storms import overlapping, parallel
from vehicles.models import OdometerReading

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def invoice():
    return issue(finished(prices=("50.00",), tax="0"))


def leave(order, **fields):
    return vehicle_out(order=order, by=None, now=timezone.now(), **fields)


def test_vehicle_with_a_paid_invoice_leaves(invoice):
    pay(invoice, "50.00")
    order = invoice.repair_order
    left = leave(order, odometer=D("1200.0"), override="Not needed")
    assert (left.balance, left.odometer, left.override) == (D("0.00"), D("1200.0"), "")
    order.refresh_from_db()
    assert order.odometer_out == D("1200.0")
    assert OdometerReading.objects.get().source == "CHECK_OUT"
    assert Event.objects.get(type="repair_orders.repairorder.vehicle_out").payload["balance"] == "0.00"


def test_balance_keeps_the_vehicle(invoice):
    pay(invoice, "20.00")
    with pytest.raises(BalanceDue) as refused:
        leave(invoice.repair_order, odometer=D("1200.0"))
    assert refused.value.facts == {"balance": "30.00"}
    assert not VehicleExit.objects.exists()
    assert not OdometerReading.objects.exists()


def test_manager_lets_it_go_with_a_reason(invoice):
    with pytest.raises(OverrideNotAllowed):
        leave(invoice.repair_order, override="Pays on Monday")
    left = leave(invoice.repair_order, override="Pays on Monday", may_override=True)
    assert (left.balance, left.override) == (D("50.00"), "Pays on Monday")


def test_completed_order_needs_its_invoice():
    with pytest.raises(NotInvoiced):
        leave(finished(), override="x", may_override=True)


def test_invoice_that_was_credited_as_a_whole_is_none(invoice):
    credit_all(invoice=invoice, reason="Wrong name", by=None, now=timezone.now())
    with pytest.raises(NotInvoiced):
        leave(invoice.repair_order)
    with pytest.raises(OverrideNotAllowed):
        leave(invoice.repair_order, override="Goodwill")
    issue(invoice.repair_order)
    with pytest.raises(BalanceDue):
        leave(invoice.repair_order)


def test_vehicle_whose_work_was_credited_leaves_with_a_reason(invoice):
    credit_all(invoice=invoice, reason="Goodwill", by=None, now=timezone.now())
    left = leave(invoice.repair_order, override="Goodwill", may_override=True)
    assert (left.balance, left.override) == (D("0.00"), "Goodwill")


@pytest.mark.parametrize("status", ["requested", "pending", "approved", "in_progress"])
def test_vehicle_of_an_open_order_stays(status):
    with pytest.raises(StillOpen):
        leave(RepairOrderFactory(status=status))


def test_vehicle_of_a_denied_order_leaves():
    assert leave(RepairOrderFactory(status="denied")).balance == D("0.00")


def test_vehicle_leaves_once():
    order = RepairOrderFactory(status="denied")
    leave(order)
    with pytest.raises(AlreadyOut):
        leave(order)


def visit_of(order, **fields):
    """Return the visit of an order."""
    visit = AppointmentFactory(vehicle=order.vehicle, customer=order.customer, **fields)
    order.appointment = visit
    order.save()
    return visit


@pytest.mark.parametrize("status", ["pending", "in_progress"])
def test_visit_of_a_vehicle_that_leaves_is_completed(invoice, status, now, tim):
    order = invoice.repair_order
    visit = visit_of(order, status=status)
    pay(invoice, "50.00")
    vehicle_out(order=order, by=tim.pk, now=now)
    visit.refresh_from_db()
    assert (visit.status, visit.completed_at) == ("completed", now)
    history = visit.history.latest("history_id")
    assert (history.history_user_id, history.history_change_reason) == (tim.pk, "status: completed")
    # In the order of the locks: the appointment before the order (D25).
    assert list(Event.objects.order_by("id").values_list("type", flat=True))[-2:] == [
        "appointments.appointment.completed", "repair_orders.repairorder.vehicle_out"
    ]  # fmt: skip
    AppointmentFactory(bay=visit.bay, start=visit.start, end=visit.end)


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_visit_that_is_over_stays_as_it_is(invoice, status):
    visit = visit_of(invoice.repair_order, status=status)
    pay(invoice, "50.00")
    leave(invoice.repair_order)
    assert (again(visit).status, visit.history.count()) == (status, 1)


def test_visit_that_was_cancelled_since_the_order_was_read_stays_cancelled(invoice):
    order = invoice.repair_order
    visit = visit_of(order, status="pending")
    Appointment.objects.update(status="cancelled")
    pay(invoice, "50.00")
    leave(order)
    assert again(visit).status == "cancelled"


@pytest.mark.parametrize("status", ["pending", "in_progress"])
def test_visit_of_a_vehicle_that_stays_is_not_over(invoice, status):
    visit = visit_of(invoice.repair_order, status=status)
    events = Event.objects.count()
    with pytest.raises(BalanceDue):
        leave(invoice.repair_order)
    assert (again(visit).status, visit.history.count(), Event.objects.count()) == (status, 1, events)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("step", "end"),
    [
        (start_appointment, "completed"),
        (complete_appointment, "completed"),
        (cancel_appointment, "cancelled"),
    ],
)
def test_exit_that_meets_a_step_of_its_visit_waits_for_it(step, end):
    order = RepairOrderFactory(status="denied")
    status = "in_progress" if step is complete_appointment else "pending"
    visit = visit_of(order, technician=TechnicianFactory(), status=status)

    outcomes = overlapping(
        lambda: step(appointment=again(visit), by=None, now=timezone.now()),
        lambda: leave(RepairOrder.objects.select_related("appointment").get(pk=order.pk), odometer=D(900)).pk,
    )

    assert outcomes == [None, VehicleExit.objects.get().pk]
    assert again(visit).status == end


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_exits_starts_and_cancels_of_visits_end_in_one_legal_state_each():
    orders = [RepairOrderFactory(status="denied") for _ in range(4)]
    visits = [visit_of(order, technician=TechnicianFactory()) for order in orders]

    def work(number):
        order, visit = orders[number // 3], visits[number // 3]
        if number % 3 == 0:
            return leave(again(order), odometer=D(900)).pk
        step = (start_appointment, cancel_appointment)[number % 3 - 1]
        return step(appointment=again(visit), by=None, now=timezone.now())

    outcomes = parallel(12, work)

    assert sorted(outcomes[::3]) == sorted(VehicleExit.objects.values_list("pk", flat=True))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {type(error) for error in refused} <= {IllegalTransition}
    for visit, cancelled in zip(visits, outcomes[2::3], strict=True):
        assert again(visit).status == ("cancelled" if cancelled is None else "completed")
