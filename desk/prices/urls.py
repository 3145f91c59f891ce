"""Routes of the page of prices, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.prices.pages import PricesPage

urlpatterns: list[URLPattern] = [
    path("admin/prices/", admin.site.admin_view(PricesPage.as_view()), name="prices"),
]
