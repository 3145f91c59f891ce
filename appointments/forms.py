"""The staff's form of a visit. Its times are wall-clock times of the location, wherever the reader sits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget

from appointments.actions import lock_bays
from appointments.models import Bay, Technician
from common.forms import SeenStatus
from vehicles.models import Vehicle


class BayChoice(forms.ModelChoiceField[Bay]):
    """A bay by its full name: every garage has a Bay 1."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.location.name} – {obj.name}"


class AppointmentForm(SeenStatus):
    """The location follows from the bay and the customer from the vehicle, so that they cannot disagree."""

    constrained = frozenset({"status"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "vehicle" in self.fields:
            self.fields["vehicle"].queryset = Vehicle.objects.in_use()  # type: ignore[attr-defined]
        if self.instance.pk:
            zone = ZoneInfo(self.instance.location.time_zone)
            for name in ("start", "end"):
                self.initial[name] = timezone.make_naive(getattr(self.instance, name), zone)

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        bay: Bay | None = values.get("bay")
        if bay is not None:
            lock_bays(location_id=bay.location_id)  # before the model looks whether the bay is free
            self.instance.location = bay.location
            zone = ZoneInfo(bay.location.time_zone)
            for name in ("start", "end"):
                if name in values:
                    values[name] = _on_the_wall(values[name], zone)
        if "vehicle" in values:
            self.instance.customer_id = values["vehicle"].customer_id
        return values


def _on_the_wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What was typed, read in `zone` instead of the project's own."""
    return timezone.make_naive(instant).replace(tzinfo=zone)


class AssignForm(BaseDialogForm):
    """Who does it."""

    technician = forms.ModelChoiceField(Technician.objects.none(), widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["technician"].queryset = Technician.objects.order_by("name", "id")
