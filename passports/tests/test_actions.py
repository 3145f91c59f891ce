"""Making, withdrawing and clearing the links of passports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.tokens import hash_link_token
from common.domain.expiry import clear_expired
from passports.actions import (
    MOST_LINKS,
    LinkHasEnded,
    TooManyPassportLinks,
    clear_ended_links,
    share,
    withdraw,
    withdraw_all,
)
from passports.links import PASSPORTS
from passports.models import PassportLink
from passports.queries import find_by_token, find_live
from testing import factories
from testing.histories import hand_over
from vehicles.locks import AlreadyArchived

pytestmark = pytest.mark.django_db


@pytest.fixture
def car(alice):
    return factories.VehicleFactory(customer=alice)


class TestShare:
    def test_link_works_for_thirty_days_and_its_token_is_not_stored(self, car, now, settings):
        settings.PUBLIC_URL = "https://garage.example"
        link = share(vehicle=car, now=now)
        token, token_hash = PASSPORTS.token_of(link.uuid)
        assert (link.expires_at - now, link.for_next_owner) == (timedelta(days=30), False)
        assert link.token_hash == token_hash == hash_link_token(token)
        assert PASSPORTS.url_of(link.uuid, link.token_hash) == f"https://garage.example/v/{token}"
        assert token not in str(PassportLink.objects.values().get())
        assert len(token) == 22

    def test_link_is_found_under_an_earlier_key(self, car, now, settings):
        link = share(vehicle=car, now=now)
        url = PASSPORTS.url_of(link.uuid, link.token_hash)
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another" * 10
        assert PASSPORTS.url_of(link.uuid, link.token_hash) == url
        assert find_by_token(url.rpartition("/")[2], now=now) == link

    def test_twenty_links_work_at_a_time(self, car, now):
        links = [share(vehicle=car, now=now, days=90) for _ in range(MOST_LINKS)]
        with pytest.raises(TooManyPassportLinks) as refused:
            share(vehicle=car, now=now)
        assert refused.value.text == "This vehicle has 20 links that work. Withdraw one of them first."
        withdraw(link=links[0], now=now)
        share(vehicle=car, now=now, days=1)
        with pytest.raises(TooManyPassportLinks):
            share(vehicle=car, now=now)
        share(vehicle=car, now=now + timedelta(days=1))

    def test_archived_vehicle_is_refused(self, car, now):
        hand_over(car, now)
        with pytest.raises(AlreadyArchived):
            share(vehicle=car, now=now)
        assert not PassportLink.objects.exists()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite writes one at a time")
    def test_parallel_requests_make_no_link_too_many(self, car, now):
        for _ in range(MOST_LINKS - 1):
            share(vehicle=car, now=now)

        def attempt(_):
            try:
                share(vehicle=car, now=now)
                return True
            except TooManyPassportLinks:
                return False
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(attempt, range(6))) == 1
        assert len(find_live(car, now=now)) == MOST_LINKS


class TestEnd:
    def test_withdrawn_link_opens_nothing(self, car, now):
        link = share(vehicle=car, now=now)
        token, _ = PASSPORTS.token_of(link.uuid)
        withdraw(link=link, now=now)
        assert find_by_token(token, now=now) is None
        assert find_live(car, now=now) == []

    def test_expired_link_opens_nothing(self, car, now):
        link = share(vehicle=car, now=now, days=1)
        token, _ = PASSPORTS.token_of(link.uuid)
        assert find_by_token(token, now=now + timedelta(hours=23)) == link
        assert find_by_token(token, now=now + timedelta(days=1)) is None

    def test_ended_link_is_not_withdrawn(self, car, now):
        link = share(vehicle=car, now=now, days=1)
        with pytest.raises(LinkHasEnded):
            withdraw(link=link, now=now + timedelta(days=1))
        withdraw(link=link, now=now)
        with pytest.raises(LinkHasEnded):
            withdraw(link=link, now=now)
        link.refresh_from_db()
        assert link.withdrawn_at == now

    def test_links_of_a_customer_are_withdrawn_together(self, car, bob, now):
        theirs = share(vehicle=factories.VehicleFactory(customer=bob), now=now)
        share(vehicle=car, now=now)
        share(vehicle=factories.VehicleFactory(customer=car.customer), now=now)
        withdraw_all(accounts=[car.customer_id], now=now)
        assert list(PassportLink.objects.live(now)) == [theirs]

    def test_link_ends_after_it_begins(self, car, now):
        with pytest.raises(IntegrityError, match="passport_link_ends_after_start"), transaction.atomic():
            factories.PassportLinkFactory(vehicle=car, created_at=now, expires_at=now)


class TestClear:
    def test_links_that_ended_long_ago_are_deleted(self, car, now, settings):
        long_ago = now - timedelta(days=settings.KEEP_DAYS + 2)
        share(vehicle=car, now=long_ago, days=1)
        kept = share(vehicle=car, now=long_ago, days=3)
        assert clear_ended_links(now=now) == 1
        assert PassportLink.objects.get() == kept

    def test_links_whose_history_was_passed_on_stay(self, car, now, settings):
        long_ago = now - timedelta(days=settings.KEEP_DAYS + 9)
        link = share(vehicle=car, now=long_ago, days=2, for_next_owner=True)
        share(vehicle=car, now=long_ago, days=2)
        hand_over(car, long_ago + timedelta(days=1))
        assert clear_ended_links(now=now) == 1
        assert PassportLink.objects.get() == link

    def test_daily_task_clears_them(self, car, settings):
        long_ago = timezone.now() - timedelta(days=settings.KEEP_DAYS + 2)
        share(vehicle=car, now=long_ago, days=1)
        assert clear_expired(now=timezone.now())["passport links"] == 1
