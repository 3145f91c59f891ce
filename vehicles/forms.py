"""The admin's form of a vehicle, and the dialogs of its buttons."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from common.admin.forms import ConstrainedForm
from common.domain.number_fields import DecimalField
from common.domain.units import MAX_MILES
from customers.models import Customer
from vehicles.models import OdometerReading
from vehicles.odometer import OdometerBackwards

MAX_CHOICES = 50


class VehicleForm(ConstrainedForm):
    constrained = frozenset({"customer", "archived_at"})

    def clean_odometer(self) -> Decimal:
        miles: Decimal = self.cleaned_data["odometer"]
        if miles < self.instance.odometer:
            error = OdometerBackwards(self.instance.odometer, "odometer")
            raise forms.ValidationError(error.text, code=error.code)
        return miles


def _miles() -> DecimalField:
    return DecimalField(
        label="Miles",
        min_value=0,
        max_value=MAX_MILES,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
    )


class ReadingForm(BaseDialogForm):
    miles = _miles()
    note = forms.CharField(required=False, max_length=500, widget=UnfoldAdminTextInputWidget())


class CorrectionForm(BaseDialogForm):
    """A correction. It offers the newest accepted readings."""

    replaces = forms.TypedChoiceField(
        label="Wrong reading", coerce=int, empty_value=None, required=False, widget=UnfoldAdminSelectWidget()
    )
    miles = _miles()
    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget())
    base = forms.BooleanField(
        label="New instrument cluster",
        required=False,
        help_text="From now on readings are checked against this one.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        readings = OdometerReading.objects.filter(vehicle_id=self.object_id, accepted=True).newest_first()
        self.fields["replaces"].choices = [
            ("", "None"),
            *((row.pk, f"{row.at:%Y-%m-%d %H:%M} UTC: {row}") for row in readings[:MAX_CHOICES]),
        ]


class TransferForm(BaseDialogForm):
    customer = forms.ModelChoiceField(
        Customer.objects.current().with_contact(),
        label="Number of the new owner",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
