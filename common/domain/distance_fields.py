"""The form field of an odometer's figure, and refusals in the units in which a form was filled in."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.safestring import SafeString

from common.domain.errors import DomainError
from common.domain.number_fields import DecimalField
from common.domain.units import Units, check_figure, from_miles, to_miles, whole_figure

# What people type behind a figure.
_NAMES = {
    Units.IMPERIAL: re.compile(r"(?<=[0-9.])\s*(mi|miles?)\.?\s*$", re.IGNORECASE),
    Units.METRIC: re.compile(r"(?<=[0-9.])\s*(km|kilometers?)\.?\s*$", re.IGNORECASE),
}


class _BoundDistance(forms.BoundField):
    """The field on a page, with a hidden field that names the units in which it was shown."""

    field: DistanceField

    def as_widget(self, *args: Any, **options: Any) -> SafeString:
        shown = forms.HiddenInput().render(units_name(self.html_name), self.field.units)
        return super().as_widget(*args, **options) + shown


def units_name(name: str) -> str:
    """Return the name of the hidden field."""
    return f"{name}-units"


class DistanceField(DecimalField):
    """An odometer's figure, typed in the reader's units, with or without their name behind it.

    Its value and its initial value are miles.

    `{units}` and `{Units}` in the label and the help text become the name of the units. A form that is sent keeps the
    units in which it was shown, because the reader may have chosen other ones meanwhile.
    """

    _such_as = "124300 or 124,300"

    def __init__(self, *, label: str, help_text: str = "", **options: Any) -> None:
        self._texts = {"label": label, "help_text": help_text}
        super().__init__(
            min_value=0,
            error_messages={"invalid": f"Write a number such as {self._such_as}."},
            **options,
        )
        self.measure(Units.IMPERIAL)

    def measure(self, units: Units, known: Decimal | None = None) -> None:
        """Take figures in these units. In kilometers, what pages print of a known odometer is that odometer."""
        self.units, self.known = units, known
        for name, text in self._texts.items():
            setattr(self, name, text.format(units=units.word, Units=units.word.capitalize()))

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        shown = form.data.get(units_name(form.add_prefix(field_name)))
        if shown in Units.values:
            self.measure(Units(shown), self.known)
        return _BoundDistance(form, self, field_name)

    def prepare_value(self, value: Any) -> Any:
        """Return stored miles in the units of the field, and what was typed as it is."""
        if self.units == Units.IMPERIAL or not isinstance(value, (Decimal, int)):
            return value
        figure = from_miles(Decimal(value), self.units)
        return f"{figure:f}".removesuffix(".0")

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = _NAMES[self.units].sub("", value)
        return super().to_python(value)

    def run_validators(self, value: Decimal | None) -> None:
        super().run_validators(value)
        if value is not None:
            check_figure(value, self.units)

    def clean(self, value: Any) -> Decimal | None:
        figure: Decimal | None = super().clean(value)
        if figure is None:
            return None
        return self._known_like(figure) or to_miles(figure, self.units)

    def _known_like(self, figure: Decimal) -> Decimal | None:
        """Return the known odometer if a figure in kilometers is what pages print of it."""
        if self.known is None or self.units == Units.IMPERIAL:
            return None
        printed = from_miles(self.known, self.units), whole_figure(self.known, self.units)
        return self.known if figure in printed else None


def add_refusal(form: forms.BaseForm, error: DomainError, field: str | None = None) -> None:
    """Show a refusal at its field, else above the form. Its distances are in the units of the form.

    `field` is the form's name of the field, by default the error's.
    """
    name = field or error.field
    measured = (row.units for row in form.fields.values() if isinstance(row, DistanceField))
    text = error.text_in(next(measured, Units.IMPERIAL))
    form.add_error(name if name in form.fields else None, text)
