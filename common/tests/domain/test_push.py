import pytest
from django.db import transaction

from appointments.actions import cancel_appointment
from common.domain import push
from customers.actions import notify
from repair_orders import actions as repair_orders
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch):
    heard = []
    monkeypatch.setattr(push, "_listeners", [heard.append])
    return heard


def told(heard):
    return [(news.kind, news.customer_id, news.uuid, news.at, news.facts) for news in heard]


def test_rolled_back_change_is_not_announced(heard, now, django_capture_on_commit_callbacks):
    order = factories.RepairOrderFactory()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        repair_orders.deny(order=order, by=None, now=now)
        transaction.set_rollback(True)
    assert heard == []


def test_failing_listener_changes_nothing(monkeypatch, now, django_capture_on_commit_callbacks):
    def fail(news):
        raise ZeroDivisionError

    monkeypatch.setattr(push, "_listeners", [fail])
    order = factories.RepairOrderFactory()
    with django_capture_on_commit_callbacks(execute=True):
        repair_orders.deny(order=order, by=None, now=now)
    order.refresh_from_db()
    assert order.status == "denied"


def test_appointments_orders_and_notifications_are_announced(heard, now, django_capture_on_commit_callbacks):
    order, visit = factories.RepairOrderFactory(), factories.AppointmentFactory()
    with django_capture_on_commit_callbacks(execute=True):
        repair_orders.deny(order=order, by=None, now=now)
        cancel_appointment(appointment=visit, by=None, now=now)
        note = notify(customer_id=visit.customer_id, type="ORDER", title="T", message="M", now=now)
    assert told(heard) == [
        ("REPAIR_ORDER", order.customer_id, order.uuid, now, {"status": "denied"}),
        ("APPOINTMENT", visit.customer_id, visit.uuid, now, {"status": "cancelled"}),
        (
            "NOTIFICATION",
            visit.customer_id,
            note.uuid,
            now,
            {"kind": "ORDER", "title": "T", "message": "M"},
        ),
    ]
