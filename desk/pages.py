"""Base of the pages of the desk: the permission, the admin's frame, and who asks."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.gzip import gzip_page

from accounts.models import User
from common.domain.caller import Caller
from common.domain.types import Json
from common.domain.units import Units
from customers.callers import caller_of_user
from desk.places import Place


@method_decorator(gzip_page, name="dispatch")
class DeskView(View):
    """A page of the desk. The admin's site asks for a member of staff, and this for `permission`.

    `may` names the permissions that the template asks for, as `may.take`. Pages are compressed: one of an order with
    sixty lines has 250 KB, and 17 KB on the way. Django adds random bytes, which hide the length (BREACH).
    """

    permission: ClassVar[str]
    title: ClassVar[str]
    may: ClassVar[dict[str, str]] = {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(self.permission):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def units(self) -> Units:
        """Return the units of the location at which the user works."""
        return Place(self.request).units

    def refuse_without(self, permission: str) -> None:
        """Raise PermissionDenied unless the user has the permission of a step of the page."""
        if not self.request.user.has_perm(permission):
            raise PermissionDenied

    def by(self) -> int:
        """Return the id of the user who asks."""
        assert self.request.user.pk is not None  # the admin is for signed-in users
        return int(self.request.user.pk)

    def caller(self) -> Caller:
        """Return who asks, as selectors of the rooms take it."""
        user = self.request.user
        assert isinstance(user, User)  # the admin is for signed-in users
        return caller_of_user(user)

    def show(
        self, template: str, context: Json, *, place: Place | None = None, status: int = 200
    ) -> HttpResponse:
        """Render a page in the admin's frame. Its times are in the zone of the place."""
        for text in place.refusals if place else ():
            messages.error(self.request, text)
        may = {name: self.request.user.has_perm(permission) for name, permission in self.may.items()}
        shared = {"title": self.title, "place": place, "may": may, **context}
        if place is not None:
            shared.setdefault("units", place.units)
        with timezone.override(place.zone if place else None):
            return render(
                self.request, template, {**admin.site.each_context(self.request), **shared}, status=status
            )
