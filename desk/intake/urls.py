"""Routes of the page *Intake*, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.intake.pages import IntakePage

urlpatterns: list[URLPattern] = [
    path("admin/intake/", admin.site.admin_view(IntakePage.as_view()), name="intake"),
]
