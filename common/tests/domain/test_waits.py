"""Statements, locks and idle transactions of a server end, and are answered 503."""

from __future__ import annotations

import time
from copy import deepcopy

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import InternalError, OperationalError, connections, transaction

from accounts.models import User
from common.domain.database import bound_waits
from common.http.problems import UNAVAILABLE, problem_from
from testing.factories import UserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.USE_POSTGRES, reason="SQLite has no such settings"),
]


BOUNDED = "-c jit=off -c statement_timeout=1s -c lock_timeout=1s -c idle_in_transaction_session_timeout=1s"


@pytest.fixture
def options(settings, monkeypatch):
    """Return the options of further connections, which have no limits yet. The limits are a second."""
    settings.DB_STATEMENT_SECONDS = settings.DB_LOCK_SECONDS = settings.DB_IDLE_SECONDS = 1
    configured = deepcopy(connections.settings["default"])
    configured["OPTIONS"].pop("pool", None)
    configured["OPTIONS"]["options"] = "-c jit=off"
    monkeypatch.setitem(connections.settings, "default", configured)
    return configured["OPTIONS"]


@pytest.fixture
def other(options):
    """Return a connection with limits of a second."""
    bound_waits()
    bound_waits()  # a second call adds nothing
    assert options["options"] == BOUNDED
    other = connections.create_connection("default")
    other.inc_thread_sharing()
    yield other
    other.close()


def test_statement_ends(other):
    with pytest.raises(OperationalError) as caught:
        other.cursor().execute("SELECT pg_sleep(10)")
    assert problem_from(caught.value) is UNAVAILABLE


def test_wait_for_a_lock_ends(other):
    user = UserFactory()
    cursor = other.cursor()
    cursor.execute("SET statement_timeout = 0")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        with pytest.raises(OperationalError) as caught:
            cursor.execute("UPDATE accounts_user SET first_name = 'x' WHERE id = %s", [user.pk])
    assert caught.value.__cause__.sqlstate == "55P03"
    assert problem_from(caught.value) is UNAVAILABLE


def test_idle_transaction_ends(other):
    other.set_autocommit(False)
    other.cursor().execute("SELECT 1")
    time.sleep(1.5)
    with pytest.raises(InternalError) as caught:
        other.cursor().execute("SELECT 1")
    assert problem_from(caught.value) is UNAVAILABLE


def test_worker_has_the_limits_of_a_server(options):
    call_command("db_worker", batch=True)
    assert options["options"] == BOUNDED
