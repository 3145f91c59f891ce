"""Merge a customer who is stored twice into one (docs/design, D62)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Model

from accounts.models import User
from accounts.referrals import book_points
from appointments.models import HOLDS_A_BAY, Appointment
from appointments.queries import find_overlapping, name_appointment
from appointments.slots import Slot
from billing.models import CreditNote, Invoice, Payment, Statement
from chat.models import Conversation
from common.domain import events
from common.domain.errors import DomainError, Invalid
from common.domain.history import acting_user
from common.domain.types import AnyQuerySet
from customers.actions import PERSONAL_FIELDS, CustomerIsMerged
from customers.models import Customer, CustomerUser, Invitation, Notification, PhoneCall
from customers.preferences import refused_reminders
from files.models import Upload
from memberships.actions import cancel
from memberships.models import Membership
from orders.models import Order
from passports.actions import withdraw_all
from reminders.models import ReminderMail
from repair_orders.discounts.rule import DiscountKind
from repair_orders.models import OrderDiscount, RepairOrder
from repair_orders.pricing.models import TaxExemption
from vehicles import odometer
from vehicles.codes.actions import join_codes
from vehicles.fuel.actions import update_consumption
from vehicles.fuel.models import FuelLog
from vehicles.models import Vehicle
from vehicles.schedules.actions import join_schedules

# The permission of each action, in the admin and in the API.
PERMISSIONS = {"merge": "customers.merge_customer"}
# What names a customer by a column of its own, beside vehicles and merged customers. Rows of these follow: lines,
# messages, tickets, returns, batches and readings. The order is that of locks (docs/design, D25).
MOVED: tuple[tuple[type[Model], str], ...] = (
    (Appointment, "customer"),
    (RepairOrder, "customer"),
    (Order, "customer"),
    (Conversation, "customer"),
    (Notification, "customer"),
    (TaxExemption, "customer"),
    (CustomerUser, "customer"),
    (Invitation, "customer"),
    (Upload, "customer_id"),
    (Invoice, "customer"),
    (Invoice, "bill_to"),
    (CreditNote, "customer"),
    (Payment, "customer"),
    (Statement, "customer"),
    (ReminderMail, "customer"),
    (PhoneCall, "customer"),
)
# Fields of the customer that belong together. The kept customer's win if one of them is set.
_GROUPS = (
    ("street_address", "city", "state", "postal_code", "country"),
    ("company_name", "business_type", "tax_id"),
    ("emergency_contact_name", "emergency_contact_phone", "emergency_contact_relationship"),
    ("terms_days",),
)


class IntoItself(Invalid):
    code = "merge_into_itself"
    title = "Same customer"
    message = "A customer cannot be merged into itself."


class AppointmentsOverlap(DomainError):
    """Both customers have an appointment of the same vehicle at the same time. The message names the two."""

    code = "merged_appointments_overlap"
    title = "Appointments overlap"


@dataclass(frozen=True)
class _Merge:
    """One merge: who gives, who keeps, and what history says about it."""

    given: Customer
    kept: Customer
    by: int | None
    now: datetime

    @property
    def why(self) -> str:
        return f"customer {self.given.pk} merged into {self.kept.pk}"

    def update(self, rows: AnyQuerySet, **values: object) -> None:
        """Update rows in one statement, and write one history row each where the model has a history."""
        model = rows.model
        ids = list(rows.values_list("pk", flat=True))
        model._base_manager.filter(pk__in=ids).update(**values)
        if hasattr(model, "history"):
            model.history.bulk_history_create(
                list(model._base_manager.filter(pk__in=ids)),
                update=True,
                default_user=acting_user(self.by),
                default_change_reason=self.why,
                default_date=self.now,
            )


def merge_customers(*, customer: Customer, into: Customer, by: int | None, now: datetime) -> None:
    """Move everything of a customer to another one. The merged id answers with the kept customer from now on.

    Where both hold something that exists once, the kept customer's wins (docs/design, D62). Raises IntoItself,
    CustomerIsMerged, AppointmentsOverlap.
    """
    with transaction.atomic():
        _lock(customer, into)
        if customer.pk == into.pk:
            raise IntoItself(field="into")
        for row in (customer, into):
            if row.merged_into_id is not None:
                raise CustomerIsMerged(row.pk, row.merged_into_id)
        merge = _Merge(customer, into, by, now)
        withdraw_all(accounts=[customer.pk], now=now)
        _move_vehicles(merge)
        _withdraw_second_invitations(merge)
        for model, name in MOVED:
            value = into.pk if name == "customer_id" else into
            merge.update(_moved_rows(merge, model, name), **{name: value})
        merge.update(Customer.objects.filter(merged_into=customer), merged_into=into)
        _move_points_and_membership(merge)
        _join_fields(merge)
        events.record("customers.customer.merged", customer, at=now, into=into.pk)


def _lock(*customers: Customer) -> None:
    """Lock what both customers have, and then the customers, in the fixed order of locks."""
    ids = sorted({customer.pk for customer in customers})
    for model in (Appointment, Vehicle, RepairOrder, Order, Conversation):
        rows = model._base_manager.select_for_update(no_key=True).filter(customer__in=ids).order_by("pk")
        list(rows.values_list("pk", flat=True))
    list(
        Customer.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=ids)
        .order_by("pk")
        .values_list("pk")
    )
    for customer in customers:
        customer.refresh_from_db()


def _moved_rows(merge: _Merge, model: type[Model], name: str) -> AnyQuerySet:
    """Return the rows that move: all but the statements of months for which the kept customer has one, too.

    Those stay with the merged customer, as they were sent.
    """
    rows = model._base_manager.filter(**{name: merge.given.pk})
    if model is Statement:
        kept = Statement.objects.filter(customer=merge.kept).values_list("month", flat=True)
        rows = rows.exclude(month__in=list(kept))
    return rows


def _move_vehicles(merge: _Merge) -> None:
    """Move the vehicles. Of a vehicle or a unit number in use that both customers have, the kept customer's stays."""
    in_use = Vehicle.objects.filter(customer=merge.kept).in_use()
    twins = {vehicle.vin: vehicle for vehicle in in_use if vehicle.vin}
    numbers = {vehicle.unit_number for vehicle in in_use if vehicle.unit_number}
    for vehicle in Vehicle.objects.filter(customer=merge.given).order_by("pk"):
        vehicle.customer = merge.kept
        twin = twins.get(vehicle.vin) if vehicle.archived_at is None else None
        if twin is not None:
            _join_vehicles(merge, vehicle, twin)
            continue
        if vehicle.archived_at is None and vehicle.unit_number in numbers:
            vehicle.unit_number = ""
        _save(merge, vehicle)


def _withdraw_second_invitations(merge: _Merge) -> None:
    """Withdraw the waiting invitations to addresses that the kept customer has invited too. Its own stay."""
    invited = merge.kept.invitations.waiting().values_list("email", flat=True)
    merge.given.invitations.waiting().filter(email__in=list(invited)).update(withdrawn_at=merge.now)


def _join_vehicles(merge: _Merge, vehicle: Vehicle, twin: Vehicle) -> None:
    """Archive `vehicle`, whose appointments, repair orders, fill-ups, services, odometer and dongle go to its twin.

    Its telematics and readings stay with it. The twin continues it, so that staff read them. Raises
    AppointmentsOverlap.
    """
    ahead = Appointment.objects.filter(vehicle=vehicle, status__in=HOLDS_A_BAY).select_related("location")
    for appointment in ahead.order_by("start", "id"):
        if other := find_overlapping(Slot(appointment.start, appointment.end), vehicle=twin):
            names = f"{name_appointment(appointment)}, {name_appointment(other)}"
            raise AppointmentsOverlap(f"Cancel or move one of them first, they overlap: {names}.")
    merge.update(Appointment.objects.filter(vehicle=vehicle), vehicle=twin)
    merge.update(RepairOrder.objects.filter(vehicle=vehicle), vehicle=twin)
    _join_fuel_logs(merge, vehicle, twin)
    join_schedules(vehicle=vehicle, twin=twin)
    join_codes(vehicle=vehicle, twin=twin)
    dongle = (vehicle.dongle_id, vehicle.dongle_connection)
    vehicle.archived_at = merge.now
    vehicle.dongle_id = vehicle.dongle_connection = None
    _save(merge, vehicle)  # before the twin takes the dongle
    if twin.dongle_id is None:
        twin.dongle_id, twin.dongle_connection = dongle
    if twin.continues_id is None:
        twin.continues = vehicle
    is_later = vehicle.odometer_at is not None and (
        twin.odometer_at is None or vehicle.odometer_at > twin.odometer_at
    )
    if is_later and vehicle.odometer >= twin.odometer:
        odometer.take_over(twin, vehicle, by=merge.by)
    _save(merge, twin)


def _join_fuel_logs(merge: _Merge, vehicle: Vehicle, twin: Vehicle) -> None:
    """Give the fill-ups of a vehicle to its twin, whose consumption they change."""
    logs = FuelLog.objects.filter(vehicle=vehicle)
    if logs.exists():
        merge.update(logs, vehicle=twin)
        update_consumption(vehicle_id=twin.pk)


def _save(merge: _Merge, row: Vehicle | Customer) -> None:
    row._history_user = acting_user(merge.by)  # type: ignore[union-attr]  # read by simple-history
    row._change_reason = merge.why  # type: ignore[union-attr]
    row.save()


def _move_points_and_membership(merge: _Merge) -> None:
    """Give the points and the membership of a contact who cannot sign in to the kept customer's contact.

    Users who can sign in keep their own, and act for the kept customer.
    """
    old, new = merge.given.contact, merge.kept.contact
    if old is None or new is None or old == new or old.is_staff or old.has_usable_password():
        return
    users = User.objects.select_for_update().in_bulk(sorted((old.pk, new.pk)))
    if points := users[old.pk].rewards_balance:
        book = partial(book_points, reason=merge.why.capitalize(), now=merge.now)
        book(user_id=old.pk, points=-points)
        book(user_id=new.pk, points=points)
    # Points that were spent on an open order go back to whom they would belong now.
    OrderDiscount.objects.filter(kind=DiscountKind.POINTS.value, source_id=old.pk).update(source_id=new.pk)
    has_one = Membership.objects.filter(user=new).active().exists()
    for membership in Membership.objects.filter(user=old).active():
        if has_one:
            cancel(membership=membership, by=merge.by, now=merge.now)
        else:
            merge.update(Membership.objects.filter(pk=membership.pk), user=new)


def _join_fields(merge: _Merge) -> None:
    """Fill the kept customer's empty fields, add the counts, and clear the merged customer, whose history stays."""
    given, kept = merge.given, merge.kept
    blank = Customer()
    for group in _GROUPS:
        if all(getattr(kept, name) == getattr(blank, name) for name in group):
            _copy(given, kept, group)
    if kept.contact_id is None:
        kept.contact = given.contact
    kept.customer_since = min(kept.customer_since, given.customer_since)
    kept.total_services += given.total_services
    dates = [row.last_service_date for row in (given, kept) if row.last_service_date is not None]
    kept.last_service_date = max(dates, default=None)
    # Who stopped reminders gets none by a merge.
    kept.notification_preferences |= refused_reminders(given.notification_preferences)
    _copy(blank, given, PERSONAL_FIELDS)
    given.contact, given.is_verified, given.total_services, given.last_service_date = None, False, 0, None
    given.merged_into = kept
    for row in (given, kept):
        _save(merge, row)


def _copy(source: Customer, target: Customer, names: Iterable[str]) -> None:
    for name in names:
        setattr(target, name, getattr(source, name))
