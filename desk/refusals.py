"""The pages of 403 and 404 inside the admin: in its frame, with a link to one's first page."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.http import fallbacks


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_at_desk(request):
        return fallbacks.forbidden(request, exception)
    return _show(request, "Access denied", "Your role does not allow this page or this step.", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_at_desk(request):
        return fallbacks.not_found(request, exception)
    return _show(request, "Not found", "Nothing is at this address. It may have been removed.", status=404)


def _is_at_desk(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return request.path.startswith("/admin/") and user is not None and user.is_active and user.is_staff


def _show(request: HttpRequest, title: str, text: str, *, status: int) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "text": text}
    return render(request, "desk/refused.html", context, status=status)
