"""A sign-in during a change of password, role or activity."""

from __future__ import annotations

import time
from threading import Event

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts import actions, passwords
from accounts.models import Session, User
from testing.factories import PASSWORD
from testing.storms import parallel

pytestmark = pytest.mark.django_db

NEW = "another horse battery"


def may_sign_in(user, password):
    body = {"email": user.email, "password": password}
    return APIClient().post("/api/auth/login/", body, format="json").status_code == 200


def living(user):
    return user.sessions.filter(ended_at=None).count()


class TestSignInRace:
    """A sign-in during a change of password opens no session that stays open after the change."""

    def test_opening_session_checks_password_again(self, carol, now):
        loaded = actions.check_credentials(email=carol.email, password=PASSWORD, address="::1", now=now)
        passwords.change_password(user=carol, password=NEW, now=now)
        with pytest.raises(actions.WrongCredentials):
            actions.open_session(user=loaded, now=now)
        assert not Session.objects.exists()

    @pytest.mark.parametrize(
        "change",
        [
            lambda user, now: actions.change_role(user=user, role="manager", now=now),
            lambda user, now: actions.set_active(user=user, is_active=False, now=now),
        ],
        ids=["role", "activity"],
    )
    def test_opening_session_checks_role_and_activity_again(self, carol, now, change):
        loaded = actions.check_credentials(email=carol.email, password=PASSWORD, address="::1", now=now)
        change(carol, now)
        with pytest.raises(actions.WrongCredentials):
            actions.open_session(user=loaded, now=now)

    def test_outdated_hash_does_not_overwrite_new_password(self, carol, settings, now):
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
        loaded = User.objects.get(pk=carol.pk)
        passwords.change_password(user=carol, password=NEW, now=now)
        assert loaded.check_password(PASSWORD)  # compares with the outdated hash that was loaded
        assert may_sign_in(carol, NEW)
        assert not may_sign_in(carol, PASSWORD)
        assert User.objects.get(pk=carol.pk).password.startswith("pbkdf2")

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("first", ["change", "sign-in"])
    def test_sign_in_and_change_wait_for_each_other(self, carol, now, first):
        loaded = actions.check_credentials(email=carol.email, password=PASSWORD, address="::1", now=now)
        verbs = {
            "change": lambda: passwords.change_password(user=carol, password=NEW, now=now),
            "sign-in": lambda: actions.open_session(user=loaded, now=now),
        }
        begun = Event()

        def work(number):
            if number == 0:
                with transaction.atomic():
                    verbs.pop(first)()
                    begun.set()
                    time.sleep(0.2)
                return None
            begun.wait(timeout=30)
            return next(iter(verbs.values()))()

        _, outcome = parallel(2, work)
        assert isinstance(outcome, actions.WrongCredentials) is (first == "change")
        assert living(carol) == 0
        assert may_sign_in(carol, NEW)

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_no_session_with_old_password_survives_parallel_sign_ins(self, carol, now):
        def work(number):
            if number == 4:
                passwords.change_password(user=carol, password=NEW, now=now)
                return "changed"
            body = {"email": carol.email, "password": PASSWORD}
            return APIClient().post("/api/auth/login/", body, format="json").status_code

        outcomes = parallel(9, work)
        assert outcomes[4] == "changed"
        assert set(outcomes) <= {"changed", 200, 401}
        assert living(carol) == 0
