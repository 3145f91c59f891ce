"""The route of a visit's page, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.visits.pages import VisitPage

urlpatterns: list[URLPattern] = [
    path("admin/visits/<int:visit_id>/", admin.site.admin_view(VisitPage.as_view()), name="visit-page"),
]
