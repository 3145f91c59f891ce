"""Users and sessions in the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission

from accounts.actions import open_session
from accounts.models import Referral, RewardEntry, Session, User
from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press


@pytest.fixture
def alices_session(alice, now):
    open_session(user=alice.contact, now=now)
    return Session.objects.get()


def save(client, row, **changes):
    return client.post(page(row), filled(client, page(row)) | changes)


@pytest.fixture
def clerk(client, tim):
    """Sign in Tim, who may view and change users and is not a superuser."""
    tim.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    client.force_login(tim)
    return client


def test_change_of_name_keeps_sessions(desk, alice, alices_session):
    assert save(desk, alice.contact, first_name="Alison").status_code == 302
    alices_session.refresh_from_db()
    assert (User.objects.get(pk=alice.contact_id).first_name, alices_session.ended_at) == ("Alison", None)


@pytest.mark.parametrize("change", [{"role": "technician"}, {"is_active": None}], ids=["role", "activity"])
def test_change_of_role_or_activity_ends_sessions(desk, ada, alice, alices_session, change):
    data = filled(desk, page(alice.contact)) | change
    response = desk.post(
        page(alice.contact), {name: value for name, value in data.items() if value is not None}
    )
    assert response.status_code == 302
    alices_session.refresh_from_db()
    assert alices_session.ended_at is not None
    assert alice.contact.history.latest().history_user == ada


def test_change_of_password_ends_sessions(desk, alice, alices_session):
    url = f"/admin/accounts/user/{alice.contact_id}/password/"
    answers = {"password1": "another horse battery", "password2": "another horse battery"}
    assert desk.post(url, answers).status_code == 302
    alices_session.refresh_from_db()
    assert alices_session.ended_at is not None
    assert User.objects.get(pk=alice.contact_id).check_password("another horse battery")


def test_change_of_own_password_ends_own_sessions(desk, ada, now):
    open_session(user=ada, now=now)
    answers = {"old_password": factories.PASSWORD} | dict.fromkeys(
        ("new_password1", "new_password2"), "another horse battery"
    )
    assert desk.get("/admin/password_change/").status_code == 200
    assert desk.post("/admin/password_change/", answers).status_code == 302
    assert Session.objects.get().ended_at is not None
    assert desk.get("/admin/tables/").status_code == 200  # the present browser stays signed in


def test_walk_in_is_added_without_email_or_password(desk):
    url = "/admin/accounts/user/add/"
    answers = {"first_name": "Wanda", "last_name": "Walker", "role": "customer", "usable_password": "false"}
    assert desk.post(url, answers).status_code == 302
    wanda = User.objects.get(first_name="Wanda")
    assert (wanda.email, wanda.has_usable_password()) == (None, False)


def test_taken_email_is_refused_in_any_case(desk, alice):
    answers = {"email": alice.contact.email.upper(), "role": "customer", "usable_password": "false"}
    response = desk.post("/admin/accounts/user/add/", answers)
    assert errors(response) == ["User with this Email already exists."]


def test_search_finds_phone_and_email(desk, alice, bob):
    alice.contact.phone = "(555) 714-5422"
    alice.contact.save()
    for words in ("714-5422", alice.contact.email):
        found = desk.get(changelist(User), {"q": words}).context["cl"].queryset
        assert list(found) == [alice.contact]


def test_button_ends_session(desk, alices_session):
    assert buttons(desk, alices_session) == ["End session"]
    assert press(desk, alices_session, "end") == ["Session ended."]
    alices_session.refresh_from_db()
    assert alices_session.ended_at is not None
    assert buttons(desk, alices_session) == []


def test_list_action_ends_sessions(desk, alices_session):
    desk.post(changelist(Session), {"action": "end_selected", "_selected_action": [alices_session.pk]})
    alices_session.refresh_from_db()
    assert alices_session.ended_at is not None


def test_only_superuser_changes_superuser(clerk, ada, alice):
    assert clerk.get(page(alice.contact)).status_code == 200
    assert "is_superuser" not in filled(clerk, page(alice.contact))
    assert clerk.post(page(ada), {"first_name": "Eve"}).status_code == 403
    assert clerk.post(f"/admin/accounts/user/{ada.pk}/password/", {}).status_code == 403


def test_only_superuser_grants_admin_role_and_superuser_status(clerk, alice):
    response = save(clerk, alice.contact, is_superuser="on", role="admin", groups=[], user_permissions=[])
    assert "Select a valid choice" in errors(response)[0]
    assert save(clerk, alice.contact, is_superuser="on").status_code == 302
    user = User.objects.get(pk=alice.contact_id)
    assert (user.role, user.is_superuser) == ("customer", False)


def test_only_superuser_changes_own_role(clerk, tim):
    assert save(clerk, tim, role="manager").status_code == 302
    tim.refresh_from_db()
    assert tim.role == "technician"


def test_change_of_role_adds_one_history_row(desk, alice):
    before = alice.contact.history.count()
    save(desk, alice.contact, role="technician")
    assert alice.contact.history.count() == before + 1
    save(desk, alice.contact, role="advisor", first_name="Alison")
    assert alice.contact.history.count() == before + 3
    user = User.objects.get(pk=alice.contact_id)
    assert (user.role, user.first_name) == ("advisor", "Alison")


def test_wrong_old_passwords_are_counted(desk, ada):
    answers = {"old_password": "wrong", "new_password1": "another horse", "new_password2": "another horse"}
    pages = [desk.post("/admin/password_change/", answers) for _ in range(11)]
    assert [page.status_code for page in pages] == [200] * 10 + [429]
    assert "The old password is incorrect." in pages[0].content.decode()
    assert User.objects.get(pk=ada.pk).check_password(factories.PASSWORD)


class TestLedger:
    add = "/admin/accounts/rewardentry/add/"

    def test_entry_changes_balance(self, desk, carol):
        answers = {"user": carol.pk, "points": 40, "reason": "Goodwill"}
        assert desk.post(self.add, answers).status_code == 302
        assert RewardEntry.objects.values_list("user", "points", "reason").get() == (carol.pk, 40, "Goodwill")
        assert User.objects.get(pk=carol.pk).rewards_balance == 40

    @pytest.mark.parametrize("points", [-1, 0, 1_000_001])
    def test_invalid_entry_is_refused_without_change(self, desk, carol, points):
        desk.post(self.add, {"user": carol.pk, "points": points, "reason": "Mistake"})
        assert not RewardEntry.objects.exists()
        assert User.objects.get(pk=carol.pk).rewards_balance == 0

    def test_entry_cannot_be_changed_or_deleted(self, desk):
        entry = factories.RewardEntryFactory()
        assert desk.post(page(entry), {"points": 99}).status_code == 403
        assert desk.post(page(entry, "delete"), {"post": "yes"}).status_code == 403
        assert RewardEntry.objects.get().points == 10


def test_user_page_shows_referrals_and_points(desk, carol):
    referral = factories.ReferralFactory(referrer=carol)
    factories.RewardEntryFactory(user=carol, reason="Welcome gift")
    shown = desk.get(page(carol)).content.decode()
    assert str(referral.referred) in shown
    assert "Welcome gift" in shown


def test_search_finds_referral_by_either_user(desk, carol):
    referral = factories.ReferralFactory(referred=carol)
    factories.ReferralFactory()
    for words in (carol.email, referral.referrer.email, referral.code):
        assert list(desk.get(changelist(Referral), {"q": words}).context["cl"].queryset) == [referral]


class TestEmail:
    def change(self, desk, user, email, capture):
        with capture(execute=True):
            return save(desk, user, email=email)

    def test_change_is_told_and_adds_one_history_row(
        self, desk, alice, mailoutbox, django_capture_on_commit_callbacks
    ):
        old, before = alice.contact.email, alice.contact.history.count()
        response = self.change(desk, alice.contact, "New@example.com", django_capture_on_commit_callbacks)
        assert response.status_code == 302
        user = User.objects.get(pk=alice.contact_id)
        assert (user.email, user.confirmed_email) == ("new@example.com", old)
        assert [mail.to for mail in mailoutbox] == [[old], ["new@example.com"]]
        assert user.history.count() == before + 1

    def test_tries_are_limited(self, desk, alice, settings, mailoutbox, django_capture_on_commit_callbacks):
        settings.RATE_EMAIL_CHANGES = 1
        self.change(desk, alice.contact, "one@example.com", django_capture_on_commit_callbacks)
        self.change(desk, alice.contact, "two@example.com", django_capture_on_commit_callbacks)
        assert User.objects.get(pk=alice.contact_id).email == "one@example.com"
        assert len(mailoutbox) == 2

    def test_address_that_an_undo_may_restore_is_taken(self, desk, alice):
        old = factories.EmailChangeFactory().undo_email
        assert errors(save(desk, alice.contact, email=old)) == ["User with this Email already exists."]
        answers = {"email": old, "role": "customer", "usable_password": "false"}
        response = desk.post("/admin/accounts/user/add/", answers)
        assert errors(response) == ["User with this Email already exists."]
        assert not User.objects.filter(email=old).exists()
