"""The form that the desk's pages share."""

from __future__ import annotations

from typing import Any

from django import forms

from common.domain.ids import new_uuid


class KeyedForm(forms.Form):
    """A form that acts once, however often it is sent: it carries a key that is drawn when it is shown."""

    key = forms.CharField(max_length=100, widget=forms.HiddenInput)
    # The page shows a field's error below it, and says at the top which fields have one.
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("key", new_uuid().hex)

    def add_error(self, field: str | None, error: Any) -> None:
        """Add an error, and tie the field to the text that the page shows below it."""
        super().add_error(field, error)
        if field in self.fields:
            described = f"err-{field}"
            if (hint := self.fields[field].widget.attrs.get("aria-describedby")) and hint != described:
                described = f"{described} {hint}"
            self.fields[field].widget.attrs |= {"aria-invalid": "true", "aria-describedby": described}
