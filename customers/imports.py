"""Customers out of a table: each row becomes a customer with his contact, or is named with the reason why not.

Who a row is, is told by its email. A row without one is told by names, company, phone and the whole address, as
written. Nobody stored is ever changed: a row that says the same is *unchanged*, one that differs a *conflict*.
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

from accounts.models import User, normal_email
from common.domain.sheets import WHY, SheetRow, Unreadable
from customers.actions import create_imported
from customers.addresses import Unplaceable, parse_address
from customers.models import Customer
from customers.names import HOME

PERSON = ("first_name", "last_name", "email", "phone")
ADDRESS = ("street_address", "city", "state", "postal_code", "country")
BUSINESS = ("company_name", "business_type", "tax_id")
KNOWN_BY = ("first_name", "last_name", "phone", "company_name", *ADDRESS)
COLUMNS = ("name", *PERSON, "address", *ADDRESS, *BUSINESS)
BATCH = 500


class Verdict(StrEnum):
    CREATED = "created"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """What became of a row; `line` is its number in a spreadsheet."""

    line: int
    verdict: Verdict
    reason: str = ""


class _Refused(Exception):
    """A row that is no customer; the text names every reason."""


@dataclass(frozen=True)
class _Draft:
    line: int
    customer: Customer  # with its contact, both not stored

    @property
    def email(self) -> str | None:
        return _contact(self.customer).email

    @property
    def key(self) -> str:
        return self.email or "\0".join(known_as(self.customer))


def unknown_columns(columns: Sequence[str]) -> list[str]:
    """The columns that mean nothing here. Raises Unreadable where what is needed is missing or there twice."""
    if not {"first_name", "last_name"} <= {*columns} and not {"name", "company_name"} & {*columns}:
        raise Unreadable("A column is missing: name, or first_name and last_name, or company_name.")
    if "name" in columns and {"first_name", "last_name"} & {*columns}:
        raise Unreadable("The name is there twice: give name, or first_name and last_name.")
    structured = [column for column in ADDRESS if column in columns]
    if "address" in columns and structured:
        raise Unreadable(f"The address is there twice: give address, or {', '.join(structured)}.")
    missing = [column for column in ADDRESS[:-1] if column not in columns]
    if "address" not in columns and missing:
        raise Unreadable(f"A column is missing: address, or {', '.join(missing)}.")
    return [column for column in columns if column not in COLUMNS]


def place_customers(
    rows: Iterable[SheetRow], *, columns: Sequence[str], now: datetime, dry_run: bool = False
) -> Iterator[Outcome]:
    """Store the rows that are new customers, each whole or not at all; what became of each row, in order.

    Rows are read and stored in batches of 500, a transaction each; a batch is stored when its first outcome comes.
    `dry_run` finds the same and stores nothing. Raises Unreadable.
    """
    compared = _compared(columns)
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
    """Which row of the file was the first with an email or a key; on disk, so that memory stays bounded."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a private temporary file, gone when closed
        self._database.execute("CREATE TABLE first (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")

    def claim(self, draft: _Draft) -> None:
        """Raises _Refused when an earlier row has the draft's key."""
        added = self._database.execute("INSERT OR IGNORE INTO first VALUES (?, ?)", (draft.key, draft.line))
        if not added.rowcount:
            found = self._database.execute("SELECT line FROM first WHERE key = ?", (draft.key,))
            what = "this email" if draft.email else "this name, phone and address"
            raise _Refused(f"{what} is in line {found.fetchone()[0]} already")

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
    business = {column: cells.get(column, "") for column in BUSINESS}
    customer = Customer(contact=contact, customer_since=now, **address, **business)
    if not (contact.full_name or customer.company_name):
        reasons.append("name: there is none")
    reasons += _mistakes(contact, PERSON) + _mistakes(customer, (*ADDRESS, *BUSINESS))
    if reasons:
        raise _Refused("; ".join(reasons))
    return customer


def _person(cells: Mapping[str, str]) -> dict[str, str | None]:
    # A name given whole is split at its first space and printed whole.
    first, _, last = cells["name"].partition(" ") if "name" in cells else ("", "", "")
    return {
        "first_name": cells.get("first_name", first),
        "last_name": cells.get("last_name", last),
        "email": normal_email(cells.get("email", "")) or None,
        "phone": cells.get("phone", ""),
    }


def _address(flat: str | None, cells: Mapping[str, str], reasons: list[str]) -> dict[str, str]:
    if flat is not None:
        try:
            return asdict(parse_address(flat))
        except Unplaceable as unplaceable:
            reasons.append(f"address: {unplaceable}")
            return {}
    parts = {column: cells.get(column, "") for column in ADDRESS}
    reasons += [f"{column}: there is none" for column in ADDRESS[:-1] if not parts[column]]
    return parts | {"country": parts["country"] or HOME}


def _mistakes(row: models.Model, fields: Sequence[str]) -> list[str]:
    """What the model's own rules say of these fields."""
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
            outcomes = [stored.judge(draft, compared) for draft in drafts]
            new = [d.customer for d, o in zip(drafts, outcomes, strict=True) if o.verdict is Verdict.CREATED]
            if new and not dry_run:
                create_imported(customers=new, by=None, now=now, why=WHY)
            return outcomes
    except IntegrityError:
        # Somebody took one of the emails in this moment: one by one, the look-up finds which.
        if len(drafts) == 1:
            return [
                Outcome(drafts[0].line, Verdict.CONFLICT, "the database refused it; run the import again")
            ]
    again: list[Outcome] = []
    for draft in drafts:
        _forget_keys(draft.customer)
        again += _place([draft], compared=compared, now=now, dry_run=dry_run)
    return again


def _forget_keys(customer: Customer) -> None:
    """The rolled-back insert left them on the objects."""
    contact = _contact(customer)
    for row in (contact, customer):
        row.pk, row._state.adding = None, True
    customer.contact = contact


class _Stored:
    """Whom the database knows of a batch; four queries, however many drafts.

    Each reads one table: what a file has just filled has no statistics yet, and a join that PostgreSQL plans for empty
    tables compares every row with every other.
    """

    def __init__(self, drafts: Sequence[_Draft]) -> None:
        emails = [draft.email for draft in drafts if draft.email]
        nameless = [draft.customer for draft in drafts if not draft.email]
        self._users = {user.email: user for user in User.objects.filter(email__in=emails)}
        by_key: dict[int | None, User] = {user.pk: user for user in self._users.values()}
        self._by_email: dict[str | None, list[Customer]] = {}
        for customer in Customer.objects.filter(contact__in=self._users.values()).order_by("id"):
            customer.contact = by_key[customer.contact_id]
            self._by_email.setdefault(_contact(customer).email, []).append(customer)
        near = Customer.objects.living_at(
            streets={customer.street_address for customer in nameless},
            postal_codes={customer.postal_code for customer in nameless},
        )
        self._by_key = {known_as(customer): customer for customer in near.order_by("-id")} if nameless else {}

    def judge(self, draft: _Draft, compared: Sequence[str]) -> Outcome:
        if draft.email is None:
            customer = self._by_key.get(known_as(draft.customer))
        else:
            user = self._users.get(draft.email)
            customers = self._by_email.get(draft.email, [])
            if user is not None and user.is_staff:
                return Outcome(draft.line, Verdict.REFUSED, "email: it belongs to one of the staff")
            if len(customers) > 1:
                return Outcome(draft.line, Verdict.CONFLICT, "several customers have this email")
            if user is not None and not customers:
                # Whoever registered with this email has not shown that he is the person in the file.
                return Outcome(draft.line, Verdict.CONFLICT, "a login without a customer has this email")
            customer = customers[0] if customers else None
        if customer is None:
            return Outcome(draft.line, Verdict.CREATED)
        differing = [field for field in compared if _value(customer, field) != _value(draft.customer, field)]
        if differing:
            reason = f"customer {customer.pk} has another {', '.join(differing)}"
            return Outcome(draft.line, Verdict.CONFLICT, reason)
        return Outcome(draft.line, Verdict.UNCHANGED)


def _compared(columns: Sequence[str]) -> list[str]:
    """The fields that the file speaks of."""
    spoken = {*columns}
    spoken |= {"first_name", "last_name"} if "name" in columns else set()
    spoken |= {*ADDRESS} if "address" in columns else set()
    return [field for field in (*PERSON, *ADDRESS, *BUSINESS) if field in spoken]


def known_as(customer: Customer) -> tuple[str, ...]:
    """What tells a customer without an email."""
    return tuple(_value(customer, field) for field in KNOWN_BY)


def _value(customer: Customer, field: str) -> str:
    return str(getattr(_contact(customer) if field in PERSON else customer, field) or "")


def _contact(customer: Customer) -> User:
    assert customer.contact is not None  # drafts have one, and the look-ups ask for it
    return customer.contact
