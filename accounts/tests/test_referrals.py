"""The points ledger and the balance."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Sum
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Referral, RewardEntry, User
from accounts.referrals import ColleagueReferralCode, NotEnoughPoints, book_points, credit_referrals, refer
from common.domain.database import violates
from testing.factories import CustomerUserFactory, ReferralFactory, RewardEntryFactory, UserFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db


def balance(user):
    return User.objects.values_list("rewards_balance", flat=True).get(pk=user.pk)


def ledger(user):
    return user.reward_entries.aggregate(sum=Sum("points"))["sum"] or 0


class TestCredit:
    def test_rewards_only_the_referrer(self, tim, now):
        referral = ReferralFactory()
        other = ReferralFactory(referrer=referral.referrer)
        credit_referrals(friends=[referral.referred_id], by=tim.pk, now=now)
        referral.refresh_from_db()
        assert (referral.status, referral.rewards_applied) == ("credited", {"points": 100})
        entry = RewardEntry.objects.get()
        assert (entry.user, entry.points, entry.reason, entry.referral, entry.created_at) == (
            referral.referrer, 100, "A friend's first repair", referral, now
        )  # fmt: skip
        assert (balance(referral.referrer), balance(referral.referred)) == (100, 0)
        assert referral.history.order_by("history_id").last().history_user == tim
        other.refresh_from_db()
        assert other.status == "signed_up"

    def test_referral_is_credited_once(self, now):
        referral = ReferralFactory()
        for _ in range(2):
            credit_referrals(friends=[referral.referred_id], by=None, now=now)
        assert (balance(referral.referrer), RewardEntry.objects.count()) == (100, 1)

    def test_amount_follows_setting(self, now, settings):
        settings.REFERRAL_REWARD = 250
        referral = ReferralFactory()
        credit_referrals(friends=[referral.referred_id], by=None, now=now)
        referral.refresh_from_db()
        assert (balance(referral.referrer), referral.rewards_applied) == (250, {"points": 250})

    def test_user_without_referrer_earns_no_reward(self, carol, now):
        credit_referrals(friends=[carol.pk], by=None, now=now)
        assert not RewardEntry.objects.exists()


class TestBalance:
    def test_balance_is_never_negative(self, carol, now):
        book_points(user_id=carol.pk, points=30, reason="Goodwill", now=now)
        with pytest.raises(NotEnoughPoints):
            book_points(user_id=carol.pk, points=-31, reason="Spent", now=now)
        assert (balance(carol), ledger(carol)) == (30, 30)
        book_points(user_id=carol.pk, points=-30, reason="Spent", now=now)
        assert (balance(carol), ledger(carol)) == (0, 0)

    def test_refused_entry_keeps_balance(self, carol, now):
        referral = ReferralFactory(referrer=carol)
        credit_referrals(friends=[referral.referred_id], by=None, now=now)
        with pytest.raises(IntegrityError), transaction.atomic():
            book_points(user_id=carol.pk, points=5, reason="Again", now=now, referral=referral)
        with pytest.raises(IntegrityError), transaction.atomic():
            book_points(user_id=carol.pk, points=0, reason="Nothing", now=now)
        assert (balance(carol), ledger(carol)) == (100, 100)

    @settings(max_examples=settings.default.max_examples // 2)
    @given(st.lists(st.integers(-200, 200).filter(bool), max_size=25))
    def test_balance_is_sum_of_ledger(self, moves):
        with transaction.atomic():
            user, expected = UserFactory(), 0
            for points in moves:
                if expected + points < 0:
                    with pytest.raises(NotEnoughPoints):
                        book_points(user_id=user.pk, points=points, reason="Move", now=user.created_at)
                else:
                    book_points(user_id=user.pk, points=points, reason="Move", now=user.created_at)
                    expected += points
                assert balance(user) == ledger(user) == expected
            transaction.set_rollback(True)

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_50_parallel_entries_are_all_counted(self, carol, now):
        book_points(user_id=carol.pk, points=100, reason="Goodwill", now=now)

        def move(number):
            points = 7 if number % 2 else -9
            try:
                book_points(user_id=carol.pk, points=points, reason="Move", now=now)
            except NotEnoughPoints:
                return 0
            return points

        moved = parallel(50, move)
        assert set(moved) <= {7, -9, 0}
        assert balance(carol) == ledger(carol) == 100 + sum(moved)
        assert RewardEntry.objects.count() == 1 + sum(1 for points in moved if points)

    @pytest.mark.storm
    @pytest.mark.django_db(transaction=True)
    def test_50_parallel_credits_count_once_each(self, carol, now):
        """Two calls at the same time credit each of the 25 referrals."""
        friends = [referral.referred_id for referral in ReferralFactory.create_batch(25, referrer=carol)]
        outcomes = parallel(
            50, lambda number: credit_referrals(friends=[friends[number % 25]], by=None, now=now)
        )
        assert outcomes == [None] * 50
        assert balance(carol) == ledger(carol) == 2500
        assert set(Referral.objects.values_list("status", flat=True)) == {"credited"}


class TestColleagues:
    """A company must not earn points with logins that it makes itself."""

    @pytest.fixture
    def colleague(self, alice):
        return CustomerUserFactory(customer=alice).user

    def test_code_of_a_colleague_or_of_the_contact_is_refused(self, alice, colleague, now):
        pairs = ((colleague, alice.contact), (alice.contact, colleague))
        for friend, referrer in pairs:
            with pytest.raises(ColleagueReferralCode) as error:
                refer(friend_id=friend.pk, code=referrer.referral_code, now=now)
            assert (error.value.field, error.value.text) == (
                "referral_code",
                "This is the code of a login of your own company. Points are for new customers.",
            )
        assert not Referral.objects.exists()

    def test_referrer_who_became_a_colleague_is_not_credited(self, alice, colleague, bob, now):
        inside = ReferralFactory(referrer=alice.contact, referred=colleague)
        outside = ReferralFactory(referrer=bob.contact, referred=alice.contact)
        credit_referrals(friends=[colleague.pk, alice.contact_id], by=None, now=now)
        assert [balance(user) for user in (alice.contact, bob.contact)] == [0, 100]
        assert dict(Referral.objects.values_list("pk", "status")) == {
            inside.pk: "signed_up", outside.pk: "credited"
        }  # fmt: skip


class TestDatabase:
    """Constraints in the database."""

    @pytest.mark.parametrize("name", ["referred_once", "referred_by_another"])
    def test_user_has_one_referrer_who_is_another_user(self, carol, tim, name):
        ReferralFactory(referred=carol)
        person = carol if name == "referred_once" else tim
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            ReferralFactory(referrer=tim, referred=person)
        assert violates(refusal.value, Referral, name)

    def test_unknown_status_is_refused(self):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            ReferralFactory(status="perhaps")
        assert violates(refusal.value, Referral, "referral_status_is_known")

    def test_user_with_referral_or_entry_cannot_be_deleted(self, carol):
        ReferralFactory(referred=carol)
        entry = RewardEntryFactory()
        for user in (carol, entry.user):
            with pytest.raises(ProtectedError):
                user.delete()
