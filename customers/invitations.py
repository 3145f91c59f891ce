"""Invite logins to a verified company, and accept an invitation.

The mailed link proves that the address belongs to the person who opens it. Until it is used there is neither a user
nor a login, so that a company never gets hold of the account of a stranger.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import User, normalize_email
from accounts.registration import build_user, unique_email
from accounts.tokens import hash_link_token
from common.domain import events
from common.domain.errors import DomainError, Forbidden, Invalid, Missing, TooMany
from customers.logins import lock_for_owner
from customers.models import Customer, CustomerUser, Invitation
from customers.tasks import mail_invitation

LIFETIME = timedelta(days=7)
RATE_PERIOD = timedelta(days=1)
# Older rows are deleted with the next invitation, because the address of a stranger has no further use.
KEPT = timedelta(days=30)


class CompanyNotVerified(Forbidden):
    code = "company_not_verified"
    title = "Company is not verified"
    message = "The shop has not verified your company yet. Ask the shop before you invite colleagues."


class TooManyInvitations(TooMany):
    code = "too_many_invitations"
    message = "Your company has sent its invitations for today. Try again later."


class AlreadyInvited(Invalid):
    code = "already_invited"
    title = "Already invited"
    message = "There is an invitation to this email already. Send it again or withdraw it."


class AlreadyALogin(Invalid):
    code = "already_a_login"
    title = "Already a login"
    message = "This email signs in for your company already."


class InvitationRefused(Invalid):
    """The token is unknown, expired, used or withdrawn, or the company is not verified any more."""

    code = "invitation_refused"
    title = "Invalid invitation"
    message = (
        "This invitation has expired, was withdrawn or was already used. Ask your colleague for a new one."
    )


class AnotherAddress(Forbidden):
    code = "another_address"
    message = "This invitation is for another email address. Sign in with that address to accept it."


class ActsForAnotherCustomer(DomainError):
    code = "acts_for_another_customer"
    title = "Login of another customer"
    message = "Your login belongs to another customer already. Ask your colleague to invite another address."


class StaffCannotJoin(Forbidden):
    code = "staff_cannot_join"
    message = "A login of the shop's staff cannot act for a customer."


def invite(*, customer_id: int, email: str, role: str, by: int, page: str, now: datetime) -> Invitation:
    """Invite an address to act for the customer, and store the task that mails it a link to `page`.

    Whether the address has an account is not revealed. A customer sends `RATE_INVITATIONS` invitations in 24 hours.
    They are counted under the customer's lock. Raises OwnersOnly, CompanyNotVerified, AlreadyALogin, AlreadyInvited,
    TooManyInvitations, Missing.
    """
    email = normalize_email(email)
    with transaction.atomic():
        customer = lock_for_owner(customer_id, by=by)
        if customer.logins.filter(user__email=email).exists():
            raise AlreadyALogin(field="email")
        waiting = customer.invitations.waiting().filter(email=email)
        if waiting.filter(expires_at__gt=now).exists():
            raise AlreadyInvited(field="email")
        _check_may_send(customer, now)
        waiting.update(withdrawn_at=now)
        return _send(customer, email=email, role=role, by=by, page=page, now=now)


def resend(*, invitation: Invitation, by: int, page: str, now: datetime) -> Invitation:
    """Withdraw an invitation and send a new one to the same address. It counts like a first one.

    Raises OwnersOnly, CompanyNotVerified, TooManyInvitations, Missing.
    """
    with transaction.atomic():
        customer = lock_for_owner(invitation.customer_id, by=by)
        _check_may_send(customer, now)
        _withdraw(invitation, now)
        return _send(customer, email=invitation.email, role=invitation.role, by=by, page=page, now=now)


def withdraw(*, invitation: Invitation, by: int, now: datetime) -> None:
    """Withdraw an invitation, so that its link does nothing. Raises OwnersOnly, Missing."""
    with transaction.atomic():
        lock_for_owner(invitation.customer_id, by=by)
        _withdraw(invitation, now)


def _withdraw(invitation: Invitation, now: datetime) -> None:
    if not Invitation.objects.waiting().filter(pk=invitation.pk).update(withdrawn_at=now):
        raise Missing("Invitation not found")
    events.record("customers.invitation.withdrawn", invitation, at=now)


def _check_may_send(customer: Customer, now: datetime) -> None:
    if not customer.is_verified:
        raise CompanyNotVerified
    sent = customer.invitations.filter(created_at__gt=now - RATE_PERIOD).newest_first()
    # The newest that would have to be older for one more to be within the limit.
    nth = sent.values_list("created_at", flat=True)[settings.RATE_INVITATIONS - 1 : settings.RATE_INVITATIONS]
    for created_at in nth:
        raise TooManyInvitations(retry_after=max(1, int((created_at + RATE_PERIOD - now).total_seconds())))


def _send(customer: Customer, *, email: str, role: str, by: int, page: str, now: datetime) -> Invitation:
    customer.invitations.filter(created_at__lt=now - KEPT).delete()
    invitation = Invitation.objects.create(
        customer=customer, email=email, role=role, invited_by_id=by, created_at=now, expires_at=now + LIFETIME
    )
    events.record("customers.invitation.created", invitation, at=now, role=role)
    mail_invitation.enqueue(invitation.pk, page)
    return invitation


def get_invitation(*, token: str, now: datetime) -> Invitation:
    """Return the invitation of a mailed token with its customer. Raises InvitationRefused."""
    rows = Invitation.objects.waiting().filter(expires_at__gt=now, customer__is_verified=True)
    found = rows.filter(token_hash=hash_link_token(token)).select_related("customer__contact").first()
    if found is None:
        raise InvitationRefused(field="token")
    return found


def accept(*, token: str, user_id: int, now: datetime) -> Customer:
    """Let a signed-in user act for the customer that invited their address. Return the customer.

    Raises InvitationRefused, AnotherAddress, StaffCannotJoin, ActsForAnotherCustomer.
    """
    with transaction.atomic():
        invitation = _lock(token, now)
        user = User.objects.get(pk=user_id)
        if user.email != invitation.email:
            raise AnotherAddress
        if user.is_staff:
            raise StaffCannotJoin
        _join(invitation, user, now)
    return invitation.customer


def accept_as_new(
    *, token: str, first_name: str, last_name: str, password: str, address: str, now: datetime
) -> User:
    """Create the user of the invited address, who acts for the customer. No session is opened.

    Raises InvitationRefused, EmailTaken if the address has an account, WeakPassword, TooManyRegistrations.
    """
    email = get_invitation(token=token, now=now).email
    # Hashing takes a tenth of a second, so it runs before the lock is held.
    user = build_user(
        email=email, password=password, address=address, first_name=first_name, last_name=last_name
    )
    with transaction.atomic():
        invitation = _lock(token, now)
        with unique_email(user.email):
            user.save()
        events.record("accounts.user.created", user, at=now)
        _join(invitation, user, now)
    return user


def _lock(token: str, now: datetime) -> Invitation:
    """Return the invitation as it is after the customer's row is locked, so that a link works once."""
    customer_id = get_invitation(token=token, now=now).customer_id
    list(Customer.objects.select_for_update().filter(pk=customer_id).values_list("pk", flat=True))
    return get_invitation(token=token, now=now)


def _join(invitation: Invitation, user: User, now: datetime) -> None:
    try:
        with transaction.atomic():
            login = CustomerUser.objects.create(customer=invitation.customer, user=user, role=invitation.role)
    except IntegrityError as error:
        other = CustomerUser.objects.filter(user=user).first()
        if other is None:
            raise
        if other.customer_id == invitation.customer_id:
            raise AlreadyALogin from error
        raise ActsForAnotherCustomer from error
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    events.record("customers.customeruser.created", login, at=now, user_id=user.pk, role=login.role)
