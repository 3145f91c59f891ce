"""What the buttons of a part ask."""

from __future__ import annotations

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from catalogue.stock import LARGEST_STOCK


class StockForm(BaseDialogForm):
    """How many more, or fewer."""

    pieces = forms.IntegerField(
        min_value=-LARGEST_STOCK,
        max_value=LARGEST_STOCK,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Negative for fewer.",
    )
    why = forms.CharField(required=False, max_length=60, widget=UnfoldAdminTextInputWidget())
