"""Dialogs of the buttons on a part's page."""

from __future__ import annotations

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from catalogue.shelf.models import LARGEST_STOCK
from common.domain.number_fields import DecimalField, WholeField


def _pieces(*, least: int = 1, help_text: str = "") -> WholeField:
    return WholeField(
        min_value=least,
        max_value=LARGEST_STOCK,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=help_text,
    )


def _note(*, required: bool = True) -> forms.CharField:
    return forms.CharField(required=required, max_length=200, widget=UnfoldAdminTextInputWidget())


class ReceiveForm(BaseDialogForm):
    pieces = _pieces()
    unit_cost = DecimalField(
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="The price paid for a piece, in dollars. Without it the average stays.",
    )
    reference = _note(required=False)


class CountForm(BaseDialogForm):
    pieces = _pieces(
        least=0, help_text="All pieces on the shelf, those that are kept for jobs and orders included."
    )
    reason = _note()


class VendorOrderForm(BaseDialogForm):
    pieces = _pieces(least=0, help_text="All pieces that are on order. 0: nothing is on order any more.")
    vendor = forms.CharField(required=False, max_length=120, widget=UnfoldAdminTextInputWidget())
    reference = forms.CharField(
        required=False,
        max_length=120,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The vendor's number of the order.",
    )
    expected_on = forms.DateField(required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))


class VendorReturnForm(BaseDialogForm):
    pieces = _pieces(help_text="Only available pieces can be returned.")
    reference = _note()
