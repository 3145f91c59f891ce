"""Fields of the page *Order*, as texts by the name of their field (docs/design, D108).

A field is `<row>-<column>`: `o-notes` of the order, `j12-concern` of a job, `p5-quantity` of a part, `s7-hours` of
work.
The page carries the texts that it showed. So a write knows what was typed, and what was changed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from common.domain.number_fields import DecimalField, WholeField
from desk.order.bench import Bench, Line
from repair_orders.models import PartLine, ServiceKind

CENT = Decimal("0.01")


def _number(digits: int, places: int = 2, **limits: Any) -> DecimalField:
    return DecimalField(max_digits=digits, decimal_places=places, **limits)


def _money(*, required: bool = True) -> DecimalField:
    return _number(10, min_value=0, required=required)


def _words(length: int = 10_000, *, required: bool = False) -> forms.CharField:
    return forms.CharField(max_length=length, required=required)


# Column -> what people call it, and how its text is read.
ORDER_COLUMNS: dict[str, tuple[str, forms.Field]] = {
    "discount_amount": ("Discount in dollars", _money()),
    "discount_percent": ("Discount in percent", _number(7, 4, min_value=0, max_value=100)),
    "po_number": ("PO number", _words(40)),
    "promised_at": ("Promised", forms.DateTimeField(required=False)),
    "key_tag": ("Key tag", _words(20)),
    "advisor": ("Advisor", WholeField(required=False, min_value=1)),
    "description": ("Problem", _words()),
    "notes": ("Notes for the customer", _words()),
}
TERMS = ("discount_amount", "discount_percent")
JOB_COLUMNS: dict[str, tuple[str, forms.Field]] = {
    "name": ("Name", _words(200, required=True)),
    "technician": ("Technician", WholeField(required=False, min_value=1)),
    "concern": ("Concern", _words()),
    "cause": ("Cause", _words()),
    "correction": ("Correction", _words()),
}
LINE_COLUMNS: dict[str, tuple[str, forms.Field]] = {
    "quantity": ("Quantity", _number(7, min_value=CENT, max_value=10_000)),
    "unit_price": ("Price", _money()),
    "unit_cost": ("Cost", _money(required=False)),
    "hours": ("Hours", _number(6, min_value=CENT, max_value=1_000)),
    "rate": ("Rate", _money()),
    "amount": ("Amount", _money()),
    "cost": ("Cost", _money(required=False)),
}
COSTS = ("unit_cost", "cost")
_COLUMNS = {"o": ORDER_COLUMNS, "j": JOB_COLUMNS, "p": LINE_COLUMNS, "s": LINE_COLUMNS}
_IDS = {"advisor": "advisor_id", "technician": "technician_id"}
# What is compared, and cannot be typed.
_STATUS = "status"


def columns_of(line: Line) -> tuple[str, ...]:
    """Return the columns of a line that are fields. A core charge follows its part."""
    if isinstance(line, PartLine):
        return () if line.core_of_id else ("quantity", "unit_price", "unit_cost")
    figures = ("hours", "rate") if line.hours is not None and line.rate is not None else ("amount",)
    return (*figures, "cost") if line.kind == ServiceKind.SUBLET else figures


def text_of(value: object, bench: Bench) -> str:
    """Return a stored value as the text of its field."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{bench.local(value):%Y-%m-%dT%H:%M}"
    return str(value)


def plain(number: Decimal) -> str:
    """Return a number without the zeros after its last digit: `4.5`, `10`."""
    return f"{number.normalize():f}" if number else "0"


def line_text(line: Line, column: str) -> str:
    """Return the text of a line's field. Quantities and hours have no zeros at their end."""
    value = getattr(line, column)
    if value is None:
        return ""
    return plain(value) if column in ("quantity", "hours") else f"{value:.2f}"


def texts_of(bench: Bench) -> dict[str, str]:
    """Return every field of an order with its text, and the states, which are compared."""
    order = bench.order
    texts = {f"o-{_STATUS}": order.get_status_display().lower()}
    for column in ORDER_COLUMNS:
        value = getattr(order, _IDS.get(column, column))
        texts[f"o-{column}"] = plain(value) if column == "discount_percent" else text_of(value, bench)
    for job in bench.jobs:
        texts[f"j{job.pk}-{_STATUS}"] = job.get_status_display().lower()
        for column in JOB_COLUMNS:
            texts[f"j{job.pk}-{column}"] = text_of(getattr(job, _IDS.get(column, column)), bench)
    for key, line in bench.lines.items():
        for column in columns_of(line):
            texts[f"{key}-{column}"] = line_text(line, column)
    return texts


def labels_of(bench: Bench) -> dict[str, str]:
    """Return what people call each row."""
    labels = {"o": "Order"}
    labels |= {f"j{job.pk}": f"Job {job.position}, {job.name}" for job in bench.jobs}
    return labels | {key: line.name for key, line in bench.lines.items()}


# --- What was seen --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """The state that a page showed when it was made: the version of the order, the texts and the names of the rows."""

    version: int
    texts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, bench: Bench) -> Seen:
        return cls(bench.order.version, texts_of(bench), labels_of(bench))

    @classmethod
    def read(cls, text: str) -> Seen:
        """Return what a form carried. A text that no page has made is a page without fields of version 0."""
        try:
            version, texts, labels = json.loads(text)
            if isinstance(texts, dict) and isinstance(labels, dict):
                return cls(int(version), _flat(texts), _flat(labels))
        except (ValueError, TypeError):
            pass
        return cls(0)

    def __str__(self) -> str:
        return json.dumps([self.version, self.texts, self.labels], ensure_ascii=False, separators=(",", ":"))


def _flat(values: Mapping[object, object]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field with two texts, or a row that is on one side only."""

    row: str
    column: str = ""
    before: str = ""
    after: str = ""


def differences(seen: Seen, now: Seen, names: Mapping[str, Mapping[str, str]]) -> list[Difference]:
    """Return what changed between two looks at an order, row by row. `names` are texts of ids, by column."""
    found = [Difference(seen.labels[row], before="removed") for row in seen.labels if row not in now.labels]
    found += [Difference(now.labels[row], after="added") for row in now.labels if row not in seen.labels]
    for name, after in now.texts.items():
        before = seen.texts.get(name)
        if before is not None and before != after:
            found.append(difference(name, before, after, now, names))
    return found


def difference(
    name: str, before: str, after: str, labels: Seen, names: Mapping[str, Mapping[str, str]]
) -> Difference:
    """Return one field with two texts, in the words of people."""
    row, _, column = name.partition("-")
    known = names.get(column, {})
    label = column if column == _STATUS else _COLUMNS[row[:1]][column][0]
    before, after = known.get(before, before), known.get(after, after)
    return Difference(labels.labels.get(row, "A removed row"), label.lower(), before, after)


def is_column(name: str) -> bool:
    """Return whether this is the name of a field."""
    row, _, column = name.partition("-")
    return column in _COLUMNS.get(row[:1], {}) and (row == "o" or row[1:].isdigit())


def typed(sent: Mapping[str, str], seen: Seen) -> dict[str, str]:
    """Return the fields of a sent form whose text is another one than the page showed."""
    texts = {name: _one_line_end(text) for name, text in sent.items() if is_column(name)}
    return {name: text for name, text in texts.items() if text != _one_line_end(seen.texts.get(name, ""))}


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def read(name: str, text: str, bench: Bench) -> Any:
    """Return the value of a field's text. Raises ValidationError."""
    row, _, column = name.partition("-")
    reader = _COLUMNS[row[:1]][column][1]
    if isinstance(reader, DecimalField):
        text = text.replace("$", "")
    value = reader.clean(text)
    if not isinstance(value, datetime):
        return value
    if not 2000 <= value.year <= 9000:
        raise ValidationError("Give a year from 2000 to 9000.")
    return value.replace(tzinfo=bench.zone)  # the clock of the location


def rows_of(fields: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of fields with their columns: (`p5`, {quantity: "2"})."""
    rows: dict[str, dict[str, str]] = {}
    for name, text in fields.items():
        row, _, column = name.partition("-")
        rows.setdefault(row, {})[column] = text
    yield from rows.items()
