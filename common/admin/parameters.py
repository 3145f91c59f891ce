"""Refuse bad parameters of a page's URL with 400 and their names."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.domain.types import AnyModelField

_LONGEST_NUMBER = 9


def bad_parameter(model_admin: Any, request: HttpRequest, text: str) -> HttpResponse:
    """Return a page of the admin with status 400 and the reason."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "Bad request",
        "opts": model_admin.opts,
        "reason": text,
    }
    return TemplateResponse(request, "common/bad_parameter.html", context, status=400)


def fault_of_history(request: HttpRequest) -> str:
    """Return why the parameters of a history's page are refused, or an empty text. The page number is the only one."""
    for name, values in request.GET.lists():
        if name != PAGE_VAR:
            return f"{name}: this page has no such parameter, only {PAGE_VAR}."
        if len(values) > 1 or not is_number(values[0]):
            return f"{name}: {', '.join(values)!r} is not the number of a page."
    return ""


def is_number(text: str) -> bool:
    """Return whether the text is a positive number of a sensible length."""
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and int(text) > 0


def refuse_other_keys(field: AnyModelField, key: str) -> None:
    """Raise Http404 if no row can have this key."""
    try:
        field.to_python(key)
    except ValidationError as error:
        raise Http404 from error
