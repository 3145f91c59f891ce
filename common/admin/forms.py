"""Forms that the admin's pages share."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from common.domain.types import Json


class ConstrainedForm(forms.ModelForm[Any]):
    """A form that checks constraints also over fields that it does not have.

    Django skips every constraint over such a field, and the database's error would then be a 500.
    """

    constrained: ClassVar[frozenset[str]] = frozenset()

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - (self.constrained - set(self.errors))


class SeenStatus(ConstrainedForm):
    """A form of a row with a status, which is saved only if the status has not changed since the page was opened.

    The writable fields depend on the status. A form opened before a transition would silently lose input.
    """

    seen_status = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen_status"] = self.instance.status

    def clean(self) -> Json:
        values = super().clean() or self.cleaned_data
        if self.instance.pk and values.get("seen_status") != self.instance.status:
            state = self.instance.get_status_display().lower()
            raise forms.ValidationError(
                f"It has become {state} since you opened this page. Nothing was saved: open it again.",
                code="status_changed",
            )
        return values


class LocalTimesForm(BaseDialogForm):
    """A dialog whose times are local times of a place, and not of the project's time zone."""

    def get_zone(self) -> tzinfo:
        """Return the time zone of the dialog's row."""
        raise NotImplementedError

    def to_local(self, value: datetime | None) -> str:
        """Return the initial value of a time field."""
        return "" if value is None else f"{timezone.make_naive(value, self.get_zone()):%Y-%m-%dT%H:%M:%S}"

    def _clean_fields(self) -> None:
        with timezone.override(self.get_zone()):
            super()._clean_fields()


def time_field(**options: Any) -> forms.DateTimeField:
    """Return a field of a `LocalTimesForm`."""
    return forms.DateTimeField(
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "step": "1"}), **options
    )
