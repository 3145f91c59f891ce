"""Create, change and delete customers, and notify them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from simple_history.utils import bulk_create_with_history

from accounts.models import User
from accounts.profile import change_person
from accounts.registration import build_user, create_account, unique_email
from accounts.tokens import Tokens
from common.domain import events
from common.domain.caller import Caller
from common.domain.database import change
from common.domain.errors import DomainError, Forbidden, Invalid, NoCustomerRecord
from common.domain.types import Json
from customers import preferences
from customers.models import Customer, CustomerUser, Notification
from customers.tasks import mail_notification

# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "verify": "customers.change_customer",
    "withdraw_verification": "customers.change_customer",
    "count_service": "customers.change_customer",
}


class AlreadyACustomer(DomainError):
    """The login already acts for a customer."""

    code = "already_a_customer"
    title = "Profile already exists"
    message = "This user already has a customer profile."


def create_customer(*, user: User | None, now: datetime, **fields: object) -> Customer:
    """Create a customer whose contact and first login is `user`. None creates a customer without a contact.

    Raises AlreadyACustomer if the user acts for a customer.
    """
    if "notification_preferences" in fields:
        fields["notification_preferences"] = _merge_preferences(preferences.default_notifications(), fields)
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
    """Register a user and create their customer. Raises the errors of `accounts.registration.register`."""
    user = build_user(**person)
    with transaction.atomic():
        tokens = create_account(user=user, referral_code=referral_code, now=now)
        create_customer(user=user, now=now)
    return user, tokens


def create_imported(*, customers: Sequence[Customer], by: User | None, now: datetime, why: str) -> None:
    """Store new, validated customers with their contacts. History rows record `by` and `why`.

    A contact may act for the customer, and cannot sign in before they set a password. They may have no email.
    """
    contacts = [customer.contact for customer in customers if customer.contact is not None]
    for contact in contacts:
        contact.set_unusable_password()
    history: Json = {"default_user": by, "default_change_reason": why, "default_date": now}
    with transaction.atomic():
        bulk_create_with_history(contacts, User, **history)
        bulk_create_with_history(customers, Customer, **history)
        CustomerUser.objects.bulk_create(
            CustomerUser(customer=customer, user=customer.contact)
            for customer in customers
            if customer.contact is not None
        )


def add_first_login(*, customer: Customer) -> None:
    """Add the contact's login to a new customer, unless the contact acts for another customer."""
    if customer.contact_id is not None:
        CustomerUser.objects.get_or_create(user_id=customer.contact_id, defaults={"customer": customer})


def ensure_customer(caller: Caller, *, now: datetime) -> Customer:
    """Return the caller's customer, and create it if there is none (contract 003 creates it at the first write).

    Two parallel first writes create one customer.
    """
    if caller.customer_id is None:
        try:
            return create_customer(user=User.objects.get(pk=caller.user_id), now=now)
        except AlreadyACustomer:
            pass
    return Customer.objects.with_contact().get(logins__user_id=caller.user_id)


def create_profile(*, user_id: int, now: datetime, **fields: object) -> Customer:
    """Create the customer of a login. Raises AlreadyACustomer."""
    return create_customer(user=User.objects.get(pk=user_id), now=now, **fields)


def change_profile(*, customer_id: int, **fields: object) -> None:
    """Change a customer by its own login. Raises NoCustomerRecord if it was deleted since the request began."""
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NoCustomerRecord
    change_customer(customer=customer, **fields)


def change_own_profile(*, user_id: int, customer_id: int, **fields: object) -> None:
    """Change the user's name and their customer in one transaction. Raises NoCustomerRecord."""
    person = {name: str(fields.pop(name)) for name in ("first_name", "last_name") if name in fields}
    with transaction.atomic():
        if person:
            change_person(user=User.objects.get(pk=user_id), **person)
        change_profile(customer_id=customer_id, **fields)


# The personal fields of a customer, which are cleared for a former customer. The count of services stays.
PERSONAL_FIELDS = (
    *("street_address", "city", "state", "postal_code", "country", "company_name", "business_type", "tax_id"),
    *("emergency_contact_name", "emergency_contact_phone", "emergency_contact_relationship"),
    *("preferred_contact_method", "notification_preferences", "language", "theme", "timezone", "currency"),
)


def delete_profile(*, user_id: int) -> None:
    """Remove a user from their customer. The login stays and can create another customer.

    A customer with another contact or login stays as it is, and another login becomes the contact if needed. Otherwise
    it becomes a former customer: its repair history stays, and the personal fields are cleared in the row and in its
    history (docs/decisions/0018). Raises NoCustomerRecord.
    """
    with transaction.atomic():
        locked = Customer.objects.select_for_update(of=("self",))
        customer = locked.filter(logins__user_id=user_id).first()
        # A parallel call waited for the lock and finds its login deleted.
        if customer is None or not customer.logins.filter(user_id=user_id).delete()[0]:
            raise NoCustomerRecord
        _replace_contact(customer, user_id)


def leave_accounts(*, user_id: int) -> None:
    """Remove a user from every customer that they act for or are the contact of, as `delete_profile` does."""
    with transaction.atomic():
        accounts = Customer.objects.filter(Q(logins__user_id=user_id) | Q(contact_id=user_id))
        for customer in Customer.objects.select_for_update(of=("self",)).filter(pk__in=accounts.values("pk")):
            customer.logins.filter(user_id=user_id).delete()
            _replace_contact(customer, user_id)


def _replace_contact(customer: Customer, user_id: int) -> None:
    """Make the oldest remaining login the contact, if the contact left. Without a login, clear the customer."""
    if customer.contact_id not in (user_id, None):
        return
    successor = customer.logins.order_by("id").first()
    if successor is not None:
        change(customer, contact=successor.user)
    else:
        _clear_personal_fields(customer, user_id)


def _clear_personal_fields(customer: Customer, user_id: int) -> None:
    defaults = Customer()
    cleared = {name: getattr(defaults, name) for name in PERSONAL_FIELDS}
    customer._change_reason = "profile deleted"  # type: ignore[attr-defined]  # read by simple-history
    change(customer, contact=None, is_verified=False, **cleared)
    customer.history.update(contact=None, **cleared)
    customer.history.filter(history_user_id=user_id).update(history_user=None)


def verify(*, customer: Customer) -> None:
    """Mark a customer as verified. A verified customer stays unchanged."""
    change(customer, is_verified=True)


def withdraw_verification(*, customer: Customer) -> None:
    """Mark a customer as not verified."""
    change(customer, is_verified=False)


def count_service(*, customer_id: int, now: datetime) -> None:
    """Count one more completed service, in one statement."""
    Customer.objects.filter(pk=customer_id).update(
        total_services=F("total_services") + 1, last_service_date=now
    )


def notify(*, customer_id: int, type: str, title: str, message: str, now: datetime) -> Notification:
    """Store a notification for a customer, push it to their connected clients and mail it to their contact.

    The mail is sent on commit, if the customer's preferences allow it.
    """
    notification = Notification.objects.create(
        customer_id=customer_id, type=type, title=title, message=message, created_at=now
    )
    events.record("customers.notification.created", notification, at=now, kind=type)
    transaction.on_commit(lambda: mail_notification.enqueue(notification.pk), robust=True)
    return notification


def mark_read(*, notification: Notification) -> None:
    """Mark a notification as read. A read notification stays unchanged."""
    change(notification, read=True)


_CONTACT = ("first_name", "last_name", "email", "phone")


class TooManyKinds(Invalid):
    code = "too_many_kinds"
    message = f"Give at most {preferences.MAX_KINDS} kinds of notification."


class NoContact(DomainError):
    """Names, email and phone belong to the contact, and this customer has none."""

    code = "no_contact"
    title = "No contact"
    message = "This customer has no contact whose name, email or phone could be changed."


class ContactIsStaff(Forbidden):
    """The contact is staff. Otherwise the permission to change customers would extend to logins of staff."""

    code = "contact_is_staff"
    message = "This customer's contact is a member of staff. Change names, email and phone on the user."


def add_walk_in(*, now: datetime, **fields: Any) -> Customer:
    """Create a customer whose contact cannot sign in before they set a password. Raises EmailTaken."""
    person = {name: fields.pop(name) for name in _CONTACT if name in fields}
    email = person.pop("email", None)
    with transaction.atomic():
        with unique_email(email):
            user = User.objects.create_user(email, **person)
        return create_customer(user=user, now=now, **fields)


def change_customer(*, customer: Customer, **fields: Any) -> None:
    """Change a customer, and the names, email and phone of their contact.

    Kinds of notification that are not given keep their values. True or False instead of the kinds sets all of them.
    Raises EmailTaken, NoContact, ContactIsStaff, TooManyKinds.
    """
    person = {name: fields.pop(name) for name in _CONTACT if name in fields}
    with transaction.atomic():
        if person:
            _change_contact(customer.contact, person)
        if "notification_preferences" in fields:
            # The row is locked before it is read, so that parallel changes do not undo each other.
            customer.refresh_from_db(from_queryset=Customer.objects.select_for_update())
            fields["notification_preferences"] = _merge_preferences(customer.notification_preferences, fields)
        change(customer, **fields)


def _merge_preferences(stored: dict[str, bool], fields: Json) -> dict[str, bool]:
    kinds = preferences.merge(stored, fields["notification_preferences"])
    if len(kinds) > preferences.MAX_KINDS:
        raise TooManyKinds(field="notification_preferences")
    return kinds


def _change_contact(contact: User | None, person: Json) -> None:
    if contact is None:
        raise NoContact
    if contact.is_staff:
        raise ContactIsStaff
    change_person(user=contact, **person)
