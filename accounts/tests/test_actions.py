"""Actions on sessions that no route of a contract reaches. The others are tested in test_api_shop.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts import actions, passwords
from accounts.models import Device, Session, User
from accounts.tokens import TokenRefused
from testing.factories import PASSWORD

pytestmark = pytest.mark.django_db


def living(user):
    return user.sessions.filter(ended_at=None).count()


class TestOpenSession:
    def test_device_is_stored_once_and_updated(self, carol, now):
        actions.open_session(user=carol, now=now, device_id="phone-1")
        actions.open_session(user=carol, now=now + timedelta(days=1), device_id="phone-1")
        device = Device.objects.get()
        assert (device.user, device.device_id, device.last_seen_at) == (
            carol, "phone-1", now + timedelta(days=1)
        )  # fmt: skip
        assert list(Session.objects.values_list("device", flat=True)) == [device.pk, device.pk]

    def test_device_belongs_to_its_last_sign_in(self, carol, tim, now):
        for user in (carol, tim):
            actions.open_session(user=user, now=now, device_id="tablet")
        device = Device.objects.get()
        assert device.user == tim
        sessions = Session.objects.order_by("id").values_list("user", "device", "ended_at")
        assert list(sessions) == [(carol.pk, None, None), (tim.pk, device.pk, None)]

    def test_sign_in_without_device_stores_no_device(self, carol, now):
        actions.open_session(user=carol, now=now)
        assert not Device.objects.exists()


def test_sign_in_returns_user_and_tokens(carol, now):
    user, tokens = actions.sign_in(
        email=carol.email, password=PASSWORD, address="::1", now=now, device_id="phone-1"
    )
    assert user == carol
    assert actions.verify_token(token=tokens.access) is None
    assert Session.objects.get().device.device_id == "phone-1"


def test_sign_out_ends_session_at_given_time(carol, now):
    tokens = actions.open_session(user=carol, now=now)
    actions.sign_out(refresh=tokens.refresh, now=now + timedelta(hours=2))
    assert Session.objects.get().ended_at == now + timedelta(hours=2)


class TestEndingSessions:
    @pytest.fixture
    def _three(self, carol, tim, now):
        for user in (carol, carol, tim):
            actions.open_session(user=user, now=now)

    @pytest.mark.usefixtures("_three")
    def test_change_password_ends_sessions(self, carol, tim, now):
        passwords.change_password(user=carol, password="a new one", now=now)
        carol.refresh_from_db()
        assert carol.check_password("a new one")
        assert (living(carol), living(tim)) == (0, 1)

    @pytest.mark.usefixtures("_three")
    def test_change_role_ends_sessions(self, carol, tim, now):
        actions.change_role(user=carol, role="manager", now=now)
        assert User.objects.get(pk=carol.pk).role == "manager"
        assert (living(carol), living(tim)) == (0, 1)

    @pytest.mark.usefixtures("_three")
    def test_deactivation_ends_sessions_and_activation_does_not(self, carol, tim, now):
        actions.set_active(user=carol, is_active=False, now=now)
        assert (User.objects.get(pk=carol.pk).is_active, living(carol), living(tim)) == (False, 0, 1)
        actions.set_active(user=carol, is_active=True, now=now)
        assert (User.objects.get(pk=carol.pk).is_active, living(carol)) == (True, 0)
        actions.open_session(user=carol, now=now)
        actions.set_active(user=carol, is_active=True, now=now)
        assert living(carol) == 1

    def test_ending_again_keeps_first_time(self, carol, now):
        actions.open_session(user=carol, now=now)
        actions.end_all_sessions(user=carol, now=now)
        actions.end_all_sessions(user=carol, now=now + timedelta(hours=1))
        assert Session.objects.get().ended_at == now


def test_rotation_of_ended_session_is_refused_without_change(carol, now):
    tokens = actions.open_session(user=carol, now=now)
    actions.end_all_sessions(user=carol, now=now)
    before = Session.objects.values().get()
    with pytest.raises(TokenRefused):
        actions.rotate_refresh(refresh=tokens.refresh, now=now + timedelta(hours=1))
    assert Session.objects.values().get() == before


@pytest.mark.parametrize("address", ["/admin/tables/", "/customer/company/"])
def test_change_of_role_ends_page_sessions(client, alice, tim, now, address):
    user = tim if address == "/admin/tables/" else alice.contact
    client.force_login(user)
    assert client.get(address).status_code == 200
    actions.change_role(user=user, role="manager", now=now)
    response = client.get(address)
    assert response.status_code == 302
    assert "/login/" in response["Location"]
