"""Forms of the admin pages."""

from __future__ import annotations

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminExpandableTextareaWidget, UnfoldBooleanSwitchWidget

from chat.models import Conversation

_MAX_LENGTH = 10_000


def _message_field(label: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=_MAX_LENGTH, widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 4})
    )


class NewConversationForm(forms.ModelForm[Conversation]):
    message = _message_field("First message")

    class Meta:
        model = Conversation
        fields = ("customer", "subject")


class AnswerForm(BaseDialogForm):
    body = _message_field("Message")
    is_internal = forms.BooleanField(
        required=False,
        label="Internal note",
        widget=UnfoldBooleanSwitchWidget,
        help_text="Only staff can see it.",
    )
