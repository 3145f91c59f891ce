"""The form of the first run: the shop, its hours and bays, what it charges, and the first logins."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms

from accounts.names import MAX_NAME_LENGTH
from appointments.models import ClosingTimeFormField, Weekday
from appointments.slots import MIDNIGHT
from common.domain.caller import Role
from common.domain.number_fields import DecimalField, WholeField
from common.domain.text_fields import EmailFormField, TextFormField
from common.domain.units import Units
from desk.setup.actions import Hours, Login

# The zones that the form offers first. Any of the IANA database can be typed.
ZONES = (
    *("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"),
    *("America/Anchorage", "Pacific/Honolulu", "America/Toronto", "Europe/London", "Europe/Berlin"),
)
LOGINS = 4
ROLES = [(Role.ADVISOR, "Advisor"), (Role.TECHNICIAN, "Technician"), (Role.MANAGER, "Manager")]
_OPEN = {day: (time(8), time(17)) for day in range(5)}
_TIME = {"type": "time"}


class SetupForm(forms.Form):
    """The first location. A weekday without times is closed."""

    use_required_attribute = False

    name = TextFormField(label="Name of the shop", max_length=120)
    legal_name = TextFormField(
        label="Legal name", required=False, max_length=200, help_text="Printed on papers, if it differs."
    )
    address = TextFormField(label="Address", max_length=250)
    phone = TextFormField(label="Phone", required=False, max_length=30)
    email = EmailFormField(label="Email", required=False, max_length=254)
    time_zone = TextFormField(
        label="Time zone", max_length=50, initial=ZONES[0], widget=forms.TextInput(attrs={"list": "zones"})
    )
    latitude = DecimalField(
        label="Latitude", max_digits=9, decimal_places=6, min_value=-90, max_value=90, initial=Decimal(0)
    )
    longitude = DecimalField(
        label="Longitude", max_digits=9, decimal_places=6, min_value=-180, max_value=180, initial=Decimal(0)
    )
    units = forms.ChoiceField(label="Distances", choices=Units.choices, initial=Units.IMPERIAL)
    bays = WholeField(label="Bays", min_value=1, max_value=50, initial=2)
    per_hour = DecimalField(
        label="Labor, dollars an hour", required=False, max_digits=10, decimal_places=2, min_value=0
    )
    tax_percent = DecimalField(
        label="Sales tax, percent", required=False, max_digits=7, decimal_places=4, min_value=0, max_value=100
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day in Weekday:
            opens, closes = _OPEN.get(day, (None, None))
            self.fields[f"opens_{day}"] = forms.TimeField(
                label=f"{day.label} from",
                required=False,
                initial=opens,
                widget=forms.TimeInput(_TIME, "%H:%M"),
            )
            self.fields[f"closes_{day}"] = ClosingTimeFormField(
                label=f"{day.label} until",
                required=False,
                initial=closes,
                widget=forms.TimeInput(_TIME, "%H:%M"),
            )

    @property
    def week(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        return [(day.label, self[f"opens_{day}"], self[f"closes_{day}"]) for day in Weekday]

    @property
    def hours(self) -> list[Hours]:
        values = self.cleaned_data
        return [
            Hours(day, values[f"opens_{day}"], values[f"closes_{day}"])
            for day in Weekday
            if values[f"opens_{day}"] is not None
        ]

    @property
    def location(self) -> dict[str, Any]:
        """The columns of the location."""
        names = ("name", "legal_name", "address", "phone", "email", "time_zone", "units")
        return {name: self.cleaned_data[name] for name in (*names, "latitude", "longitude")}

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone not in available_timezones():
            raise forms.ValidationError(f"{zone!r} is not a time zone. An example is America/New_York.")
        return zone

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        for day in Weekday:
            opens, closes = values.get(f"opens_{day}"), values.get(f"closes_{day}")
            if (opens is None) != (closes is None):
                self.add_error(f"closes_{day}", f"{day.label}: enter both times, or none if it is closed.")
            elif opens is not None and closes is not None and opens >= closes and closes != MIDNIGHT:
                self.add_error(
                    f"closes_{day}", f"{day.label}: the opening time must be before the closing time."
                )
        if not self.errors and not self.hours:
            self.add_error("opens_0", "Enter the hours of at least one day.")
        return values


class LoginForm(forms.Form):
    """A member of staff. A row without a name is left out."""

    use_required_attribute = False

    name = TextFormField(label="Name", required=False, max_length=MAX_NAME_LENGTH)
    email = EmailFormField(label="Email", required=False, max_length=254)
    role = forms.ChoiceField(label="Role", choices=ROLES)
    password = forms.CharField(
        label="First password",
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        given = [name for name in ("name", "email", "password") if values.get(name)]
        if given and not self.errors:
            for name in ("name", "email", "password"):
                if not values.get(name):
                    self.add_error(name, "Needed for a login.")
        return values

    @property
    def login(self) -> Login | None:
        if not self.cleaned_data.get("name"):
            return None
        return Login(**{name: self.cleaned_data[name] for name in ("name", "email", "role", "password")})


LoginFormSet = forms.formset_factory(LoginForm, extra=LOGINS, max_num=LOGINS)
