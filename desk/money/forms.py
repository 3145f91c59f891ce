"""Forms of the page *Money*."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from common.domain.ids import new_uuid
from common.domain.money import PaymentMethod

CENT = Decimal("0.01")


def _amount(label: str, **options: Any) -> forms.DecimalField:
    attrs = {"inputmode": "decimal", "step": "0.01", "autocomplete": "off"}
    options = {"min_value": CENT, **options}
    return forms.DecimalField(
        label=label, max_digits=10, decimal_places=2, widget=forms.NumberInput(attrs=attrs), **options
    )


class KeyedForm(forms.Form):
    """A form that acts once, however often it is sent: it carries a key that is drawn when it is shown."""

    key = forms.CharField(max_length=100, widget=forms.HiddenInput)
    # The page shows a field's error below it, and says at the top which fields have one.
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("key", new_uuid().hex)
        self.prepare()
        for name in self.errors if self.is_bound else ():
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"err-{name}"}

    def prepare(self) -> None:
        """Change the fields before the form is validated."""


class TakeForm(KeyedForm):
    amount = _amount("Amount")
    method = forms.ChoiceField(label="Method", choices=PaymentMethod.choices, initial=PaymentMethod.CARD)
    reference = forms.CharField(
        label="Reference", max_length=100, required=False, help_text="Check number or slip of the terminal."
    )
    # The button of the question whether the rest stays open has it, so that it is the rest that was shown.
    keep = forms.DecimalField(required=False, widget=forms.HiddenInput)


class GiveBackForm(KeyedForm):
    amount = _amount("Amount")
    method = forms.ChoiceField(
        label="Method",
        choices=PaymentMethod.choices,
        help_text="Another method than the payment's needs a manager.",
    )
    reference = forms.CharField(label="Reference", max_length=100, required=False)
    reason = forms.CharField(label="Reason", max_length=500)


class CloseForm(forms.Form):
    cash_counted = _amount("Cash of the day, counted", min_value=Decimal(0), required=False)
    note = forms.CharField(label="Note", required=False, max_length=1_000)
