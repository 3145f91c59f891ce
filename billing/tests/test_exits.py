"""The vehicle leaves with a paid invoice, or with a manager's reason (docs/design, D92)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_all
from billing.exits import AlreadyOut, BalanceDue, NotInvoiced, OverrideNotAllowed, StillOpen, vehicle_out
from billing.models import VehicleExit
from common.domain.models import Event
from testing.billed import finished, issue, pay
from testing.factories import RepairOrderFactory
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
