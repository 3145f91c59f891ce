"""The forms by which the pages of a passport make and withdraw links."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import QueryDict

from common.domain.number_fields import WholeField
from passports.actions import DAYS, LEAST_DAYS, MOST_DAYS


class ShareFields(forms.Form):
    """How long a link works, and whether the history stays with the vehicle."""

    days = WholeField(label="Works for (days)", min_value=LEAST_DAYS, max_value=MOST_DAYS, initial=DAYS)
    for_next_owner = forms.BooleanField(
        label="If the vehicle is sold meanwhile, its next owner keeps this history", required=False
    )


class _WithdrawForm(forms.Form):
    withdraw = forms.UUIDField()


def link_to_withdraw(posted: QueryDict) -> UUID | None:
    """Return the public id of the link that a button names, or None for anything else."""
    form = _WithdrawForm(posted)
    found: UUID | None = form.cleaned_data["withdraw"] if form.is_valid() else None
    return found
