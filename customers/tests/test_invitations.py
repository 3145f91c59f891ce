"""Invitations: sent, sent again, withdrawn and accepted."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from accounts.passwords import WeakPassword
from accounts.registration import EmailTaken
from accounts.tokens import hash_link_token
from common.domain.errors import Missing
from common.domain.tasks import run_all
from customers.actions import delete_profile, verify, withdraw_verification
from customers.invitations import (
    ActsForAnotherCustomer,
    AlreadyALogin,
    AlreadyInvited,
    AnotherAddress,
    CompanyNotVerified,
    InvitationRefused,
    StaffCannotJoin,
    TooManyInvitations,
    accept,
    accept_as_new,
    get_invitation,
    invite,
    resend,
    withdraw,
)
from customers.logins import OwnersOnly
from customers.models import CustomerUser, Invitation
from testing import factories
from testing.storms import parallel

pytestmark = pytest.mark.django_db
PAGE = "https://fleet.example/invitation"
BEN = "ben@example.com"
PASSWORD = "a quiet green bicycle"


@pytest.fixture
def rosa():
    """Return a verified company."""
    return factories.CustomerFactory(company_name="RS Wind http://evil.example", is_verified=True)


@pytest.fixture
def send(rosa, now, mailoutbox, django_capture_on_commit_callbacks):
    """Return a function that invites an address and returns the invitation and its token."""

    def send(email=BEN, *, role="approver", at=now, by=None):
        with django_capture_on_commit_callbacks(execute=True):
            invitation = invite(
                customer_id=rosa.pk, email=email, role=role, by=by or rosa.contact_id, page=PAGE, now=at
            )
        return invitation, token_of(mailoutbox[-1])

    return send


def token_of(mail):
    [token] = re.findall(r"https://fleet\.example/invitation\?token=(\S+)", mail.body)
    return token


def join_as_new(token, now, password=PASSWORD):
    names = {"first_name": "Ben", "last_name": "Breeze"}
    return accept_as_new(token=token, password=password, address="::1", now=now, **names)


def counts():
    return User.objects.count(), CustomerUser.objects.count(), Invitation.objects.waiting().count()


class TestInvite:
    def test_mails_a_link_and_creates_neither_user_nor_login(self, rosa, send, mailoutbox):
        before = counts()
        invitation, token = send("BEN@Example.com")
        assert counts() == (before[0], before[1], 1)
        [mail] = mailoutbox
        assert (mail.to, mail.subject) == ([BEN], "Invitation to the fleet portal")
        [html] = [body for body, kind in mail.alternatives]
        assert "RS Wind http://evil.example invites you" in mail.body and token in html
        invitation.refresh_from_db()
        assert (invitation.token_hash, invitation.email) == (hash_link_token(token), BEN)
        assert token not in str(list(Invitation.objects.values()))

    @pytest.mark.django_db(transaction=True)
    def test_queue_never_holds_the_token(self, rosa, now, settings):
        settings.TASKS_RUN_IN = "worker"
        invitation = invite(
            customer_id=rosa.pk, email=BEN, role="viewer", by=rosa.contact_id, page=PAGE, now=now
        )
        assert DBTaskResult.objects.get().args_kwargs == {"args": [invitation.pk, PAGE], "kwargs": {}}
        invitation.refresh_from_db()
        assert invitation.token_hash is None

    @pytest.mark.django_db(transaction=True)
    def test_task_that_runs_again_mails_the_same_link(self, rosa, now, settings, mailoutbox):
        settings.TASKS_RUN_IN = "worker"
        invite(customer_id=rosa.pk, email=BEN, role="viewer", by=rosa.contact_id, page=PAGE, now=now)
        for _ in range(2):
            DBTaskResult.objects.update(status="READY", run_after=now)
            run_all()
        first, again = map(token_of, mailoutbox)
        assert first == again
        assert get_invitation(token=first, now=now).email == BEN

    def test_is_for_verified_companies_only(self, rosa, send, mailoutbox):
        withdraw_verification(customer=rosa)
        with pytest.raises(CompanyNotVerified):
            send()
        assert (Invitation.objects.count(), mailoutbox) == (0, [])

    @pytest.mark.parametrize("role", ["approver", "viewer"])
    def test_is_for_owners_only(self, rosa, bob, now, send, role):
        invitation, _ = send()
        colleague = factories.CustomerUserFactory(customer=rosa, role=role).user_id
        for by, refusal in ((colleague, OwnersOnly), (bob.contact_id, Missing)):
            with pytest.raises(refusal):
                send("eve@example.com", by=by)
            with pytest.raises(refusal):
                resend(invitation=invitation, by=by, page=PAGE, now=now)
            with pytest.raises(refusal):
                withdraw(invitation=invitation, by=by, now=now)
        assert list(Invitation.objects.waiting()) == [invitation]

    def test_known_and_unknown_addresses_are_answered_alike(self, bob, send):
        invitation, _ = send(bob.contact.email)
        assert invitation.email == bob.contact.email
        assert bob.logins.get().customer == bob

    def test_own_login_and_waiting_invitation_are_refused(self, rosa, send):
        send()
        for email, refusal in ((BEN, AlreadyInvited), (rosa.contact.email, AlreadyALogin)):
            with pytest.raises(refusal) as error:
                send(email)
            assert error.value.field == "email"
        assert Invitation.objects.count() == 1

    def test_expired_invitation_gives_way_to_a_new_one(self, now, send):
        first, _ = send(at=now - timedelta(days=8))
        second, _ = send()
        assert list(Invitation.objects.waiting()) == [second]
        first.refresh_from_db()
        assert first.withdrawn_at == now

    def test_twenty_a_day_with_repeats(self, rosa, now, send, settings):
        first, _ = send(at=now - timedelta(hours=23))
        for number in range(18):
            send(f"b{number}@example.com")
        resend(invitation=first, by=rosa.contact_id, page=PAGE, now=now)
        for refused in (
            lambda: send("last@example.com"),
            lambda: resend(
                invitation=Invitation.objects.waiting()[0], by=rosa.contact_id, page=PAGE, now=now
            ),
        ):
            with pytest.raises(TooManyInvitations) as error:
                refused()
            assert error.value.retry_after == 3600
        assert (Invitation.objects.count(), settings.RATE_INVITATIONS) == (20, 20)
        send("last@example.com", at=now + timedelta(hours=1, seconds=1))

    def test_old_rows_are_deleted(self, rosa, now, send):
        old = factories.InvitationFactory(customer=rosa, created_at=now - timedelta(days=31))
        other = factories.InvitationFactory(created_at=now - timedelta(days=31))
        send()
        assert not Invitation.objects.filter(pk=old.pk).exists()
        assert Invitation.objects.filter(pk=other.pk).exists()


class TestResendAndWithdraw:
    def test_only_the_newest_link_works(
        self, rosa, now, send, mailoutbox, django_capture_on_commit_callbacks
    ):
        first, old = send(role="viewer")
        with django_capture_on_commit_callbacks(execute=True):
            second = resend(invitation=first, by=rosa.contact_id, page=PAGE, now=now)
        with pytest.raises(InvitationRefused):
            join_as_new(old, now)
        user = join_as_new(token_of(mailoutbox[-1]), now)
        assert (second.email, user.customer_login.role) == (BEN, "viewer")

    def test_withdrawn_link_does_nothing(self, rosa, now, send):
        invitation, token = send()
        withdraw(invitation=invitation, by=rosa.contact_id, now=now)
        with pytest.raises(InvitationRefused):
            join_as_new(token, now)
        for again in (
            lambda: withdraw(invitation=invitation, by=rosa.contact_id, now=now),
            lambda: resend(invitation=invitation, by=rosa.contact_id, page=PAGE, now=now),
        ):
            with pytest.raises(Missing):
                again()

    def test_withdrawn_before_the_mail_left_is_not_mailed(self, rosa, now, mailoutbox):
        from customers.tasks import mail_invitation

        invitation = factories.InvitationFactory(customer=rosa, withdrawn_at=now)
        mail_invitation.enqueue(invitation.pk, PAGE)
        mail_invitation.enqueue(0, PAGE)
        assert mailoutbox == []


class TestAccept:
    def test_new_user_gets_names_password_and_role(self, rosa, now, send):
        _, token = send(role="viewer")
        user = join_as_new(token, now)
        assert (user.email, user.full_name, user.role) == (BEN, "Ben Breeze", "customer")
        assert user.check_password(PASSWORD)
        login = CustomerUser.objects.get(user=user)
        assert (login.customer, login.role) == (rosa, "viewer")
        assert Invitation.objects.get().accepted_at == now
        with pytest.raises(InvitationRefused):
            join_as_new(token, now)

    def test_existing_and_later_registered_users_join_while_signed_in(self, rosa, carol, now, send):
        for email, register in ((carol.email, False), ("later@example.com", True)):
            _, token = send(email)
            user = factories.UserFactory(email=email) if register else carol
            assert not CustomerUser.objects.filter(user=user).exists()
            assert accept(token=token, user_id=user.pk, now=now) == rosa
            assert CustomerUser.objects.get(user=user).role == "approver"

    def test_account_of_the_address_is_not_taken_over(self, carol, now, send):
        _, token = send(carol.email)
        before = counts()
        with pytest.raises(EmailTaken):
            join_as_new(token, now)
        carol.refresh_from_db()
        assert (counts(), carol.check_password(factories.PASSWORD)) == (before, True)

    def test_other_user_customer_of_another_and_staff_are_refused(self, alice, bob, tim, now, send):
        before = CustomerUser.objects.count()
        for email, user, refusal in (
            (BEN, alice.contact, AnotherAddress),
            (bob.contact.email, bob.contact, ActsForAnotherCustomer),
            (tim.email, tim, StaffCannotJoin),
        ):
            _, token = send(email)
            with pytest.raises(refusal):
                accept(token=token, user_id=user.pk, now=now)
        assert (CustomerUser.objects.count(), Invitation.objects.waiting().count()) == (before, 3)

    def test_user_who_joined_meanwhile_is_refused(self, rosa, carol, now, send):
        _, token = send(carol.email)
        factories.CustomerUserFactory(customer=rosa, user=carol)
        with pytest.raises(AlreadyALogin):
            accept(token=token, user_id=carol.pk, now=now)

    def test_weak_password_leaves_the_link_valid(self, now, send):
        _, token = send()
        before = counts()
        with pytest.raises(WeakPassword):
            join_as_new(token, now, password="12345678")
        assert counts() == before
        join_as_new(token, now)

    def test_expired_link_and_unverified_company_are_refused(self, rosa, now, send):
        _, token = send()
        with pytest.raises(InvitationRefused):
            join_as_new(token, now + timedelta(days=7))
        withdraw_verification(customer=rosa)
        with pytest.raises(InvitationRefused):
            join_as_new(token, now)
        verify(customer=rosa)
        join_as_new(token, now)

    def test_deleted_profile_takes_its_invitations_along(self, rosa, now, send):
        _, token = send()
        delete_profile(user_id=rosa.contact_id, now=now)
        assert not Invitation.objects.exists()
        with pytest.raises(InvitationRefused):
            join_as_new(token, now)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_one_link_is_accepted_once(self, rosa, now, mailoutbox):
        invite(customer_id=rosa.pk, email=BEN, role="viewer", by=rosa.contact_id, page=PAGE, now=now)
        token = token_of(mailoutbox[-1])
        outcomes = parallel(2, lambda number: join_as_new(token, now))
        assert {type(outcome) for outcome in outcomes} == {User, InvitationRefused}
        assert User.objects.filter(email=BEN).count() == rosa.logins.exclude(user=rosa.contact).count() == 1

    def test_signed_in_user_joins_once(self, rosa, carol, now, mailoutbox):
        invite(customer_id=rosa.pk, email=carol.email, role="viewer", by=rosa.contact_id, page=PAGE, now=now)
        token = token_of(mailoutbox[-1])
        outcomes = parallel(2, lambda number: accept(token=token, user_id=carol.pk, now=now))
        assert {type(outcome).__name__ for outcome in outcomes} == {"Customer", "InvitationRefused"}
        assert rosa.logins.count() == 2

    def test_twenty_of_25_invitations_go(self, rosa, now, mailoutbox):
        def send(number):
            return invite(
                customer_id=rosa.pk,
                email=f"b{number}@example.com",
                role="viewer",
                by=rosa.contact_id,
                page=PAGE,
                now=now,
            )

        outcomes = parallel(25, send)
        kinds = [type(outcome) for outcome in outcomes]
        assert (kinds.count(Invitation), kinds.count(TooManyInvitations)) == (20, 5)
        assert Invitation.objects.count() == len({mail.to[0] for mail in mailoutbox}) == 20

    def test_one_of_parallel_invitations_to_an_address_goes(self, rosa, now, mailoutbox):
        def send(number):
            return invite(
                customer_id=rosa.pk, email=BEN, role="viewer", by=rosa.contact_id, page=PAGE, now=now
            )

        kinds = [type(outcome) for outcome in parallel(4, send)]
        assert (kinds.count(Invitation), kinds.count(AlreadyInvited), len(mailoutbox)) == (1, 3, 1)
