"""The form fields of numbers: a comma groups three digits, and any other comma is refused.

The browser's own field of a number leaves commas out while they are typed, so that 12,50 arrives as 1250. These fields
are texts with the keyboard of a number.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from common.domain.types import AnyModelField, Values

_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?")
_DECIMAL_COMMA = re.compile(r"([+-]?)([0-9]*|[1-9][0-9]{0,2}(?:\.[0-9]{3})+),([0-9]+)")


def without_commas(text: str, *, is_whole: bool = False, such_as: str = "1250.00 or 1,250.00") -> str:
    """Return the text of a number without its commas. Raises ValidationError unless each groups three digits."""
    text = text.strip()
    if "," not in text:
        return text
    if _GROUPED.fullmatch(text):
        return text.replace(",", "")
    if is_whole:
        right = "Write a whole number, such as 1250 or 1,250."
    elif found := _DECIMAL_COMMA.fullmatch(text):
        sign, whole, decimals = found.groups()
        right = f"Write {sign}{whole.replace('.', '') or '0'}.{decimals} with a point."
    else:
        right = f"Write a number such as {such_as}."
    raise ValidationError(right, code="invalid")


def how_to_write(text: str) -> str:
    """Return how to write a number that has a comma, where none is taken: `12,50` with a point, `1,250` without it."""
    try:
        return f"Write {without_commas(text)} without a comma."
    except ValidationError as error:
        return str(error.messages[0]).replace(" or 1,250.00", "")


class _NumberField(forms.IntegerField):
    _is_whole: bool
    _such_as = "1250.00 or 1,250.00"
    widget: Any = forms.NumberInput

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if isinstance(self.widget, forms.NumberInput):
            self.widget.input_type = "text"
            keyboard = "numeric" if self._is_whole else "decimal"
            self.widget.attrs = {"inputmode": keyboard, "autocomplete": "off"} | self.widget.attrs

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = without_commas(value, is_whole=self._is_whole, such_as=self._such_as)
        return super().to_python(value)

    def widget_attrs(self, widget: forms.Widget) -> Any:
        """Return no attributes: those of the least, the most and the step are not of a text."""
        return {}


class WholeField(_NumberField):
    """A whole number."""

    _is_whole = True


class DecimalField(_NumberField, forms.DecimalField):
    """A number with decimals, behind a point."""

    _is_whole = False


# The form fields of models' numbers, as Django's `formfield_overrides` has them. Unfold has an entry for each of these
# classes, and only the entry of the nearest one counts.
NUMBERS: dict[type[AnyModelField], Values] = {
    models.IntegerField: {"form_class": WholeField},
    models.BigIntegerField: {"form_class": WholeField},
    models.DecimalField: {"form_class": DecimalField},
}


class AmountField(DecimalField):
    """An amount in dollars, which may have its sign in front: `$500`, `$1,250.00`."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(
            re.sub(r"^\s*([+-]?)\s*\$\s*", r"\1", value) if isinstance(value, str) else value
        )
