"""Responses without a view: the contract's body under its URLs, a page elsewhere."""

from __future__ import annotations

import pytest
from django.test import Client

from common.http.contracts.registry import CONTRACTS

pytestmark = pytest.mark.django_db
NOTHING = "There is nothing at this address."
ADDRESSES = {contract.name: f"{contract.prefixes[-1]}nothing/here" for contract in CONTRACTS}
SHORT = ("member", "fleet")


def told(contract, title, detail):
    return {"error": detail} if contract in SHORT else {"error": title, "detail": detail}


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("contract", ADDRESSES)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_unknown_route_is_404_as_the_contract_renders_it(settings, contract, method, debug):
    """Also for a client without a CSRF cookie, because an API has none."""
    settings.DEBUG = debug
    client = Client(enforce_csrf_checks=True)
    for address in (ADDRESSES[contract], ADDRESSES[contract] + "/", ADDRESSES[contract] + "//"):
        response = getattr(client, method)(address)
        assert (response.status_code, response["Content-Type"]) == (404, "application/json")
        assert response.json() == told(contract, "Not found", NOTHING)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "tail", ["%0A", "a%0Ab", "%00", "%FF", "%2e%2e/", "%3Cscript%3E", "9" * 23, "x" * 3000]
)
def test_unusual_urls_are_404(client, settings, tail, debug):
    settings.DEBUG = debug
    response = client.get(f"/api/shop/{tail}")
    assert (response.status_code, response.json()) == (404, told("shop", "Not found", NOTHING))


def test_unknown_page_outside_contracts_is_a_page(client, settings):
    settings.DEBUG = False
    response = client.get("/nothing/here")
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert f"<p>{NOTHING}</p>" in response.content.decode()


def test_csrf_failure_says_what_to_do(settings, ada):
    client = Client(enforce_csrf_checks=True)
    response = client.post("/admin/login/", {"username": ada.email, "password": "x"})
    assert response.status_code == 403
    assert "The form has expired. Reload the page and send it again." in response.content.decode()


def test_unknown_host_is_400_without_a_traceback(client, settings):
    settings.DEBUG = False
    response = client.get("/api/shop/nothing", HTTP_HOST="evil.example")
    assert response.status_code == 400
    assert response.json() == told("shop", "Bad request", "The request cannot be read.") | {"fields": {}}


def test_bare_host_redirects_to_the_documentation(client):
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/api/docs/")
