"""Problems (docs/design, D10): every kind, as every contract renders it, with its status and whole body."""

from __future__ import annotations

import errno
import json
import sqlite3

import psycopg
import pytest
from django.core.exceptions import DisallowedHost, PermissionDenied, RequestDataTooBig
from django.db import IntegrityError, InterfaceError, InternalError, OperationalError
from django.http import Http404
from rest_framework import exceptions

from accounts.actions import WrongCredentials
from accounts.guesses import TooManyGuesses
from common.domain import errors
from common.domain.errors import Kind
from common.http.contracts.registry import CONTRACTS, contract_for
from common.http.contracts.shop import STAFF
from common.http.etags import RowChanged
from common.http.idempotency import KeyReused, StillAnswering
from common.http.problems import SERVER_ERROR, STATUS, first_message, messages_by_path, problem_from
from files.api.member import LengthRequired
from integrations.queries import EventsGone
from orders.returns import ReturnWindowClosed
from repair_orders.estimates.actions import EstimateChanged
from vehicles.actions import VinTaken

BY_NAME = {contract.name: contract for contract in CONTRACTS}

ONLY_CUSTOMERS = "This endpoint is only accessible to customers."
NO_RECORD = "This user account is not linked to a customer record. Please contact support."
NO_PROFILE = "No profile has been created for this user yet. Create it with POST profile/create/."
FLEET_404 = "Customer profile not found"
AWAY = "The service cannot answer right now. Try again in a few seconds."
VIN_TAKEN = "You already have a vehicle with this VIN."
STALE = "The estimate has changed since it was shown. Look at the new total and approve that."
FULL = "The server has no space left to store this. Nothing was saved. Try again later."
OUR_FAULT = "Something went wrong on our side. It has been logged."


def told(title, detail):
    return {"error": title, "detail": detail}


def everywhere(status, title, detail, **but):
    """Return one status, with `{error, detail}` in shop, care and crm, and `{error}` elsewhere, except `but`."""
    long, short = told(title, detail), {"error": detail}
    bodies = {"shop": long, "care": long, "crm": long, "member": short, "fleet": short}
    return {name: (status, body) for name, body in bodies.items()} | but


def caused(kind, cause):
    error = kind("internal words")
    error.__cause__ = cause
    return error


def sqlite_full():
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


CASES = {
    "malformed": (
        exceptions.ParseError("The body is not valid JSON: oops"),
        everywhere(
            400, "Malformed JSON", "The body is not valid JSON: oops",
            shop=(400, told("Malformed JSON", "The body is not valid JSON: oops") | {"fields": {}}),
        ),
    ),
    "wrong field": (
        exceptions.ValidationError({"vin": ["Too short.", "Odd."], "year": ["Too old."]}),
        {
            "shop": (400, told("Invalid input", "vin: Too short.")
                     | {"fields": {"vin": ["Too short.", "Odd."], "year": ["Too old."]}}),
            "care": (422, told("Invalid input", "vin: Too short.")
                     | {"fields": {"vin": ["Too short.", "Odd."], "year": ["Too old."]}}),
            "crm": (400, {"vin": ["Too short.", "Odd."], "year": ["Too old."]}),
            "member": (400, {"vin": ["Too short.", "Odd."], "year": ["Too old."]}),
            "fleet": (400, {"error": "vin: Too short."}),
        },
    ),
    "wrong whole": (
        exceptions.ValidationError(["These do not fit."]),
        everywhere(
            400, "Invalid input", "These do not fit.",
            shop=(400, told("Invalid input", "These do not fit.")
                  | {"fields": {"non_field_errors": ["These do not fit."]}}),
            care=(422, told("Invalid input", "These do not fit.")
                  | {"fields": {"non_field_errors": ["These do not fit."]}}),
        ),
    ),
    "business refusal of a field": (
        VinTaken(field="vin"),
        {
            "shop": (400, told("Vehicle exists", VIN_TAKEN) | {"fields": {"vin": [VIN_TAKEN]}}),
            "care": (422, told("Vehicle exists", VIN_TAKEN) | {"fields": {"vin": [VIN_TAKEN]}}),
            "crm": (400, {"vin": [VIN_TAKEN]}),
            "member": (400, {"error": VIN_TAKEN, "vin": [VIN_TAKEN]}),
            "fleet": (400, {"error": VIN_TAKEN}),
        },
    ),
    "invalid without a field": (
        errors.Invalid("No."),
        everywhere(
            400, "Invalid input", "No.",
            shop=(400, told("Invalid input", "No.") | {"fields": {}}),
            care=(422, told("Invalid input", "No.") | {"fields": {}}),
        ),
    ),
    "deleted because of its age": (
        EventsGone(),
        everywhere(
            410, "Events are gone",
            "Events that followed it are deleted: they are kept for 90 days. Read anew what you store, and begin with "
            "the oldest event that is left, without `after`.",
        ),
    ),
    "changed since it was read": (
        RowChanged(),
        everywhere(412, "Row has changed", "The row has changed since it was read."),
    ),
    "against a rule of the business": (
        ReturnWindowClosed(),
        everywhere(
            400, "Cannot be returned", "An order can be returned within 30 days of its delivery.",
            shop=(400, told("Cannot be returned", "An order can be returned within 30 days of its delivery.")
                  | {"fields": {}}),
        ),
    ),
    "no token": (
        exceptions.NotAuthenticated(),
        everywhere(
            401, "Unauthorized", "Authentication credentials were not provided.",
            shop=(401, {"detail": "Authentication credentials were not provided."}),
        ),
    ),
    "bad token": (
        exceptions.AuthenticationFailed("Given token is not valid or has expired."),
        everywhere(
            401, "Unauthorized", "Given token is not valid or has expired.",
            shop=(401, {"detail": "Given token is not valid or has expired."}),
        ),
    ),
    "wrong password": (
        WrongCredentials(),
        everywhere(
            401, "Invalid credentials", "No active account found with the given credentials",
            shop=(401, {"detail": "No active account found with the given credentials"}),
            member=(401, {"error": "Invalid credentials"}),
        ),
    ),
    "forbidden": (
        errors.Forbidden(),
        everywhere(403, "Access denied", "You do not have permission to perform this action."),
    ),
    "forbidden by DRF": (
        exceptions.PermissionDenied(),
        everywhere(403, "Access denied", "You do not have permission to perform this action."),
    ),
    "forbidden by Django": (
        PermissionDenied("internal words"),
        everywhere(403, "Access denied", "You do not have permission to perform this action."),
    ),
    "staff only": (
        errors.StaffOnly(),
        everywhere(403, "Access denied", "This endpoint is only accessible to staff."),
    ),
    "customers only": (
        errors.CustomersOnly(),
        everywhere(
            403, "Access denied", ONLY_CUSTOMERS,
            crm=(403, told("Access denied", "Only customers can access this endpoint.")),
            fleet=(404, {"error": FLEET_404}),
        ),
    ),
    "no customer record": (
        errors.NoCustomerRecord(),
        everywhere(
            404, "No customer record found for this user", NO_RECORD,
            crm=(404, told("Customer profile not found", NO_PROFILE)),
            fleet=(404, {"error": FLEET_404}),
        ),
    ),
    "missing": (errors.Missing("Vehicle not found."), everywhere(404, "Not found", "Vehicle not found.")),
    "missing for Django": (Http404("No Vehicle matches"), everywhere(404, "Not found", "Not found.")),
    "missing for DRF": (exceptions.NotFound(), everywhere(404, "Not found", "Not found.")),
    "method": (
        exceptions.MethodNotAllowed("PUT"),
        everywhere(405, "Method not allowed", 'Method "PUT" not allowed.'),
    ),
    "conflict": (errors.DomainError("Somebody was faster."), everywhere(409, "Conflict", "Somebody was faster.")),
    "conflict with facts": (
        EstimateChanged(total="12.30"),
        {
            name: (409, body | {"total": "12.30"})
            for name, (_, body) in everywhere(409, "The estimate has changed", STALE).items()
        },
    ),
    "still answering": (
        StillAnswering(),
        everywhere(
            409, "Request in progress",
            "A request with this Idempotency-Key is still being answered. Try again.",
        ),
    ),
    "length required": (
        LengthRequired(),
        everywhere(411, "Length required", "Send the file with a Content-Length header, not in chunks."),
    ),
    "too large": (
        errors.TooLarge("Too much."),
        everywhere(413, "Request too large", "Too much."),
    ),
    "too large for Django": (
        RequestDataTooBig("internal words"),
        everywhere(413, "Request too large", "The request body is larger than this server takes."),
    ),
    "media type": (
        exceptions.UnsupportedMediaType("text/csv"),
        everywhere(415, "Unsupported media type", 'Unsupported media type "text/csv" in request.'),
    ),
    "unprocessable": (
        KeyReused(),
        everywhere(
            422, "Idempotency key reused", "This Idempotency-Key was already used for another request.",
            care=(422, told("Idempotency key reused", "This Idempotency-Key was already used for another request.")
                  | {"fields": {}}),
        ),
    ),
    "too many": (
        TooManyGuesses(retry_after=7),
        everywhere(429, "Too many requests", "Too many sign-in attempts. Try again later."),
    ),
    "suspicious": (
        DisallowedHost("evil.example"),
        everywhere(
            400, "Bad request", "The request cannot be read.",
            shop=(400, told("Bad request", "The request cannot be read.") | {"fields": {}}),
        ),
    ),
    "database away": (OperationalError("internal words"), everywhere(503, "Service unavailable", AWAY)),
    "connection lost": (InterfaceError("internal words"), everywhere(503, "Service unavailable", AWAY)),
    "waited for a lock": (
        caused(OperationalError, psycopg.errors.LockNotAvailable()), everywhere(503, "Service unavailable", AWAY)
    ),
    "statement took too long": (
        caused(OperationalError, psycopg.errors.QueryCanceled()), everywhere(503, "Service unavailable", AWAY)
    ),
    "deadlock": (
        caused(OperationalError, psycopg.errors.DeadlockDetected()), everywhere(503, "Service unavailable", AWAY)
    ),
    "idle transaction": (
        caused(InternalError, psycopg.errors.IdleInTransactionSessionTimeout()),
        everywhere(503, "Service unavailable", AWAY),
    ),
    "disk full": (OSError(errno.ENOSPC, "internal words"), everywhere(507, "Storage full", FULL)),
    "quota full": (OSError(errno.EDQUOT, "internal words"), everywhere(507, "Storage full", FULL)),
    "PostgreSQL's disk full": (
        caused(OperationalError, psycopg.errors.DiskFull()), everywhere(507, "Storage full", FULL)
    ),
    "SQLite's disk full": (
        caused(OperationalError, sqlite_full()), everywhere(507, "Storage full", FULL)
    ),
    "our fault": (SERVER_ERROR, everywhere(500, "Server error", OUR_FAULT)),
}  # fmt: skip


@pytest.mark.parametrize("contract", BY_NAME)
@pytest.mark.parametrize("case", CASES)
def test_every_problem_in_every_contract(case, contract):
    error, expected = CASES[case]
    problem = error if error is SERVER_ERROR else problem_from(error)
    status, body, _headers = BY_NAME[contract].render_problem(problem)
    assert (status, body) == expected[contract]


@pytest.mark.parametrize("case", CASES)
def test_every_problem_in_the_staffs_api_is_the_shops_with_its_code(case):
    error, expected = CASES[case]
    problem = error if error is SERVER_ERROR else problem_from(error)
    status, body, _headers = STAFF.render_problem(problem)
    assert (status, body) == (expected["shop"][0], {**expected["shop"][1], "code": problem.code})
    declared = STAFF.error_serializer(status)().fields
    assert (set(body) - set(declared) <= {"total"}, declared["code"].required) == (True, True)


def test_cases_cover_every_kind():
    problems = [error if error is SERVER_ERROR else problem_from(error) for error, _ in CASES.values()]
    assert {problem.kind for problem in problems} == set(Kind) == set(STATUS)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_429_and_503_have_retry_after(contract):
    assert contract.render_problem(problem_from(TooManyGuesses(retry_after=7)))[2] == {"Retry-After": "7"}
    assert contract.render_problem(problem_from(OperationalError()))[2] == {"Retry-After": "5"}
    assert contract.render_problem(problem_from(errors.Missing()))[2] == {}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_response_is_the_same_outside_a_view(contract):
    response = contract.response(problem_from(TooManyGuesses(retry_after=7)))
    status, body, _ = contract.render_problem(problem_from(TooManyGuesses()))
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    assert response["Retry-After"] == "7"
    assert json.loads(response.content) == body


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
@pytest.mark.parametrize("case", CASES)
def test_schema_declares_the_keys_of_the_body(contract, case):
    """Every key is declared, is the name of a wrong field, or is a fact that the error documents."""
    _error, expected = CASES[case]
    status, body = expected[contract.name]
    declared = set(contract.error_serializer(status)().fields)
    assert set(body) - declared <= {"total"} | (
        {"vin", "year"} if contract.name in ("crm", "member") else set()
    )


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), KeyError("x"), IntegrityError("x"), RuntimeError("x"), OSError(errno.EACCES, "x")],
)
def test_unknown_exception_is_no_problem(error):
    assert problem_from(error) is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, ""),
        ({"a": ["First.", "Second."], "b": ["Other."]}, "a: First."),
        ({"non_field_errors": ["Whole."]}, "Whole."),
        ({"items[1].quantity": ["Deep."]}, "items[1].quantity: Deep."),
    ],
)
def test_first_message(fields, sentence):
    assert first_message(fields) == sentence


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/token/", "shop"),
        ("/api/token", "shop"),
        ("/api/token/refresh/", "shop"),
        ("/api/shop/anything/at/all", "shop"),
        ("/api/auth/customer-profile/", "shop"),
        ("/customer/", "fleet"),
        ("/customer", "fleet"),
        ("/customer/api/repairs/1/", "fleet"),
        ("/auth/login", "care"),
        ("/api/v1/customer/orders", "care"),
        ("/api/v1/customer", "care"),
        ("/api/v1/customers/", "crm"),
        ("/api/v1/customers/stats", "crm"),
        ("/api/auth/profile/update/", "crm"),
        ("/api/auth/register/", "member"),
        ("/api/auth/login/", "member"),
        ("/api/vehicles/", "member"),
        ("/api/tokens/", "member"),
        ("/api/shopping/", "member"),
        ("/api/", "member"),
        ("/api", "member"),
        ("/chat/ws", "member"),
    ],
)  # fmt: skip
def test_contract_for_the_longest_prefix_wins(path, name):
    assert contract_for(path).name == name


@pytest.mark.parametrize(
    "path",
    ["/", "", "/admin/", "/customers/", "/apis/", "/api/docs/", "/api/docs", "/api/schema/", "//api/token/"],
)
def test_contract_for_is_none_for_pages(path):
    assert contract_for(path) is None


@pytest.mark.parametrize(
    ("detail", "fields"),
    [
        (["Whole."], {"non_field_errors": ["Whole."]}),
        ({"vin": ["Short.", "Odd."]}, {"vin": ["Short.", "Odd."]}),
        ({"vin": "Bare."}, {"vin": ["Bare."]}),
        ({"services": {1: ["Unknown."], 3: ["Blank."]}},
         {"services[1]": ["Unknown."], "services[3]": ["Blank."]}),
        ({"parts": [{}, {"quantity": ["Low."], "part_id": ["Wrong."]}]},
         {"parts[1].quantity": ["Low."], "parts[1].part_id": ["Wrong."]}),
        ({"parts": {"non_field_errors": ["Not a list."]}}, {"parts": ["Not a list."]}),
        ({"parts": [{"non_field_errors": ["Not an object."]}]}, {"parts[0]": ["Not an object."]}),
        ({"general": {"theme": ["Odd."]}}, {"general.theme": ["Odd."]}),
        ({"jobs": [{"lines": [{}, {"hours": ["Low."]}]}]}, {"jobs[0].lines[1].hours": ["Low."]}),
        ({"vin": []}, {}),
    ],
)  # fmt: skip
def test_messages_are_listed_by_the_path_of_the_value(detail, fields):
    assert messages_by_path(detail) == fields


def test_domain_error_of_an_item_names_its_index():
    problem = problem_from(errors.Invalid("Odd.", field="services", item=1))
    assert problem is not None
    assert problem.fields == {"services[1]": ["Odd."]}
