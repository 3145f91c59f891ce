"""The staff's form of a visit. Its times are wall-clock times of the location, wherever the reader sits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget

from appointments.actions import free_bay
from appointments.models import Bay, Technician
from appointments.queries import visit_length
from common.admin.forms import SeenStatus
from common.domain.errors import DomainError
from common.domain.types import Json
from vehicles.models import Vehicle


class BayChoice(forms.ModelChoiceField[Bay]):
    """A bay by its full name: every garage has a Bay 1."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.location.name} – {obj.name}"


class AppointmentForm(SeenStatus):
    """The customer follows from the vehicle, and the end from the services.

    Whether the visit can be booked is asked here, so that a refusal stands beside what was typed; the bays stay locked
    until it is saved.
    """

    # The whole of a move; its action takes them by these names.
    PLACE = ("location", "bay", "start", "services")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "vehicle" in self.fields:
            self.fields["vehicle"].queryset = Vehicle.objects.in_use()  # type: ignore[attr-defined]
        if self.instance.pk:
            zone = ZoneInfo(self.instance.location.time_zone)
            self.initial["start"] = timezone.make_naive(self.instance.start, zone)

    def clean(self) -> Json:
        values = super().clean()
        if values.get("location") is None or "start" not in values or "services" not in values:
            return values
        values["start"] = _on_the_wall(values["start"], ZoneInfo(values["location"].time_zone))
        self._choose_bay(values)
        if not self.errors and (not self.instance.pk or self.moved()):
            self._ask_for(values)
        return values

    def moved(self) -> Json:
        """What was changed of place, time and length."""
        return {name: self.cleaned_data[name] for name in self.PLACE if name in self.changed_data}

    def _choose_bay(self, values: Json) -> None:
        bay: Bay | None = values.get("bay")
        if bay is not None and bay.location_id != values["location"].pk:
            if "bay" in self.changed_data:
                self.add_error("bay", "This bay is at another location.")
            values["bay"] = None  # of another location than before: whichever is free there

    def _ask_for(self, values: Json) -> None:
        try:
            with free_bay(
                values["location"],
                values["start"],
                visit_length(values["services"]),
                now=timezone.now(),
                wanted=self.moved().get("bay"),
                but=self.instance if self.instance.pk else None,
            ):
                pass
        except DomainError as error:
            self.add_error(error.field, error.text)


def _on_the_wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What was typed, read in `zone` instead of the project's own."""
    return timezone.make_naive(instant).replace(tzinfo=zone)


class AssignForm(BaseDialogForm):
    """Who does it."""

    technician = forms.ModelChoiceField(Technician.objects.none(), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["technician"].queryset = Technician.objects.order_by("name", "id")
