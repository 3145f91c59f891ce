import asyncio
import time

import pytest
from django.db import IntegrityError

from chat import actions
from chat.log import Draft
from chat.sockets import hub, intake
from common.domain.caller import Caller
from common.domain.errors import TooMany
from customers.callers import caller_of_user
from testing import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def conversations(alice):
    return factories.ConversationFactory.create_batch(5, customer=alice)


def post(*drafts):
    """Return the outcomes of drafts that arrive together."""

    async def scenario():
        return await asyncio.gather(*map(intake.post, drafts), return_exceptions=True)

    return asyncio.run(scenario())


def bodies(conversation):
    return list(conversation.messages.order_by("number").values_list("body", flat=True))


@pytest.fixture
def transactions(monkeypatch):
    """Return the sizes of shared transactions, and the bodies of messages that had one of their own."""
    held, post_messages, post_message = [], actions.post_messages, actions.post_message

    def many(drafts, **options):
        held.append(len(drafts))
        return post_messages(drafts, **options)

    def one(**options):
        held.append(options["body"])
        return post_message(**options)

    monkeypatch.setattr(actions, "post_messages", many)
    monkeypatch.setattr(actions, "post_message", one)
    return held


def test_messages_that_arrive_together_share_a_transaction(conversations, by_alice, transactions):
    drafts = [Draft(one.uuid, by_alice, f"{n}", "c") for n in range(2) for one in conversations]
    posted = post(*drafts)
    assert [(one.message.body, one.is_new) for one in posted] == [("0", True)] * 5 + [("0", False)] * 5
    assert list(map(bodies, conversations)) == [["0"]] * 5
    assert transactions == [10]


def test_message_that_the_database_refuses_fails_alone(conversations, by_alice, transactions):
    unknown = Caller("technician", 10**9, None)
    posted = post(
        Draft(conversations[0].uuid, by_alice, "Good"),
        Draft(conversations[1].uuid, unknown, "Bad"),
        Draft(conversations[0].uuid, by_alice, "Better"),
    )
    assert [type(one) for one in posted] == [actions.Posted, IntegrityError, actions.Posted]
    assert sorted(bodies(conversations[0])) == ["Better", "Good"]
    assert bodies(conversations[1]) == []
    assert transactions[0] == 3
    assert sorted(transactions[1:]) == ["Bad", "Better", "Good"]


def test_message_of_another_customer_fails_alone(conversations, by_alice, bob, transactions):
    stranger = caller_of_user(bob.contact)
    refused, posted = post(
        Draft(conversations[0].uuid, stranger, "Hi"), Draft(conversations[0].uuid, by_alice, "Hello")
    )
    assert (type(refused), posted.is_new) == (actions.ConversationNotFound, True)
    assert bodies(conversations[0]) == ["Hello"]
    assert transactions == [2, "Hi"]


def test_later_messages_wait_for_those_stored_one_by_one(conversations, by_alice, transactions, monkeypatch):
    """The first transaction fails and its messages are stored one by one, slowly.

    Later messages of the same conversation wait for them. Those of another conversation do not.
    """
    post_messages, refused = actions.post_messages, []

    def refuse_once(drafts, **options):
        if not refused:
            refused.append(len(drafts))
            raise IntegrityError("refused")
        return post_messages(drafts, **options)

    post_message = actions.post_message

    def post_slowly(**options):
        time.sleep(0.05)
        return post_message(**options)

    monkeypatch.setattr(actions, "post_messages", refuse_once)
    monkeypatch.setattr(actions, "post_message", post_slowly)
    busy, quiet = conversations[:2]

    async def scenario():
        posting = [intake.post(Draft(busy.uuid, by_alice, f"{n}")) for n in range(4)]
        for n in range(4, 12):
            await asyncio.sleep(0.02)
            posting.append(intake.post(Draft(busy.uuid, by_alice, f"{n}")))
            posting.append(intake.post(Draft(quiet.uuid, by_alice, f"{n}")))
        return await asyncio.gather(*posting)

    posted = asyncio.run(scenario())
    assert refused == [4]
    assert bodies(busy) == [f"{n}" for n in range(12)]
    assert bodies(quiet) == [f"{n}" for n in range(4, 12)]
    assert [one.message.number for one in posted if one.message.conversation_id == busy.pk] == list(
        range(1, 13)
    )
    assert [one for one in transactions if isinstance(one, str)][:4] == ["0", "1", "2", "3"]


def test_rate_limit_refuses_further_messages(conversations, by_alice, settings):
    settings.RATE_USER = 2
    posted = post(*[Draft(one.uuid, by_alice, "Hello") for one in conversations])
    assert [type(one) for one in posted] == [actions.Posted] * 2 + [TooMany] * 3
    assert list(map(bodies, conversations)) == [["Hello"]] * 2 + [[]] * 3


def test_messages_during_a_transaction_share_the_next_one(conversations, by_alice, transactions, monkeypatch):
    gate = asyncio.Event()

    async def wait_for_gate(work, *args):
        await gate.wait()
        return await hub.in_thread(work, *args)

    monkeypatch.setattr(intake, "in_thread", wait_for_gate)

    async def posted(draft):
        await intake.post(draft)

    async def scenario():
        async with asyncio.TaskGroup() as group:
            for n, one in enumerate(conversations):
                group.create_task(posted(Draft(one.uuid, by_alice, f"{n}")))
                await asyncio.sleep(0.01)
            gate.set()

    asyncio.run(scenario())
    assert transactions == [1, 4]
