"""Remove the logins that may act for a customer, and change their roles and limits. Only owners may."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.actions import end_all_sessions
from common.domain import events
from common.domain.caller import LoginRole
from common.domain.changes import change
from common.domain.errors import DomainError, Forbidden, Missing
from customers.models import Customer, CustomerUser


class ContactStays(DomainError):
    code = "contact_stays"
    title = "Not possible for the contact"
    message = "The company's contact cannot be removed. Ask the shop to name another contact first."


class NotYourself(DomainError):
    code = "not_yourself"
    title = "Not possible for yourself"
    message = "You cannot remove yourself. Ask a colleague."


class LastOwner(DomainError):
    code = "last_owner"
    title = "Not possible for the last owner"
    message = "The company needs an owner. Make a colleague an owner first."


class OwnersOnly(Forbidden):
    code = "owners_only"
    message = "Only an owner of the company may do this."


def lock_for_owner(customer_id: int, *, by: int) -> Customer:
    """Lock a customer for a change of its logins or invitations by `by`, the ID of a user.

    The role is read after the lock is taken, so that an owner who was demoted meanwhile is refused. Raises Missing if
    `by` does not act for the customer, OwnersOnly.
    """
    rows = Customer.objects.select_for_update(of=("self",)).select_related("contact")
    customer = rows.filter(pk=customer_id).first()
    role = CustomerUser.objects.filter(customer_id=customer_id, user_id=by).values_list("role", flat=True)
    if customer is None or not role:
        raise Missing("User not found")
    if role[0] != LoginRole.OWNER:
        raise OwnersOnly
    return customer


def remove_login(*, login: CustomerUser, by: int, now: datetime) -> None:
    """Remove a login from its customer, end its sessions and withdraw the invitations that it sent.

    The customer's row is locked, so that of two logins that remove each other one stays. `by` remains an owner. Raises
    NotYourself, ContactStays, OwnersOnly, Missing.
    """
    with transaction.atomic():
        customer = lock_for_owner(login.customer_id, by=by)
        if login.user_id == by:
            raise NotYourself
        if login.user_id == customer.contact_id:
            raise ContactStays
        if not CustomerUser.objects.filter(customer=customer, pk=login.pk).delete()[0]:
            raise Missing("User not found")
        events.record("customers.customer.login_left", customer, at=now, user_id=login.user_id)
        _withdraw_invitations_of(login, now=now)
        end_all_sessions(user=login.user, now=now)


def change_login(
    *, login: CustomerUser, role: str, approval_limit: Decimal | None, by: int, now: datetime
) -> None:
    """Change the role of a login and the largest repair that it may approve, in dollars. None is no limit.

    Invitations sent by a login that is no longer an owner are withdrawn.

    The customer's row is locked, so that of two owners that demote each other one stays. Raises LastOwner, OwnersOnly,
    Missing.
    """
    with transaction.atomic():
        customer = lock_for_owner(login.customer_id, by=by)
        logins = CustomerUser.objects.filter(customer=customer)
        if not logins.filter(pk=login.pk).exists():
            raise Missing("User not found")
        if role != LoginRole.OWNER:
            if not logins.filter(role=LoginRole.OWNER).exclude(pk=login.pk).exists():
                raise LastOwner
            _withdraw_invitations_of(login, now=now)
        logins.filter(pk=login.pk).update(role=role, approval_limit=approval_limit)
        events.record("customers.customeruser.changed", login, at=now)


def _withdraw_invitations_of(login: CustomerUser, *, now: datetime) -> None:
    sent = login.customer.invitations.waiting().filter(invited_by=login.user_id)
    sent.update(withdrawn_at=now)


def check_leaver(customer: Customer, user_id: int) -> None:
    """Raise LastOwner if the user is the only owner of a customer that has other logins."""
    others = customer.logins.exclude(user_id=user_id)
    if others.exists() and not others.filter(role=LoginRole.OWNER).exists():
        raise LastOwner


def ensure_owner(customer: Customer) -> None:
    """Make the oldest login an owner if the only owner was erased, so that the customer's logins stay manageable."""
    if not customer.logins.filter(role=LoginRole.OWNER).exists():
        oldest = customer.logins.order_by("id").first()
        if oldest is not None:
            change(oldest, role=LoginRole.OWNER)
