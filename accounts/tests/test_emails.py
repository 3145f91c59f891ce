"""Changes of email: told to the last confirmed address, undone by it, confirmed by the new one."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django_tasks_db.models import DBTaskResult

from accounts.actions import open_session
from accounts.emails import (
    LinkRefused,
    Origin,
    TooManyEmailChanges,
    confirm_email,
    get_undo,
    undo_change,
)
from accounts.models import EmailChange, Session, User
from accounts.passwords import request_reset, reset_password
from accounts.profile import change_person
from accounts.registration import EmailTaken, register
from accounts.tasks import mail_confirmation, mail_former_address, mail_undo_link
from accounts.tokens import TokenRefused, hash_link_token, reset_token
from common.domain.tasks import run_all
from testing import factories
from testing.storms import overlapping, parallel

pytestmark = pytest.mark.django_db

OLD, NEW, LATER = "carol@example.com", "new@example.com", "later@example.com"


@pytest.fixture
def carol():
    return factories.UserFactory(email=OLD, first_name="Carol")


@pytest.fixture
def change(now, django_capture_on_commit_callbacks):
    """Return a function that changes a user's email and runs the tasks."""

    def change(user, email, *, at=now, **origin):
        with django_capture_on_commit_callbacks(execute=True):
            origin = Origin(**({"user_id": user.pk, "address": "::1", "at": at} | origin))
            change_person(user=User.objects.get(pk=user.pk), email=email, origin=origin)

    return change


def links(mailoutbox):
    """Return the tokens of all mails: `[(address, "undo" or "confirm", token)]`, and `""` where there is no link."""
    found = []
    for mail in mailoutbox:
        link = re.search(r"http://localhost:8000/customer/email/(\w+)/\?token=(\S+)", mail.body)
        found.append((mail.to[0], *(link.groups() if link else ("", ""))))
    return found


def reset_goes_to(mailoutbox, capture, email):
    mailoutbox.clear()
    with capture(execute=True):
        request_reset(email=email, address="::1")
    return [mail.to for mail in mailoutbox]


def addresses(user):
    user = User.objects.get(pk=user.pk)
    return user.email, user.confirmed_email


class TestChange:
    def test_old_address_is_told_and_new_one_asked(self, carol, change, mailoutbox, now):
        before = carol.history.count()
        change(carol, "New@Example.com")
        assert addresses(carol) == (NEW, OLD)
        (to_old, undo, first), (to_new, confirm, second) = links(mailoutbox)
        assert ((to_old, undo), (to_new, confirm)) == ((OLD, "undo"), (NEW, "confirm"))
        assert [mail.subject for mail in mailoutbox] == [
            "Your email address was changed",
            "Confirm your email address",
        ]
        assert NEW in mailoutbox[0].body and first in mailoutbox[0].alternatives[0][0]
        row = EmailChange.objects.get()
        assert (row.undo_hash, row.confirm_hash) == (hash_link_token(first), hash_link_token(second))
        assert row.expires_at - row.created_at == timedelta(hours=72)
        assert carol.history.count() == before + 1

    def test_sessions_stay_open(self, carol, change, now):
        open_session(user=carol, now=now)
        change(carol, NEW)
        assert Session.objects.get().ended_at is None

    def test_same_address_is_no_change(self, carol, change, mailoutbox):
        change(carol, OLD.upper())
        assert (EmailChange.objects.count(), mailoutbox, addresses(carol)) == (0, [], (OLD, None))

    def test_first_address_counts_as_confirmed(self, change, mailoutbox):
        walk_in = factories.UserFactory(email=None)
        change(walk_in, NEW)
        assert (addresses(walk_in), mailoutbox) == ((NEW, None), [])

    def test_removed_address_is_told_and_still_protected(self, carol, change, mailoutbox):
        change(carol, None)
        assert addresses(carol) == (None, OLD)
        [(to, kind, _)] = links(mailoutbox)
        assert (to, kind) == (OLD, "undo")
        change(carol, NEW)
        assert addresses(carol) == (NEW, OLD)
        assert [entry[:2] for entry in links(mailoutbox)[1:]] == [(OLD, "undo"), (NEW, "confirm")]

    def test_unconfirmed_address_is_told_without_a_link(self, carol, change, mailoutbox):
        change(carol, NEW)
        mailoutbox.clear()
        change(carol, LATER)
        assert [entry[:2] for entry in links(mailoutbox)] == [(OLD, "undo"), (NEW, ""), (LATER, "confirm")]
        assert addresses(carol) == (LATER, OLD)

    def test_return_to_confirmed_address_needs_no_link(self, carol, change, mailoutbox):
        change(carol, NEW)
        mailoutbox.clear()
        change(carol, OLD)
        assert [entry[:2] for entry in links(mailoutbox)] == [(NEW, "")]
        assert addresses(carol) == (OLD, None)

    @pytest.mark.django_db(transaction=True)
    def test_task_that_runs_again_mails_the_same_link(self, carol, now, settings, mailoutbox):
        """A mailbox may keep only the first of two mails with one Message-ID."""
        settings.TASKS_RUN_IN = "worker"
        change_person(user=carol, email=NEW, origin=Origin(user_id=carol.pk, address="::1", at=now))
        run_all()
        DBTaskResult.objects.update(status="READY", run_after=now)
        run_all()
        first, again = links(mailoutbox[:2]), links(mailoutbox[2:])
        assert (first, len({token for *_, token in first})) == (again, 2)
        ids = [str(mail.message()["Message-ID"]) for mail in mailoutbox]
        assert (ids[:2], len({*ids})) == (ids[2:], 2)  # each mail is that of a task of its own
        assert get_undo(token=first[0][2], now=now)

    @pytest.mark.django_db(transaction=True)
    def test_queue_never_holds_a_token(self, carol, now, settings):
        settings.TASKS_RUN_IN = "worker"
        change_person(user=carol, email=NEW, origin=Origin(user_id=carol.pk, address="::1", at=now))
        row = EmailChange.objects.get()
        stored = DBTaskResult.objects.values_list("args_kwargs", flat=True)
        assert [*stored] == [{"args": [row.pk], "kwargs": {}}] * 3
        assert (row.undo_hash, row.confirm_hash) == (None, None)

    def test_change_by_ended_session_is_refused(self, carol, change, now):
        open_session(user=carol, now=now)
        session = Session.objects.get()
        change(carol, NEW, session=session.uuid)
        carol.sessions.end(now=now)
        with pytest.raises(TokenRefused):
            change(carol, LATER, session=session.uuid)
        assert (addresses(carol), EmailChange.objects.count()) == ((NEW, OLD), 1)

    def test_mail_of_a_change_that_was_undone_is_not_sent(self, now, mailoutbox):
        change = factories.EmailChangeFactory(undone_at=now)
        for mail in (mail_undo_link, mail_former_address, mail_confirmation):
            mail.enqueue(change.pk)
        assert mailoutbox == []


class TestUndo:
    def test_restores_address_ends_sessions_and_asks_for_a_password(self, carol, change, mailoutbox, now):
        open_session(user=carol, now=now)
        change(carol, NEW)
        (_, _, token), (_, _, confirmation) = links(mailoutbox)
        user = undo_change(token=token, now=now)
        assert (addresses(carol), user.has_usable_password()) == ((OLD, None), False)
        assert Session.objects.get().ended_at == now
        assert EmailChange.objects.get().undone_at == now
        for again in (
            lambda: undo_change(token=token, now=now),
            lambda: confirm_email(token=confirmation, now=now),
        ):
            with pytest.raises(LinkRefused):
                again()
        reset_password(token=reset_token(user), password="a quiet green bicycle", address="::1", now=now)
        assert User.objects.get(email=OLD).check_password("a quiet green bicycle")

    def test_works_for_72_hours(self, carol, change, mailoutbox, now):
        change(carol, NEW)
        token = links(mailoutbox)[0][2]
        assert get_undo(token=token, now=now + timedelta(hours=71, minutes=59))
        with pytest.raises(LinkRefused):
            undo_change(token=token, now=now + timedelta(hours=72))
        assert addresses(carol) == (NEW, OLD)

    def test_oldest_confirmed_address_undoes_several_changes(self, carol, change, mailoutbox, now):
        change(carol, NEW)
        first = links(mailoutbox)[0][2]
        confirm_email(token=links(mailoutbox)[1][2], now=now)  # a thief holds the new address, too
        mailoutbox.clear()
        change(carol, LATER)
        [(to, kind, later), (_, _, confirmation)] = links(mailoutbox)
        assert (to, kind) == (NEW, "undo")
        undo_change(token=first, now=now)
        assert addresses(carol) == (OLD, None)
        for dead in (
            lambda: undo_change(token=later, now=now),
            lambda: confirm_email(token=confirmation, now=now),
        ):
            with pytest.raises(LinkRefused):
                dead()
        assert addresses(carol) == (OLD, None)

    def test_later_undo_leaves_the_earlier_one_valid(self, carol, change, mailoutbox, now):
        change(carol, NEW)
        (_, _, first), (_, _, confirmation) = links(mailoutbox)
        confirm_email(token=confirmation, now=now)
        change(carol, LATER)
        undo_change(token=links(mailoutbox)[2][2], now=now)
        assert addresses(carol) == (NEW, None)
        undo_change(token=first, now=now)
        assert addresses(carol) == (OLD, None)

    def test_address_is_reserved_while_it_can_be_undone(self, carol, bob, change, mailoutbox, now):
        change(carol, NEW)
        person = {"first_name": "Eve", "last_name": "E", "address": "::1", "password": "a quiet bicycle"}
        for refused in (
            lambda: register(now=now, email=OLD, **person),
            lambda: change(bob.contact, OLD),
        ):
            with pytest.raises(EmailTaken):
                refused()
        assert not User.objects.filter(email=OLD).exists()
        EmailChange.objects.update(expires_at=now - timedelta(seconds=1))
        register(now=now, email=OLD, **person)

    def test_taken_address_is_not_restored(self, carol, change, mailoutbox, now):
        change(carol, NEW)
        token = links(mailoutbox)[0][2]
        User.objects.create_user(OLD)  # past the rule
        open_session(user=User.objects.get(pk=carol.pk), now=now)
        with pytest.raises(EmailTaken):
            undo_change(token=token, now=now)
        assert addresses(carol) == (NEW, OLD)
        assert Session.objects.get().ended_at is None
        assert User.objects.get(pk=carol.pk).has_usable_password()

    @pytest.mark.parametrize("token", ["", "nonsense", "\udcff"])
    def test_unknown_token_is_refused(self, carol, change, now, token):
        change(carol, NEW)
        for action in (undo_change, confirm_email):
            with pytest.raises(LinkRefused):
                action(token=token, now=now)


class TestConfirmAndReset:
    def test_reset_goes_to_the_last_confirmed_address(
        self, carol, change, mailoutbox, now, django_capture_on_commit_callbacks
    ):
        change(carol, NEW)
        confirmation = links(mailoutbox)[1][2]
        for email in (OLD, NEW):
            assert reset_goes_to(mailoutbox, django_capture_on_commit_callbacks, email) == [[OLD]]
            assert f"is {NEW} now" in mailoutbox[0].body
        confirm_email(token=confirmation, now=now)
        assert addresses(carol) == (NEW, None)
        assert reset_goes_to(mailoutbox, django_capture_on_commit_callbacks, NEW) == [[NEW]]
        assert NEW not in mailoutbox[0].body
        assert reset_goes_to(mailoutbox, django_capture_on_commit_callbacks, OLD) == []
        with pytest.raises(LinkRefused):
            confirm_email(token=confirmation, now=now)

    def test_confirmation_is_for_the_present_address_only(self, carol, change, mailoutbox, now):
        change(carol, NEW)
        first = links(mailoutbox)[1][2]
        change(carol, LATER)
        with pytest.raises(LinkRefused):
            confirm_email(token=first, now=now)
        confirm_email(token=links(mailoutbox)[-1][2], now=now)
        assert addresses(carol) == (LATER, None)

    def test_expired_confirmation_is_refused(self, carol, change, mailoutbox, now):
        change(carol, NEW)
        with pytest.raises(LinkRefused):
            confirm_email(token=links(mailoutbox)[1][2], now=now + timedelta(hours=72))
        assert addresses(carol) == (NEW, OLD)

    def test_reset_by_the_confirmed_address_ends_the_confirmation(self, carol, change, mailoutbox, now):
        change(carol, NEW)
        user = User.objects.get(pk=carol.pk)
        reset_password(token=reset_token(user), password="a quiet green bicycle", address="::1", now=now)
        with pytest.raises(LinkRefused):
            confirm_email(token=links(mailoutbox)[1][2], now=now)
        assert addresses(carol) == (NEW, OLD)

    def test_present_address_wins_over_an_unconfirmed_former_one(
        self, carol, change, mailoutbox, now, django_capture_on_commit_callbacks
    ):
        change(carol, NEW)
        EmailChange.objects.update(expires_at=now - timedelta(seconds=1))
        other = factories.UserFactory(email=OLD, first_name="Other")
        assert reset_goes_to(mailoutbox, django_capture_on_commit_callbacks, OLD) == [[OLD]]
        assert other.first_name in mailoutbox[0].body

    def test_user_without_email_gets_no_reset(
        self, carol, change, mailoutbox, django_capture_on_commit_callbacks
    ):
        change(carol, None)
        assert reset_goes_to(mailoutbox, django_capture_on_commit_callbacks, OLD) == []


class TestLimit:
    def test_a_user_and_an_address_try_twenty_times_an_hour(self, carol, bob, alice, change, settings):
        for number in range(settings.RATE_EMAIL_CHANGES):
            with pytest.raises(EmailTaken):
                change(carol, bob.contact.email, address=f"::{number}")
        with pytest.raises(TooManyEmailChanges) as error:
            change(carol, NEW, address="::ffff")
        assert 0 < error.value.retry_after <= 3600
        for number in range(settings.RATE_EMAIL_CHANGES):
            with pytest.raises(EmailTaken):
                change(bob.contact, alice.contact.email, user_id=-number, address="::abcd")
        with pytest.raises(TooManyEmailChanges):
            change(alice.contact, NEW, address="::abcd")
        assert (addresses(carol), EmailChange.objects.count()) == ((OLD, None), 0)

    def test_other_fields_and_the_own_email_are_not_counted(self, carol, change, settings):
        settings.RATE_EMAIL_CHANGES = 1
        for _ in range(3):
            change(carol, OLD)
            change_person(user=carol, last_name="Clarke")
        change(carol, NEW)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_undo_wins_over_a_change_with_the_stolen_token(self, carol, now, mailoutbox):
        open_session(user=carol, now=now)
        origin = Origin(user_id=carol.pk, address="::1", at=now, session=Session.objects.get().uuid)
        change_person(user=carol, email=NEW, origin=origin)
        token = links(mailoutbox)[0][2]

        def work(number):
            if number == 0:
                return undo_change(token=token, now=now)
            user = User.objects.get(pk=carol.pk)
            return change_person(user=user, email=f"thief{number}@example.com", origin=origin)

        outcomes = parallel(5, work)
        assert isinstance(outcomes[0], User)
        assert {type(outcome) for outcome in outcomes[1:]} <= {type(None), TokenRefused}
        user = User.objects.get(pk=carol.pk)
        assert (user.email, user.confirmed_email, user.has_usable_password()) == (OLD, None, False)
        assert not EmailChange.objects.filter(undone_at=None, undo_email__isnull=False).exists()
        assert not Session.objects.filter(ended_at=None).exists()

    def test_link_undoes_once(self, carol, now, mailoutbox):
        change_person(user=carol, email=NEW, origin=Origin(user_id=carol.pk, address="::1", at=now))
        token = links(mailoutbox)[0][2]
        outcomes = parallel(3, lambda number: undo_change(token=token, now=now))
        assert [type(outcome) for outcome in outcomes].count(User) == 1
        assert [type(outcome) for outcome in outcomes].count(LinkRefused) == 2

    def test_old_address_cannot_be_taken_during_the_change(self, carol, now):
        person = {"first_name": "Eve", "last_name": "E", "address": "::1", "password": "a quiet bicycle"}

        def work(number):
            if number == 0:
                origin = Origin(user_id=carol.pk, address="::1", at=now)
                return change_person(user=carol, email=NEW, origin=origin)
            return register(now=now, email=OLD, **person)

        first, second = parallel(2, work)
        assert first is None
        assert isinstance(second, EmailTaken)
        assert addresses(carol) == (NEW, OLD)

    def test_registration_that_waited_for_the_change_is_refused(self, carol, now):
        """The unique index frees the old address when the change commits, so what reserves it is read after that."""
        person = {"first_name": "Eve", "last_name": "E", "address": "::1", "password": "a quiet bicycle"}
        origin = Origin(user_id=carol.pk, address="::1", at=now)
        first, second = overlapping(
            lambda: change_person(user=carol, email=NEW, origin=origin),
            lambda: register(now=now, email=OLD, **person),
        )
        assert first is None
        assert isinstance(second, EmailTaken)
        assert addresses(carol) == (NEW, OLD)
