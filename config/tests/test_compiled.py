"""A list compiles no SQL on its second request, because the first compiled all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db.models.sql.compiler import SQLCompiler
from rest_framework.test import APIRequestFactory, force_authenticate

from common.domain.caller import Role
from common.http.lists import ListView
from config.tests.test_reads import CUSTOMER_LISTS, LISTS
from customers.callers import caller_of_user
from testing import factories

pytestmark = pytest.mark.django_db


@contextmanager
def compiled() -> Iterator[list[type]]:
    """Yield the models of the queries that the ORM compiles within the block."""
    seen: list[type] = []
    as_sql = SQLCompiler.as_sql

    def watched(self, *args, **kwargs):
        seen.append(self.query.model)
        return as_sql(self, *args, **kwargs)

    with patch.object(SQLCompiler, "as_sql", watched):
        yield seen


@pytest.mark.parametrize("params", [{}, {"page": "1"}], ids=["all", "page"])
@pytest.mark.parametrize("view", LISTS, ids=lambda view: view.__name__)
def test_list_compiles_its_queries_once(view, params):
    customer = factories.CustomerFactory()
    conversation = factories.ConversationFactory(customer=customer)
    factories.TaxExemptionFactory(customer=customer)
    factories.StatementFactory(customer=customer)
    factories.PhoneCallFactory(customer=customer)
    vehicle = factories.VehicleFactory(customer=customer)
    parents = {"thread": conversation.uuid, "id": customer.pk, "vehicle": vehicle.uuid}
    kwargs = {name: parents[name] for name in view.path_query().fields}
    is_for_staff = view not in CUSTOMER_LISTS or hasattr(view, "permission")
    user = factories.UserFactory(role=Role.ADMIN) if is_for_staff else customer.contact
    caller = caller_of_user(user)
    answer = view.as_view() if issubclass(view, ListView) else view.as_view({"get": "list"})

    def ask():
        request = APIRequestFactory().get("/", params)
        force_authenticate(request, caller)
        assert answer(request, **kwargs).status_code == 200

    ask()
    with compiled() as queries:
        ask()
    assert queries == []


def test_caller_of_a_token_is_found_without_compiling(as_alice):
    as_alice.get("/api/vehicles/")
    with compiled() as queries:
        assert as_alice.get("/api/vehicles/").status_code == 200
    assert queries == []


def test_only_responses_to_writes_are_built_from_objects():
    rooms = [*settings.BASE_DIR.glob("*/api/*.py"), *settings.BASE_DIR.glob("portal/fleet/*.py")]
    assert len(rooms) > 30
    assert [room.name for room in rooms if re.search(r"\)\.data\b", room.read_text())] == []
