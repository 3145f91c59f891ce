"""Events: one row in the transaction of the change, announced on commit."""

from __future__ import annotations

import pytest
from django.db import transaction

from common.domain import events
from common.domain.errors import IllegalTransition
from common.domain.models import Event
from customers.actions import notify
from repair_orders import actions
from repair_orders.estimates import actions as repair_orders
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def announced(monkeypatch):
    announced = []
    monkeypatch.setattr(
        events,
        "_subscribers",
        [lambda event, subject: announced.append((event.type, event.subject, subject))],
    )
    return announced


def recorded():
    return list(Event.objects.order_by("id").values_list("type", "subject", "at", "payload"))


def test_transition_records_one_event(now):
    order = factories.RepairOrderFactory()
    repair_orders.deny(order=order, by=None, now=now)
    ids = {"id": order.pk, "uuid": str(order.uuid), "customer_id": order.customer_id}
    assert recorded() == [
        (
            "repair_orders.repairorder.denied",
            f"repair_orders.repairorder:{order.pk}",
            now,
            ids | {"status": "denied"},
        )
    ]


def test_refused_transition_records_nothing(now, announced, django_capture_on_commit_callbacks):
    order = factories.RepairOrderFactory(status="denied")
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(IllegalTransition):
        actions.start(order=order, by=None, now=now)
    assert (recorded(), announced) == ([], [])


def test_rolled_back_change_is_neither_stored_nor_announced(
    now, announced, django_capture_on_commit_callbacks
):
    order = factories.RepairOrderFactory()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        repair_orders.deny(order=order, by=None, now=now)
        transaction.set_rollback(True)
    assert (recorded(), announced) == ([], [])


def test_notification_is_recorded_without_its_text(now, alice):
    note = notify(customer_id=alice.pk, type="ORDER", title="T", message="M", now=now)
    assert recorded() == [
        (
            "customers.notification.created",
            f"customers.notification:{note.pk}",
            now,
            {"id": note.pk, "uuid": str(note.uuid), "customer_id": alice.pk, "kind": "ORDER"},
        )
    ]


def test_subscriber_is_called_on_commit_with_the_row(now, announced, django_capture_on_commit_callbacks):
    order = factories.RepairOrderFactory()
    with django_capture_on_commit_callbacks(execute=True):
        repair_orders.deny(order=order, by=None, now=now)
        assert announced == []
    assert announced == [("repair_orders.repairorder.denied", f"repair_orders.repairorder:{order.pk}", order)]


def test_failing_subscriber_changes_nothing(monkeypatch, now, django_capture_on_commit_callbacks):
    def fail(event, subject):
        raise ZeroDivisionError

    monkeypatch.setattr(events, "_subscribers", [fail])
    order = factories.RepairOrderFactory()
    with django_capture_on_commit_callbacks(execute=True):
        repair_orders.deny(order=order, by=None, now=now)
    order.refresh_from_db()
    assert order.status == "denied"


def test_subscriber_is_registered_once(monkeypatch):
    monkeypatch.setattr(events, "_subscribers", [])
    for _ in range(2):
        events.subscribe(print)
    assert events._subscribers == [print]
