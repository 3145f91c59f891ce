"""What a page asks before it sends a form."""

from __future__ import annotations

import pytest
from django.test import Client

from testing.factories import UserFactory

pytestmark = pytest.mark.django_db
URL = "/admin/ready/"


def test_signed_in_browser_gets_the_token_that_its_forms_need():
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory(role="advisor"))
    response = client.get(URL)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert "no-store" in response.headers["Cache-Control"]
    sent = client.post(URL, {"csrfmiddlewaretoken": response.json()["token"]})
    assert sent.status_code == 200


@pytest.mark.parametrize("role", [None, "customer"])
def test_others_are_led_to_the_sign_in(client, role):
    if role:
        client.force_login(UserFactory(role=role))
    response = client.get(URL)
    assert (response.status_code, response.headers["Location"]) == (302, f"/admin/login/?next={URL}")


@pytest.mark.parametrize("page", ["/admin/today/", "/admin/intake/", "/admin/money/", "/admin/search/"])
def test_pages_name_what_they_ask(client, page):
    client.force_login(UserFactory(role="manager"))
    html = client.get(page).content.decode()
    assert f'data-ready="{URL}"' in html
    assert 'data-login="/admin/login/?next=/admin/"' in html
