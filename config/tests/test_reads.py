"""Every list of the URL conf, read from flat rows, equals what DRF formats from objects, byte for byte."""

from __future__ import annotations

import sys
from decimal import Decimal
from itertools import chain, combinations
from uuid import uuid4

import pytest
from django.db import transaction
from django.http import QueryDict
from django.urls import URLPattern, get_resolver
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from zeal import zeal_ignore

from appointments.models import Location
from common.domain.caller import Caller, Role
from common.domain.encoding import dumps
from common.http.fields import ChoiceList, Month
from common.http.lists import Lister, ListView
from common.http.viewsets import StaffViewSet
from common.reads.serializers import AskedAt
from config.tests.rows import MAKERS, days, instants, make_customer
from customers.callers import caller_of_user
from testing import billed, factories
from testing.storms import parallel
from vehicles.models import Vehicle


def lists_of(patterns):
    for entry in patterns:
        if isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
            lists = "list" in getattr(entry.callback, "actions", {"get": "list"}).values()
            if isinstance(view, type) and issubclass(view, Lister) and lists:
                yield view
        else:
            yield from lists_of(entry.url_patterns)


LISTS = sorted(set(lists_of(get_resolver("config.urls").url_patterns)), key=lambda view: view.__name__)


CUSTOMER_LISTS = [view for view in LISTS if issubclass(view, ListView)]
# Lists whose rows belong to one customer.
OWN_LISTS = [
    view
    for view in CUSTOMER_LISTS
    if hasattr(view.rows(Caller(Role.CUSTOMER, 1, 1), view.query.read(QueryDict())).model, "customer")
]


def test_there_are_lists():
    assert len(CUSTOMER_LISTS) >= 5
    assert len(OWN_LISTS) >= 3
    assert len(LISTS) >= len(CUSTOMER_LISTS) + 8


# Parameters that choose a part of the list, or of its rows.
OF_PAGES = ("page", "page_size", "after", "fields", "format")


def words_for(draw, field):  # noqa: C901  # a line for each kind of field
    """Return a value of a parameter as a URL has it."""
    if isinstance(field, ChoiceList):
        return ",".join(draw(st.lists(st.sampled_from(field.choices), min_size=1, max_size=5)))
    if isinstance(field, serializers.UUIDField):
        model = {"vehicle": Vehicle, "location": Location}[field.source]
        known = list(model.objects.values_list("uuid", flat=True)[:3])
        return str(draw(st.sampled_from([*known, uuid4()])))
    if isinstance(field, serializers.FloatField):
        return str(draw(st.decimals(-90, 90, places=4)))
    if isinstance(field, Month):
        return f"{draw(days):%Y-%m}"
    if isinstance(field, serializers.DateField):
        return draw(days).isoformat()
    if isinstance(field, serializers.DateTimeField):
        return draw(instants).isoformat()
    if isinstance(field, serializers.BooleanField):
        return draw(st.sampled_from(["true", "false"]))
    if isinstance(field, serializers.IntegerField):
        return str(draw(st.integers(1, 9)))
    if isinstance(field, serializers.ChoiceField):
        return draw(st.sampled_from(list(field.choices)))
    if isinstance(field, serializers.CharField):
        return draw(st.sampled_from(["a", "A%", "_", "é", "1HGB", "pat person"]))
    raise AssertionError(f"Say what is asked of a {type(field).__name__}.")


def questions(draw, view):
    """Return the filters of any combination of the list's parameters, validated as the route does.

    For a list with more than three: none, each alone, all, and some more at random.
    """
    fields = {name: field for name, field in view.query().fields.items() if name not in OF_PAGES}
    fields = {name: field for name, field in fields.items() if not isinstance(field, AskedAt)}
    if len(fields) <= 3:
        asked = list(chain.from_iterable(combinations(fields, n) for n in range(len(fields) + 1)))
    else:
        some = draw(st.lists(st.lists(st.sampled_from(list(fields)), unique=True), max_size=3))
        asked = [(), *((name,) for name in fields), tuple(fields), *some]
    for names in asked:
        params = QueryDict(mutable=True)
        for name in names:
            params[name] = words_for(draw, fields[name])
        try:
            yield view.query.read(params)
        except serializers.ValidationError:  # a lower bound after the upper one, half of a pair
            continue


def unasked(view):
    """Return the filters of a list without parameters."""
    return view.query.read(QueryDict())


def bodies_of_objects(view, rows):
    with zeal_ignore():  # objects load related rows one by one
        return list(view.serializer_class(rows, many=True).data)


def from_objects(view, rows):
    return dumps(bodies_of_objects(view, rows))


def callers_of(view, logins):
    """Return callers that may reach the list, two of them of one role. The customers are those of the logins."""
    technicians = [factories.UserFactory(role=Role.TECHNICIAN) for _ in range(2)]
    admin = factories.UserFactory(role=Role.ADMIN)
    if issubclass(view, StaffViewSet):  # test_roles.py holds that customers are refused
        people = [technicians[0], admin, technicians[1]]
    else:
        # The third has no customer record. The first comes again, after staff used the same read.
        people = [*logins, factories.UserFactory(), technicians[0], admin, logins[0]]
    return [caller_of_user(person) for person in people]


@pytest.mark.django_db
@pytest.mark.parametrize("view", LISTS, ids=lambda view: view.__name__)
@settings(max_examples=settings.default.max_examples // 7)  # each compares hundreds of lists
@given(data=st.data())
def test_rows_are_formatted_like_objects(view, data):
    with transaction.atomic():
        customers = [make_customer(data.draw) for _ in range(2)]
        model = view.rows(caller_of_user(customers[0][1]), unasked(view)).model
        for customer, _login in customers:
            for _ in range(data.draw(st.integers(0, 3))):
                MAKERS[model](data.draw, customer)
        for caller in callers_of(view, [login for _, login in customers]):
            for filters in questions(data.draw, view):
                objects = bodies_of_objects(view, view.rows(caller, filters))
                assert dumps(view.read.all(caller, filters)) == dumps(objects)
                assert view.read.count(caller, filters) == len(objects)
                for bounds in (slice(0, 1), slice(1, 3), slice(50, 100)):
                    assert dumps(view.read.page(caller, filters, bounds)) == dumps(objects[bounds])
                assert all(view.read._compiled.values())  # else objects would be compared with themselves
        transaction.set_rollback(True)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", OWN_LISTS, ids=lambda view: view.__name__)
def test_parallel_callers_get_only_their_own_rows(view):
    """One compiled read serves all threads at once, and keeps nothing of a row."""
    logins = []
    for number in range(6):
        customer = factories.CustomerFactory(company_name=f"Company {number}", login=True)
        logins.append(customer.contact)
        for extra in range(number + 1):
            vehicle = factories.VehicleFactory(customer=customer, color=f"{number}/{extra}")
            factories.AppointmentFactory(vehicle=vehicle, description=f"{number}/{extra}")
            words = f"{number}/{extra}"
            order = factories.RepairOrderFactory(vehicle=vehicle, notes=words, description=words)
            conversation = factories.ConversationFactory(customer=customer, subject=f"{number}/{extra}")
            factories.MessageFactory(conversation=conversation, body=f"{number}/{extra}")
            factories.SupportTicketFactory(conversation=conversation)
            factories.NotificationFactory(customer=customer, title=f"{number}/{extra}")
            for price in range(extra):
                factories.PartLineFactory(repair_order=order, unit_price=Decimal(f"{number}.{price}0"))
            bought = factories.OrderItemFactory(order__customer=customer, product_name=f"{number}/{extra}")
            factories.ReturnLineFactory(item=bought, return_request__order=bought.order)
            billed.stored_invoice(customer, vehicle=vehicle)
            billed.stored_statement(customer)
    callers = [caller_of_user(login) for login in logins]
    asked = unasked(view)
    alone = [from_objects(view, view.rows(caller, asked)) for caller in callers]
    assert len(set(alone)) == len(callers)

    def many_times(number):
        at = number % len(callers)
        return all(dumps(view.read.all(callers[at], asked)) == alone[at] for _ in range(20))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        assert parallel(12, many_times) == [True] * 12
    finally:
        sys.setswitchinterval(interval)
