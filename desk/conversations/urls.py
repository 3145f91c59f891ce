"""Routes of conversations and of parts by mail, in the admin's site."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import URLPattern, path

from desk.conversations import pages, parts


def _page(view: Any) -> Any:
    return admin.site.admin_view(view.as_view())


urlpatterns: list[URLPattern] = [
    path("admin/conversations/", _page(pages.ListPage), name="conversations"),
    path("admin/conversations/new/", _page(pages.NewPage), name="conversation-new"),
    path("admin/conversations/<int:conversation_id>/", _page(pages.ConversationPage), name="conversation"),
    path("admin/parts-desk/", _page(parts.PartsPage), name="parts-desk"),
    path("admin/parts-desk/orders/<int:pk>/<slug:step>/", _page(parts.OrderStep), name="parts-order-step"),
    path("admin/parts-desk/returns/<int:pk>/<slug:step>/", _page(parts.ReturnStep), name="return-step"),
]
