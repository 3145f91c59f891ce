"""Routes of the customer's page and its steps, in the admin's site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, path

from desk.customers import pages, passports

_CUSTOMER = "admin/customers-page/<int:customer_id>/"
_VEHICLE = f"{_CUSTOMER}vehicles/<int:vehicle_id>/"


def _page(view: Any) -> Any:
    return admin.site.admin_view(view.as_view())


urlpatterns: list[URLPattern] = [
    path(_CUSTOMER, _page(pages.CustomerPage), name="customer-page"),
    path(f"{_CUSTOMER}merge/", _page(pages.MergePage), name="customer-merge"),
    path(f"{_VEHICLE}transfer/", _page(pages.TransferPage), name="vehicle-transfer"),
    path(f"{_VEHICLE}correct/", _page(pages.CorrectionPage), name="vehicle-correct"),
    path(f"{_VEHICLE}read/", _page(pages.ReadingPage), name="vehicle-read"),
    path(f"{_VEHICLE}passport/", _page(passports.PassportPage), name="vehicle-passport"),
    path(f"{_VEHICLE}passport.pdf", _page(passports.PassportPaper), name="vehicle-passport-pdf"),
    path(f"{_VEHICLE}restore/", _page(pages.RestoreStep), name="vehicle-restore"),
    path(f"{_VEHICLE}archive/", _page(pages.ArchiveStep), name="vehicle-archive"),
]
