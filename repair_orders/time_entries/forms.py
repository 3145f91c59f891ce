"""The dialog that corrects a time entry."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from common.admin.forms import LocalTimesForm, time_field
from common.domain.types import Json
from repair_orders.time_entries.models import TimeEntry


def zone_of(entry: TimeEntry) -> tzinfo:
    """Return the time zone of the order's location, or the project's."""
    location = entry.job.repair_order.location
    return ZoneInfo(location.time_zone) if location else timezone.get_default_timezone()


class CorrectForm(LocalTimesForm):
    """The right times of an entry, as local times of the order's location. A time that is not changed stays exact."""

    started = time_field(label="Started")
    ended = time_field(label="Ended", required=False, help_text="Stops a running clock.")
    reason = forms.CharField(max_length=80, widget=UnfoldAdminTextInputWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = TimeEntry.objects.select_related("job__repair_order__location")
        self.entry = rows.filter(pk=self.object_id).first()
        if self.entry is not None:
            for name in ("started", "ended"):
                self.initial[name] = self.to_local(getattr(self.entry, name))

    def get_zone(self) -> tzinfo:
        return zone_of(self.entry) if self.entry else timezone.get_default_timezone()

    def clean(self) -> Json:
        values: Json = super().clean() or self.cleaned_data
        for name in ("started", "ended"):
            stored = getattr(self.entry, name, None)
            if stored is not None and values.get(name) == stored.replace(microsecond=0):
                values[name] = None
        if not self.errors and values["started"] is None and values["ended"] is None:
            raise forms.ValidationError("Change a time.", code="nothing_changed")
        return values
