from datetime import timedelta

import pytest

from chat import actions
from chat.tests.member import THREADS
from customers.callers import caller_of_user


@pytest.fixture
def by_alice(alice):
    return caller_of_user(alice.contact)


@pytest.fixture
def by_tim(tim):
    return caller_of_user(tim)


@pytest.fixture
def conversation(by_alice, now):
    """A conversation of Alice's with one message, an hour old."""
    return actions.start_conversation(
        by=by_alice, subject="Brakes", message="They squeak", now=now - timedelta(hours=1)
    )


@pytest.fixture
def thread_url(conversation):
    return f"{THREADS}{conversation.uuid}/"
