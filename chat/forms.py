"""What the admin asks for."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminExpandableTextareaWidget, UnfoldBooleanSwitchWidget

from chat.models import Conversation

_LONGEST = 10_000


def _words(**kwargs: Any) -> forms.CharField:
    return forms.CharField(
        max_length=_LONGEST, widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 4}), **kwargs
    )


class NewConversationForm(forms.ModelForm[Conversation]):
    message = _words(label="First message")

    class Meta:
        model = Conversation
        fields = ("customer", "subject")


class AnswerForm(BaseDialogForm):
    body = _words(label="Message")
    is_internal = forms.BooleanField(
        required=False,
        label="Internal note",
        widget=UnfoldBooleanSwitchWidget,
        help_text="For the shop alone; the customer never sees it.",
    )
