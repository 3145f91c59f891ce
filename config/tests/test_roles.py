"""Each cell of the tables of docs/roles.md is checked by a real request of that role."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.template.response import SimpleTemplateResponse
from django.urls import get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.keys.models import KEY_ROLES
from billing.credit_notes import credit_amount
from common.domain.caller import Role
from common.http.schema import CachedGenerator
from common.http.viewsets import StaffViewSet
from common.tests.admin.test_pages import FACTORIES
from testing import billed, factories
from testing.admin import changelist, page
from testing.resources import Rows
from testing.roles import OPERATIONS, ROLES, by_role, is_staffs, table
from testing.suites import UNAUTHENTICATED

CUSTOMER_SERVICE = "/api/v1/customers/"
# Routes of customers, open routes, and routes of machines.
NOT_STAFFS = tuple(CUSTOMER_SERVICE + tail for tail in ("profile/", "check_profile_exists/", "health/"))
NOT_STAFF = {"error": "Access denied", "detail": "This endpoint is only accessible to staff."}
ROLE_MAY_NOT = {"error": "Access denied", "detail": "Your role does not allow this."}
BY_PEOPLE = ("/api/shop/api-keys/", "/api/shop/webhooks/")  # what no key may write
CODES = ("unauthenticated", "staff_only", "role_may_not")
PAGES = {model: by_role(cells) for model, *cells in table("The admin: pages")}
BUTTONS = {name: by_role(cells) for name, *cells in table("The admin: buttons")}


class People(dict[str, Any]):
    """One user of each role, without permissions of their own. A user is made when it is first read."""

    def __missing__(self, role: str) -> Any:
        made = self[role] = factories.UserFactory(role=role)
        return made


@pytest.fixture
def people(db) -> People:
    return People()


def machine(role: str) -> APIClient:
    """Return a client with a key of this role."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {factories.ApiKeyFactory(user__role=role).name}")
    return client


# --- the staff's API ----------------------------------------------------------------------------------------


def declared() -> Iterator[tuple[str, str]]:
    for path, methods in CachedGenerator().get_schema(request=None, public=True)["paths"].items():
        for method, operation in methods.items():
            if is_staffs(path) or (path.startswith(CUSTOMER_SERVICE) and not path.startswith(NOT_STAFFS)):
                yield operation["operationId"], f"{method.upper()} {path}"


def test_table_has_exactly_the_operations():
    assert set(declared()) == {(name, call) for name, call, *_ in OPERATIONS}
    assert len({name for name, *_ in OPERATIONS}) == len(OPERATIONS)


def test_staff_manual_lists_every_step():
    """docs/staff-api.md names the verbs of each resource in its table."""
    text = (settings.BASE_DIR / "docs" / "staff-api.md").read_text()
    steps = {}
    for line in text.splitlines():
        if re.match(r"\| `[a-z-]+/`", line):
            *_, cell, _ = line.split("|")
            for noun in re.findall(r"`([a-z-]+)/`", line.split("|")[1]):
                steps[noun] = set(re.findall(r"`([a-z_]+)(?: \{[^`]*\})?`", cell))
    assert steps == {
        noun: {
            call.rstrip("/").rpartition("/")[2]
            for _, call in declared()
            if re.fullmatch(rf"POST /api/shop/{noun}/\{{id\}}/[a-z_]+/", call)
            and not call.endswith(
                (
                    "/parts/",
                    "/services/",
                    "/jobs/",
                    "/authorisations/",
                    "/credit-notes/",
                    "/inspections/",
                    "/findings/",
                )
            )
        }
        for noun in steps
    }


def viewsets(base: type[StaffViewSet] = StaffViewSet) -> Iterator[type[StaffViewSet]]:
    assert get_resolver().url_patterns  # imports them
    for view in base.__subclasses__():
        yield view
        yield from viewsets(view)


@pytest.mark.parametrize("view", list(viewsets()))
def test_permission_beside_an_action_is_used_by_its_verb(view):
    """A viewset without `permissions` asks for `change` of its model, whatever stands beside the action."""
    actions = getattr(sys.modules[view.__module__], "actions", None)
    beside = getattr(actions, "PERMISSIONS", {})
    assert {verb: view.permissions.get(verb) for verb in view.verbs if verb in beside} == {
        verb: beside[verb] for verb in view.verbs if verb in beside
    }


@pytest.fixture
def rows(people) -> Rows:
    """One row of each resource. Technicians move their own clock only."""
    technician = factories.TechnicianFactory(user=people[Role.TECHNICIAN])
    return Rows(technicians=technician)


def printable() -> dict[str, Any]:
    """Return rows with whole papers, which take longer to make."""
    invoice, now = billed.invoiced(), timezone.now()
    note = credit_amount(invoice=invoice, amount=Decimal("1.00"), reason="Late", by=None, now=now)
    payment = billed.pay(invoice, "1.00")
    return {"invoices": invoice, "credit-notes": note, "payments": payment}


def everything() -> dict[str, list[Any]]:
    """Return the contents of the product's tables, including histories."""
    rooms = (
        *("customers", "catalogue", "vehicles", "appointments", "repair_orders", "orders"),
        *("inspections", "billing", "passports", "integrations"),
    )
    tables = [model._meta.db_table for room in rooms for model in apps.get_app_config(room).get_models()]
    contents = {}
    with connection.cursor() as cursor:
        for name in tables:
            cursor.execute(f'SELECT * FROM "{name}" ORDER BY 1')
            contents[name] = cursor.fetchall()
    return contents


@pytest.mark.parametrize(("call", "cells"), [pytest.param(c, r, id=n) for n, c, *r in OPERATIONS])
def test_operation_is_allowed_only_for_its_roles(api, sign_in, people, rows, call, cells):
    method, path = call.split(" ")
    refusals = [
        body | {"code": code}
        for body, code in zip((UNAUTHENTICATED, NOT_STAFF, ROLE_MAY_NOT), CODES, strict=True)
    ]
    if path.startswith(CUSTOMER_SERVICE):
        address = path.replace("{id}", str(rows["customers"].uuid))
        refusals = [{"error": "Unauthorized", **UNAUTHENTICATED}, NOT_STAFF, ROLE_MAY_NOT]
    else:
        if path.endswith("/pdf/"):
            rows |= printable()
        address = rows.address(path)

    def ask(client):
        return client.generic(method, address, b"{}", content_type="application/json")

    unauthenticated, not_staff, role_may_not = refusals
    clients, allowed = {role: sign_in(people[role]) for role in ROLES}, by_role(cells)
    machines = {role: machine(role) for role in KEY_ROLES}
    before = everything()
    response = ask(api)
    assert (response.status_code, response.json()) == (401, unauthenticated)
    for role in ROLES:
        if allowed[role] != "yes":
            response = ask(clients[role])
            expected = not_staff if role == Role.CUSTOMER else role_may_not
            assert (role, response.status_code, response.json()) == (role, 403, expected)
    by_people = path.startswith(BY_PEOPLE) and method != "GET"
    for role in (role for role in KEY_ROLES if by_people or allowed[role] != "yes"):
        response = ask(machines[role])
        assert (role, response.status_code) == (role, 403)
        if allowed[role] == "yes":
            assert response.json()["code"] == "people_only"
        else:
            assert response.json() == role_may_not
    assert everything() == before
    for role in ROLES:
        if allowed[role] == "yes":
            status = ask(clients[role]).status_code
            assert status in (200, 201, 204, 400, 404, 409), (role, status)


# --- the admin ----------------------------------------------------------------------------------------------


def test_table_has_exactly_the_models():
    assert set(PAGES) == {model._meta.label_lower for model in admin.site._registry}


def test_table_has_exactly_the_buttons():
    assert set(BUTTONS) == {
        f"{model._meta.label_lower} {button}"
        for model, pages in admin.site._registry.items()
        for button in pages.actions_detail or ()
    }


def refused(response: Any) -> bool:
    """Return whether the response is 403, or the redirect to the login for users who may not enter the admin."""
    assert response.status_code in (200, 302, 403)
    is_outside = response.status_code == 302 and response["Location"].startswith("/admin/login/")
    return response.status_code == 403 or is_outside


def may(client: Any, row: Any) -> dict[str, bool]:
    """Return which pages of a model open. No form is sent, so nothing changes."""
    model = type(row)
    add = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    return {
        "view": not refused(client.get(changelist(model))) and not refused(client.get(page(row))),
        "add": not refused(client.get(add)),
        "change": not refused(client.post(page(row), {})),
        "delete": not refused(client.get(page(row, "delete"))),
    }


@pytest.fixture
def render_once(monkeypatch):
    """Return a function that renders pages for the first role with a cell, and sends empty ones to the others.

    A page depends on what the role may do, so that roles with the same cell see the same page.
    """

    def choose(cells: dict[str, str], role: Role) -> None:
        if role != next(first for first in ROLES if cells[first] == cells[role]):
            monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")

    return choose


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("label", PAGES)
def test_pages_are_allowed_only_for_their_roles(client, people, render_once, label, role):
    render_once(PAGES[label], role)
    row = FACTORIES[apps.get_model(label)]()
    client.force_login(people[role])
    expected = PAGES[label][role].split()
    assert may(client, row) == {verb: verb in expected for verb in ("view", "add", "change", "delete")}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", BUTTONS)
def test_button_is_allowed_only_for_its_roles(client, people, render_once, name, role):
    render_once(BUTTONS[name], role)
    label, button = name.split(" ")
    row = FACTORIES[apps.get_model(label)]()
    client.force_login(people[role])
    before = type(row).objects.filter(pk=row.pk).values().get()
    is_allowed = BUTTONS[name][role] == "yes"
    assert refused(client.get(page(row, button))) is not is_allowed
    if not is_allowed:
        assert refused(client.post(page(row, button), {"_form_submitted": "on"}))
        assert type(row).objects.filter(pk=row.pk).values().get() == before
