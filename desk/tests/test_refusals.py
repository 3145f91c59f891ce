"""The pages of 403 and 404 inside the admin."""

from __future__ import annotations

import pytest

from testing.factories import UserFactory

pytestmark = pytest.mark.django_db
BACK = 'href="/admin/">Go to your first page</a>'


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        ("/admin/team/", 403, "Your role does not allow this page or this step."),
        ("/admin/orders/999999/", 404, "Nothing is at this address. It may have been removed."),
        ("/admin/no-such-page/", 404, "Nothing is at this address. It may have been removed."),
    ],
)
def test_staff_stay_in_the_frame_with_a_way_back(client, url, status, text):
    client.force_login(UserFactory(role="technician"))
    response = client.get(url)
    page = response.content.decode()
    assert (response.status_code, text in page, BACK in page) == (status, True, True)
    assert "desk/desk.css" in page and "My jobs" in page


@pytest.mark.parametrize("role", [None, "customer"])
def test_others_see_nothing_of_the_frame(client, role):
    if role:
        client.force_login(UserFactory(role=role))
    page = client.get("/no-such-page/")
    assert (page.status_code, b"desk/desk.css" in page.content, b"My jobs" in page.content) == (
        404,
        False,
        False,
    )
    page = client.get("/admin/no-such-page/")
    assert b"My jobs" not in page.content
