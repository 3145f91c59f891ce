"""Forms of the customer's page and its steps."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from accounts.names import MAX_NAME_LENGTH
from accounts.phones import validate_phone
from common.domain.distance_fields import DistanceField
from common.domain.text_fields import EmailFormField, TextFormField
from common.domain.types import Json
from common.domain.units import Units, format_distance
from customers.models import Customer
from desk.forms import KeyedForm
from passports.forms import ShareFields
from vehicles.models import OdometerReading, Vehicle

MAX_CHOICES = 50


class ContactForm(forms.Form):
    """The name of a customer and the ways to reach them.

    The form carries what it showed, so that only fields that the user edited are changed, and what somebody else
    changed meanwhile stays.
    """

    use_required_attribute = False
    first_name = TextFormField(
        label="First name", required=False, max_length=MAX_NAME_LENGTH, show_hidden_initial=True
    )
    last_name = TextFormField(
        label="Last name", required=False, max_length=MAX_NAME_LENGTH, show_hidden_initial=True
    )
    company_name = TextFormField(label="Company", required=False, max_length=200, show_hidden_initial=True)
    phone = TextFormField(
        label="Phone",
        required=False,
        max_length=30,
        validators=[validate_phone],
        show_hidden_initial=True,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    email = EmailFormField(label="Email", required=False, max_length=254, show_hidden_initial=True)
    units = forms.ChoiceField(
        label="Distances",
        choices=[("", "As the shop"), *Units.choices],
        required=False,
        show_hidden_initial=True,
        help_text="On the customer's pages and papers.",
    )

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        contact = customer.contact or User()
        initial = {
            name: getattr(contact, name) or "" for name in ("first_name", "last_name", "phone", "email")
        }
        kwargs["initial"] = {**initial, "company_name": customer.company_name, "units": customer.units}
        super().__init__(*args, **kwargs)
        _describe_errors(self)

    @property
    def changes(self) -> Json:
        """The values that the user edited."""
        values = {name: self.cleaned_data[name] for name in self.changed_data}
        return values | ({"email": values["email"] or None} if "email" in values else {})


class CorrectionForm(KeyedForm):
    """A correction of the odometer. It offers the newest accepted readings."""

    replaces = forms.TypedChoiceField(label="Wrong reading", coerce=int, empty_value=None, required=False)
    miles = DistanceField(label="Right figure, in {units}")
    reason = TextFormField(label="Reason", max_length=500)
    base = forms.BooleanField(
        label="New instrument cluster",
        required=False,
        help_text="From now on readings are checked against this one.",
    )

    def __init__(self, *args: Any, vehicle: Vehicle, units: Units, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["miles"].measure(units)  # type: ignore[attr-defined]
        accepted = OdometerReading.objects.filter(vehicle=vehicle, accepted=True)
        readings = accepted.newest_first()[:MAX_CHOICES]
        choices = [
            (row.pk, f"{row.at:%Y-%m-%d %H:%M} UTC: {format_distance(row.miles, units)}") for row in readings
        ]
        self.fields["replaces"].choices = [*choices, ("", "None")]  # type: ignore[attr-defined]
        self.initial.setdefault("replaces", choices[0][0] if choices else "")


class ReadingForm(KeyedForm):
    """A figure that the instrument shows."""

    miles = DistanceField(label="{Units}")
    note = TextFormField(label="Note", required=False, max_length=500)

    def __init__(self, *args: Any, vehicle: Vehicle, units: Units, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["miles"].measure(units, vehicle.odometer)  # type: ignore[attr-defined]


class ShareForm(ShareFields, KeyedForm):
    """A new link of the passport of a vehicle."""


def _describe_errors(form: forms.Form) -> None:
    """Name the error of each field in the page for readers of the screen."""
    for name in form.errors if form.is_bound else ():
        if name in form.fields:
            form.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"err-{name}"}
