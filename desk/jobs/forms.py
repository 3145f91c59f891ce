"""The forms of the page *My jobs*."""

from __future__ import annotations

from django import forms

from common.domain.text_fields import TextFormField
from inspections.models import ADVISED, Rating


class FindingForm(forms.Form):
    """The finding about an item. A field that is not sent stays as it is."""

    rating = forms.ChoiceField(choices=Rating.choices, required=False)
    value = TextFormField(required=False, max_length=60)
    note = TextFormField(required=False, max_length=2_000)
    photo = forms.FileField(required=False)

    @property
    def sent(self) -> dict[str, str]:
        """The words that were sent."""
        values = {name: self.cleaned_data[name] for name in ("value", "note") if name in self.data}
        if self.cleaned_data["rating"]:
            values["rating"] = self.cleaned_data["rating"]
        return values


class FoundForm(forms.Form):
    """What was found beside the items of the template."""

    name = TextFormField(max_length=200)
    rating = forms.ChoiceField(choices=[(rating, rating) for rating in ADVISED])
    photo = forms.FileField(required=False)


class DoneForm(forms.Form):
    """The correction in words. `received` books missing parts as received first."""

    correction = TextFormField(max_length=10_000, error_messages={"required": "Say in words what was done."})
    received = forms.BooleanField(required=False)
