"""Forms of the page *Money*."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from common.domain.money import PaymentMethod
from common.domain.number_fields import AmountField, DecimalField
from desk.forms import KeyedForm

CENT = Decimal("0.01")


def _amount(label: str, **options: Any) -> DecimalField:
    options = {"min_value": CENT, **options}
    return AmountField(label=label, max_digits=10, decimal_places=2, **options)


class TakeForm(KeyedForm):
    amount = _amount("Amount")
    method = forms.ChoiceField(label="Method", choices=PaymentMethod.choices, initial=PaymentMethod.CARD)
    reference = forms.CharField(
        label="Reference", max_length=100, required=False, help_text="Check number or slip of the terminal."
    )
    # The button of the question whether the rest stays open has it, so that it is the rest that was shown.
    keep = DecimalField(required=False, widget=forms.HiddenInput)


class GiveBackForm(KeyedForm):
    amount = _amount("Amount")
    method = forms.ChoiceField(
        label="Method",
        choices=PaymentMethod.choices,
        help_text="Another method than the payment's needs a manager.",
    )
    reference = forms.CharField(label="Reference", max_length=100, required=False)
    reason = forms.CharField(label="Reason", max_length=500)

    def __init__(self, *args: Any, may_change_method: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if may_change_method:
            self.fields["method"].help_text = ""


class CloseForm(forms.Form):
    cash_counted = _amount("Cash of the day, counted", min_value=Decimal(0), required=False)
    note = forms.CharField(label="Note", required=False, max_length=1_000)
    # The button of the question about a difference has it, so that it is the difference that was shown.
    difference = DecimalField(required=False, widget=forms.HiddenInput)
