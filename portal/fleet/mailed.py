"""The base of pages that a mailed link opens."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

MAX_TOKEN_LENGTH = 200


def page_url(name: str) -> str:
    """Return the absolute URL of a page that a mailed link opens, without its token."""
    return settings.PUBLIC_URL + reverse(name)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class MailedPage(View):
    """A page that a mailed link opens. The link itself changes nothing, because mail scanners open links too.

    The token moves from the URL into a cookie of this page first, so that no later request has it in its URL. A visit
    stores nothing on the server.
    """

    template: ClassVar[str]
    cookie: ClassVar[str]
    name: ClassVar[str]  # of the page's route
    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if "token" in request.GET:
            return self.open(request.GET["token"])
        if not self.token:
            return self.show_spent()
        return self.show_page()

    @classmethod
    def open(cls, token: str) -> HttpResponse:
        """Return a redirect to this page, with the token in its cookie."""
        response = redirect(cls.name)
        cls._keep(response, token[:MAX_TOKEN_LENGTH], seconds=settings.PASSWORD_RESET_TIMEOUT)
        return response

    @property
    def token(self) -> str:
        return self.request.COOKIES.get(self.cookie, "")

    def show_page(self) -> HttpResponse:
        """Return the page of a link that may be valid."""
        return self.show()

    def show(self, status: int = 200, **context: object) -> HttpResponse:
        return render(self.request, self.template, context, status=status)

    def show_spent(self) -> HttpResponse:
        """Forget the token and return the page of a link that does nothing."""
        return self.forget(self.show(is_spent=True, status=400))

    def forget(self, response: HttpResponse) -> HttpResponse:
        """Return the response, which removes the token's cookie if the browser has it."""
        if self.token:
            self._keep(response, "", seconds=0)
        return response

    @classmethod
    def _keep(cls, response: HttpResponse, token: str, *, seconds: int) -> None:
        """Set the token's cookie. `delete_cookie` of Django would leave out `Secure` and `HttpOnly`."""
        response.set_cookie(
            cls.cookie,
            token,
            max_age=seconds,
            path=cls._path(),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )

    @classmethod
    def _path(cls) -> str:
        return reverse(cls.name).rstrip("/")  # the route matches with and without the slash
