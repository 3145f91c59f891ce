"""URLs of links that need no login."""

from __future__ import annotations

from django.urls import path

from portal.link.billed import InvoicePage, StatementPage
from portal.link.pages import EstimatePage
from portal.link.paper import (
    AuthorisationsPaper,
    CreditNotePaper,
    EstimatePaper,
    InspectionPaper,
    InvoicePaper,
    ReceiptPaper,
    StatementPaper,
)
from portal.link.passport import PassportPage, PassportPaper
from portal.link.photos import EstimatePhoto
from portal.link.reminders import ReminderPage

urlpatterns = [
    path("e/<str:token>", EstimatePage.as_view(), name="estimate-link"),
    path("e/<str:token>/estimate.pdf", EstimatePaper.as_view(), name="estimate-link-pdf"),
    path("e/<str:token>/authorisations.pdf", AuthorisationsPaper.as_view(), name="estimate-link-record"),
    path(
        "e/<str:token>/inspections/<int:inspection_id>.pdf",
        InspectionPaper.as_view(),
        name="estimate-link-inspection",
    ),
    path("e/<str:token>/photos/<public_id:photo_id>", EstimatePhoto.as_view(), name="estimate-link-photo"),
    path("i/<str:token>", InvoicePage.as_view(), name="invoice-link"),
    path("i/<str:token>/invoice.pdf", InvoicePaper.as_view(), name="invoice-link-pdf"),
    path(
        "i/<str:token>/credit-notes/<str:number>.pdf",
        CreditNotePaper.as_view(),
        name="invoice-link-credit-note",
    ),
    path("i/<str:token>/receipts/<int:payment_id>.pdf", ReceiptPaper.as_view(), name="invoice-link-receipt"),
    path("r/<str:token>", ReminderPage.as_view(), name="reminder-link"),
    path("s/<str:token>", StatementPage.as_view(), name="statement-link"),
    path("s/<str:token>/statement.pdf", StatementPaper.as_view(), name="statement-link-pdf"),
    path("v/<str:token>", PassportPage.as_view(), name="passport-link"),
    path("v/<str:token>/passport.pdf", PassportPaper.as_view(), name="passport-link-pdf"),
]
