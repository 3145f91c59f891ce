"""Fixtures that all tests share: users, clients and databases.

Alice and Bob are customers. Carol is a user without a customer record. Tim is a technician and Ada an administrator.
Each has a real session and sends a real token.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import tempfile
from functools import partialmethod
from io import StringIO
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connections
from django.db.models.signals import pre_migrate
from django.dispatch import receiver
from django.test import TransactionTestCase
from django.utils import timezone
from factory import Factory
from hypothesis import HealthCheck, settings
from rest_framework.test import APIClient

from common.domain import counters, events
from common.domain.models import Event
from common.http.request_log import RequestLine
from common.http.request_log import lines as request_lines
from integrations.types import TYPES, payload_of
from integrations.webhooks import addresses
from testing import factories
from testing.clients import signed_in
from testing.flush import flush, remember_permissions
from testing.schema import Schema, present
from testing.servers import SHARED

# No deadline: the time of an example depends on the load of the machine. The cache fixture is safe between examples.
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)
# .ci/run has a third of the time: --hypothesis-profile=quick.
settings.register_profile("quick", settings.get_profile("suite"), max_examples=20)
settings.load_profile("suite")


FACTORIES = [
    made for made in vars(factories).values() if isinstance(made, type) and issubclass(made, Factory)
]
_made: Schema = {}

# Test files whose behaviour depends on the database. .ci/run repeats them on PostgreSQL with `-m postgres`.
POSTGRES_FILES = (
    "reads", "compiled", "growth", "constraints", "database", "searches", "idempotency", "schemas",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder that the processes of a parallel run share."""
    if SHARED not in os.environ:
        folder = tempfile.mkdtemp(prefix="suite-")
        os.environ[SHARED] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder))
        config.add_cleanup(lambda: os.environ.pop(SHARED))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_for_postgres(item):
            item.add_marker(pytest.mark.postgres)


def _is_for_postgres(item: pytest.Item) -> bool:
    """Return whether the test commits, runs concurrent calls, tests the database, or is skipped on one database."""
    database = item.get_closest_marker("django_db")
    return (
        (database is not None and bool(database.kwargs.get("transaction")))
        or "transactional_db" in getattr(item, "fixturenames", ())
        or item.get_closest_marker("storm") is not None
        or any(word in item.path.stem for word in POSTGRES_FILES)
        or "search" in item.name.lower()
        or any("SQL" in mark.kwargs.get("reason", "") for mark in item.iter_markers("skipif"))
    )


def pytest_collection_finish() -> None:
    """Exempt modules and tests from garbage collection, which takes a sixth of the CPU time otherwise."""
    gc.collect()
    gc.freeze()


@receiver(pre_migrate)
def create_extensions(using: str, **kwargs: Any) -> None:
    """Create the PostgreSQL extensions that the migrations create before the tables."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")


def build_listed(type: str, subject: Any, at: Any, payload: Any) -> Event:
    """Return an event. Refuse one that docs/events.md does not list, or with other values."""
    event = _build(type, subject, at, payload)
    assert type in TYPES, f"integrations/types.py has no {type}"
    assert set(event.payload) == set(payload_of(type)), type
    return event


_build = events._build
events._build = build_listed
TransactionTestCase._fixture_teardown = partialmethod(  # type: ignore[method-assign]
    flush, TransactionTestCase._fixture_teardown
)


@pytest.fixture(scope="session")
def schema_of_models(django_db_setup):
    """Return the schema of the suite's database as it was made, before a test altered a table."""
    return _made


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        _made.update(present())
        remember_permissions()


@pytest.fixture(autouse=True)
def _empty_caches():
    for cache in caches.all(initialized_only=False):
        cache.clear()
    counters._claims.clear()


@pytest.fixture(autouse=True)
def _first_numbers():
    """Count the factories' rows from 0 in each test, so that none depends on the tests before it."""
    for made in FACTORIES:
        made.reset_sequence(0, force=True)


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch):
    """Let the names of example.com lead to a public address, so that no test asks a name server."""
    monkeypatch.setattr(addresses, "lookup", _look_up)


def _look_up(host: str, port: int) -> list[str]:
    return ["93.184.216.34"] if host.endswith(".example.com") else _lookup(host, port)


_lookup = addresses.lookup


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def api():
    """Return a client without credentials."""
    return APIClient()


@pytest.fixture
def sign_in():
    return signed_in


@pytest.fixture
def alice(db):
    return factories.CustomerFactory(contact__first_name="Alice", contact__last_name="Cooper")


@pytest.fixture
def bob(db):
    return factories.CustomerFactory(contact__first_name="Bob", contact__last_name="Baker")


@pytest.fixture
def carol(db):
    return factories.UserFactory(first_name="Carol", last_name="Clark")


@pytest.fixture
def tim(db):
    return factories.UserFactory(first_name="Tim", last_name="Turner", role="technician")


@pytest.fixture
def ada(db):
    return factories.UserFactory(first_name="Ada", last_name="Admin", role="admin", is_superuser=True)


@pytest.fixture
def as_alice(alice):
    return signed_in(alice.contact)


@pytest.fixture
def as_bob(bob):
    return signed_in(bob.contact)


@pytest.fixture
def as_tim(tim):
    return signed_in(tim)


@pytest.fixture
def as_ada(ada):
    return signed_in(ada)


@pytest.fixture
def desk(client, ada):
    """Return a browser client of the admin, signed in as Ada, a superuser."""
    client.force_login(ada)
    return client


class Written:
    """The request log in its machine-readable format."""

    def __init__(self):
        self.stream = StringIO()

    def __call__(self):
        return self.stream.getvalue()

    def as_json(self):
        return [json.loads(line) for line in self().splitlines()]


@pytest.fixture
def written():
    log = Written()
    handler = logging.StreamHandler(log.stream)
    handler.setFormatter(RequestLine(pretty=False))
    request_lines.addHandler(handler)
    yield log
    request_lines.removeHandler(handler)
