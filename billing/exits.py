"""The step *vehicle out*: odometer, balance, keys (docs/design, D92)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from appointments.actions import end_visit
from billing.ledger import ZERO
from billing.models import Invoice, VehicleExit
from common.domain import events
from common.domain.changes import change_silently
from common.domain.errors import DomainError, Forbidden
from repair_orders.changes import lock
from repair_orders.models import OPEN_STATUSES, RepairOrder, RepairOrderStatus
from vehicles.models import OdometerSource
from vehicles.odometer import read_odometer

PERMISSIONS = {
    "vehicle_out": "billing.add_vehicleexit",
    "override": "billing.override_vehicleexit",
}


class BalanceDue(DomainError):
    """The vehicle would leave with a balance. The fact is that balance in dollars."""

    code = "balance_due"
    title = "Not paid"

    def __init__(self, balance: Decimal) -> None:
        super().__init__(
            f"{balance} is not paid. Take the payment, or let a manager give the reason why the vehicle leaves.",
            balance=str(balance),
        )


class StillOpen(DomainError):
    code = "not_completed"
    title = "Not completed"
    message = "The order is still open. Complete or stop it before the vehicle leaves."


class NotInvoiced(DomainError):
    code = "not_invoiced"
    title = "Not invoiced"
    message = "Issue the invoice before the vehicle leaves."


class AlreadyOut(DomainError):
    code = "already_out"
    title = "Vehicle is out"
    message = "The vehicle has left already."


class OverrideNotAllowed(Forbidden):
    code = "override_not_allowed"
    message = "Only a manager can let a vehicle leave unpaid."


def vehicle_out(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    odometer: Decimal | None = None,
    override: str = "",
    may_override: bool = False,
) -> VehicleExit:
    """Record that the vehicle of a completed or denied order left the shop. Its visit is over.

    A completed order needs its invoice, with nothing to pay or with `override`, the reason why it leaves unpaid. Where
    the invoice was credited as a whole and no other one was issued, it leaves with a reason, too. Raises StillOpen,
    NotInvoiced, BalanceDue, OverrideNotAllowed, AlreadyOut, and the errors of `read_odometer`.
    """
    with transaction.atomic():
        # The appointment is locked before the vehicle, and the vehicle before the order (D25).
        if order.appointment is not None:
            end_visit(appointment=order.appointment, by=by, now=now)
        if odometer is not None:
            read_odometer(
                vehicle=order.vehicle,
                miles=odometer,
                by=by,
                now=now,
                source=OdometerSource.CHECK_OUT,
                field="odometer",
            )
        lock(order)
        if order.status in OPEN_STATUSES:
            raise StillOpen
        if VehicleExit.objects.filter(repair_order=order).exists():
            raise AlreadyOut
        balance, is_unpaid = ZERO, False
        if order.status == RepairOrderStatus.COMPLETED:
            invoice = Invoice.objects.filter(repair_order=order).order_by("-id").first()
            if invoice is None or (invoice.is_credited and not override):
                raise NotInvoiced
            balance, is_unpaid = invoice.balance, bool(invoice.balance) or invoice.is_credited
        if balance and not override:
            raise BalanceDue(balance)
        if is_unpaid and not may_override:
            raise OverrideNotAllowed
        if odometer is not None:
            change_silently(order, odometer_out=odometer)
        left = VehicleExit.objects.create(
            repair_order=order,
            at=now,
            by_id=by,
            odometer=odometer,
            balance=balance,
            override=override if is_unpaid else "",
        )
        events.record("repair_orders.repairorder.vehicle_out", order, at=now, balance=str(balance))
    return left
