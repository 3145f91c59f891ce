"""Answer a page of the desk before it sends a form, so that nothing that was typed is lost."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token


def ready(request: HttpRequest) -> JsonResponse:
    """Return the present CSRF token of a browser that is signed in.

    The admin's site redirects another one to the sign-in. Each sign-in changes the token, so a form that was open
    meanwhile has an old one.
    """
    return JsonResponse({"token": get_token(request)})
