"""The request of a contract's view."""

from __future__ import annotations

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from common.domain.caller import Caller


class CallerRequest(Request):
    """A request whose user is a `Caller`, or None without credentials."""

    user: Caller | None  # type: ignore[assignment]  # the stubs know only Django's users

    @property
    def caller(self) -> Caller:
        """The caller. Raises NotAuthenticated if there is none."""
        if self.user is None:
            raise NotAuthenticated
        return self.user
