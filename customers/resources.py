"""Import and export of customers as a table, with the contact in the same row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import tablib
from django.core.exceptions import ValidationError
from django.utils import timezone
from import_export.fields import Field

from accounts.emails import record_change
from accounts.models import User, normalize_email
from accounts.names import split_name
from accounts.people import users_like
from common.admin.resources import SheetResource, cell
from common.domain import events
from common.domain.sheets import CHANGE_REASON
from common.domain.texts import tidy
from common.domain.types import Json, Values
from customers.actions import create_imported
from customers.addresses import AmbiguousAddress, check_parts, parse_address
from customers.headings import ADDRESS, BESIDE, BUSINESS, HEADINGS, PERSON
from customers.imports import NATURAL_KEY, check_given_once, natural_key, person_key
from customers.models import Customer
from customers.names import HOME
from customers.querysets import CustomerQuerySet

_OF_CONTACT = "contact__"


def _of_contact(name: str) -> Field:
    return Field(attribute=f"{_OF_CONTACT}{name}", column_name=name, widget=cell(User._meta.get_field(name)))


class CustomerResource(SheetResource):
    """A table of customers. A row is identified by the uuid, else by the contact's email, else by name and phone.

    Without a phone it is identified by `natural_key`. A row with a new email is that of the customer without an email
    who has this name and phone. A new customer gets a contact who cannot sign in before they set a password. A contact
    who is staff is not changed.
    """

    headings = {"uuid": ("customer uuid",), **HEADINGS}
    beside = BESIDE

    uuid = Field(attribute="uuid", column_name="uuid", readonly=True)
    first_name = _of_contact("first_name")
    last_name = _of_contact("last_name")
    email = _of_contact("email")
    phone = _of_contact("phone")
    last_service_date = Field(attribute="last_service_date", column_name="last_service_date", readonly=True)
    total_services = Field(attribute="total_services", column_name="total_services", readonly=True)

    @classmethod
    def check_columns(cls, columns: Sequence[str]) -> None:
        check_given_once(columns)

    def set_columns(self, columns: Sequence[str]) -> None:
        """Add the fields of a whole name and a whole address."""
        parts = {"name": ("first_name", "last_name"), "address": ADDRESS}
        super().set_columns([*columns, *(part for name in parts if name in columns for part in parts[name])])

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        self._by: User | None = kwargs.get("user")
        self._now = timezone.now()
        super().before_import(dataset, **kwargs)

    def before_import_row(self, row: Json, **kwargs: object) -> None:
        super().before_import_row(row, **kwargs)
        if row.get("email"):
            row["email"] = normalize_email(str(row["email"]))
        if "name" in row:
            row["first_name"], row["last_name"] = split_name(" ".join(row["name"].split()))
        if "address" in row:
            row.update(_parts(row["address"]))

    def find(self, row: Values) -> Customer | None:
        customers = Customer.objects.current().with_contact().select_for_update(of=("self",))
        if text := str(row.get("uuid") or "").strip():
            uuid = _uuid(text)
            customer: Customer | None = customers.filter(uuid=uuid).first() if uuid else None
            if customer is None:
                raise ValidationError({"uuid": f"There is no customer {text!r}."})
            return customer
        if row.get("email"):
            found = list(customers.filter(contact__email=row["email"])[:2])
            found = found or _find_by_person(customers.filter(contact__email=None), row)
        else:
            found = _find_by_person(customers, row) or _find_by_natural_key(customers, row)
            if "email" in row and any(customer.contact and customer.contact.email for customer in found):
                raise ValidationError(
                    "The matching customer has an email. Add their email or uuid to the row."
                )
        if len(found) > 1:
            raise ValidationError("Several customers match this row: add the uuid of the right one.")
        return found[0] if found else None

    def init_instance(self, row: Values | None = None) -> Customer:
        return Customer(contact=User(), customer_since=self._now)

    def after_init_instance(self, instance: Customer, new: bool, row: Values, **kwargs: object) -> None:
        self._person_before = _person(instance)
        self._address_before = _address(instance)

    def import_instance(self, instance: Customer, row: Values, **kwargs: object) -> None:
        """Read the cells, and check a changed address. A stored one is not checked, so that exports can be imported."""
        errors: Json = {}
        try:
            super().import_instance(instance, row, **kwargs)
        except ValidationError as error:
            errors = error.update_error_dict({})
        address = _address(instance)
        if address != self._address_before and not errors.keys() & {*ADDRESS}:
            kept, wrong = check_parts(address)
            errors |= wrong
            for name, value in kept.items():
                setattr(instance, name, value)
        if errors:
            raise ValidationError(errors)

    def import_field(
        self, field: Field, instance: Customer, row: Values, is_m2m: bool = False, **kwargs: object
    ) -> None:
        if instance.contact is None and field.attribute.startswith(_OF_CONTACT):
            if row.get(field.column_name):
                raise ValueError("A former customer has no contact.")
            return
        super().import_field(field, instance, row, is_m2m, **kwargs)

    def validate_instance(
        self, instance: Customer, import_validation_errors: Json | None = None, validate_unique: bool = True
    ) -> None:
        errors = {
            name.removeprefix(_OF_CONTACT): error for name, error in (import_validation_errors or {}).items()
        }
        if instance.contact is not None:
            errors = self._contact_errors(instance.contact, errors)
            if not (instance.contact.full_name or instance.company_name):
                errors.setdefault("first_name", ValidationError("Enter a name or a company name."))
        super().validate_instance(instance, errors, validate_unique)

    def _contact_errors(self, contact: User, errors: Json) -> Json:
        if contact.is_staff and _values(contact) != self._person_before:
            raise ValidationError(
                "The contact is a member of staff. Change their data on the page of the user."
            )
        others = {field.name for field in User._meta.fields}.difference(PERSON)
        try:
            contact.full_clean(exclude=others | errors.keys())
        except ValidationError as error:
            return dict(error.update_error_dict(errors))
        return errors

    def do_instance_save(self, instance: Customer, is_create: bool) -> None:
        if is_create:
            create_imported(customers=[instance], by=self._by, now=self._now, why=CHANGE_REASON)
            return
        instance.save()
        events.record_change(instance)
        if instance.contact is not None and _person(instance) != self._person_before:
            instance.contact._history_user = self._by  # type: ignore[attr-defined]
            instance.contact._change_reason = CHANGE_REASON  # type: ignore[attr-defined]
            values = record_change(user=instance.contact, email=instance.contact.email, at=self._now)
            for name, value in values.items():
                setattr(instance.contact, name, value)
            instance.contact.save(update_fields=(*PERSON, "confirmed_email"))

    class Meta:
        model = Customer
        name = "Customers"
        fields = (
            *("uuid", *PERSON, *ADDRESS, *BUSINESS),
            *("emergency_contact_name", "emergency_contact_phone", "emergency_contact_relationship"),
            *("preferred_contact_method", "is_verified", "customer_since"),
            *("last_service_date", "total_services"),
        )


def _find_by_natural_key(customers: CustomerQuerySet[Customer], row: Values) -> list[Customer]:
    values = {name: tidy(_line(row, name)) for name in NATURAL_KEY}
    known, _ = check_parts(values | {"country": values["country"] if "country" in row else HOME})
    key = tuple(known[name] for name in NATURAL_KEY)
    near = customers.at_addresses(streets=[known["street_address"]], postal_codes=[known["postal_code"]])
    return [customer for customer in near if natural_key(customer) == key]


def _find_by_person(customers: CustomerQuerySet[Customer], row: Values) -> list[Customer]:
    contact = User(**{name: _line(row, name) for name in ("first_name", "last_name", "phone")})
    found = customers.filter(contact__in=users_like([contact]))
    if "company_name" in row:
        key = person_key(Customer(contact=contact, company_name=_line(row, "company_name")))
        return [customer for customer in found if person_key(customer) == key]
    return list(found)


def _line(row: Values, name: str) -> str:
    return " ".join(str(row.get(name) or "").split())


def _parts(address: str) -> dict[str, str]:
    """Return the parts of a whole address. An empty one leaves the country."""
    if not address.strip():
        return dict.fromkeys(ADDRESS[:-1], "")
    try:
        return asdict(parse_address(address))
    except AmbiguousAddress as error:
        raise ValidationError({"address": f"{error}."}) from error


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _address(customer: Customer) -> dict[str, str]:
    return {name: getattr(customer, name) for name in ADDRESS}


def _person(customer: Customer) -> tuple[object, ...]:
    return _values(customer.contact) if customer.contact else ()


def _values(contact: User) -> tuple[object, ...]:
    return tuple(getattr(contact, name) for name in PERSON)
