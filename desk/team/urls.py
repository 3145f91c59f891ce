"""Routes of the team, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from desk.team.keys import KeysPage, RevokeKey
from desk.team.pages import TeamPage, TeamStep
from desk.team.webhooks import ReplayDelivery, RotateSecret, WebhookPage, WebhooksPage, WebhookStep

urlpatterns: list[URLPattern] = [
    path("admin/team/", admin.site.admin_view(TeamPage.as_view()), name="team"),
    path("admin/team/<int:pk>/<slug:step>/", admin.site.admin_view(TeamStep.as_view()), name="team-step"),
    path("admin/api-keys/", admin.site.admin_view(KeysPage.as_view()), name="api-keys"),
    path(
        "admin/api-keys/<int:pk>/revoke/", admin.site.admin_view(RevokeKey.as_view()), name="api-key-revoke"
    ),
    path("admin/webhooks/", admin.site.admin_view(WebhooksPage.as_view()), name="webhooks"),
    path("admin/webhooks/<int:pk>/", admin.site.admin_view(WebhookPage.as_view()), name="webhook"),
    path(
        "admin/webhooks/<int:pk>/secret/",
        admin.site.admin_view(RotateSecret.as_view()),
        name="webhook-rotate",
    ),
    path(
        "admin/webhooks/deliveries/<int:pk>/replay/",
        admin.site.admin_view(ReplayDelivery.as_view()),
        name="delivery-replay",
    ),
    path(
        "admin/webhooks/<int:pk>/<slug:step>/",
        admin.site.admin_view(WebhookStep.as_view()),
        name="webhook-step",
    ),
]
