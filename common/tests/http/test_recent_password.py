"""Sensitive steps ask for the password if the last one is more than 15 minutes old."""

from __future__ import annotations

import html
import re

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import SecondFactor, User
from customers.models import CustomerUser, Invitation
from testing import factories
from testing.admin import changelist, filled, page
from testing.factories import PASSWORD

TITLE = "Enter your password"


def age(client, minutes=16):
    session = client.session
    session["password_at"] = timezone.now().timestamp() - minutes * 60
    session.save()


def sent_by(response):
    """Return the fields that the page sends, without the password."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', response.text)
    return {name: html.unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}


@pytest.fixture
def stale(desk):
    age(desk)
    return desk


class TestSteps:
    """Each sensitive step asks, changes nothing, and continues after the password."""

    def walk(self, client, url, fields, **headers):
        asked = client.post(url, fields, headers=headers)
        assert TITLE in asked.text or "Enter it again" in asked.text
        assert asked.headers["Cache-Control"] == "no-store"
        yield
        again = {**sent_by(asked), "_password": PASSWORD}
        yield client.post(url, again, headers=headers)

    def test_delete(self, stale):
        part = factories.PartFactory()
        steps = self.walk(stale, page(part, "delete"), {"post": "yes"})
        next(steps)
        assert type(part).objects.filter(pk=part.pk).exists()
        next(steps)
        assert not type(part).objects.filter(pk=part.pk).exists()

    def test_delete_of_selected_rows(self, stale):
        part = factories.PartFactory()
        fields = {"action": "delete_selected", "_selected_action": part.pk, "post": "yes"}
        steps = self.walk(stale, changelist(type(part)), fields)
        next(steps)
        assert type(part).objects.exists()
        next(steps)
        assert not type(part).objects.exists()

    def test_change_of_email_in_the_admin(self, stale, carol):
        fields = filled(stale, page(carol)) | {"first_name": "Karol", "email": "new@example.com"}
        steps = self.walk(stale, page(carol), fields)
        next(steps)
        assert User.objects.get(pk=carol.pk).first_name == "Carol"
        next(steps)
        changed = User.objects.get(pk=carol.pk)
        assert (changed.first_name, changed.email) == ("Karol", "new@example.com")

    def test_change_of_a_contacts_email(self, stale, alice):
        before = alice.contact.email
        steps = self.walk(stale, page(alice), filled(stale, page(alice)) | {"email": "new@example.com"})
        next(steps)
        assert User.objects.get(pk=alice.contact_id).email == before
        next(steps)
        assert User.objects.get(pk=alice.contact_id).email == "new@example.com"

    def test_password_of_another_user(self, stale, carol):
        fields = {"usable_password": "true"} | dict.fromkeys(
            ("password1", "password2"), "a quiet green bicycle"
        )
        steps = self.walk(stale, f"/admin/accounts/user/{carol.pk}/password/", fields)
        next(steps)
        assert User.objects.get(pk=carol.pk).check_password(PASSWORD)
        next(steps)
        assert User.objects.get(pk=carol.pk).check_password("a quiet green bicycle")

    def test_export(self, stale, alice):
        steps = self.walk(stale, f"{changelist(type(alice))}export/", {"format": "0"})
        next(steps)
        assert next(steps).headers["Content-Type"] == "text/csv"

    def test_merge_in_its_dialog(self, stale, alice, bob):
        fields = {"_form_submitted": "on", "into": str(bob.pk)}
        steps = self.walk(stale, page(alice, "merge"), fields, **{"HX-Request": "true"})
        next(steps)
        alice.refresh_from_db()
        assert alice.merged_into is None
        assert next(steps).headers["HX-Redirect"] == page(alice)
        alice.refresh_from_db()
        assert alice.merged_into == bob

    def test_reset_of_a_second_factor(self, stale):
        user = factories.SecondFactorFactory(user__role="advisor").user
        steps = self.walk(stale, page(user, "reset_second_factor"), {"_form_submitted": "on"})
        next(steps)
        assert SecondFactor.objects.exists()
        next(steps)
        assert not SecondFactor.objects.exists()

    def test_second_factor_page(self, stale):
        asked = stale.get("/admin/second-factor/")
        assert TITLE in asked.text and "data:image/svg" not in asked.text
        answered = stale.post("/admin/second-factor/", {**sent_by(asked), "_password": PASSWORD})
        assert (answered.status_code, answered["Location"]) == (302, "/admin/second-factor/")
        assert "data:image/svg" in stale.get("/admin/second-factor/").text


class TestPortal:
    @pytest.fixture
    def colleague(self, alice):
        alice.company_name = "RS Wind"
        alice.save()
        return factories.CustomerUserFactory(customer=alice, role="viewer")

    @pytest.fixture
    def stale(self, client, alice, colleague):
        client.force_login(alice.contact)
        age(client)
        return client

    def test_removal_of_a_login_asks_in_the_portals_look(self, stale, colleague):
        url = f"/customer/company/users/{colleague.pk}/remove/"
        asked = stale.post(url)
        assert TITLE in asked.text and "Fleet portal" in asked.text
        assert CustomerUser.objects.filter(pk=colleague.pk).exists()
        assert stale.post(url, {"_password": PASSWORD})["Location"] == "/customer/company/"
        assert not CustomerUser.objects.filter(pk=colleague.pk).exists()

    def test_invitation_keeps_its_answers(self, stale, alice):
        alice.is_verified = True
        alice.save()
        answers = {"email": "ben@example.com", "role": "viewer"}
        asked = stale.post("/customer/company/users/new/", answers)
        assert sent_by(asked) == {**answers, "_step": "POST"}
        assert not Invitation.objects.exists()
        stale.post("/customer/company/users/new/", {**sent_by(asked), "_password": PASSWORD})
        assert Invitation.objects.values("email", "role").get() == answers

    def test_change_of_role_keeps_its_answer(self, stale, colleague):
        url = f"/customer/company/users/{colleague.pk}/role/"
        asked = stale.post(url, {"role": "approver"})
        assert sent_by(asked) == {"role": "approver", "_step": "POST"}
        stale.post(url, {**sent_by(asked), "_password": PASSWORD})
        colleague.refresh_from_db()
        assert colleague.role == "approver"


def test_fresh_password_is_not_asked_for(desk):
    part = factories.PartFactory()
    age(desk, minutes=14)
    assert desk.post(page(part, "delete"), {"post": "yes"}).status_code == 302


@pytest.mark.parametrize("value", [None, "text", 10**9, 1e12])
def test_session_without_a_time_of_the_past_asks(desk, value):
    session = desk.session
    session["password_at"] = value
    session.save()
    assert TITLE in desk.post(page(factories.PartFactory(), "delete"), {"post": "yes"}).text


def test_wrong_password_asks_again_with_the_values(stale, ada):
    part = factories.PartFactory()
    again = stale.post(page(part, "delete"), {"post": "yes", "_password": "wrong"})
    assert "This is not your password." in again.text
    assert sent_by(again) == {"post": "yes", "_step": "POST"}
    assert "wrong" not in sent_by(again).values()
    assert type(part).objects.exists()


def test_wrong_password_of_a_page_asks_again(stale):
    again = stale.post("/admin/second-factor/", {"_step": "GET", "_password": "wrong"})
    assert "This is not your password." in again.text and sent_by(again) == {"_step": "GET"}


def test_wrong_passwords_are_counted(stale, settings):
    settings.RATE_LOGIN = 2
    url = page(factories.PartFactory(), "delete")
    statuses = [
        stale.post(url, {"post": "yes", "_password": word}).status_code
        for word in ("wrong", "wrong", PASSWORD)
    ]
    assert statuses == [200, 200, 429]


def test_other_changes_do_not_ask(stale, carol):
    assert stale.post(page(carol), filled(stale, page(carol)) | {"first_name": "Karol"}).status_code == 302
    assert User.objects.get(pk=carol.pk).first_name == "Karol"
    assert mail.outbox == []


def test_values_are_escaped(stale):
    part = factories.PartFactory()
    asked = stale.post(page(part, "delete"), {"post": "yes", "x": '"><script>alert(1)</script>'})
    assert "<script>alert(1)" not in asked.text
