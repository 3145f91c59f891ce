"""Responses to problems outside a contract's view: the contract's body under its URLs, a small page elsewhere."""

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
    UNKNOWN_ROUTE,
    Problem,
    problem_of_services,
)
from common.http.routing import view_class_of


def page_for(request: HttpRequest, problem: Problem, template: str = "problem.html") -> HttpResponse:
    """Return the problem as an HTML page."""
    response = render(request, template, {"problem": problem}, status=STATUS[problem.kind])
    for name, value in problem.headers.items():
        response[name] = value
    return response


def problem_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the problem as the contract of the URL renders it, or as a page where there is no contract.

    A view of the staff's API has a contract of its own under the shop's URLs.
    """
    contract = contract_for(request.path)
    if contract is None:
        return page_for(request, problem)
    contract = getattr(view_class_of(request.path_info), "contract", contract)
    if contract.prefers_html(request):
        return page_for(request, problem, contract.page)
    return contract.response(problem)


@csrf_exempt  # a client without a CSRF token gets 404 as well, and not an expired form
def unknown_route(request: HttpRequest) -> HttpResponse:
    """Answer every URL that no route matches.

    Under a contract's URLs the contract renders the 404, also with DEBUG, where Django would show its own page.
    """
    if contract_for(request.path) is None:
        raise Http404
    return problem_response(request, UNKNOWN_ROUTE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(request, BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(
        request, Problem(CSRF_FAILED.kind, "forbidden", "Access denied", "You may not see this page.")
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem_response(request, UNKNOWN_ROUTE)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, 503 if the database is unavailable, or 507 if a disk is full.

    Django calls this while it handles the exception.
    """
    error = sys.exc_info()[1]
    problem = problem_of_services(error) if error is not None else None
    return problem_response(request, problem or SERVER_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return problem_response(request, CSRF_FAILED)
