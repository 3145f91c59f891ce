"""Shared steps of the contracts' routes of the caller's own user."""

from __future__ import annotations

from django.utils import timezone

from accounts.emails import Origin
from accounts.models import User
from accounts.profile import change_person
from common.domain.types import Json
from common.http.address import client_address
from common.http.views import ContractView


def change_own_user(view: ContractView, values: Json) -> None:
    """Change the names, the phone or the email of the caller, who must be signed in.

    Raises the errors of `change_person`.
    """
    caller = view.caller
    origin = Origin(
        user_id=caller.user_id,
        address=client_address(view.request._request),
        at=timezone.now(),
        session=caller.session,
    )
    change_person(user=User.objects.get(pk=caller.user_id), origin=origin, **values)
