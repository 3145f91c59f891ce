"""Rows written without the ORM equal those that the ORM writes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from chat.models import Conversation, Message
from chat.writes import Insert, Update
from testing import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=UTC)
BODY = "Ünïcode, 100 % 'quoted' \\ \"twice\" $1 \n {1,NULL} \u2028 \U0001f697"


def build(conversation, number, **values):
    return factories.MessageFactory.build(
        conversation=conversation,
        author=None,
        number=number,
        created_at=NOW.replace(microsecond=number),
        **values,
    )


def stored(rows, model=Message):
    return list(model.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk").values())


def test_inserted_rows_equal_the_orms(alice):
    conversation, other = factories.ConversationFactory.create_batch(2, customer=alice)
    values = [
        {"body": BODY, "client_id": None, "attachments": []},
        {"body": "", "client_id": BODY[:100], "attachments": [{"id": "a", "url": BODY}]},
        {"body": "Note", "is_internal": True, "is_support": True},
    ]
    ours = [build(conversation, n, **one) for n, one in enumerate(values, start=1)]
    Insert(Message).run(ours)
    theirs = [build(other, n, **one) for n, one in enumerate(values, start=1)]
    for one, twin in zip(theirs, ours, strict=True):
        one.save()
        assert twin.pk
        assert not twin._state.adding
    differing = {"id", "uuid", "conversation_id"}
    assert [{k: v for k, v in row.items() if k not in differing} for row in stored(ours)] == [
        {k: v for k, v in row.items() if k not in differing} for row in stored(theirs)
    ]
    assert [row["uuid"] for row in stored(ours)] == [row.uuid for row in ours]


def test_updated_rows_equal_the_instances(alice):
    rows = factories.ConversationFactory.create_batch(3, customer=alice)
    for number, row in enumerate(rows):
        row.subject, row.last_number, row.last_at = BODY, number, (NOW if number else None)
    before = stored(rows, Conversation)
    Update(Conversation, ["last_number", "last_at"]).run(rows[:2])
    changes = [{"last_number": 0, "last_at": None}, {"last_number": 1, "last_at": NOW}, {}]
    assert stored(rows, Conversation) == [row | change for row, change in zip(before, changes, strict=True)]


def test_no_rows_run_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        Insert(Message).run([])
        Update(Conversation, ["last_number"]).run([])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite does not prepare statements")
def test_one_row_and_many_share_a_statement(alice, django_assert_num_queries):
    conversation = factories.ConversationFactory(customer=alice)
    insert = Insert(Message)
    with django_assert_num_queries(2) as queries:
        insert.run([build(conversation, 1)])
        insert.run([build(conversation, n) for n in (2, 3, 4)])
    texts = {query["sql"].partition("json_to_recordset")[0] for query in queries.captured_queries}
    assert len(texts) == 1
