"""The portal's forms. What they take is the domain's; what is wrong is said beside the field."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from accounts.phones import validate_phone
from common.domain.caller import Caller
from common.domain.errors import DomainError, Missing
from customers.models import ContactMethod, Customer
from files.kinds import HEAD_BYTES, has_signature
from repair_orders.api.fleet import LONGEST_DESCRIPTION
from vehicles.models import FIRST_YEAR, LAST_YEAR, Vehicle
from vehicles.queries import get_unit_by_label
from vehicles.vin import validate_vin

# More units than this are typed, not chosen: a list of thousands is slow to load and no help to look through.
MOST_CHOICES = 200
MOST_PHOTOS = 6
# What every browser shows; a phone turns its own format into the first when a form asks for these.
PHOTO_KINDS = ("image/jpeg", "image/png", "image/webp", "image/gif")


class PortalForm(forms.Form):
    required_css_class = "required"

    def take(self, error: DomainError) -> None:
        """Say a refusal of the domain beside the field that it names, else above the form."""
        self.add_error(error.field if error.field in self.fields else None, error.text)


class _Several(forms.ClearableFileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Some photos, each of a kind that browsers show and what it says it is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_Several(attrs={"accept": ",".join(PHOTO_KINDS)}), required=False, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        photos: list[UploadedFile[Any]] = [photo for photo in data or () if photo]
        if len(photos) > MOST_PHOTOS:
            raise forms.ValidationError(f"At most {MOST_PHOTOS} photos.", code="too_many")
        for photo in photos:
            super().clean(photo)
            kind = photo.content_type or ""
            head = photo.read(HEAD_BYTES)
            photo.seek(0)
            if kind not in PHOTO_KINDS or not has_signature(kind, head):
                raise forms.ValidationError(
                    f"{photo.name} is not a JPEG, PNG, WebP or GIF photo.", code="kind"
                )
            if (photo.size or 0) > settings.MAX_UPLOAD_BYTES:
                most = settings.MAX_UPLOAD_BYTES // 1024 // 1024
                raise forms.ValidationError(f"{photo.name} is larger than {most} MB.", code="size")
        return photos


class RequestForm(PortalForm):
    """Chooses among the units in use, or takes the number of one where there are too many to choose from."""

    unit: forms.Field
    description = forms.CharField(
        label="What is wrong?",
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What the driver noticed, since when, and whether the unit can still be driven.",
    )

    photos = PhotosField(label="Photos", help_text=f"At most {MOST_PHOTOS}: JPEG, PNG, WebP or GIF.")

    def __init__(self, caller: Caller, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.caller = caller
        units = Vehicle.objects.visible_to(caller).in_use()
        some = list(units[: MOST_CHOICES + 1])
        if len(some) > MOST_CHOICES:
            self.fields["unit"] = forms.CharField(
                label="Unit", max_length=30, help_text="Its number, or its plate where it has none."
            )
            self._name_given_unit(units)
        else:
            names = sorted((unit.label, unit.pk, f"{unit.year} {unit.make} {unit.model}") for unit in some)
            choices = [(pk, f"{label} – {what}") for label, pk, what in names]
            self.fields["unit"] = forms.TypedChoiceField(
                label="Unit", choices=[("", "Choose a unit"), *choices], coerce=int
            )
            self.units = {unit.pk: unit for unit in some}
        self.order_fields(["unit", "description", "photos"])

    def _name_given_unit(self, units: Any) -> None:
        given = str(self.initial.get("unit") or "")
        found = (
            units.filter(pk=int(given)).first()
            if given.isascii() and given.isdigit() and len(given) < 19
            else None
        )
        self.initial["unit"] = found.label if found else ""

    def clean_unit(self) -> Vehicle:
        value = self.cleaned_data["unit"]
        if isinstance(value, int):
            return self.units[value]
        try:
            return get_unit_by_label(self.caller, value)
        except Missing as error:
            raise forms.ValidationError(error.text, code="unit") from None


class ApproveForm(forms.Form):
    """The amount that the page showed comes back with the yes."""

    total = forms.DecimalField(max_digits=10, decimal_places=2, widget=forms.HiddenInput)

    @property
    def values(self) -> dict[str, Decimal]:
        return {"total": self.cleaned_data["total"]}


class DenyForm(forms.Form):
    reason = forms.CharField(required=False, max_length=LONGEST_DESCRIPTION)

    @property
    def values(self) -> dict[str, str]:
        return {"reason": self.cleaned_data["reason"]}


def _of(model: type[Any], name: str, **kwargs: Any) -> Any:
    """The form field that a model's field asks for."""
    return model._meta.get_field(name).formfield(**kwargs)


class UnitForm(PortalForm):
    """A unit's facts; the VIN is its own for ever."""

    unit_number = _of(Vehicle, "unit_number", label="Unit number", help_text="What your company calls it.")
    make = _of(Vehicle, "make")
    model = _of(Vehicle, "model")
    year = forms.IntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)
    license_plate = _of(Vehicle, "license_plate", label="License plate")
    color = _of(Vehicle, "color")
    odometer = _of(Vehicle, "odometer", label="Odometer (miles)", min_value=0, initial=0, help_text="")


class NewUnitForm(UnitForm):
    vin = forms.CharField(
        label="VIN",
        max_length=17,
        validators=[validate_vin],
        help_text="17 characters, on the dashboard or door frame.",
    )
    field_order = ["unit_number", "vin"]


class CompanyForm(PortalForm):
    """What a company changes by itself; its name and tax ID are the shop's to check."""

    all_optional = True  # and so none is marked

    business_type = _of(Customer, "business_type", label="Business type")
    street_address = _of(Customer, "street_address", label="Street address")
    city = _of(Customer, "city")
    state = _of(Customer, "state")
    postal_code = _of(Customer, "postal_code", label="Postal code")
    country = _of(Customer, "country")
    emergency_contact_name = _of(Customer, "emergency_contact_name", label="Emergency contact")
    emergency_contact_phone = forms.CharField(
        label="Emergency phone", required=False, max_length=30, validators=[validate_phone]
    )
    preferred_contact_method = forms.ChoiceField(label="Reach us by", choices=ContactMethod.choices)


class InviteForm(PortalForm):
    first_name = forms.CharField(label="First name", max_length=100)
    last_name = forms.CharField(label="Last name", max_length=100)
    email = forms.EmailField(label="Email", max_length=254)
