"""Dialogs of the buttons on a part's page."""

from __future__ import annotations

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from catalogue.stock import LARGEST_STOCK


class StockForm(BaseDialogForm):
    """The number of pieces to add or remove, and the reason."""

    pieces = forms.IntegerField(
        min_value=-LARGEST_STOCK,
        max_value=LARGEST_STOCK,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="A negative number removes pieces.",
    )
    reason = forms.CharField(required=False, max_length=60, widget=UnfoldAdminTextInputWidget())
