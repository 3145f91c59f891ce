"""The page *Team*: who is let out at once, and who may not be."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from appointments.models import Technician
from testing.billed import again
from testing.factories import LocationFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/admin/team/"


def told(response):
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def theo():
    return UserFactory(role="technician", first_name="Theo", last_name="Lindt")


def test_customers_are_not_of_the_team(desk, ada, theo, alice):
    assert {user for user, _ in desk.get(URL).context["team"]} == {ada, theo}


def test_who_leaves_is_out_at_once_and_sessions_stay_dead(desk, theo):
    browser = Client()
    browser.force_login(theo)
    assert browser.get("/admin/my-jobs/").status_code == 200
    assert told(desk.post(f"{URL}{theo.pk}/out/", follow=True)) == [
        "Theo Lindt is out. Every session has ended."
    ]
    assert browser.get("/admin/my-jobs/").status_code == 302
    desk.post(f"{URL}{theo.pk}/in/")
    assert again(theo).is_active
    assert browser.get("/admin/my-jobs/").status_code == 302


def test_nobody_lets_themselves_or_somebody_above_out(client, theo):
    boss = UserFactory(role="admin")
    root = UserFactory(role="admin", is_superuser=True)
    client.force_login(boss)
    for user in (boss, root):
        assert client.post(f"{URL}{user.pk}/out/").status_code == 403
        assert again(user).is_active
    assert client.post(f"{URL}{theo.pk}/out/").status_code == 302


def test_customers_and_unknown_steps_are_not_found(desk, alice, theo):
    assert desk.post(f"{URL}{alice.contact_id}/out/").status_code == 404
    assert desk.post(f"{URL}{theo.pk}/burn/").status_code == 404
    assert desk.get(f"{URL}{theo.pk}/out/").status_code == 405


@pytest.mark.parametrize("role", ["technician", "advisor", "manager"])
def test_page_is_for_administrators(client, role):
    client.force_login(UserFactory(role=role))
    assert client.get(URL).status_code == 403


class TestNewLogin:
    def form(self, **fields):
        good = {"name": "Nina Ober", "email": "nina@example.com", "role": "technician", "key": "k1"}
        return good | {"password": "long enough 17"} | fields

    def test_technician_works_at_the_location(self, desk):
        garage = LocationFactory(is_default=True)
        assert told(desk.post(URL, self.form(), follow=True)) == ["Nina Ober may sign in as technician."]
        technician = Technician.objects.get(user__email="nina@example.com")
        assert (technician.name, technician.location) == ("Nina Ober", garage)
        assert technician.user.check_password("long enough 17")

    @pytest.mark.parametrize(
        ("field", "value"),
        [("name", ""), ("email", "nina"), ("role", "admin"), ("role", "customer"), ("password", "password")],
    )
    def test_what_cannot_be_used_is_said_at_its_field(self, desk, field, value):
        response = desk.post(URL, self.form(**{field: value}))
        assert (response.status_code, list(response.context["form"].errors)) == (400, [field])
        assert not User.objects.filter(email="nina@example.com").exists()

    def test_email_of_somebody_else_is_refused(self, desk, theo):
        response = desk.post(URL, self.form(email=theo.email.upper()))
        assert (response.status_code, list(response.context["form"].errors)) == (400, ["email"])

    def test_form_that_is_sent_twice_adds_one(self, desk):
        desk.post(URL, self.form())
        response = desk.post(URL, self.form(email="other@example.com"))
        assert response.status_code == 400
        assert User.objects.filter(role="technician").count() == 1
