"""Answers outside a view: in the contract's words under its address, a small page elsewhere."""

from __future__ import annotations

import sys

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from common.http.contracts.registry import contract_for
from common.http.problems import (
    BAD_REQUEST,
    CSRF_FAILED,
    SERVER_ERROR,
    STATUS,
    UNAVAILABLE,
    UNKNOWN_ROUTE,
    Problem,
    is_database_unavailable,
)


def page_for(request: HttpRequest, problem: Problem, template: str = "problem.html") -> HttpResponse:
    """The problem as a page for people."""
    response = render(request, template, {"problem": problem}, status=STATUS[problem.kind])
    for name, value in problem.headers.items():
        response[name] = value
    return response


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem in the words of whoever owns the address."""
    contract = contract_for(request.path)
    if contract is None:
        return page_for(request, problem)
    if contract.prefers_html(request):
        return page_for(request, problem, contract.page)
    return contract.response(problem)


@csrf_exempt  # a client without a token is told 404 as well, not that a form expired
def unknown_route(request: HttpRequest) -> HttpResponse:
    """The last route. In a contract it answers as the contract does, also with DEBUG on, when Django would show
    its own page."""
    if contract_for(request.path) is None:
        raise Http404
    return answer(request, UNKNOWN_ROUTE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(
        request, Problem(CSRF_FAILED.kind, "forbidden", "Access denied", "You may not see this page.")
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, UNKNOWN_ROUTE)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls this while the exception is being handled."""
    error = sys.exc_info()[1]
    away = error is not None and is_database_unavailable(error)
    return answer(request, UNAVAILABLE if away else SERVER_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, CSRF_FAILED)
