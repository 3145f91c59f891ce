"""Alice's session and its tokens."""

from __future__ import annotations

import pytest

from accounts import actions
from accounts.models import Session


@pytest.fixture
def tokens(alice, now):
    return actions.open_session(user=alice.contact, now=now)


@pytest.fixture
def session(tokens):
    return Session.objects.get()
