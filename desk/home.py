"""The first page of a member of staff: the page on which their day begins."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from appointments.models import Location
from common.domain.caller import Role

# Role -> the page on which its day begins. The others begin with the tables.
_PAGES: dict[str, str] = {
    Role.TECHNICIAN: "my-jobs",
    Role.ADVISOR: "today",
    Role.MANAGER: "money",
    Role.ADMIN: "today",
}
_NEEDS = {
    "my-jobs": "repair_orders.work_repairorder",
    "today": "appointments.view_appointment",
    "money": "billing.view_closedday",
}


def home(request: HttpRequest) -> HttpResponseBase:
    """Send a member of staff to the page of their role, or to the tables if they may not see it.

    A shop without a location is set up first, by who may.
    """
    if request.user.has_perm("appointments.add_location") and not Location.objects.exists():
        return redirect("setup")
    name = _PAGES.get(getattr(request.user, "role", ""), "today")
    return redirect(name if request.user.has_perm(_NEEDS[name]) else "tables")
