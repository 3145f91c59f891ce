"""The route of the page *Order*, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.order.pages import OrderPage

urlpatterns: list[URLPattern] = [
    path("admin/orders/<int:order_id>/", admin.site.admin_view(OrderPage.as_view()), name="order-page"),
]
