"""Create, change and delete customers, and notify them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from accounts.emails import Origin
from accounts.models import EmailChange, User
from accounts.profile import change_person
from accounts.registration import EmailTaken, build_user, create_account, unique_email
from accounts.tokens import Tokens
from common.domain import events
from common.domain.caller import Caller, LoginRole
from common.domain.changes import change, change_as, change_silently
from common.domain.database import lock_for_share
from common.domain.errors import DomainError, Forbidden, Invalid, NoCustomerRecord
from common.domain.types import Json
from customers import preferences
from customers.duplicates import customer_with_email
from customers.guards import check_free
from customers.logins import check_leaver, ensure_owner
from customers.models import Customer, CustomerUser, Notification
from customers.names import FORMER
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


class CustomerIsMerged(DomainError):
    """Everything of the customer has moved to another one."""

    code = "customer_is_merged"
    title = "Customer is merged"

    def __init__(self, given: int, kept: int) -> None:
        super().__init__(f"Customer {given} is merged into customer {kept}.")


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
            events.record("customers.customer.created", customer, at=now)
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

    A contact may act for the customer, and cannot sign in before they set a password. They may have no email. Raises
    EmailTaken for an email that an undo may still restore to another user.
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
        if EmailChange.objects.reserves([contact.email for contact in contacts]):
            raise EmailTaken(field="email")
        events.record_all("created", contacts, at=now)
        events.record_all("created", customers, at=now)


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


# The fields that staff compare with papers when they verify a company.
VERIFIED_FIELDS = ("company_name", "tax_id")


def create_profile(*, user_id: int, now: datetime, **fields: object) -> Customer:
    """Create the customer of a login. Raises AlreadyACustomer."""
    return create_customer(user=User.objects.get(pk=user_id), now=now, **fields)


def change_profile(*, customer_id: int, **fields: Any) -> None:
    """Change a customer by its own login.

    The shop verifies a company by its name and tax ID, so that a change of them withdraws the verification. Raises
    NoCustomerRecord if it was deleted since the request began.
    """
    customer = Customer.objects.filter(pk=customer_id).first()
    if customer is None:
        raise NoCustomerRecord
    if any(fields.get(name, getattr(customer, name)) != getattr(customer, name) for name in VERIFIED_FIELDS):
        fields["is_verified"] = False
    change_customer(customer=customer, **fields)


def change_own_profile(*, user_id: int, customer_id: int | None, **fields: object) -> None:
    """Change the user's name and phone and their customer in one transaction. Raises NoCustomerRecord."""
    names = ("first_name", "last_name", "phone")
    person: Json = {name: fields.pop(name) for name in names if name in fields}
    with transaction.atomic():
        if person:
            change_person(user=User.objects.get(pk=user_id), **person)
        if not fields:
            return
        if customer_id is None:
            raise NoCustomerRecord
        change_profile(customer_id=customer_id, **fields)


# The personal fields of a customer, which are cleared for a former customer. The count of services stays.
PERSONAL_FIELDS = (
    *("street_address", "city", "state", "postal_code", "country", "company_name", "business_type", "tax_id"),
    *("emergency_contact_name", "emergency_contact_phone", "emergency_contact_relationship"),
    *("preferred_contact_method", "notification_preferences", "language", "theme", "timezone", "currency"),
    "units",
)


def hold_customer(customer: Customer) -> None:
    """Lock a customer for share, so that they are neither deleted nor merged before the transaction ends.

    Raises CustomerIsMerged, and NoCustomerRecord if the profile was deleted since `customer` was read.
    """
    had_contact = customer.contact_id is not None
    lock_for_share(customer)
    if customer.merged_into_id is not None:
        raise CustomerIsMerged(customer.pk, customer.merged_into_id)
    if had_contact and customer.contact_id is None:
        raise NoCustomerRecord


def delete_profile(*, user_id: int, now: datetime) -> None:
    """Remove a user from their customer. The login stays and can create another customer.

    A customer with another contact or login stays as it is, and another login becomes the contact if needed. Otherwise
    it becomes a former customer: its repair history stays, and the personal fields are cleared in the row and in its
    history (docs/decisions/0018). Raises NoCustomerRecord, LastOwner, and CustomerIsHeld if the customer would become a
    former one with an appointment ahead or an open repair order.
    """
    with transaction.atomic():
        locked = Customer.objects.select_for_update(of=("self",))
        customer = locked.filter(logins__user_id=user_id).first()
        # A parallel call waited for the lock and finds its login deleted.
        if customer is None or not customer.logins.filter(user_id=user_id).exists():
            raise NoCustomerRecord
        if _is_alone(customer, user_id):
            check_free(customer=customer, now=now)
        check_leaver(customer, user_id)
        customer.logins.filter(user_id=user_id).delete()
        events.record("customers.customer.login_left", customer, at=now, user_id=user_id)
        _replace_contact(customer, user_id)


def leave_accounts(*, user_id: int) -> None:
    """Remove a user from every customer that they act for or are the contact of, as `delete_profile` does.

    A person is erased also if they are the last owner. Another login becomes one.
    """
    with transaction.atomic():
        accounts = Customer.objects.filter(Q(logins__user_id=user_id) | Q(contact_id=user_id))
        for customer in Customer.objects.select_for_update(of=("self",)).filter(pk__in=accounts.values("pk")):
            customer.logins.filter(user_id=user_id).delete()
            events.record("customers.customer.login_left", customer, at=timezone.now(), user_id=user_id)
            ensure_owner(customer)
            _replace_contact(customer, user_id)


def _is_alone(customer: Customer, user_id: int) -> bool:
    """Return whether neither a contact nor a login is left when the user leaves."""
    return customer.contact_id in (user_id, None) and not customer.logins.exclude(user_id=user_id).exists()


def _replace_contact(customer: Customer, user_id: int) -> None:
    """Make the oldest remaining owner the contact, if the contact left. Without a login, clear the customer."""
    if customer.contact_id not in (user_id, None):
        return
    successor = customer.logins.filter(role=LoginRole.OWNER).order_by("id").first()
    if successor is not None:
        change(customer, contact=successor.user)
    else:
        _clear_personal_fields(customer, user_id)


def _clear_personal_fields(customer: Customer, user_id: int) -> None:
    """Clear the personal fields of a customer and of those merged into it, also in their history."""
    for row in (customer, *Customer.objects.filter(merged_into=customer)):
        _clear(row, user_id)


def _clear(customer: Customer, user_id: int) -> None:
    defaults = Customer()
    cleared = {name: getattr(defaults, name) for name in PERSONAL_FIELDS}
    customer._change_reason = "profile deleted"  # type: ignore[attr-defined]  # read by simple-history
    change_as(customer, "left", contact=None, is_verified=False, **cleared)
    customer.invitations.all().delete()
    customer.history.update(contact=None, **cleared)
    customer.history.filter(history_user_id=user_id).update(history_user=None)


def verify(*, customer: Customer) -> None:
    """Mark a customer as verified. A verified customer stays unchanged."""
    change_as(customer, "verified", is_verified=True)


def withdraw_verification(*, customer: Customer) -> None:
    """Mark a customer as not verified."""
    change_as(customer, "verification_withdrawn", is_verified=False)


def count_service(*, customer_id: int, now: datetime) -> None:
    """Count one more completed service, in one statement."""
    Customer.objects.filter(pk=customer_id).update(
        total_services=F("total_services") + 1, last_service_date=now
    )


def notify(
    *, customer_id: int, type: str, title: str, message: str, now: datetime, is_mailed: bool = True
) -> Notification:
    """Store a notification for a customer, push it to their connected clients and mail it to their contact.

    The mail is sent after the commit, if the customer's preferences allow it. Without `is_mailed` the caller sends a
    mail of its own.
    """
    with transaction.atomic():
        notification = Notification.objects.create(
            customer_id=customer_id, type=type, title=title, message=message, created_at=now
        )
        events.record("customers.notification.created", notification, at=now, kind=type)
        if is_mailed:
            mail_notification.enqueue(notification.pk)
    return notification


def mark_read(*, notification: Notification) -> None:
    """Mark a notification as read. A read notification stays unchanged."""
    change_silently(notification, read=True)


def delete_notification(*, notification: Notification) -> None:
    """Delete a notification that the customer does not want to see any more."""
    notification.delete()


CONTACT_FIELDS = ("first_name", "last_name", "email", "phone")


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


class NoName(Invalid):
    """A customer with neither name nor company would be shown as a former customer."""

    code = "no_name"
    title = "Name required"
    message = "Enter a name or a company name."


def add_walk_in(*, now: datetime, **fields: Any) -> Customer:
    """Create a customer whose contact cannot sign in before they set a password. Raises NoName, EmailTaken."""
    person = {name: fields.pop(name) for name in CONTACT_FIELDS if name in fields}
    with transaction.atomic():
        customer = create_customer(user=create_contact(**person), now=now, **fields)
        check_name(customer)
        return customer


def create_contact(*, email: str | None = None, **person: str) -> User:
    """Create a user who cannot sign in before they set a password. Raises EmailTaken with their customer's id."""
    try:
        with unique_email(email):
            user = User.objects.create_user(email, **person)
            events.record_new(user)
            return user
    except EmailTaken as error:
        raise _with_customer(error, email) from None


def check_name(customer: Customer) -> None:
    """Raise NoName if neither the customer nor their contact has a name."""
    if customer.name == FORMER:
        raise NoName(field="first_name")


def _with_customer(error: EmailTaken, email: str | None, but: User | None = None) -> EmailTaken:
    customer = customer_with_email(email or "", but=but)
    return EmailTaken(field="email", customer_id=customer.pk) if customer else error


def change_customer(*, customer: Customer, origin: Origin | None = None, **fields: Any) -> None:
    """Change a customer, and the names, email and phone of their contact. An email needs its `origin`.

    Kinds of notification that are not given keep their values. True or False instead of the kinds sets all of them.
    Raises EmailTaken, TooManyEmailChanges, NoContact, ContactIsStaff, NoName, TooManyKinds.
    """
    person = {name: fields.pop(name) for name in CONTACT_FIELDS if name in fields}
    with transaction.atomic():
        if person:
            change_contact(customer=customer, origin=origin, **person)
        if "notification_preferences" in fields:
            # The row is locked before it is read, so that parallel changes do not undo each other.
            customer.refresh_from_db(from_queryset=Customer.objects.select_for_update())
            fields["notification_preferences"] = _merge_preferences(customer.notification_preferences, fields)
        change(customer, **fields)
        if person or "company_name" in fields:
            check_name(customer)


def change_customer_at_desk(*, customer: Customer, **fields: Any) -> None:
    """Change a customer as `change_customer` does. An email that is taken is reported with its customer's id."""
    try:
        change_customer(customer=customer, **fields)
    except EmailTaken as error:
        raise _with_customer(error, fields.get("email"), but=customer.contact) from None


def _merge_preferences(stored: dict[str, bool], fields: Json) -> dict[str, bool]:
    kinds = preferences.merge(stored, fields["notification_preferences"])
    if preferences.has_too_many(kinds):
        raise TooManyKinds(field="notification_preferences")
    return kinds


def change_contact(*, customer: Customer, origin: Origin | None = None, **person: Any) -> None:
    """Change names, email and phone of a customer's contact. A company without a contact gets one.

    Raises EmailTaken, TooManyEmailChanges, ContactIsStaff, and NoContact for a former customer.
    """
    if customer.contact is None and customer.company_name:
        with transaction.atomic():
            # Locked, so that of two parallel calls only one adds a contact.
            customer.refresh_from_db(from_queryset=Customer.objects.select_for_update())
            if customer.contact is None:
                change(customer, contact=create_contact(**person))
                add_first_login(customer=customer)
                return
    if customer.contact is None:
        raise NoContact
    if customer.contact.is_staff:
        raise ContactIsStaff
    change_person(user=customer.contact, origin=origin, **person)
