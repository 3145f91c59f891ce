"""What the buttons of an order and a return ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from orders.models import ReturnRequest


def _line(label: str, *, size: int, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=size, required=required, widget=UnfoldAdminTextInputWidget()
    )


class ShipForm(BaseDialogForm):
    """Who takes it, under which number, and when it should be there."""

    courier_name = _line("Courier", size=100, required=True)
    courier_contact = _line("Courier contact", size=100)
    tracking_number = _line("Tracking number", size=100, required=True)
    current_location = _line("Current location", size=200)
    estimated_delivery = forms.DateTimeField(
        required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    )


class RefundForm(BaseDialogForm):
    """What is paid back; all of it unless something else is typed."""

    amount = forms.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0), widget=UnfoldAdminDecimalFieldWidget()
    )
    restock = forms.BooleanField(
        label="Back on the shelf",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="As good as new: sell it again.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = ReturnRequest.objects.filter(pk=self.object_id).first()
        self.initial["amount"] = asked.refund_amount if asked else None
