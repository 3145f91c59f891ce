from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from common.domain.errors import IllegalTransition, Kind
from common.domain.transitions import refusal, transition, write_history
from repair_orders.models import REPAIR_ORDER_MACHINE, RepairOrder
from testing.factories import RepairOrderFactory, UserFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(now):
    return RepairOrderFactory(created_at=now, notes="As it was.")


def approve(order, by, now, **values):
    transition(order, "approved", machine=REPAIR_ORDER_MACHINE, by=by, now=now, values=values)


def stored(order):
    return RepairOrder.objects.values().get(pk=order.pk)


def test_transition_changes_status_and_values_only(order, tim, now):
    RepairOrder.objects.update(status="pending")
    before = stored(order)
    approve(order, tim.pk, now, approved_at=now)
    assert stored(order) == before | {"status": "approved", "approved_at": now}
    assert (order.status, order.approved_at) == ("approved", now)


def test_transition_writes_one_history_row_with_user_time_and_reason(order, tim, now):
    RepairOrder.objects.update(status="pending")
    count = order.history.count()
    approve(order, tim.pk, now + timedelta(hours=1), approved_at=now)
    assert order.history.count() == count + 1
    row = order.history.latest("history_id")
    assert (row.history_user_id, row.history_change_reason, row.history_type, row.history_date) == (
        tim.pk, "status: approved", "~", now + timedelta(hours=1)
    )  # fmt: skip
    assert (row.status, row.approved_at, row.notes) == ("approved", now, "As it was.")


def test_system_has_no_history_user(order, now):
    RepairOrder.objects.update(status="pending")
    approve(order, None, now)
    assert order.history.latest("history_id").history_user_id is None


def test_history_row_is_the_stored_row(order, now):
    RepairOrder.objects.update(status="pending", notes="Changed since.")
    approve(order, None, now)
    assert order.history.latest("history_id").notes == "Changed since."
    assert order.notes == "Changed since."


def test_illegal_transition_changes_nothing_and_names_the_status(order, tim, now):
    before, count = stored(order), order.history.count()
    with pytest.raises(IllegalTransition) as error:
        approve(order, tim.pk, now, approved_at=now)
    assert error.value.kind is Kind.CONFLICT
    assert error.value.text == "This repair order is requested and cannot become approved."
    assert error.value.facts == {}  # no contract prints more than the text
    assert (stored(order), order.history.count()) == (before, count)
    assert (order.status, order.approved_at) == ("requested", None)


def test_stored_status_decides(order, now):
    RepairOrder.objects.update(status="denied")
    order.status = "pending"
    with pytest.raises(IllegalTransition) as error:
        approve(order, None, now)
    assert error.value.text == "This repair order is denied and cannot become approved."
    assert (order.status, stored(order)["status"]) == ("denied", "denied")


def test_rolled_back_transition_leaves_no_history(order, now):
    RepairOrder.objects.update(status="pending")
    count = order.history.count()
    with transaction.atomic():
        approve(order, None, now)
        transaction.set_rollback(True)
    assert (stored(order)["status"], order.history.count()) == ("pending", count)


def test_error_shows_states_as_words(order):
    order.status = "in_progress"
    assert (
        refusal(order, "in_progress").text
        == "This repair order is in progress and cannot become in progress."
    )


def test_long_reason_is_cut(order, now):
    write_history(order, by=None, now=now, why="x" * 200)
    assert order.history.latest("history_id").history_change_reason == "x" * 100


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_fifty_parallel_transitions_succeeds(now):
    order, user = RepairOrderFactory(status="pending"), UserFactory()
    count = order.history.count()

    def step(_):
        approve(RepairOrder.objects.get(pk=order.pk), user.pk, now, approved_at=now)
        return "won"

    outcomes = parallel(50, step)
    assert outcomes.count("won") == 1
    assert sum(isinstance(outcome, IllegalTransition) for outcome in outcomes) == 49
    assert order.history.count() == count + 1
