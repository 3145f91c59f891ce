"""The form of the page *Intake*: who, which vehicle, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.dateparse import parse_datetime

from accounts.names import MAX_NAME_LENGTH
from accounts.phones import validate_phone
from appointments.models import Bay, Location, ServiceType, Technician
from common.domain.distance_fields import DistanceField
from common.domain.number_fields import WholeField
from common.domain.text_fields import CapitalsFormField, EmailFormField, TextFormField
from common.domain.units import Units
from customers.models import Customer
from desk.forms import KeyedForm
from desk.intake.vins import fault_of, year_of
from repair_orders.models import RepairOrder
from vehicles.models import FIRST_YEAR, LAST_YEAR, Vehicle
from vehicles.vin import VinFormField

NEW = "new"  # a vehicle that is entered
NOW = "now"  # the start of a walk-in
LONGEST_NOTE = 500  # of a noted call
LEAVE = "leave"  # the start of a vehicle that stays without a bay
NO_START = "no_start"  # the code of the error for a missing start, or for now without a bay
PERSON = ("first_name", "last_name", "company_name", "phone", "email")
CAR = ("license_plate", "vin", "year", "make", "model")


class LocalTimeField(forms.DateTimeField):
    """A time of the location's clock, without a zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        parsed = super().to_python(value)
        return parsed.replace(tzinfo=None) if parsed else None


class IntakeForm(KeyedForm):
    """Customer, vehicle and visit. A customer who is chosen needs no name, and a vehicle who is chosen no make.

    `customer` is the stored customer or None for a new one, `location` that of the visit.
    """

    first_name = TextFormField(label="First name", required=False, max_length=MAX_NAME_LENGTH)
    last_name = TextFormField(label="Last name", required=False, max_length=MAX_NAME_LENGTH)
    company_name = TextFormField(label="Company", required=False, max_length=200)
    phone = TextFormField(label="Phone", required=False, max_length=30, validators=[validate_phone])
    email = EmailFormField(label="Email", required=False, max_length=254)

    vehicle = forms.ChoiceField(label="Vehicle", required=False, widget=forms.RadioSelect)
    license_plate = CapitalsFormField(label="Plate", required=False, max_length=20)
    vin = VinFormField(label="VIN", required=False, max_length=40)
    year = WholeField(label="Year", required=False, min_value=FIRST_YEAR, max_value=LAST_YEAR)
    make = TextFormField(label="Make", required=False, max_length=60)
    model = TextFormField(label="Model", required=False, max_length=60)
    odometer = DistanceField(label="Odometer", required=False, help_text="{Units}.")

    no_visit = forms.BooleanField(label="No visit now", required=False)
    description = TextFormField(
        label="What the customer says",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    services = forms.ModelMultipleChoiceField(
        ServiceType.objects.order_by("name", "id"), required=False, widget=forms.CheckboxSelectMultiple
    )
    start = forms.CharField(label="Start", required=False, max_length=40)
    bay = forms.ModelChoiceField(Bay.objects.none(), required=False, empty_label="Any free bay")
    technician = forms.ModelChoiceField(
        Technician.objects.none(), required=False, empty_label="Whoever is free"
    )
    allow_overlap = forms.BooleanField(
        label="The technician may have another visit then or be away", required=False
    )
    promised_at = LocalTimeField(label="Promised", required=False)
    key_tag = TextFormField(label="Key tag", required=False, max_length=20)
    order = forms.ModelChoiceField(RepairOrder.objects.none(), required=False, empty_label="A new order")

    def __init__(
        self,
        *args: Any,
        customer: Customer | None,
        vehicles: Sequence[Vehicle],
        location: Location,
        requested: Sequence[RepairOrder] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.customer, self.location = customer, location
        self.vehicles = {str(vehicle.pk): vehicle for vehicle in vehicles}
        choice = self.fields["vehicle"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [
            *((key, str(vehicle)) for key, vehicle in self.vehicles.items()),
            (NEW, "Another vehicle"),
        ]
        self.fields["bay"].queryset = Bay.objects.filter(location=location).in_order()  # type: ignore[attr-defined]
        self.fields["technician"].queryset = Technician.objects.order_by("name", "id")  # type: ignore[attr-defined]
        self.fields["order"].queryset = RepairOrder.objects.filter(pk__in=[row.pk for row in requested])  # type: ignore[attr-defined]
        autofill = {"autocomplete": "off"}
        for field in self.fields.values():
            field.widget.attrs |= autofill
        self.fields["phone"].widget.attrs |= {"type": "tel"}
        self.fields["vin"].widget.attrs |= {
            "spellcheck": "false",
            "class": "vin",
            "aria-describedby": "vin-reads",
        }
        self.fields["year"].widget.attrs |= {"inputmode": "numeric"}
        self.fields["odometer"].widget.attrs |= {"inputmode": "decimal"}
        here = self.vehicles.get(self.data.get("vehicle", ""))
        self.fields["odometer"].measure(Units(location.units), here and here.odometer)  # type: ignore[attr-defined]
        self.zone = ZoneInfo(location.time_zone)

    @property
    def person(self) -> dict[str, Any]:
        """The fields of a new customer."""
        values = {name: self.cleaned_data[name] for name in PERSON}
        return {**values, "email": values["email"] or None}

    @property
    def car(self) -> dict[str, Any] | None:
        """The fields of a new vehicle, None if none is entered."""
        if self.cleaned_data["vehicle"] not in ("", NEW):
            return None
        values = {name: self.cleaned_data[name] for name in CAR if self.cleaned_data[name] not in ("", None)}
        if values and (miles := self.cleaned_data["odometer"]) is not None:
            values["odometer"] = miles
        return values or None

    @property
    def chosen(self) -> Vehicle | None:
        return self.vehicles.get(self.cleaned_data.get("vehicle", ""))

    @property
    def starts_at(self) -> datetime | None:
        """The start of the visit in UTC, None for a vehicle that is here."""
        start = self.cleaned_data["start"]
        return None if start in (NOW, LEAVE) else parse_datetime(start)

    @property
    def is_left(self) -> bool:
        """Whether the vehicle stays without a bay."""
        return bool(self.cleaned_data["start"] == LEAVE)

    @property
    def promised(self) -> datetime | None:
        local: datetime | None = self.cleaned_data["promised_at"]
        return local.replace(tzinfo=self.zone).astimezone(UTC) if local else None

    @property
    def said(self) -> str:
        """What is kept of the fields of the visit as a noted call, if there is no visit."""
        values, promised = self.cleaned_data, self.cleaned_data["promised_at"]
        services = ", ".join(service.name for service in values["services"])
        told = (
            values["description"],
            f"Asked for: {services}." if services else "",
            f"Promised: {promised:%Y-%m-%d %H:%M}." if promised else "",
            f"Key tag: {values['key_tag']}." if values["key_tag"] else "",
        )
        return " ".join(" ".join(told).split())

    @property
    def miles(self) -> Decimal | None:
        miles: Decimal | None = self.cleaned_data["odometer"]
        return miles

    def clean_start(self) -> str:
        start: str = self.cleaned_data["start"]
        if start in ("", NOW, LEAVE):
            return start
        try:
            parsed = parse_datetime(start)
        except ValueError:
            parsed = None
        if parsed is None or parsed.tzinfo is None:
            raise forms.ValidationError("Choose one of the starts.")
        return start

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.errors:
            return values
        if self.customer is None and not any(
            values[name] for name in ("first_name", "last_name", "company_name")
        ):
            self.add_error("first_name", "Enter a name or a company, or choose a customer above.")
        values["year"] = values["year"] or year_of(values["vin"])
        car = self.car
        if car is not None and (fault := fault_of(values["vin"], values["year"])):
            self.add_error("vin", fault)
        wants_visit = not values["no_visit"]
        if car is not None or (wants_visit and self.chosen is None):
            for name in ("year", "make", "model"):
                if not values[name]:
                    self.add_error(name, f"Enter the {name} of the vehicle.")
        if wants_visit and not values["start"]:
            text = "Choose a start, or “No visit now”."
            self.add_error("start", forms.ValidationError(text, code=NO_START))
        if not wants_visit and len(self.said) > LONGEST_NOTE:
            text = f"A call is noted in at most {LONGEST_NOTE} characters, not {len(self.said)}. Shorten it."
            self.add_error("description", text)
        return values
