"""Write what was typed on the page *Order*: all of it, or nothing with the reason at its field (docs/design, D108)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import User
from appointments.models import Technician
from catalogue.models import Part, Service
from catalogue.pricing.models import CannedJob
from common.domain.errors import DomainError
from common.domain.number_fields import DecimalField
from common.domain.search import fits, patterns_of
from desk.order.bench import Bench, Line
from desk.order.sheet import JOB_COLUMNS, LINE_COLUMNS, ORDER_COLUMNS, Seen, read, rows_of
from repair_orders import actions, jobs
from repair_orders.models import Job, ServiceKind
from repair_orders.worksheet import PART

CHANGE, WORK = "repair_orders.change_repairorder", "repair_orders.work_repairorder"
KINDS = ((PART, "Part"), (ServiceKind.LABOUR.value, "Labor"), (ServiceKind.SUBLET.value, "Sublet"))
MOST = 8  # parts that are offered for one text
SEPARATOR = " · "  # between number and name of a part that was chosen from the list
_PLACES = {"technician": Technician, "advisor": User}


class Refused(Exception):
    """Something that was typed cannot be written. `errors` are the reasons, by field or row."""

    def __init__(self, errors: Mapping[str, str], choices: Mapping[str, list[Part]] | None = None) -> None:
        super().__init__(next(iter(errors.values()), ""))
        self.errors = dict(errors)
        self.choices = dict(choices or {})


@dataclass
class Adding:
    """The fields of a new line of a job: a kind, a name or number, quantity or hours, price or rate, and cost."""

    job: Job
    sent: Mapping[str, str]

    @property
    def row(self) -> str:
        return f"a{self.job.pk}"

    def text(self, column: str) -> str:
        return self.sent.get(f"{self.row}-{column}", "").strip()

    @property
    def is_given(self) -> bool:
        return bool(self.text("what"))

    def number(self, column: str, reader: DecimalField, errors: dict[str, str]) -> Decimal | None:
        text = self.text(column).replace("$", "")
        if not text:
            return None
        try:
            value: Decimal | None = reader.clean(text)
            return value
        except ValidationError as error:
            errors[f"{self.row}-{column}"] = error.messages[0]
            return None


@dataclass
class Write:
    """A write of the page: who makes it, when, and what they may do."""

    bench: Bench
    by: int
    now: datetime
    may: Any  # permission -> bool
    told: list[str] = field(default_factory=list)

    @property
    def given(self) -> jobs.By:
        return {"by": self.by, "now": self.now}

    # --- Fields ---------------------------------------------------------------------------------------

    def save(self, fields: Mapping[str, str]) -> None:
        """Write the typed fields. Raises Refused with every reason, and PermissionDenied."""
        values: dict[str, dict[str, Any]] = {}
        errors: dict[str, str] = {}
        for row, columns in rows_of(fields):
            self._check_may(row)
            for column, text in columns.items():
                name = f"{row}-{column}"
                try:
                    values.setdefault(row, {})[column] = self._value(name, column, text)
                except ValidationError as error:
                    errors[name] = error.messages[0]
        if errors:
            raise Refused(errors)
        self._save_lines([(row, columns) for row, columns in values.items() if row in self.bench.lines])
        by_id = {f"j{job.pk}": job for job in self.bench.jobs}
        for row, words in values.items():
            if row in by_id:
                with at(row, JOB_COLUMNS):
                    jobs.change_job(job=by_id[row], **words)
            elif row == "o":
                with at(row, ORDER_COLUMNS):
                    actions.change_order(order=self.bench.order, **words)

    def _check_may(self, row: str) -> None:
        if not (self.may(CHANGE) or (row.startswith("j") and self.may(WORK))):
            raise PermissionDenied

    def _value(self, name: str, column: str, text: str) -> Any:
        value = read(name, text, self.bench)
        model = _PLACES.get(column)
        if model is None or value is None:
            return value
        found = model._default_manager.filter(pk=value).first()
        if found is None:
            raise ValidationError("Choose one of the list.")
        return found

    def _save_lines(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        """Write the lines in one step, so that an exchange of amounts stays under the ceiling."""
        changes = []
        for row, columns in rows:
            line = self.bench.lines[row]
            changed = {name: value for name, value in columns.items() if getattr(line, name) != value}
            if changed:
                changes.append((row, line, changed))
        if not changes:
            return
        try:
            jobs.change_lines_of_jobs(
                order=self.bench.order,
                changes=[(line, changed) for _, line, changed in changes],
                given=self.given,
            )
        except DomainError as error:
            item = error.item if error.item is not None or len(changes) > 1 else 0
            row = "" if item is None else changes[item][0]
            name = f"{row}-{error.field}" if row and error.field in LINE_COLUMNS else row
            raise Refused({name: error.text}) from error

    # --- Additions ------------------------------------------------------------------------------------

    def add(self, sent: Mapping[str, str], choice: tuple[int, str] | None = None) -> None:
        """Add the job and the lines that were typed. `choice` is a job and what was chosen for its new line.

        A chosen line is the id of a part of the catalogue, or `typed` for one that is not in it.
        """
        for job in self.bench.jobs:
            adding = Adding(job, sent)
            if adding.is_given:
                self._may_change()
                self._add_line(adding, choice[1] if choice and choice[0] == job.pk else "")
        if name := sent.get("new-name", "").strip():
            self._may_change()
            self._add_job(name)

    def _may_change(self) -> None:
        if not self.may(CHANGE):
            raise PermissionDenied

    def _add_job(self, name: str) -> None:
        canned = CannedJob.objects.filter(is_listed=True, name__iexact=name).first()
        with at("new", {"name": ("", None)}):
            if canned is not None:
                added = jobs.add_canned_job(order=self.bench.order, canned=canned)
            elif len(name) > 200:
                raise Refused({"new-name": "A name has at most 200 characters."})
            else:
                added = jobs.add_job(order=self.bench.order, name=name)
        self.told.append(f"Job {added.position}, {added.name}, was added.")

    def _add_line(self, adding: Adding, choice: str) -> None:
        kind = adding.text("kind") or PART
        if kind not in dict(KINDS):
            raise Refused({f"{adding.row}-kind": "Choose one of the list."})
        errors: dict[str, str] = {}
        is_part = kind == PART
        count = adding.number("quantity", _reader("quantity" if is_part else "hours"), errors)
        price = adding.number("price", _reader("unit_price"), errors)
        cost = adding.number("cost", _reader("cost"), errors)
        if errors:
            raise Refused(errors)
        job = adding.job
        job.repair_order = self.bench.order
        if is_part:
            part = self._find_part(adding, choice, has_price=price is not None or cost is not None)
            fields = _given(quantity=count or Decimal(1), unit_price=price, unit_cost=cost)
            if part is None:
                fields["name"] = _name(adding)
            with at(adding.row, _ADDED_PART):
                line: Line = jobs.add_part_line(job=job, part=part, given=self.given, **fields)
        else:
            service = Service.objects.filter(is_listed=True, name__iexact=adding.text("what")).first()
            figures = {"amount": price} if count is None else {"hours": count, "rate": price}
            fields = _given(**figures, cost=cost, kind=kind, name=None if service else _name(adding))
            with at(adding.row, _ADDED_WORK if count is not None else _ADDED_FLAT):
                line = jobs.add_service_line(job=job, service=service, given=self.given, **fields)
        self.told.append(f"{line.name} was added to job {job.position}.")

    def _find_part(self, adding: Adding, choice: str, *, has_price: bool) -> Part | None:
        """Return the part that was typed or chosen, None for one that is not in the catalogue.

        Raises Refused with the parts that fit, if none is exactly what was typed.
        """
        listed = Part.objects.filter(is_listed=True)
        text = adding.text("what")
        if choice == "typed":
            return None
        if choice.isdigit() and len(choice) < 16:
            chosen = listed.filter(pk=int(choice)).first()
            if chosen is None:
                raise Refused({f"{adding.row}-what": "This part is not offered any more."})
            return chosen
        number, separator, _ = text.partition(SEPARATOR)
        exact = listed.filter(part_number__iexact=number.strip()).first()
        if exact is not None:
            return exact
        if separator:
            text = text.replace(SEPARATOR, " ")
        found = find_parts(text)
        named = [part for part in found if part.name.casefold() == text.casefold()]
        if len(named) == 1:
            return named[0]
        if found:
            reason = "Choose the part, or add what you typed."
            raise Refused({f"{adding.row}-what": reason}, {adding.row: found})
        if not has_price:
            raise Refused(
                {f"{adding.row}-price": "This part is not in the catalogue. Give a price or a cost."}
            )
        return None


_ADDED_PART = {"quantity": "quantity", "unit_price": "price", "unit_cost": "cost", "name": "what"}
_ADDED_WORK = {"hours": "quantity", "rate": "price", "amount": "price", "cost": "cost", "name": "what"}
_ADDED_FLAT = {**_ADDED_WORK, "hours": "quantity"}


def find_parts(text: str) -> list[Part]:
    """Return the listed parts whose name, maker or number has every word, at most eight."""
    if not text.strip():
        return []
    rows = Part.objects.filter(fits(Part.SEARCHED, patterns_of(text)), is_listed=True)
    return list(rows.order_by("name", "id")[:MOST])


@contextmanager
def at(row: str, columns: Mapping[str, Any]) -> Iterator[None]:
    """Turn an error of the domain into one at its field, or at its row. A text in `columns` is the field's name."""
    try:
        yield
    except DomainError as error:
        column = columns.get(error.field or "")
        if column is None:
            raise Refused({row: error.text}) from error
        raise Refused({f"{row}-{column if isinstance(column, str) else error.field}": error.text}) from error


def check_seen(seen: Seen, fields: Mapping[str, str], bench: Bench) -> bool:
    """Return whether nothing that matters to this write changed since the page was made.

    The version rises with what is asked. Words do not raise it, so those that were typed are compared one by one.
    """
    if seen.version != bench.order.version:
        return False
    present = Seen.of(bench).texts
    return all(
        name in present and present[name] in (seen.texts.get(name, ""), text) for name, text in fields.items()
    )


def _reader(column: str) -> DecimalField:
    reader = LINE_COLUMNS[column][1]
    assert isinstance(reader, DecimalField)
    return reader


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _name(adding: Adding) -> str:
    name = adding.text("what")
    if len(name) > 200:
        raise Refused({f"{adding.row}-what": "A name has at most 200 characters."})
    return name
