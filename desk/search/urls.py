"""Routes of the search, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.search.pages import SearchPage

urlpatterns: list[URLPattern] = [
    path("admin/search/", admin.site.admin_view(SearchPage.as_view()), name="desk-search"),
]
