"""The staff's form of an appointment. Its times are local times of the location, not of the user."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanWidget

from appointments.actions import walk_in_length
from appointments.holds import hold_bay_now, hold_free_bay, hold_technician, hold_vehicle
from appointments.logos import MAX_LOGO_BYTES, save_logo
from appointments.models import Bay, Location, Logo, Technician
from appointments.queries import get_appointment_length, resolve_start
from appointments.slots import Slot
from common.admin.forms import SeenStatus
from common.domain.errors import DomainError
from common.domain.types import Json
from vehicles.models import Vehicle


class BayChoice(forms.ModelChoiceField[Bay]):
    """Shows a bay with its location, because bays of different locations have the same names."""

    def label_from_instance(self, obj: Bay) -> str:
        return f"{obj.location.name} – {obj.name}"


class LocationForm(forms.ModelForm[Location]):
    """A location, with an image for its logo. Without one the present logo stays."""

    logo_file = forms.FileField(
        label="New logo",
        required=False,
        widget=UnfoldAdminFileFieldWidget(),
        help_text=f"PNG or JPEG of at most {MAX_LOGO_BYTES // 1024} KB. Papers that are made from now on print it.",
    )
    removes_logo = forms.BooleanField(label="Remove the logo", required=False, widget=UnfoldBooleanWidget())

    def clean_logo_file(self) -> Logo | None:
        file = self.cleaned_data["logo_file"]
        try:
            return file and save_logo(file.read(MAX_LOGO_BYTES + 1))
        except DomainError as error:
            raise forms.ValidationError(error.text, code=error.code) from None

    def clean(self) -> Json:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("logo_file") and cleaned.get("removes_logo"):
            self.add_error("removes_logo", "Choose a new logo or remove the present one, not both.")
        return cleaned

    def save(self, commit: bool = True) -> Location:
        if self.cleaned_data.get("removes_logo"):
            self.instance.logo = None
        elif self.cleaned_data.get("logo_file"):
            self.instance.logo = self.cleaned_data["logo_file"]
        return super().save(commit)


class AppointmentForm(SeenStatus):
    """The vehicle determines the customer, and the services determine the end.

    The form itself checks whether the slot can be booked, so that an error appears beside the field. The bays stay
    locked until the appointment is saved.
    """

    # The fields that move an appointment, by the names that `move_appointment` takes.
    MOVE_FIELDS = ("location", "bay", "start", "services")

    allow_overlap = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="Let the technician have another appointment or be away, and the location have more appointments "
        "than technicians.",
    )

    is_walk_in = forms.BooleanField(
        label="walk-in",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="The vehicle is here: from now on, also off the grid and the hours. Leave the start empty.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk and "start" in self.fields:
            self.fields["start"].required = False  # of a walk-in
        if "vehicle" in self.fields:
            self.fields["vehicle"].queryset = Vehicle.objects.in_use()  # type: ignore[attr-defined]
        if self.instance.pk:
            zone = ZoneInfo(self.instance.location.time_zone)
            self.initial["start"] = timezone.make_naive(self.instance.start, zone)

    def _clean_fields(self) -> None:
        # Django refuses a local time that its current zone skips or repeats. In UTC every time exists once.
        with timezone.override(UTC):
            super()._clean_fields()  # type: ignore[misc]

    def clean(self) -> Json:
        values = super().clean()
        if values.get("location") is None or "start" not in values or "services" not in values:
            return values
        if values["is_walk_in"]:
            self._clean_walk_in(values)
            return values
        if values["start"] is None:
            self.add_error("start", "This field is required.")
            return values
        try:
            values["start"] = resolve_start(values["location"], timezone.make_naive(values["start"], UTC))
        except DomainError as error:
            self.add_error(error.field, error.text)
            return values
        self._clean_bay(values)
        if not self.errors and (not self.instance.pk or self.changed_move_fields()):
            self._check_slot(values)
        return values

    def _clean_walk_in(self, values: Json) -> None:
        if values["start"] is not None:
            self.add_error("start", "Leave the start of a walk-in empty. It begins now.")
            return
        self._clean_bay(values)
        if self.errors:
            return
        now = timezone.now()
        try:
            length = walk_in_length(values["services"])
            with (
                hold_bay_now(values["location"], length, now=now, bay=values["bay"]),
                hold_vehicle(values["vehicle"], Slot(now, now + length), now=now),
            ):
                pass
        except DomainError as error:
            self.add_error(error.field, error.text)

    def changed_move_fields(self) -> Json:
        """Return the changed fields among `MOVE_FIELDS` with their values."""
        return {name: self.cleaned_data[name] for name in self.MOVE_FIELDS if name in self.changed_data}

    def _clean_bay(self, values: Json) -> None:
        bay: Bay | None = values.get("bay")
        if bay is not None and bay.location_id != values["location"].pk:
            if "bay" in self.changed_data:
                self.add_error(
                    "bay", f"This bay is at another location. Choose a bay of {values['location']}."
                )
            values["bay"] = None  # the location was changed and the bay was not, so any bay there will do

    def _check_slot(self, values: Json) -> None:
        start, length = values["start"], get_appointment_length(values["services"])
        moving = self.instance if self.instance.pk else None
        vehicle = moving.vehicle if moving else values["vehicle"]
        moved, slot, now = self.changed_move_fields(), Slot(start, start + length), timezone.now()
        try:
            with (
                hold_free_bay(
                    values["location"],
                    start,
                    length,
                    now=now,
                    bay=moved.get("bay"),
                    ignoring=moving,
                    is_start_kept=moving is not None and not {"location", "start", "services"} & moved.keys(),
                    is_crew_bound=not values["allow_overlap"],
                ),
                hold_vehicle(vehicle, slot, now=now, ignoring=moving),
            ):
                if moving and moving.technician and not values["allow_overlap"]:
                    hold_technician(
                        moving.technician, slot, location=values["location"], now=now, ignoring=moving
                    )
        except DomainError as error:
            self.add_error(error.field, error.text)


class AssignForm(BaseDialogForm):
    """Chooses the technician of an appointment."""

    technician = forms.ModelChoiceField(Technician.objects.none(), widget=UnfoldAdminSelectWidget())
    allow_overlap = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="Let the technician have another appointment at that time, or be away.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["technician"].queryset = Technician.objects.order_by("name", "id")
