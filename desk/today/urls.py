"""Routes of the page *Today*, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.today.pages import TodayPage

urlpatterns: list[URLPattern] = [
    path("admin/today/", admin.site.admin_view(TodayPage.as_view()), name="today"),
]
