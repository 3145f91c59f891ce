"""Wrong passwords count towards one limit per account across all sign-in routes, and one per known address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from accounts import actions
from accounts.guesses import TooManyGuesses
from accounts.models import KnownAddress, Session
from testing.factories import PASSWORD
from testing.storms import parallel

pytestmark = pytest.mark.django_db

LOGIN = "/api/token/"
WRONG = {"detail": "No active account found with the given credentials"}
TOO_MANY = {"error": "Too many requests", "detail": "Too many sign-in attempts. Try again later."}


def login(api, email, password=PASSWORD, **extra):
    return api.post(LOGIN, {"email": email, "password": password}, format="json", **extra)


class TestBudget:
    def test_eleventh_wrong_password_is_429(self, api, carol):
        for _ in range(10):
            response = login(api, carol.email, "wrong")
            assert (response.status_code, response.json()) == (401, WRONG)
        response = login(api, carol.email)
        assert (response.status_code, response.json()) == (429, TOO_MANY)
        assert 1 <= int(response["Retry-After"]) <= 900
        assert not Session.objects.exists()

    def test_unknown_email_is_counted_and_refused_alike(self, api):
        answers = [login(api, "nobody@example.com", "wrong") for _ in range(11)]
        assert [(a.status_code, a.json()) for a in answers] == [(401, WRONG)] * 10 + [(429, TOO_MANY)]

    def test_email_in_other_case_is_same_account(self, api, carol):
        for _ in range(10):
            login(api, carol.email.upper(), "wrong")
        assert login(api, carol.email, "wrong").status_code == 429

    def test_very_long_email_is_counted(self, api):
        email = "x" * 60 + "@" + ("y" * 60 + ".") * 4 + "example"
        answers = [login(api, email, "wrong").status_code for _ in range(11)]
        assert answers == [401] * 10 + [429]

    def test_admin_counts_username_with_spaces(self, client):
        form = {"username": "no such person", "password": "wrong"}
        answers = [client.post("/admin/login/", form).status_code for _ in range(11)]
        assert answers == [200] * 10 + [429]

    def test_unknown_addresses_share_one_budget(self, api, carol):
        for host in range(10):
            login(api, carol.email, "wrong", REMOTE_ADDR=f"203.0.113.{host}")
        assert login(api, carol.email, REMOTE_ADDR="203.0.113.99").status_code == 429

    def test_address_has_budget_over_all_accounts(self, api, carol, settings, monkeypatch):
        settings.RATE_ADDRESS = 12
        spray = {"HTTP_X_FORWARDED_FOR": "6.6.6.6", "REMOTE_ADDR": "2001:db8:0:7::1"}
        answers = [login(api, f"user{n}@example.com", "wrong", **spray).status_code for n in range(12)]
        assert answers == [401] * 12
        monkeypatch.setattr(actions, "make_password", None)  # a refused attempt hashes nothing
        neighbour = {"REMOTE_ADDR": "2001:db8:0:7:ffff::1"}
        response = login(api, "user99@example.com", "wrong", **neighbour)
        assert (response.status_code, response.json()) == (429, TOO_MANY)
        assert login(api, carol.email, **neighbour).status_code == 429
        assert login(api, carol.email, REMOTE_ADDR="2001:db8:0:8::1").status_code == 200

    def test_correct_passwords_do_not_count_for_address(self, api, carol, settings):
        settings.RATE_ADDRESS = 3
        assert [login(api, carol.email).status_code for _ in range(5)] == [200] * 5
        assert [login(api, carol.email, "wrong").status_code for _ in range(4)] == [401] * 3 + [429]

    def test_other_account_has_own_budget(self, api, carol, tim):
        for _ in range(11):
            login(api, carol.email, "wrong")
        assert login(api, tim.email).status_code == 200

    def test_known_address_has_own_budget(self, api, carol):
        home, elsewhere = {"REMOTE_ADDR": "198.51.100.7"}, {"REMOTE_ADDR": "203.0.113.5"}
        assert login(api, carol.email, **home).status_code == 200
        for _ in range(11):
            stranger = login(api, carol.email, "wrong", **elsewhere)
        assert stranger.status_code == 429
        assert login(api, carol.email, **home).status_code == 200
        for _ in range(10):
            assert login(api, carol.email, "wrong", **home).status_code == 401
        assert login(api, carol.email, **home).status_code == 429

    def test_known_address_expires_after_90_days(self, carol, now):
        def guess(password):
            actions.sign_in(email=carol.email, password=password, address="198.51.100.7", now=now)

        known = KnownAddress.objects.create(
            user=carol, address="198.51.100.7", last_sign_in_at=now - timedelta(days=90)
        )
        for _ in range(10):
            with pytest.raises(actions.WrongCredentials):
                guess("wrong")
        known.last_sign_in_at = now - timedelta(days=90, seconds=1)
        known.save()
        guess(PASSWORD)  # the shared budget is still unused
        known.refresh_from_db()
        assert known.last_sign_in_at == now
        with pytest.raises(TooManyGuesses):
            guess(PASSWORD)

    def test_address_of_a_browsers_sign_in_is_known(self, client, tim):
        form = {"username": tim.email, "password": PASSWORD}
        assert client.post("/admin/login/", form, REMOTE_ADDR="198.51.100.7").status_code == 302
        known = KnownAddress.objects.get()
        assert (known.user, known.address) == (tim, "198.51.100.7")

    def test_correct_passwords_do_not_count(self, api, carol):
        for _ in range(9):
            login(api, carol.email, "wrong", REMOTE_ADDR="203.0.113.5")
        for host in range(12):
            assert login(api, carol.email, REMOTE_ADDR=f"198.51.100.{host}").status_code == 200
        assert login(api, carol.email, "wrong", REMOTE_ADDR="203.0.113.5").status_code == 401
        assert login(api, carol.email, "wrong", REMOTE_ADDR="203.0.113.5").status_code == 429

    def test_budget_is_restored_in_next_window(self, api, carol, monkeypatch):
        monkeypatch.setattr("common.domain.counters.time.time", lambda: 900.0 * 1000 + 899)
        for _ in range(10):
            login(api, carol.email, "wrong")
        response = login(api, carol.email)
        assert (response.status_code, response["Retry-After"]) == (429, "1")
        monkeypatch.setattr("common.domain.counters.time.time", lambda: 900.0 * 1001)
        assert login(api, carol.email).status_code == 200

    def test_admin_counts_in_same_budget(self, client, api, ada):
        for _ in range(5):
            login(api, ada.email, "wrong")
            page = client.post("/admin/login/", {"username": ada.email.upper(), "password": "wrong"})
            assert page.status_code == 200
        page = client.post("/admin/login/", {"username": ada.email, "password": PASSWORD})
        assert page.status_code == 429
        assert 1 <= int(page["Retry-After"]) <= 900
        assert page["Content-Type"] == "text/html; charset=utf-8"
        assert "<h1>Too many requests</h1>" in page.content.decode()
        assert login(api, ada.email).status_code == 429

    def test_admin_signs_staff_in_and_stores_address(self, client, ada):
        page = client.post(
            "/admin/login/?next=/admin/", {"username": ada.email.title(), "password": PASSWORD}
        )
        assert (page.status_code, page["Location"]) == (302, "/admin/")
        assert KnownAddress.objects.values_list("user_id", "address").get() == (ada.pk, "127.0.0.1")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    def test_parallel_wrong_passwords_do_not_exceed_budget(self, carol):
        outcomes = parallel(30, lambda _: login(APIClient(), carol.email, "wrong").status_code)
        assert sorted(outcomes) == [401] * 10 + [429] * 20

    def test_parallel_first_sign_ins_from_one_address_succeed(self, carol):
        outcomes = parallel(8, lambda _: login(APIClient(), carol.email).status_code)
        assert outcomes == [200] * 8
        assert KnownAddress.objects.count() == 1
        assert Session.objects.count() == 8
