"""The forms of a visit's page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.dateparse import parse_datetime

from appointments.models import Appointment, Bay, Technician
from common.domain.distance_fields import DistanceField
from common.domain.text_fields import CapitalsFormField, TextFormField
from common.domain.types import Json
from common.domain.units import Units
from desk.forms import KeyedForm
from desk.intake.forms import LocalTimeField
from desk.intake.vins import fault_of
from repair_orders.models import RepairOrder
from vehicles.vin import VinFormField


class CheckInForm(KeyedForm):
    """What is read when the vehicle arrives. Plate and VIN are asked for if they are missing and `may_name`."""

    odometer = DistanceField(label="Odometer", required=False)
    license_plate = CapitalsFormField(label="Plate", required=False, max_length=20)
    vin = VinFormField(label="VIN", required=False, max_length=40)
    promised_at = LocalTimeField(label="Promised", required=False)
    key_tag = TextFormField(label="Key tag", required=False, max_length=20)
    description = TextFormField(
        label="What the customer says",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    order = forms.ModelChoiceField(RepairOrder.objects.none(), required=False, empty_label="A new order")

    def __init__(
        self,
        *args: Any,
        visit: Appointment,
        units: Units,
        requested: list[RepairOrder],
        may_name: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.year = visit.vehicle.year
        for name in ("license_plate", "vin"):
            if getattr(visit.vehicle, name) or not may_name:
                del self.fields[name]
            else:
                self.fields[name].widget.attrs |= {"autocomplete": "off"}
        if "vin" in self.fields:
            self.fields["vin"].widget.attrs |= {
                "spellcheck": "false",
                "class": "vin",
                "aria-describedby": "vin-reads",
            }
        self.fields["odometer"].measure(units, visit.vehicle.odometer)  # type: ignore[attr-defined]
        self.zone = ZoneInfo(visit.location.time_zone)
        self.fields["order"].queryset = RepairOrder.objects.filter(pk__in=[row.pk for row in requested])  # type: ignore[attr-defined]
        self.fields["odometer"].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    @property
    def names(self) -> Json:
        """The plate and the VIN that were typed."""
        values = {name: self.cleaned_data.get(name) for name in ("license_plate", "vin")}
        return {name: value for name, value in values.items() if value}

    def clean_vin(self) -> str:
        vin: str = self.cleaned_data["vin"]
        if fault := fault_of(vin, self.year):
            raise forms.ValidationError(fault)
        return vin

    @property
    def promised(self) -> datetime | None:
        local: datetime | None = self.cleaned_data["promised_at"]
        return local.replace(tzinfo=self.zone).astimezone(UTC) if local else None


class MoveForm(forms.Form):
    """Another time or bay."""

    start = forms.CharField(label="Start", max_length=40)
    bay = forms.ModelChoiceField(
        Bay.objects.none(), required=False, empty_label="Its bay, or any that is free"
    )
    allow_overlap = forms.BooleanField(
        label="The technician may have another visit then or be away", required=False
    )

    def __init__(self, *args: Any, visit: Appointment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["bay"].queryset = Bay.objects.filter(location=visit.location).in_order()  # type: ignore[attr-defined]

    def clean_start(self) -> datetime:
        try:
            start = parse_datetime(self.cleaned_data["start"])
        except ValueError:
            start = None
        if start is None or start.tzinfo is None:
            raise forms.ValidationError("Choose one of the starts.")
        return start


class AssignForm(forms.Form):
    technician = forms.ModelChoiceField(Technician.objects.order_by("name", "id"))
    allow_overlap = forms.BooleanField(label="They may have another visit then or be away", required=False)
