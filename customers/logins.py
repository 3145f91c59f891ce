"""Add and remove the logins that may act for a customer."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction

from accounts.actions import end_all_sessions
from accounts.models import User
from accounts.registration import unique_email
from accounts.tasks import mail_invitation
from common.domain.errors import DomainError, Missing
from customers.models import Customer, CustomerUser


class ContactStays(DomainError):
    code = "contact_stays"
    title = "Not possible for the contact"
    message = "The company's contact cannot be removed. Ask the shop to name another contact first."


class NotYourself(DomainError):
    code = "not_yourself"
    title = "Not possible for yourself"
    message = "You cannot remove yourself. Ask a colleague."


def invite_login(*, customer: Customer, email: str, first_name: str, last_name: str, page: str) -> User:
    """Create a user who may act for the customer, and mail them on commit a link to choose a password on `page`.

    Raises EmailTaken, because an existing user must not be added to a company without their consent.
    """
    with transaction.atomic():
        with unique_email(email):
            user = User.objects.create_user(email, first_name=first_name, last_name=last_name)
        CustomerUser.objects.create(customer=customer, user=user)
        transaction.on_commit(partial(mail_invitation.enqueue, user.pk, customer.name, page))
    return user


def remove_login(*, login: CustomerUser, by: int, now: datetime) -> None:
    """Remove a login from its customer and end its sessions. `by` is the ID of another login of the same customer.

    The customer's row is locked, so that of two logins that remove each other one stays. Raises NotYourself,
    ContactStays, Missing.
    """
    with transaction.atomic():
        customer = Customer.objects.select_for_update(of=("self",)).get(pk=login.customer_id)
        if login.user_id == by:
            raise NotYourself
        if login.user_id == customer.contact_id:
            raise ContactStays
        logins = CustomerUser.objects.filter(customer=customer)
        if not logins.filter(user_id=by).exists() or not logins.filter(pk=login.pk).delete()[0]:
            raise Missing("User not found")
        end_all_sessions(user=login.user, now=now)
