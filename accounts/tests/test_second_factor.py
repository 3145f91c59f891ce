"""Second factors: setting up, codes, recovery codes and removal."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pyotp
import pytest
from django.core.management import CommandError, call_command

from accounts import second_factor
from accounts.actions import WrongCredentials, open_session, refresh_access, sign_in
from accounts.guesses import TooManyGuesses
from accounts.models import KnownAddress, RecoveryCode, SecondFactor, Session, User
from accounts.second_factor import (
    NoSecondFactor,
    SecondFactorExists,
    SecondFactorMissing,
    SecondFactorNeeded,
    WrongCode,
)
from accounts.tokens import TokenRefused
from testing.factories import PASSWORD, UserFactory
from testing.storms import parallel

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_at(moment):
    return pyotp.TOTP(SECRET).at(moment)


@pytest.fixture
def earlier(now):
    return now - timedelta(minutes=5)


@pytest.fixture
def recovery_codes(tim, earlier):
    """Set up Tim's second factor and return his recovery codes."""
    return second_factor.set_up(user=tim, secret=SECRET, code=code_at(earlier), now=earlier)


def enter(user, code, now):
    second_factor.check_code(user=user, code=code, address="192.0.2.1", now=now)


class TestSetUp:
    def test_stores_factor_and_ends_sessions(self, tim, now):
        open_session(user=tim, now=now)
        codes = second_factor.set_up(user=tim, secret=SECRET, code=code_at(now), now=now)
        tim.refresh_from_db()
        assert (tim.second_factor_since, tim.second_factor.secret) == (now, SECRET)
        assert Session.objects.get().ended_at == now
        assert len(set(codes)) == RecoveryCode.objects.count() == 10
        assert not RecoveryCode.objects.filter(code_hash__in=codes).exists()

    def test_wrong_code_changes_nothing(self, tim, now):
        with pytest.raises(WrongCode):
            second_factor.set_up(user=tim, secret=SECRET, code="000000", now=now)
        tim.refresh_from_db()
        assert (tim.second_factor_since, SecondFactor.objects.count()) == (None, 0)

    def test_second_one_is_refused(self, tim, recovery_codes, now):
        other = pyotp.random_base32()
        with pytest.raises(SecondFactorExists):
            second_factor.set_up(user=tim, secret=other, code=pyotp.TOTP(other).at(now), now=now)
        assert SecondFactor.objects.get().secret == SECRET

    def test_its_code_does_not_sign_in(self, tim, now):
        second_factor.set_up(user=tim, secret=SECRET, code=code_at(now), now=now)
        with pytest.raises(WrongCode):
            enter(tim, code_at(now), now)


class TestCode:
    @pytest.mark.parametrize("seconds", [-30, 0, 30])
    def test_is_accepted_within_a_step(self, tim, recovery_codes, now, seconds):
        enter(tim, code_at(now + timedelta(seconds=seconds)), now)

    @pytest.mark.parametrize("seconds", [-90, 90])
    def test_is_refused_beyond_a_step(self, tim, recovery_codes, now, seconds):
        with pytest.raises(WrongCode):
            enter(tim, code_at(now + timedelta(seconds=seconds)), now)

    def test_works_once(self, tim, recovery_codes, now):
        enter(tim, code_at(now), now)
        for used in (code_at(now), code_at(now - timedelta(seconds=30))):
            with pytest.raises(WrongCode):
                enter(tim, used, now)

    def test_may_have_blanks(self, tim, recovery_codes, now):
        code = code_at(now)
        enter(tim, f" {code[:3]} {code[3:]} ", now)

    @pytest.mark.parametrize("code", ["", "-", "12345", "1234567", "٠٠٠٠٠٠", "\x00", "x" * 40])
    def test_nonsense_is_wrong(self, tim, recovery_codes, now, code):
        with pytest.raises(WrongCode):
            enter(tim, code, now)

    def test_of_user_without_factor_is_wrong(self, carol, now):
        with pytest.raises(WrongCode):
            enter(carol, code_at(now), now)

    def test_wrong_ones_are_counted(self, tim, recovery_codes, now, settings):
        settings.RATE_LOGIN = 3
        for _ in range(3):
            with pytest.raises(WrongCode):
                enter(tim, "000000", now)
        with pytest.raises(TooManyGuesses) as refusal:
            enter(tim, code_at(now), now)
        assert 0 < refusal.value.retry_after <= 15 * 60

    def test_right_password_does_not_refill_the_budget(self, tim, recovery_codes, now, settings):
        settings.RATE_LOGIN = 3
        for _ in range(3):
            with pytest.raises(WrongCode):
                sign_in(email=tim.email, password=PASSWORD, address="192.0.2.1", now=now, code="000000")
        with pytest.raises(TooManyGuesses):
            sign_in(email=tim.email, password=PASSWORD, address="192.0.2.9", now=now, code=code_at(now))

    def test_wrong_ones_count_against_the_address(self, tim, recovery_codes, now, settings):
        settings.RATE_ADDRESS = 1
        with pytest.raises(WrongCode):
            enter(tim, "000000", now)
        with pytest.raises(TooManyGuesses):
            sign_in(email="stranger@example.com", password="x", address="192.0.2.1", now=now)


class TestRecoveryCode:
    def test_works_once(self, tim, recovery_codes, now):
        enter(tim, recovery_codes[0].lower().replace("-", " "), now)
        with pytest.raises(WrongCode):
            enter(tim, recovery_codes[0], now)
        assert RecoveryCode.objects.count() == 9

    def test_of_another_user_is_wrong(self, tim, recovery_codes, now):
        other, secret = UserFactory(role="advisor"), pyotp.random_base32()
        second_factor.set_up(user=other, secret=secret, code=pyotp.TOTP(secret).at(now), now=now)
        with pytest.raises(WrongCode):
            enter(other, recovery_codes[0], now)

    def test_renewal_replaces_all(self, tim, recovery_codes, now):
        renewed = second_factor.renew_recovery_codes(user=tim)
        with pytest.raises(WrongCode):
            enter(tim, recovery_codes[0], now)
        enter(tim, renewed[0], now)

    def test_renewal_needs_a_factor(self, carol):
        with pytest.raises(NoSecondFactor):
            second_factor.renew_recovery_codes(user=carol)


class TestRemove:
    def test_deletes_factor_and_codes_and_ends_sessions(self, tim, recovery_codes, now):
        open_session(user=tim, now=now)
        second_factor.remove(user=tim, now=now)
        tim.refresh_from_db()
        assert (tim.second_factor_since, Session.objects.get().ended_at) == (None, now)
        assert (SecondFactor.objects.count(), RecoveryCode.objects.count()) == (0, 0)

    def test_without_factor_is_refused(self, tim, now):
        with pytest.raises(NoSecondFactor):
            second_factor.remove(user=tim, now=now)
        assert tim.history.count() == 1


class TestCommand:
    def test_removes_factor(self, tim, recovery_codes):
        out = StringIO()
        call_command("reset_second_factor", tim.email.upper(), stdout=out)
        assert out.getvalue() == f"The second factor of {tim.email} is removed.\n"
        assert not SecondFactor.objects.exists()

    def test_says_why_it_cannot(self, tim):
        with pytest.raises(CommandError, match="This account has no second factor"):
            call_command("reset_second_factor", tim.email)
        with pytest.raises(CommandError, match=r"There is no user with the email x@example\.com"):
            call_command("reset_second_factor", "x@example.com")


class TestSignIn:
    def answer(self, user, now, **more):
        return sign_in(email=user.email, password=PASSWORD, address="192.0.2.1", now=now, **more)

    def test_needs_a_code(self, tim, recovery_codes, now):
        with pytest.raises(SecondFactorNeeded):
            self.answer(tim, now)
        with pytest.raises(WrongCode):
            self.answer(tim, now, code="000000")
        assert not Session.objects.exists()
        assert not KnownAddress.objects.exists()  # a password alone gives its address no budget of its own
        self.answer(tim, now, code=code_at(now))
        assert Session.objects.get().user == KnownAddress.objects.get().user == tim

    def test_wrong_password_does_not_spend_the_code(self, tim, recovery_codes, now):
        with pytest.raises(WrongCredentials):
            sign_in(email=tim.email, password="wrong", address="192.0.2.1", now=now, code=code_at(now))
        self.answer(tim, now, code=code_at(now))

    def test_does_not_ask_customers(self, tim, recovery_codes, now):
        User.objects.update(role="customer")
        self.answer(tim, now)
        assert Session.objects.get().user == tim

    def test_loses_to_a_factor_set_up_meanwhile(self, tim, now):
        checked = User.objects.get(pk=tim.pk)
        second_factor.set_up(user=tim, secret=SECRET, code=code_at(now), now=now)
        with pytest.raises(WrongCredentials):
            open_session(user=checked, now=now)


@pytest.mark.parametrize(
    ("setting", "required"),
    [
        ("NONE", []),
        ("MANAGERS", ["manager", "admin", "superuser"]),
        ("STAFF", ["technician", "advisor", "manager", "admin", "superuser"]),
    ],
)
def test_setting_requires_a_factor_of_roles(db, settings, now, setting, required):
    settings.REQUIRE_SECOND_FACTOR = setting
    users = {
        role: UserFactory(role=role) for role in ("customer", "technician", "advisor", "manager", "admin")
    }
    users["superuser"] = UserFactory(role="customer", is_superuser=True)
    assert [name for name, user in users.items() if second_factor.is_required(user)] == required
    for name in required:
        with pytest.raises(SecondFactorMissing):
            sign_in(email=users[name].email, password=PASSWORD, address="192.0.2.1", now=now)
    assert not Session.objects.exists()


def test_required_factor_ends_refreshing_of_older_sessions(tim, now, settings):
    tokens = open_session(user=tim, now=now)
    settings.REQUIRE_SECOND_FACTOR = "STAFF"
    with pytest.raises(TokenRefused):
        refresh_access(refresh=tokens.refresh)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_parallel_uses_of_a_code_succeed_once(tim, recovery_codes, now, kind):
    code = code_at(now) if kind == "code" else recovery_codes[0]

    def work(number):
        try:
            enter(tim, code, now)
        except WrongCode:
            return "wrong"
        return "right"

    assert sorted(parallel(4, work)) == ["right", "wrong", "wrong", "wrong"]
