"""Import customers from a table. Each row creates a customer with a contact, or is reported with a reason.

A row is identified by its email, else by name, company and the digits of the phone, and without a phone by name,
company and the whole address. A stored customer is never changed: an equal row is *unchanged*, and a different row or
one that fits several customers is a *conflict*.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from accounts.models import User, normalize_email
from accounts.names import split_name
from accounts.people import users_like
from accounts.phones import significant_digits
from accounts.registration import EmailTaken
from common.domain.sheets import CHANGE_REASON, Columns, SheetRow, Unreadable
from common.domain.texts import tidy, upper
from common.domain.types import Json
from customers.actions import create_imported
from customers.addresses import AmbiguousAddress, check_parts, parse_address
from customers.headings import ADDRESS, BESIDE, BUSINESS, HEADINGS, PERSON
from customers.models import Customer

NATURAL_KEY = ("first_name", "last_name", "phone", "company_name", *ADDRESS)
COLUMNS = Columns(HEADINGS, beside=BESIDE)
BATCH = 500


class Verdict(StrEnum):
    CREATED = "created"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """The result of one row. `line` is its number in a spreadsheet."""

    line: int
    verdict: Verdict
    reason: str = ""


class _Refused(Exception):
    """The row is not a valid customer. The text lists every reason."""


@dataclass(frozen=True)
class _Draft:
    line: int
    customer: Customer  # neither the customer nor its contact is stored

    @property
    def email(self) -> str | None:
        return _contact(self.customer).email

    @property
    def person(self) -> str:
        return person_key(self.customer)

    @property
    def key(self) -> str:
        """The key of a row without an email."""
        return self.person or "\0".join(natural_key(self.customer))


def check_columns(columns: Sequence[str]) -> None:
    """Raise Unreadable if a required column is missing or given in two ways."""
    if not {"first_name", "last_name"} <= {*columns} and not {"name", "company_name"} & {*columns}:
        raise Unreadable("A column is missing: name, or first_name and last_name, or company_name.")
    check_given_once(columns)
    missing = [column for column in ADDRESS[:-1] if column not in columns]
    if "address" not in columns and missing:
        raise Unreadable(f"A column is missing: address, or {', '.join(missing)}.")


def check_given_once(columns: Sequence[str]) -> None:
    """Raise Unreadable if the name or the address is given in two ways."""
    if "name" in columns and {"first_name", "last_name"} & {*columns}:
        raise Unreadable("The name is given twice: use name, or first_name and last_name.")
    structured = [column for column in ADDRESS if column in columns]
    if "address" in columns and structured:
        raise Unreadable(f"The address is given twice: use address, or {', '.join(structured)}.")


def import_customers(
    rows: Iterable[SheetRow], *, columns: Sequence[str], now: datetime, dry_run: bool = False
) -> Iterator[Outcome]:
    """Store the rows that are new customers and yield the outcome of each row, in order.

    Rows are read and stored in batches of 500, each in one transaction, which runs before the first outcome of the
    batch. `dry_run` yields the same outcomes and stores nothing. Raises Unreadable.
    """
    compared = _fields_given(columns)
    with closing(_FirstRows()) as first_rows:
        for batch in _batches(rows):
            outcomes: list[Outcome] = []
            drafts: list[_Draft] = []
            for row in batch:
                try:
                    draft = _Draft(row.line, _read(row, now))
                    first_rows.claim(draft)
                except _Refused as refused:
                    outcomes.append(Outcome(row.line, Verdict.REFUSED, str(refused)))
                else:
                    drafts.append(draft)
            outcomes += _place(drafts, compared=compared, now=now, dry_run=dry_run)
            yield from sorted(outcomes, key=lambda outcome: outcome.line)


def _batches(rows: Iterable[SheetRow]) -> Iterator[list[SheetRow]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        yield batch


class _FirstRows:
    """The first row of the file with each key, kept on disk, so that memory is bounded.

    Two rows with the same name and phone are two persons if both have an email.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a private temporary file, which closing deletes
        self._database.execute(
            "CREATE TABLE first (key TEXT PRIMARY KEY, line INTEGER, has_email INTEGER) WITHOUT ROWID"
        )

    def claim(self, draft: _Draft) -> None:
        """Record the draft's keys. Raises _Refused if an earlier row has one of them."""
        if draft.email:
            self._claim(draft.email, draft, "this email is")
        if not draft.email or draft.person:
            values = "name and phone" if draft.person else "name, phone and address"
            self._claim(draft.key, draft, f"this {values} are")

    def _claim(self, key: str, draft: _Draft, what: str) -> None:
        values = (key, draft.line, bool(draft.email))
        if self._database.execute("INSERT OR IGNORE INTO first VALUES (?, ?, ?)", values).rowcount:
            return
        line, has_email = self._database.execute(
            "SELECT line, has_email FROM first WHERE key = ?", (key,)
        ).fetchone()
        if key == draft.email or not (draft.email and has_email):
            raise _Refused(f"{what} already in line {line}")

    def close(self) -> None:
        self._database.close()


# --- One row ----------------------------------------------------------------------------------------


def _read(row: SheetRow, now: datetime) -> Customer:
    if row.problem:
        raise _Refused(row.problem)
    reasons: list[str] = []
    cells = {column: " ".join(cell.split()) for column, cell in row.cells.items()}
    address = _address(row.cells.get("address"), cells, reasons)
    contact = User(**_person(cells))
    business: Json = {column: cells.get(column, "") for column in BUSINESS}
    business["terms_days"] = business["terms_days"] or 0  # text is checked and read as a number below
    customer = Customer(contact=contact, customer_since=now, **address, **business)
    if not (contact.full_name or customer.company_name):
        reasons.append("name: it is missing")
    reasons += _field_errors(contact, PERSON) + _field_errors(customer, (*ADDRESS, *BUSINESS))
    if reasons:
        raise _Refused("; ".join(reasons))
    return customer


def _person(cells: Mapping[str, str]) -> dict[str, str | None]:
    first, last = split_name(cells.get("name", ""))
    return {
        "first_name": cells.get("first_name", first),
        "last_name": cells.get("last_name", last),
        "email": normalize_email(cells.get("email", "")) or None,
        "phone": cells.get("phone", ""),
    }


def _address(flat: str | None, cells: Mapping[str, str], reasons: list[str]) -> dict[str, str]:
    if flat is not None:
        try:
            return asdict(parse_address(flat))
        except AmbiguousAddress as error:
            reasons.append(f"address: {error}")
            return {}
    parts, errors = check_parts({column: cells.get(column, "") for column in ADDRESS})
    reasons += [f"{column}: it is missing" for column in ADDRESS[:-1] if not parts[column]]
    reasons += [f"{column}: {text}" for column, text in errors.items()]
    return parts


def _field_errors(row: models.Model, fields: Sequence[str]) -> list[str]:
    """Return the errors of the model's own validation of these fields."""
    others = {field.name for field in row._meta.fields}.difference(fields)
    try:
        row.clean_fields(exclude=others)
    except ValidationError as error:
        return [f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items()]
    return []


# --- A batch against what is stored -----------------------------------------------------------------


def _place(
    drafts: Sequence[_Draft], *, compared: Sequence[str], now: datetime, dry_run: bool
) -> list[Outcome]:
    try:
        with transaction.atomic():
            stored = _Stored(drafts)
            outcomes = [stored.compare(draft, compared) for draft in drafts]
            new = [d.customer for d, o in zip(drafts, outcomes, strict=True) if o.verdict is Verdict.CREATED]
            if new and not dry_run:
                create_imported(customers=new, by=None, now=now, why=CHANGE_REASON)
            return outcomes
    except (IntegrityError, EmailTaken):
        # Another process stored one of the emails at this moment. Rows are retried one by one to find which.
        if len(drafts) == 1:
            return [
                Outcome(drafts[0].line, Verdict.CONFLICT, "the database refused it: run the import again")
            ]
    again: list[Outcome] = []
    for draft in drafts:
        _clear_keys(draft.customer)
        again += _place([draft], compared=compared, now=now, dry_run=dry_run)
    return again


def _clear_keys(customer: Customer) -> None:
    """Clear the primary keys that the rolled-back insert left on the objects."""
    contact = _contact(customer)
    for row in (contact, customer):
        row.pk, row._state.adding = None, True
    customer.contact = contact


class _Stored:
    """The stored customers that match the drafts of a batch, loaded by five queries.

    Each query reads one table. Tables filled a moment ago have no statistics yet, and a join that PostgreSQL plans for
    empty tables compares every row with every other.
    """

    def __init__(self, drafts: Sequence[_Draft]) -> None:
        emails = [draft.email for draft in drafts if draft.email]
        self._users = {user.email: user for user in User.objects.filter(email__in=emails)}
        contacts = [_contact(draft.customer) for draft in drafts if draft.person]
        persons = users_like(contacts)
        by_pk: dict[int | None, User] = {user.pk: user for user in (*self._users.values(), *persons)}
        self._by_email: dict[str | None, list[Customer]] = {}
        self._by_person: dict[str, list[Customer]] = {}
        for customer in Customer.objects.filter(contact__in=by_pk).order_by("id"):
            customer.contact = by_pk[customer.contact_id]
            self._by_email.setdefault(_contact(customer).email, []).append(customer)
            if customer.merged_into_id is None:
                self._by_person.setdefault(person_key(customer), []).append(customer)
        at_addresses = [draft.customer for draft in drafts if not (draft.email or draft.person)]
        near = Customer.objects.current().at_addresses(
            streets={customer.street_address for customer in at_addresses},
            postal_codes={customer.postal_code for customer in at_addresses},
        )
        for customer in near.order_by("id") if at_addresses else ():
            self._by_person.setdefault("\0".join(natural_key(customer)), []).append(customer)

    def compare(self, draft: _Draft, compared: Sequence[str]) -> Outcome:
        user = self._users.get(draft.email)
        if user is not None and user.is_staff:
            return Outcome(draft.line, Verdict.REFUSED, "email: it belongs to a member of staff")
        if user is not None:
            found = self._by_email.get(draft.email, [])
            if len(found) > 1:
                return Outcome(draft.line, Verdict.CONFLICT, "several customers have this email")
            if not found:
                # The user who registered with this email has not proved to be the person in the file.
                return Outcome(draft.line, Verdict.CONFLICT, "a login without a customer has this email")
        else:
            found = self._by_person.get(draft.key, [])
            if draft.email:  # with another email it is another person
                found = [customer for customer in found if not _contact(customer).email]
            if len(found) > 1:
                numbers = ", ".join(str(customer.pk) for customer in found)
                return Outcome(draft.line, Verdict.CONFLICT, f"customers {numbers} match this row")
        if not found:
            return Outcome(draft.line, Verdict.CREATED)
        differing = _differing(found[0], draft.customer, compared)
        if differing:
            reason = f"customer {found[0].pk} has another {', '.join(differing)}"
            return Outcome(draft.line, Verdict.CONFLICT, reason)
        return Outcome(draft.line, Verdict.UNCHANGED)


def _differing(stored: Customer, given: Customer, fields: Sequence[str]) -> list[str]:
    """Return the fields with other values. Phones are compared by their digits, and names as a whole."""
    equal = {field for field in fields if _value(stored, field) == _value(given, field)}
    if _contact(stored).full_name == _contact(given).full_name:
        equal |= {"first_name", "last_name"}
    if significant_digits(_contact(stored).phone) == significant_digits(_contact(given).phone) != "":
        equal.add("phone")
    return [field for field in fields if field not in equal]


def _fields_given(columns: Sequence[str]) -> list[str]:
    """Return the model fields that the columns of the file set."""
    given = {*columns}
    given |= {"first_name", "last_name"} if "name" in columns else set()
    given |= {*ADDRESS} if "address" in columns else set()
    return [field for field in (*PERSON, *ADDRESS, *BUSINESS) if field in given]


def person_key(customer: Customer) -> str:
    """Return name, company and digits of the phone, which identify a customer without an email, or "" without a phone.

    Case does not matter, nor where a name is split in two.
    """
    contact = _contact(customer)
    digits = significant_digits(contact.phone)
    name = f"{contact.full_name}\0{customer.company_name}"
    return f"{upper(tidy(name))}\0{digits}" if digits else ""


def natural_key(customer: Customer) -> tuple[str, ...]:
    """Return the values that identify a customer without an email and without a phone."""
    return tuple(_value(customer, field) for field in NATURAL_KEY)


def _value(customer: Customer, field: str) -> str:
    return tidy(str(getattr(_contact(customer) if field in PERSON else customer, field) or ""))


def _contact(customer: Customer) -> User:
    assert customer.contact is not None  # drafts have a contact, and the queries require one
    return customer.contact
