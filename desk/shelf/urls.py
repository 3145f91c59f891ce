"""Routes of the page *Needed parts*, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.shelf.pages import NeededPartsPage

urlpatterns: list[URLPattern] = [
    path("admin/needed-parts/", admin.site.admin_view(NeededPartsPage.as_view()), name="needed-parts"),
]
