"""Routes of the page *Money*, in the admin's site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, path, re_path

from desk.money import pages


def _page(view: Any) -> Any:
    return admin.site.admin_view(view.as_view())


urlpatterns: list[URLPattern] = [
    path("admin/money/", _page(pages.DayPage), name="money"),
    path("admin/money/payment/", _page(pages.PaymentPage), name="money-payment"),
    path("admin/money/refund/<int:payment_id>/", _page(pages.RefundPage), name="money-refund"),
    path("admin/money/statements/", _page(pages.StatementsPage), name="money-statements"),
    re_path(r"^admin/money/day-sheet\.(?P<kind>csv|pdf)$", _page(pages.SheetPage), name="money-sheet"),
    re_path(
        rf"^admin/money/reports/(?P<name>{'|'.join(pages.REPORTS)})/$",
        _page(pages.ReportPage),
        name="money-report",
    ),
]
