"""Forms of the portal. The rules are the domain's, and each error is shown beside its field."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.db.models import QuerySet

from accounts.phones import validate_phone
from common.domain.caller import Caller, LoginRole
from common.domain.distance_fields import DistanceField, add_refusal
from common.domain.errors import DomainError, Missing
from common.domain.number_fields import DecimalField, WholeField
from common.domain.text_fields import CodeFormField
from common.domain.types import Json
from common.domain.units import Units
from customers.models import ContactMethod, Customer, CustomerUser
from files.kinds import HEAD_BYTES, has_signature
from passports.forms import ShareFields
from repair_orders.api.fleet import LONGEST_DESCRIPTION
from vehicles.models import FIRST_YEAR, LAST_YEAR, Vehicle
from vehicles.queries import get_unit_by_label

# With more units than this, the form has a text field, because a select of thousands is slow and hard to search.
MAX_CHOICES = 200
MAX_PHOTOS = 6
# The types that every browser displays. A phone converts its own format to JPEG if a form accepts only these.
PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")


class PortalForm(forms.Form):
    required_css_class = "required"

    def add_domain_error(self, error: DomainError) -> None:
        """Show the error beside the field that it names, or above the form if it names none."""
        add_refusal(self, error)


class _MultipleFileInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """A field of several photos, each of a type in `PHOTO_TYPES` and with the signature of that type."""

    def __init__(self, *, label: str, help_text: str) -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            widget=_MultipleFileInput(attrs={"accept": ",".join(PHOTO_TYPES)}),
            required=False,
        )

    def clean(
        self, data: Iterable[UploadedFile[bytes]] | None, initial: object = None
    ) -> list[UploadedFile[bytes]]:
        photos = [photo for photo in data or () if photo]
        if len(photos) > MAX_PHOTOS:
            raise forms.ValidationError(f"At most {MAX_PHOTOS} photos.", code="too_many")
        for photo in photos:
            super().clean(photo)
            content_type = photo.content_type or ""
            head = photo.read(HEAD_BYTES)
            photo.seek(0)
            if content_type not in PHOTO_TYPES or not has_signature(content_type, head):
                raise forms.ValidationError(
                    f"{photo.name} is not a JPEG, PNG, WebP or GIF photo.", code="kind"
                )
            if (photo.size or 0) > settings.MAX_UPLOAD_BYTES:
                limit = settings.MAX_UPLOAD_BYTES // 1024 // 1024
                raise forms.ValidationError(f"{photo.name} is larger than {limit} MB.", code="size")
        return photos


class RequestForm(PortalForm):
    """Request a repair for a unit in use, selected from a list or typed if there are more than `MAX_CHOICES`."""

    unit: forms.Field
    description = forms.CharField(
        label="What is wrong?",
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What the driver noticed, since when, and whether the unit can still be driven.",
    )

    photos = PhotosField(label="Photos", help_text=f"At most {MAX_PHOTOS}: JPEG, PNG, WebP or GIF.")

    def __init__(self, caller: Caller, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.caller = caller
        units = Vehicle.objects.visible_to(caller).in_use()
        listed = list(units[: MAX_CHOICES + 1])
        if len(listed) > MAX_CHOICES:
            self.fields["unit"] = forms.CharField(
                label="Unit", max_length=30, help_text="Its number, or its plate if it has no number."
            )
            self._show_initial_unit(units)
        else:
            names = sorted((unit.label, unit.pk, f"{unit.year} {unit.make} {unit.model}") for unit in listed)
            choices = [(pk, f"{label} – {description}") for label, pk, description in names]
            self.fields["unit"] = forms.TypedChoiceField(
                label="Unit", choices=[("", "Choose a unit"), *choices], coerce=int
            )
            self.units = {unit.pk: unit for unit in listed}
        self.order_fields(["unit", "description", "photos"])

    def _show_initial_unit(self, units: QuerySet[Vehicle]) -> None:
        pk = str(self.initial.get("unit") or "")
        found = units.filter(pk=int(pk)).first() if pk.isascii() and pk.isdigit() and len(pk) < 19 else None
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
    """Approve the estimate, or a choice of its jobs. `total` is the amount that the page showed."""

    total = DecimalField(max_digits=10, decimal_places=2, widget=forms.HiddenInput)
    po_number = CodeFormField(label="PO number", required=False, max_length=40)

    @property
    def values(self) -> Json:
        return {"total": self.cleaned_data["total"], "po_number": self.cleaned_data["po_number"]}


class DenyForm(forms.Form):
    """Deny the estimate, with an optional reason."""

    reason = forms.CharField(required=False, max_length=LONGEST_DESCRIPTION)

    @property
    def values(self) -> dict[str, str]:
        return {"reason": self.cleaned_data["reason"]}


def _model_formfield(model: type[models.Model], name: str, **kwargs: Any) -> forms.Field:
    """Return the form field of a model's field."""
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    formfield = field.formfield(**kwargs)
    assert formfield is not None
    return formfield


class UnitForm(PortalForm):
    """The details of a unit that its company can edit. The VIN cannot change."""

    unit_number = _model_formfield(
        Vehicle, "unit_number", label="Unit number", help_text="What your company calls it."
    )
    make = _model_formfield(Vehicle, "make")
    model = _model_formfield(Vehicle, "model")
    year = WholeField(min_value=FIRST_YEAR, max_value=LAST_YEAR)
    license_plate = _model_formfield(Vehicle, "license_plate", label="License plate")
    color = _model_formfield(Vehicle, "color")
    odometer = DistanceField(label="Odometer ({units})", initial=0)

    def __init__(self, *args: Any, measures: Units, known: Decimal | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["odometer"].measure(measures, known)  # type: ignore[attr-defined]


class NewUnitForm(UnitForm):
    vin = forms.CharField(
        label="VIN",
        required=False,
        max_length=17,
        help_text="17 characters, on the dashboard or door frame. Leave it empty if it is not known.",
    )
    field_order = ["unit_number", "vin"]


class CompanyForm(PortalForm):
    """The details that a company can edit. Its name and tax ID are verified by the shop."""

    all_optional = True  # so that no field is marked as optional

    business_type = _model_formfield(Customer, "business_type", label="Business type")
    street_address = _model_formfield(Customer, "street_address", label="Street address")
    city = _model_formfield(Customer, "city")
    state = _model_formfield(Customer, "state")
    postal_code = _model_formfield(Customer, "postal_code", label="Postal code")
    country = _model_formfield(Customer, "country")
    emergency_contact_name = _model_formfield(Customer, "emergency_contact_name", label="Emergency contact")
    emergency_contact_phone = forms.CharField(
        label="Emergency phone", required=False, max_length=30, validators=[validate_phone]
    )
    preferred_contact_method = forms.ChoiceField(label="Reach us by", choices=ContactMethod.choices)
    units = forms.ChoiceField(
        label="Distances", choices=[("", "As the shop"), *Units.choices], required=False
    )


class ShareForm(ShareFields, PortalForm):
    """A new link of the passport of a unit."""


ROLES = (
    (LoginRole.OWNER, "Owner: everything, and invites and removes colleagues"),
    (LoginRole.APPROVER, "Approver: requests repairs, approves and denies estimates"),
    (LoginRole.VIEWER, "Viewer: sees everything and changes nothing"),
)


class RoleForm(PortalForm):
    role = forms.ChoiceField(label="Role", choices=ROLES)


class LoginForm(RoleForm):
    """What a login may do."""

    approval_limit = _model_formfield(
        CustomerUser,
        "approval_limit",
        form_class=DecimalField,
        label="Approves repairs up to (dollars)",
        min_value=0,
        help_text="Counted with tax and with what is approved already. Leave it empty for no limit.",
    )


class InviteForm(RoleForm):
    """The address of a colleague. Names are given by the colleague, so that no text of the company is mailed."""

    email = forms.EmailField(label="Email", max_length=254)
    field_order = ["email", "role"]
