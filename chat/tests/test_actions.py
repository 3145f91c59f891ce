from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from chat import actions, events
from chat.log import Draft
from chat.models import Conversation, Message
from chat.querysets import MessageFilters
from common.domain.caller import Caller
from common.domain.errors import IllegalTransition
from customers.callers import caller_of_user
from testing import factories
from testing.storms import parallel

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(by_alice, now):
    return actions.start_conversation(by=by_alice, subject="Brakes", message="They squeak", now=now)


def post(conversation, by, now, body="Hello", **more):
    return actions.post_message(conversation=conversation.uuid, by=by, body=body, now=now, **more)


def log(conversation):
    return list(
        conversation.messages.order_by("number").values_list("number", "body", "is_support", "is_internal")
    )


def test_conversation_starts_with_its_first_message(conversation, alice, now):
    assert (conversation.customer, conversation.status) == (alice, "open")
    assert (conversation.created_at, conversation.updated_at) == (now, now)
    assert log(conversation) == [(1, "They squeak", False, False)]
    assert conversation.last_message.body == "They squeak"


def test_first_conversation_creates_the_customer_record(carol, now):
    conversation = actions.start_conversation(
        by=Caller("customer", carol.pk, None), subject="Hi", message="", now=now
    )
    assert (conversation.customer.contact, conversation.last_message, log(conversation)) == (carol, None, [])


def test_numbers_and_times_grow_when_clocks_disagree(conversation, by_alice, by_tim, now):
    late = post(conversation, by_tim, now + timedelta(seconds=5)).message
    behind = post(conversation, by_alice, now - timedelta(hours=1)).message
    same = post(conversation, by_alice, late.created_at).message
    tick = timedelta(microseconds=1)
    assert [m.number for m in (late, behind, same)] == [2, 3, 4]
    assert [behind.created_at, same.created_at] == [late.created_at + tick, late.created_at + 2 * tick]
    later = conversation.messages.matching(MessageFilters(since=late.created_at))
    assert list(later.order_by("number")) == [behind, same]


def test_same_client_id_of_one_sender_is_stored_once(conversation, by_alice, by_tim, now):
    first, again = (
        post(conversation, by_alice, now, client_id="a"),
        post(conversation, by_alice, now, "B", client_id="a"),
    )
    assert (first.is_new, again.is_new, again.message) == (True, False, first.message)
    assert post(conversation, by_tim, now, client_id="a").is_new
    assert post(conversation, by_alice, now, client_id="b").is_new
    assert [number for number, *_ in log(conversation)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("before", "by", "internal", "after"),
    [
        ("open", "tim", False, "in_progress"),
        ("open", "tim", True, "open"),
        ("open", "alice", False, "open"),
        ("in_progress", "tim", False, "in_progress"),
        ("in_progress", "alice", False, "in_progress"),
        ("resolved", "alice", False, "open"),
        ("closed", "alice", False, "open"),
        ("resolved", "tim", False, "resolved"),
        ("closed", "tim", False, "closed"),
        ("closed", "tim", True, "closed"),
    ],
)
def test_message_moves_the_status(conversation, by_alice, by_tim, now, before, by, internal, after):
    Conversation.objects.filter(pk=conversation.pk).update(status=before)
    rows = conversation.history.count()
    post(conversation, {"alice": by_alice, "tim": by_tim}[by], now, is_internal=internal)
    conversation.refresh_from_db()
    assert conversation.status == after
    assert conversation.history.count() == rows + (before != after)
    if before != after:
        assert (
            conversation.history.order_by("history_id").last().history_user_id
            == {"alice": by_alice, "tim": by_tim}[by].user_id
        )


def test_internal_note_takes_a_number_and_changes_nothing_visible(conversation, by_alice, by_tim, now):
    conversation.refresh_from_db()
    visible = (conversation.last_message, conversation.updated_at)
    post(conversation, by_tim, now + timedelta(seconds=1), "Difficult person", is_internal=True)
    conversation.refresh_from_db()
    assert (conversation.last_message, conversation.updated_at, conversation.last_number) == (*visible, 2)
    assert list(Message.objects.visible_to(by_alice).values_list("number", flat=True)) == [1]
    assert list(Message.objects.visible_to(by_tim).order_by("number").values_list("number", flat=True)) == [
        1,
        2,
    ]


def test_conversation_of_another_customer_is_not_found(conversation, bob, now):
    by_bob = caller_of_user(bob.contact)
    for by, uuid in (
        (by_bob, conversation.uuid),
        (Caller("customer", 1, None), conversation.uuid),
        (by_bob, uuid4()),
    ):
        with pytest.raises(actions.ConversationNotFound):
            actions.post_message(conversation=uuid, by=by, body="Hi", now=now)
        with pytest.raises(actions.ConversationNotFound):
            actions.ensure_status(conversation=uuid, to="closed", by=by, now=now)
    conversation.refresh_from_db()
    assert (len(log(conversation)), conversation.status) == (1, "open")


def test_close_and_reopen(conversation, by_alice, now):
    def ensure(to):
        actions.ensure_status(conversation=conversation.uuid, to=to, by=by_alice, now=now)
        conversation.refresh_from_db()
        return conversation.status, conversation.history.count()

    assert ensure("open") == ("open", 1)
    assert ensure("closed") == ("closed", 2)
    assert ensure("closed") == ("closed", 2)
    assert ensure("open") == ("open", 3)
    actions.change_status(conversation=conversation, to="resolved", by=None, now=now)
    assert ensure("closed") == ("closed", 5)
    with pytest.raises(IllegalTransition):
        actions.change_status(conversation=conversation, to="resolved", by=None, now=now)


def test_events_are_published_on_commit_only(
    conversation, by_alice, now, monkeypatch, django_capture_on_commit_callbacks
):
    published = []
    monkeypatch.setattr(events, "_subscribers", [published.extend])
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            post(conversation, by_alice, now)
            transaction.set_rollback(True)
        post(conversation, by_alice, now, "Stored", client_id="mine")
        assert published == []
    messages = [event.message for event in published]
    assert [(one.conversation, one.number, one.body, one.client_id) for one in messages] == [
        (conversation, 2, "Stored", "mine")
    ]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"number": 1}, "message_number_once"),
        ({"number": 0}, "message_numbers_start_at_one"),
        ({"number": 2, "is_internal": True}, "internal_notes_are_the_shops"),
    ],
)
def test_database_refuses_a_log_out_of_order(conversation, values, name):
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.MessageFactory(conversation=conversation, **values)
    assert len(log(conversation)) == 1


def test_post_messages_checks_each_sender(
    conversation, alice, by_alice, by_tim, bob, now, monkeypatch, django_capture_on_commit_callbacks
):
    published = []
    monkeypatch.setattr(
        events, "_subscribers", [lambda new: published.append([event.message.number for event in new])]
    )
    other = factories.ConversationFactory(customer=bob, status="closed")
    by_bob = caller_of_user(bob.contact)
    drafts = [
        Draft(conversation.uuid, by_alice, "One", "a"),
        Draft(other.uuid, by_alice, "Not hers"),
        Draft(other.uuid, by_bob, "Two"),
        Draft(conversation.uuid, by_alice, "One again", "a"),
        Draft(uuid4(), by_tim, "Nowhere"),
        Draft(conversation.uuid, by_tim, "Three", "a"),
        Draft(conversation.uuid, by_tim, "Note", is_internal=True),
    ]
    with django_capture_on_commit_callbacks(execute=True):
        posted = actions.post_messages(drafts, now=now)
    assert [one and (one.message.body, one.is_new) for one in posted] == [
        ("One", True), None, ("Two", True), ("One", False), None, ("Three", True), ("Note", True),
    ]  # fmt: skip
    assert [body for _, body, *_ in log(conversation)] == ["They squeak", "One", "Three", "Note"]
    conversation.refresh_from_db()
    other.refresh_from_db()
    assert (conversation.last_number, conversation.status) == (4, "in_progress")
    assert (conversation.last_message, conversation.last_at) == (
        posted[5].message,
        conversation.updated_at + timedelta(microseconds=1),
    )
    assert (other.last_number, other.last_message, other.status) == (1, posted[2].message, "open")
    assert published == [[2, 1, 3, 4]]
    with django_capture_on_commit_callbacks(execute=True):
        again = actions.post_messages(drafts[:1], now=now)
    assert ([(one.message, one.is_new) for one in again], len(published)) == ([(posted[0].message, False)], 1)


@pytest.mark.parametrize("count", [1, 30])
def test_post_messages_takes_four_statements(by_alice, alice, now, count, django_assert_num_queries):
    conversations = factories.ConversationFactory.create_batch(count, customer=alice)
    drafts = [Draft(one.uuid, by_alice, "Hello", "a") for one in conversations]
    savepoint = 2
    with django_assert_num_queries(savepoint + 4):
        posted = actions.post_messages(drafts, now=now)
    assert [one.message.conversation for one in posted] == conversations


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one lock for the whole database")
@pytest.mark.django_db(transaction=True)
def test_post_messages_skips_locked_conversations(conversation, alice, by_alice, now):
    other = factories.ConversationFactory(customer=alice)
    drafts = [Draft(one.uuid, by_alice, "Hello") for one in (conversation, other)]
    locked, done = Event(), Event()

    def hold_lock():
        with transaction.atomic():
            Conversation.objects.select_for_update().get(pk=conversation.pk)
            locked.set()
            done.wait(10)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold_lock)
        locked.wait(10)
        posted = actions.post_messages(drafts, now=now)
        done.set()
        holding.result()
    assert (posted[0], posted[1].message.conversation) == (None, other)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_senders_leave_no_gap(conversation, by_alice, by_tim, now):
    def send(number):
        for n in range(5):
            post(conversation, (by_alice, by_tim)[number % 2], now, f"{number}/{n}")

    assert parallel(8, send) == [None] * 8
    stored = list(conversation.messages.order_by("number").values_list("number", "created_at"))
    assert [number for number, _ in stored] == list(range(1, 42))
    assert sorted({at for _, at in stored}) == [at for _, at in stored]


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_sends_of_one_client_id_store_one(conversation, by_alice, now):
    posted = parallel(20, lambda _: post(conversation, by_alice, now, client_id="once"))
    assert sorted(one.is_new for one in posted) == [False] * 19 + [True]
    assert len({one.message.pk for one in posted}) == 1
    assert len(log(conversation)) == 2
