"""Contract 001: a browser's session, the redirect to the login, and the printed 404 for staff."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actions import open_session
from common.http.bodies import JSONResponse
from common.http.contracts.fleet import FleetView
from common.http.permissions import CustomersOnly
from common.http.routing import route

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

NOT_FOUND = {"error": "Customer profile not found"}


class Whoami(FleetView):
    permission_classes = [CustomersOnly]

    def get(self, request):
        return JSONResponse({"customer": self.caller.customer_id, "name": self.caller.customer_name})

    def post(self, request):
        return JSONResponse({"said": request.data["word"]}, status=201)


URL = "/customer/api/whoami/"
urlpatterns = [route("customer/api/whoami/", Whoami.as_view())]


def test_session_authenticates_its_customer(client, alice):
    client.force_login(alice.contact)
    response = client.get(URL)
    assert (response.status_code, response.json()) == (200, {"customer": alice.pk, "name": "Alice Cooper"})


def test_unauthenticated_request_is_redirected_to_the_login(client):
    response = client.get(f"{URL}?page=2")
    assert response.status_code == 302
    assert response["Location"] == "/customer/login/?next=/customer/api/whoami/%3Fpage%3D2"


def test_bearer_token_does_not_authenticate(client, alice, now):
    token = open_session(user=alice.contact, now=now).access
    assert client.get(URL, headers={"Authorization": f"Bearer {token}"}).status_code == 302


def test_deactivated_user_is_not_authenticated(client, alice):
    client.force_login(alice.contact)
    type(alice.contact).objects.update(is_active=False)
    assert client.get(URL).status_code == 302


@pytest.mark.parametrize("who", ["tim", "carol"])
def test_staff_and_logins_without_a_record_get_the_printed_404(client, request, who):
    client.force_login(request.getfixturevalue(who))
    response = client.get(URL)
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


def test_write_needs_the_csrf_token(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.contact)
    refused = client.post(URL, {"word": "hello"}, content_type="application/json")
    assert (refused.status_code, set(refused.json())) == (403, {"error"})
    token = "a" * 32
    client.cookies["csrftoken"] = token
    taken = client.post(
        URL, {"word": "hello"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert (taken.status_code, taken.json()) == (201, {"said": "hello"})


def test_idempotency_key_works_with_csrf_tokens(alice):
    """The check of the CSRF token parses the body, which the key's fingerprint needs unparsed."""
    browser, token = Client(enforce_csrf_checks=True), "a" * 32
    browser.force_login(alice.contact)
    browser.cookies["csrftoken"] = token
    headers = {"Idempotency-Key": "once", "X-CSRFToken": token}
    first, again, other = (
        browser.post(URL, {"word": word}, content_type="application/json", headers=headers)
        for word in ("yes", "yes", "no")
    )
    assert (first.status_code, first.json()) == (201, {"said": "yes"})
    assert (again.status_code, again.content) == (201, first.content)
    assert other.status_code == 422
    form = browser.post(URL, {"word": "yes"}, headers=headers)  # multipart
    assert form.status_code == 415
