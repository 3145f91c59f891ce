"""URLs of the portal, below `/customer/`.

`repairs/request/`, `company/edit/` and `account/settings/` are further addresses of pages, to which clients of contract
001 link.
"""

from __future__ import annotations

from common.http.routing import route
from portal.fleet import (
    company,
    dashboard,
    due,
    emails,
    invitation,
    invoices,
    live,
    papers,
    passports,
    repairs,
    sign_in,
    units,
)

front = dashboard.Dashboard.as_view()
urlpatterns = [
    route("login/", sign_in.SignIn.as_view(), name="fleet-login"),
    route("logout/", sign_in.SignOut.as_view(), name="fleet-logout"),
    route("password/", sign_in.ForgottenPassword.as_view(), name="fleet-forgotten"),
    route("password/new/", sign_in.NewPassword.as_view(), name="fleet-new-password"),
    route("invitation/", invitation.AcceptInvitation.as_view(), name="fleet-invitation"),
    route("email/undo/", emails.UndoEmailChange.as_view(), name="fleet-undo-email"),
    route("email/confirm/", emails.ConfirmEmail.as_view(), name="fleet-confirm-email"),
    route("", front),
    route("dashboard/", dashboard.Dashboard.as_view(), name="fleet-dashboard"),
    route("repairs/", repairs.RepairsPage.as_view(), name="fleet-repairs"),
    route("repairs/new/", repairs.RequestPage.as_view(), name="fleet-request"),
    route("repairs/request/", repairs.RequestPage.as_view(), name="fleet-request-linked"),
    route("repairs/<id:id>/", repairs.RepairPage.as_view(), name="fleet-repair"),
    route(
        "repairs/<id:id>/estimates/<id:revision>/pdf/",
        papers.EstimatePaperPage.as_view(),
        name="fleet-estimate-pdf",
    ),
    route(
        "repairs/<id:id>/authorisations/pdf/",
        papers.AuthorisationsPaperPage.as_view(),
        name="fleet-authorisations-pdf",
    ),
    route(
        "repairs/<id:id>/inspections/<id:inspection_id>/pdf/",
        papers.InspectionPaperPage.as_view(),
        name="fleet-inspection-pdf",
    ),
    route("repairs/<id:id>/photos/<public_id:photo_id>/", repairs.PhotoPage.as_view(), name="fleet-photo"),
    route("units/", units.UnitsPage.as_view(), name="fleet-units"),
    route("units/new/", units.NewUnitPage.as_view(), name="fleet-new-unit"),
    route("units/<id:id>/", units.UnitPage.as_view(), name="fleet-unit"),
    route("units/<id:id>/archive/", units.ArchiveUnitPage.as_view(), name="fleet-archive-unit"),
    route("units/<id:id>/passport/", passports.PassportPage.as_view(), name="fleet-passport"),
    route("units/<id:id>/passport/pdf/", passports.PassportPaperPage.as_view(), name="fleet-passport-pdf"),
    route("due/", due.DuePage.as_view(), name="fleet-due"),
    route("invoices/", invoices.InvoicesPage.as_view(), name="fleet-invoices"),
    route("invoices/<id:id>/", invoices.InvoicePage.as_view(), name="fleet-invoice"),
    route("invoices/<id:id>/pdf/", invoices.InvoicePaperPage.as_view(), name="fleet-invoice-pdf"),
    route("credit-notes/<id:id>/pdf/", invoices.CreditNotePaperPage.as_view(), name="fleet-credit-note-pdf"),
    route("payments/<id:id>/pdf/", invoices.ReceiptPage.as_view(), name="fleet-receipt-pdf"),
    route("statements/<id:id>/pdf/", invoices.StatementPaperPage.as_view(), name="fleet-statement-pdf"),
    route("statements/", invoices.StatementsPage.as_view(), name="fleet-statements"),
    route("live/", live.Live.as_view(), name="fleet-live"),
    route("company/", company.CompanyPage.as_view(), name="fleet-company"),
    route("company/edit/", company.CompanyPage.as_view(), name="fleet-company-linked"),
    route("account/settings/", company.SessionsPage.as_view(), name="fleet-account-settings"),
    route("company/sessions/", company.SessionsPage.as_view(), name="fleet-sessions"),
    route("company/users/new/", company.InvitePage.as_view(), name="fleet-invite"),
    route("company/users/<id:id>/role/", company.ChangeRolePage.as_view(), name="fleet-change-role"),
    route("company/users/<id:id>/remove/", company.RemoveUserPage.as_view(), name="fleet-remove-user"),
    route(
        "company/invitations/<id:id>/resend/",
        company.ResendInvitationPage.as_view(),
        name="fleet-resend-invitation",
    ),
    route(
        "company/invitations/<id:id>/withdraw/",
        company.WithdrawInvitationPage.as_view(),
        name="fleet-withdraw-invitation",
    ),
]
