"""What changes a customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from simple_history.utils import bulk_create_with_history

from accounts.models import User
from accounts.profile import change_person
from accounts.registration import admit, email_free, newcomer
from accounts.tokens import Tokens
from common.domain import events, push
from common.domain.caller import Caller
from common.domain.database import change
from common.domain.errors import DomainError, Forbidden, Invalid, NoCustomerRecord
from common.domain.types import Json
from customers import preferences
from customers.models import Customer, CustomerUser, Notification
from customers.tasks import mail_notification

# What each step asks for, at every door.
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


def create_customer(*, user: User | None, now: datetime, **fields: Any) -> Customer:
    """A customer whose contact and first login is `user`; None for a record without a person.

    Raises AlreadyACustomer when the user acts for one.
    """
    if "notification_preferences" in fields:
        fields["notification_preferences"] = _told(preferences.default_notifications(), fields)
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


def create_profile(*, user_id: int, now: datetime, **fields: Any) -> Customer:
    """The record of a login that has none yet. Raises AlreadyACustomer."""
    return create_customer(user=User.objects.get(pk=user_id), now=now, **fields)


def change_profile(*, customer_id: int, **fields: Any) -> None:
    """Change the account as its own login may. Raises NoCustomerRecord when it was deleted meanwhile."""
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NoCustomerRecord
    change_customer(customer=customer, **fields)


def change_self(*, user_id: int, customer_id: int, **fields: Any) -> None:
    """Change one's own name and the account one acts for, together or not at all. Raises NoCustomerRecord."""
    person = {name: fields.pop(name) for name in ("first_name", "last_name") if name in fields}
    with transaction.atomic():
        if person:
            change_person(user=User.objects.get(pk=user_id), **person)
        change_profile(customer_id=customer_id, **fields)


# A person's traces on the account: what a former customer's row does not hold. What was done for him stays counted.
PERSONAL = (
    *("street_address", "city", "state", "postal_code", "country", "company_name", "business_type", "tax_id"),
    *("emergency_contact_name", "emergency_contact_phone", "emergency_contact_relationship"),
    *("preferred_contact_method", "notification_preferences", "language", "theme", "timezone", "currency"),
)


def delete_profile(*, user_id: int) -> None:
    """Take a person off his customer account; his login lives and may make another.

    An account that somebody else is the contact of, or acts for, goes on with him. One that nobody is left of becomes
    a former customer: its repair history stays, who it was is forgotten, in its past too. Raises NoCustomerRecord.
    """
    with transaction.atomic():
        locked = Customer.objects.select_for_update(of=("self",))
        customer = locked.filter(logins__user_id=user_id).first()
        # Of two at once the second waited for the first, and finds its login gone.
        if customer is None or not customer.logins.filter(user_id=user_id).delete()[0]:
            raise NoCustomerRecord
        _go_on_without(customer, user_id)


def leave_accounts(*, user_id: int) -> None:
    """Take a person off every account that he acts for or is the contact of, each as `delete_profile` would."""
    with transaction.atomic():
        his = Customer.objects.filter(Q(logins__user_id=user_id) | Q(contact_id=user_id))
        for customer in Customer.objects.select_for_update(of=("self",)).filter(pk__in=his.values("pk")):
            customer.logins.filter(user_id=user_id).delete()
            _go_on_without(customer, user_id)


def _go_on_without(customer: Customer, user_id: int) -> None:
    if customer.contact_id not in (user_id, None):
        return
    heir = customer.logins.order_by("id").first()
    if heir is not None:
        change(customer, contact=heir.user)
    else:
        _forget(customer, user_id)


def _forget(customer: Customer, user_id: int) -> None:
    unsaid = Customer()
    nothing = {name: getattr(unsaid, name) for name in PERSONAL}
    customer._change_reason = "profile deleted"  # type: ignore[attr-defined]  # simple-history's
    change(customer, contact=None, is_verified=False, **nothing)
    customer.history.update(contact=None, **nothing)
    customer.history.filter(history_user_id=user_id).update(history_user=None)


def verify(*, customer: Customer) -> None:
    """The shop knows who this is. Saying so twice is no change."""
    change(customer, is_verified=True)


def withdraw_verification(*, customer: Customer) -> None:
    """It was a mistake, or does not hold any longer."""
    change(customer, is_verified=False)


def count_service(*, customer_id: int, now: datetime) -> None:
    """One more completed service, in one statement."""
    Customer.objects.filter(pk=customer_id).update(
        total_services=F("total_services") + 1, last_service_date=now
    )


def notify(*, customer_id: int, type: str, title: str, message: str, now: datetime) -> Notification:
    """Tell a customer something: he finds it in his list, sees it where he is connected, and on commit it is mailed to
    the contact as far as the preferences allow."""
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
    events.record("customers.notification.created", told, at=now, kind=type)
    transaction.on_commit(lambda: mail_notification.enqueue(told.pk), robust=True)
    return told


def mark_read(*, notification: Notification) -> None:
    """The customer has seen it. Saying so twice is no change."""
    change(notification, read=True)


_CONTACT = ("first_name", "last_name", "email", "phone")


class TooManyKinds(Invalid):
    code = "too_many_kinds"
    message = f"There can be at most {preferences.MOST_KINDS} kinds."


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
    """Change the account, and its contact's name, email and phone. Kinds of notification that are not given stay;
    True or False in their place switches them all.

    Raises EmailTaken, NoContact, ContactIsStaff, TooManyKinds.
    """
    person = {name: fields.pop(name) for name in _CONTACT if name in fields}
    with transaction.atomic():
        if person:
            _change_contact(customer.contact, person)
        if "notification_preferences" in fields:
            # Locked before it is read: of two changes at once neither undoes the other.
            customer.refresh_from_db(from_queryset=Customer.objects.select_for_update())
            fields["notification_preferences"] = _told(customer.notification_preferences, fields)
        change(customer, **fields)


def _told(stored: dict[str, bool], fields: Json) -> dict[str, bool]:
    kinds = preferences.changed(stored, fields["notification_preferences"])
    if len(kinds) > preferences.MOST_KINDS:
        raise TooManyKinds(field="notification_preferences")
    return kinds


def _change_contact(contact: User | None, person: Json) -> None:
    if contact is None:
        raise NoContact
    if contact.is_staff:
        raise ContactIsStaff
    change_person(user=contact, **person)
