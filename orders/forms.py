"""Dialog forms of the buttons of an order and of a return."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from common.domain.money import PaymentMethod
from common.domain.number_fields import DecimalField
from orders.models import ReturnRequest


def _text_field(label: str, *, size: int, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=size, required=required, widget=UnfoldAdminTextInputWidget()
    )


class ConfirmForm(BaseDialogForm):
    """The payment of a parts order."""

    method = forms.ChoiceField(
        choices=PaymentMethod.choices,
        initial=PaymentMethod.OTHER,
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    reference = _text_field("Reference", size=100)

    def clean_method(self) -> str:
        return self.cleaned_data["method"] or PaymentMethod.OTHER


class ShipForm(BaseDialogForm):
    """The courier, the tracking number and the estimated delivery."""

    courier_name = _text_field("Courier", size=100, required=True)
    courier_contact = _text_field("Courier contact", size=100)
    tracking_number = _text_field("Tracking number", size=100, required=True)
    current_location = _text_field("Current location", size=200)
    estimated_delivery = forms.DateTimeField(
        required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    )


class RefundForm(BaseDialogForm):
    """The amount to refund, prefilled with the full amount."""

    amount = DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0), widget=UnfoldAdminDecimalFieldWidget()
    )
    restock = forms.BooleanField(
        label="Put back in stock",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="The items are as good as new and can be sold again.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        request = ReturnRequest.objects.filter(pk=self.object_id).first()
        self.initial["amount"] = request.refund_amount if request else None
