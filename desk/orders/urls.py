"""Routes of the page *Repair orders*, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.orders.pages import OrdersPage

urlpatterns: list[URLPattern] = [
    path("admin/repair-orders/", admin.site.admin_view(OrdersPage.as_view()), name="repair-orders"),
]
