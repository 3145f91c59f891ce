"""The form below the choice: who answers, and their consent."""

from __future__ import annotations

from typing import Any

from django import forms

from common.domain.number_fields import DecimalField
from common.domain.text_fields import CodeFormField, TextFormField


class AnswerForm(forms.Form):
    """Who answers. A refusal of all jobs needs neither consent nor a PO number."""

    total = DecimalField(max_digits=10, decimal_places=2, widget=forms.HiddenInput)
    by_name = TextFormField(
        label="Your full name",
        max_length=200,
        error_messages={"required": "Write your name."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    po_number = CodeFormField(
        label="PO number",
        max_length=40,
        error_messages={"required": "Your company needs a PO number for each approval."},
    )
    consent = forms.BooleanField(error_messages={"required": "Tick the box if you agree."})

    def __init__(self, *args: Any, approves: bool, needs_po_number: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["consent"].required = approves
        if not needs_po_number:
            del self.fields["po_number"]
        else:
            self.fields["po_number"].required = approves
