"""Routes of the follow-ups, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.follow_ups.notes import CallStep
from desk.follow_ups.pages import FollowUpsPage, FollowUpStep

urlpatterns: list[URLPattern] = [
    path("admin/follow-ups/", admin.site.admin_view(FollowUpsPage.as_view()), name="follow-ups"),
    path(
        "admin/follow-ups/calls/<int:customer_id>/",
        admin.site.admin_view(CallStep.as_view()),
        name="follow-up-call",
    ),
    path(
        "admin/follow-ups/<int:pk>/<slug:step>/",
        admin.site.admin_view(FollowUpStep.as_view()),
        name="follow-up-step",
    ),
]
