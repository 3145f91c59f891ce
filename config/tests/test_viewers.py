"""A viewer of a company only reads: every write of every contract and page is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import resolve

from common.http.contracts.base import Contract
from common.http.contracts.shop import STAFF
from common.http.schema import CachedGenerator
from portal.fleet.pages import FleetPage
from portal.fleet.urls import urlpatterns
from testing import factories
from testing.clients import signed_in

pytestmark = pytest.mark.django_db

REFUSAL = "Your login may only read. Ask an owner of the company for another role."
BODIES: dict[str, Any] = {
    "shop": {"error": "Access denied", "detail": REFUSAL},
    "fleet": {"error": REFUSAL},
    "care": {"error": "Access denied", "detail": REFUSAL},
    "member": {"error": REFUSAL},
    "crm": {"error": "Access denied", "detail": REFUSAL},
}
# Writes that change nothing of the company.
ALLOWED = {
    "POST /api/auth/password/change/",
    "POST /api/chat/ticket/",
    "POST /api/users/change-password/",
    "POST /api/users/request-deletion/",
    "POST /api/v1/customers/check_profile_exists/",
}
BOOKING = "/api/shop/appointments/"  # where customers book for themselves, in contract 000's words
NOT_STAFF = {"error": "Access denied", "detail": "This endpoint is only accessible to staff."}


def writes() -> Iterator[tuple[str, str, Contract]]:
    """Yield method, path and contract of every documented write that asks for a caller."""
    for path, methods in CachedGenerator().get_schema(request=None, public=True)["paths"].items():
        prefix = "TKT" if "/tickets/" in path else "ORD" if "/customer/orders/" in path else ""
        dated = path.replace("{month}", "2026-01").replace("{message_id}", "MSG1")
        given = re.sub(r"{[^}]*}", f"{prefix}1", dated)
        view = resolve(given).func
        cls = getattr(view, "cls", None) or view.view_class
        for method in methods:
            if method in ("post", "put", "patch", "delete") and cls.authentication_classes:
                yield method, given, cls.contract


def everything() -> dict[str, list[dict[str, Any]]]:
    rooms = ("accounts", "customers", "vehicles", "appointments", "repair_orders", "orders", "chat", "files")
    models = [
        model
        for room in (*rooms, "memberships", "billing", "passports")
        for model in apps.get_app_config(room).get_models()
    ]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}


@pytest.fixture
def viewer(alice):
    alice.company_name = "RS Wind"
    alice.save()
    return factories.CustomerUserFactory(customer=alice, role="viewer").user


@pytest.fixture
def browser(viewer):
    client = Client()
    client.force_login(viewer)
    return client


def test_every_write_of_every_contract_is_refused(viewer, browser):
    client, found = signed_in(viewer), set()
    before = everything()
    for method, path, contract in writes():
        caller = browser if contract.has_cookies else client
        response = caller.generic(method.upper(), path, b"{}", content_type="application/json")
        if f"{method.upper()} {path}" in ALLOWED:
            assert response.status_code != 403, path
            continue
        expected = NOT_STAFF if response.json() == NOT_STAFF else BODIES[contract.name]
        if contract is STAFF and path != BOOKING:
            expected = NOT_STAFF | {"code": "staff_only"}
        assert (path, response.status_code, response.json()) == (path, 403, expected)
        found.add(contract.name)
    assert found == set(BODIES)
    assert everything() == before


# They change nothing of the company: sockets are for reading, and a viewer may end their own sessions.
OWN_PAGES = {"fleet-live", "fleet-sessions", "fleet-account-settings"}


def test_every_write_of_every_page_is_refused(viewer, browser):
    before, refused = everything(), set()
    for pattern in urlpatterns:
        path = "/customer/" + re.sub(r"<[^>]*>", "1", str(pattern.pattern))
        if issubclass(pattern.callback.view_class, FleetPage) and pattern.name not in OWN_PAGES:
            response = browser.post(path)
            assert (path, response.status_code) == (path, 403)
            assert REFUSAL in response.content.decode()
            refused.add(pattern.name)
    assert {"fleet-company", "fleet-invite", "fleet-repair", "fleet-new-unit"} < refused
    assert everything() == before


def test_viewer_reads_lists_and_pages_without_buttons(alice, viewer, browser):
    order = factories.RepairOrderFactory(vehicle__customer=alice, customer=alice, status="pending")
    client = signed_in(viewer)
    assert client.get("/api/vehicles/").json()[0]["id"] == str(order.vehicle.uuid)
    assert browser.get("/customer/api/repairs/").json()[0]["id"] == order.pk
    for path in (
        "dashboard/",
        "repairs/",
        f"repairs/{order.pk}/",
        "units/",
        f"units/{order.vehicle_id}/",
        "company/",
    ):
        text = browser.get(f"/customer/{path}").content.decode()
        searches = text.count('method="get"')
        assert text.count('type="submit"') == 1 + searches, path  # to sign out, and to search
        assert "Request a repair" not in text
        assert "Add a unit" not in text
    company = browser.get("/customer/company/")
    assert "Save</button>" not in company.content.decode()
    assert all(field.disabled for field in company.context["form"].fields.values())
    assert browser.post("/customer/live/").status_code == 201


def test_staff_login_of_a_company_keeps_its_rights(alice, tim):
    factories.CustomerUserFactory(customer=alice, user=tim, role="viewer")
    appointment = factories.AppointmentFactory(technician=factories.TechnicianFactory())
    response = signed_in(tim).post(f"/api/shop/appointments/{appointment.pk}/start/", {}, format="json")
    assert response.status_code != 403


@pytest.mark.parametrize("role", ["owner", "approver"])
def test_approver_and_owner_decide_estimates(alice, role):
    login = factories.CustomerUserFactory(customer=alice, role=role)
    order = factories.RepairOrderFactory(vehicle__customer=alice, customer=alice, status="pending")
    factories.PartLineFactory(repair_order=order)
    factories.EstimateFactory(repair_order=order)
    client = Client()
    client.force_login(login.user)
    response = client.post(f"/customer/api/repairs/{order.pk}/deny/", {}, content_type="application/json")
    assert response.status_code == 200
    order.refresh_from_db()
    assert order.status == "denied"


def test_unknown_method_stays_405(viewer):
    response = signed_in(viewer).delete("/api/v1/customer/orders")
    assert response.status_code == 405
