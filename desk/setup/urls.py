"""The route of the first run, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.setup.pages import SetupPage

urlpatterns: list[URLPattern] = [
    path("admin/setup/", admin.site.admin_view(SetupPage.as_view()), name="setup"),
]
