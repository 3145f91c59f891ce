"""The base of the views of links that need no login (docs/design, D79, D93)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

from django.conf import settings
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from accounts import guesses
from billing.models import Invoice, Statement
from billing.queries import find_invoice_by_token, find_statement_by_token
from common.domain.errors import TooMany
from common.http.address import client_address
from common.http.fallbacks import problem_response
from common.http.problems import problem_from
from repair_orders.estimates.models import Estimate
from repair_orders.estimates.queries import find_by_token

_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


Row = TypeVar("Row", bound=Model)


@method_decorator([csrf_exempt, never_cache], name="dispatch")
class LinkView(View, Generic[Row]):
    """A view of a row by its token. Each response is private, and wrong tokens are counted."""

    ended = "link/nothing.html"

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except TooMany as error:
            problem = problem_from(TooMany(retry_after=error.retry_after))  # not in the words of a sign-in
            assert problem is not None
            response = problem_response(request, problem)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response

    @abstractmethod
    def read(self, token: str) -> Row | None:
        """Return the row of a token, None for an unknown one."""

    @sensitive_variables("token")
    def find(self, token: str) -> Row | None:
        """Return the row of a token. Tokens that open nothing are counted by address. Raises TooManyGuesses."""
        budgets = {f"link-from:{client_address(self.request)}": settings.RATE_ADDRESS}
        guesses.count(budgets)
        row = self.read(token)
        if row is not None:
            guesses.take_back(budgets)
        return row

    def show_ended(self, **context: object) -> HttpResponse:
        return render(self.request, self.ended, context, status=410)


class EstimateView(LinkView[Estimate]):
    """A view of a revision of an estimate."""

    ended = "link/ended.html"

    def read(self, token: str) -> Estimate | None:
        return find_by_token(token)


class InvoiceView(LinkView[Invoice]):
    """A view of an invoice."""

    def read(self, token: str) -> Invoice | None:
        return find_invoice_by_token(token)


class StatementView(LinkView[Statement]):
    """A view of a statement."""

    def read(self, token: str) -> Statement | None:
        return find_statement_by_token(token)
