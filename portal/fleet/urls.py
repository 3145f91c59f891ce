"""URLs of the portal, below `/customer/`."""

from __future__ import annotations

from common.http.routing import route
from portal.fleet import company, dashboard, live, repairs, sign_in, units

front = dashboard.Dashboard.as_view()
urlpatterns = [
    route("login/", sign_in.SignIn.as_view(), name="fleet-login"),
    route("logout/", sign_in.SignOut.as_view(), name="fleet-logout"),
    route("password/", sign_in.ForgottenPassword.as_view(), name="fleet-forgotten"),
    route("password/new/", sign_in.NewPassword.as_view(), name="fleet-new-password"),
    route("", front),
    route("dashboard/", dashboard.Dashboard.as_view(), name="fleet-dashboard"),
    route("repairs/", repairs.RepairsPage.as_view(), name="fleet-repairs"),
    route("repairs/new/", repairs.RequestPage.as_view(), name="fleet-request"),
    route("repairs/<id:id>/", repairs.RepairPage.as_view(), name="fleet-repair"),
    route("repairs/<id:id>/photos/<public_id:photo_id>/", repairs.PhotoPage.as_view(), name="fleet-photo"),
    route("units/", units.UnitsPage.as_view(), name="fleet-units"),
    route("units/new/", units.NewUnitPage.as_view(), name="fleet-new-unit"),
    route("units/<id:id>/", units.UnitPage.as_view(), name="fleet-unit"),
    route("units/<id:id>/archive/", units.ArchiveUnitPage.as_view(), name="fleet-archive-unit"),
    route("live/", live.Live.as_view(), name="fleet-live"),
    route("company/", company.CompanyPage.as_view(), name="fleet-company"),
    route("company/users/new/", company.InvitePage.as_view(), name="fleet-invite"),
    route("company/users/<id:id>/remove/", company.RemoveUserPage.as_view(), name="fleet-remove-user"),
]
