"""Fields of the forms that receive a part and note what is on order of it."""

from __future__ import annotations

from typing import Any

from django import forms

from catalogue.shelf.models import LARGEST_STOCK
from common.domain.number_fields import AmountField, WholeField
from common.domain.text_fields import TextFormField


def _typed(mode: str) -> forms.TextInput:
    return forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off"})


class ReceiptFields(forms.Form):
    """The pieces of a part that came in."""

    pieces = WholeField(label="Pieces", min_value=1, max_value=LARGEST_STOCK, widget=_typed("numeric"))
    unit_cost = AmountField(
        label="Cost of one",
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=4,
        widget=_typed("decimal"),
        help_text="Empty: what the pieces on the shelf cost on average.",
    )
    reference = TextFormField(label="Reference", max_length=120, required=False)


class VendorOrderFields(forms.Form):
    """All pieces of a part that are on order."""

    pieces = WholeField(
        label="Pieces",
        min_value=0,
        max_value=LARGEST_STOCK,
        widget=_typed("numeric"),
        help_text="All that are on order. 0: nothing is on order any more.",
    )
    vendor = TextFormField(label="Vendor", max_length=120, required=False)
    reference = TextFormField(
        label="Reference", max_length=120, required=False, help_text="The vendor's number of the order."
    )
    expected_on: Any = forms.DateField(
        label="Expected on", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
