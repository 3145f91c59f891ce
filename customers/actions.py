"""What changes a customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from simple_history.utils import bulk_create_with_history

from accounts.models import User, normal_email
from accounts.registration import admit, email_free, newcomer
from accounts.tokens import Tokens
from common import push
from common.caller import Caller
from common.database import change
from common.errors import DomainError, Forbidden
from customers.models import Customer, CustomerUser, Notification


class AlreadyACustomer(DomainError):
    """The login already acts for a customer."""

    code = "already_a_customer"
    title = "Profile already exists"
    message = "This user already has a customer profile."


def create_customer(*, user: User | None, now: datetime, **fields: Any) -> Customer:
    """A customer whose contact and first login is `user`; None for a record without a person.

    Raises AlreadyACustomer when the user acts for one.
    """
    try:
        with transaction.atomic():
            customer = Customer.objects.create(contact=user, **({"customer_since": now} | fields))
            if user is not None:
                CustomerUser.objects.create(customer=customer, user=user)
            return customer
    except IntegrityError as error:
        if CustomerUser.objects.filter(user=user).exists():
            raise AlreadyACustomer from error
        raise


def register_customer(*, now: datetime, referral_code: str = "", **person: str) -> tuple[User, Tokens]:
    """Let somebody new in, a customer at once. Raises what `accounts.registration.register` raises."""
    user = newcomer(**person)
    with transaction.atomic():
        tokens = admit(user=user, referral_code=referral_code, now=now)
        create_customer(user=user, now=now)
    return user, tokens


def create_imported(*, customers: Sequence[Customer], by: User | None, now: datetime, why: str) -> None:
    """Store customers together with their contacts, both new and valid; history names `by` and `why`.

    The contact may act for the customer and cannot sign in until he sets a password; he may have no email.
    """
    contacts = [customer.contact for customer in customers if customer.contact is not None]
    for contact in contacts:
        contact.set_unusable_password()
    history: dict[str, Any] = {"default_user": by, "default_change_reason": why, "default_date": now}
    with transaction.atomic():
        bulk_create_with_history(contacts, User, **history)
        bulk_create_with_history(customers, Customer, **history)
        CustomerUser.objects.bulk_create(
            CustomerUser(customer=customer, user=customer.contact)
            for customer in customers
            if customer.contact is not None
        )


def add_first_login(*, customer: Customer) -> None:
    """The contact of a new customer may act for it, unless he acts for one already."""
    if customer.contact_id is not None:
        CustomerUser.objects.get_or_create(user_id=customer.contact_id, defaults={"customer": customer})


def customer_for_write(caller: Caller, *, now: datetime) -> Customer:
    """The caller's customer, made at the first write where a contract wants it made (003).

    Two parallel first writes make one: the second finds the first one's.
    """
    if caller.customer_id is None:
        try:
            return create_customer(user=User.objects.get(pk=caller.user_id), now=now)
        except AlreadyACustomer:
            pass
    return Customer.objects.with_contact().get(logins__user_id=caller.user_id)


def count_service(*, customer_id: int, now: datetime) -> None:
    """One more completed service, in one statement."""
    Customer.objects.filter(pk=customer_id).update(
        total_services=F("total_services") + 1, last_service_date=now
    )


def notify(*, customer_id: int, type: str, title: str, message: str, now: datetime) -> Notification:
    """Tell a customer something; he finds it in his list."""
    told = Notification.objects.create(
        customer_id=customer_id, type=type, title=title, message=message, created_at=now
    )
    push.tell(
        "NOTIFICATION",
        customer_id=customer_id,
        uuid=told.uuid,
        at=now,
        kind=type,
        title=title,
        message=message,
    )
    return told


_CONTACT = ("first_name", "last_name", "email", "phone")


class NoContact(DomainError):
    """Names, email and phone are a contact's; this customer has none."""

    code = "no_contact"
    title = "No contact"
    message = "This customer has no contact whose name, email or phone could be changed."


class ContactIsStaff(Forbidden):
    """Whoever may change customers would else change a colleague's login, the administrator's too."""

    code = "contact_is_staff"
    message = "This customer's contact works here: names, email and phone are changed with the user."


def add_walk_in(*, now: datetime, **fields: Any) -> Customer:
    """A customer the desk writes down, whose contact cannot sign in until he has a password. Raises EmailTaken."""
    person = {name: fields.pop(name) for name in _CONTACT if name in fields}
    email = person.pop("email", None)
    with transaction.atomic():
        with email_free(email):
            user = User.objects.create_user(email, **person)
        return create_customer(user=user, now=now, **fields)


def change_customer(*, customer: Customer, **fields: Any) -> None:
    """Change the account, and its contact's name, email and phone. Raises EmailTaken, NoContact, ContactIsStaff."""
    person = {name: fields.pop(name) for name in _CONTACT if name in fields}
    with transaction.atomic():
        if person:
            _change_contact(customer.contact, person)
        change(customer, **fields)


def _change_contact(contact: User | None, person: dict[str, Any]) -> None:
    if contact is None:
        raise NoContact
    if contact.is_staff:
        raise ContactIsStaff
    if person.get("email"):
        person["email"] = normal_email(person["email"])
    with email_free(person.get("email"), but=contact):
        change(contact, **person)
