"""The driver's way to the rows, against Django's own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Thread
from uuid import UUID

import pytest
from django.db import DataError, OperationalError, ProgrammingError, connection, transaction

from accounts.models import User
from common.reads.cursors import _numbered, fetch
from common.reads.statements import Statement
from testing import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite's rows come through Django's cursor"
    ),
]

VALUES = [
    ("bigint", 2**62),
    ("integer", -7),
    ("numeric(10,2)", Decimal("89.90")),
    ("text", "Ünïcode, 100 % 'quoted' \\ $1"),
    ("boolean", True),
    ("boolean", False),
    ("uuid", UUID("0198c0de-0000-7000-8000-000000000001")),
    ("date", date(2026, 2, 28)),
    ("timestamptz", datetime(2026, 3, 29, 1, 30, 0, 1, tzinfo=UTC)),
    ("double precision", 0.1),
    ("text[]", ["a", 'b"c', "d,e"]),
    ("bigint[]", "{1,2,3}"),
    ("text", None),
]


def through_django(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_a_value_comes_back_as_django_would_bring_it(kind, value):
    sql = f"SELECT %s::{kind}, NULL::{kind}"
    assert fetch(connection, sql, [value]) == through_django(sql, [value])


def test_several_rows_in_their_order():
    sql = "SELECT n, n %% 2 = 0 FROM generate_series(1, %s::int) AS n"
    assert fetch(connection, sql, [3]) == [(1, False), (2, True), (3, False)]
    assert fetch(connection, sql, [0]) == []


def test_one_statement_serves_other_values():
    sql = "SELECT 1 WHERE 'a' = %s::text"
    assert [fetch(connection, sql, [word]) for word in ("a", "b", "a")] == [[(1,)], [], [(1,)]]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT nobody", ProgrammingError),
        ("SELECT 1 / %s::int", DataError),
        ("SELECT %s::int + 2147483647", DataError),
    ],
)
def test_a_refusal_is_djangos_error_and_the_connection_lives(sql, error):
    with pytest.raises(error):
        fetch(connection, sql, [0] if "/" in sql else [1] if "%s" in sql else [])
    assert fetch(connection, "SELECT 1", []) == [(1,)]


def test_a_lost_connection_is_an_operational_error_and_the_next_request_has_a_new_one():
    connection.ensure_connection()
    with pytest.raises(OperationalError):
        fetch(connection, "SELECT pg_terminate_backend(pg_backend_pid())", [])
    connection.close_if_unusable_or_obsolete()
    assert fetch(connection, "SELECT 1", []) == [(1,)]


def test_within_a_transaction_its_own_writes_are_seen():
    named = Statement.compile(User.objects.all(), ["email"])
    assert named.run({}) == []
    with transaction.atomic():
        user = factories.UserFactory()
        assert named.run({}) == [(user.email,)]
        transaction.set_rollback(True)
    assert named.run({}) == []


def test_whoever_counts_queries_sees_them(django_assert_num_queries):
    with django_assert_num_queries(1):
        fetch(connection, "SELECT 1", [])


def test_each_thread_has_its_own():
    answers = []

    def ask(number):
        answers.append(
            [fetch(connection, "SELECT %s::int", [number]) for _ in range(50)] == [[(number,)]] * 50
        )
        connection.close()

    threads = [Thread(target=ask, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8


def test_holes_are_numbered_and_a_percent_sign_is_one():
    assert _numbered("a %s LIKE '%%s' %s 5 %%") == "a $1 LIKE '%s' $2 5 %"
