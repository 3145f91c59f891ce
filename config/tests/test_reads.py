"""Every list of the URL conf, read from flat rows, is what DRF would write of the objects: byte for byte."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, combinations
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.http import QueryDict
from django.urls import URLPattern, get_resolver
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from zeal import zeal_ignore

from appointments.models import Appointment, AppointmentStatus, Location, Technician
from chat.models import Message, Thread, ThreadStatus, Ticket, TicketPriority
from common.caller import Caller, Role
from common.fields import Month, Words
from common.json import dumps
from common.lists import Lister, ListView
from common.query import AskedAt
from common.reads import cursors
from common.tests import factories
from common.tests.storms import parallel
from customers.callers import caller_of_user
from customers.models import Customer, Notification
from memberships.models import Membership, Offer, Plan, Tier
from orders.models import Order, OrderStatus, ReturnRequest, ReturnStatus
from repair_orders.models import Part, RepairOrder, RepairOrderStatus, Service
from vehicles.models import Vehicle


@pytest.fixture(autouse=True)
def both_ways(monkeypatch):
    """On PostgreSQL each statement runs as in a request, too: outside a transaction it takes its own way, and here is
    always one."""

    def fetch(connection, sql, params):
        rows = cursors.fetch(connection, sql, params)
        if connection.vendor == "postgresql":
            driver = cursors._prepared_on(connection.connection)
            driver.names.clear()  # a rollback to a savepoint has deallocated them
            # The rows of a list are ordered within their parent alone.
            assert sorted(map(str, driver.fetch(sql, params))) == sorted(map(str, rows))
        return rows

    monkeypatch.setattr("common.reads.statements.fetch", fetch)


def lists_of(patterns):
    for entry in patterns:
        if isinstance(entry, URLPattern):
            view = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
            if isinstance(view, type) and issubclass(view, Lister):
                yield view
        else:
            yield from lists_of(entry.url_patterns)


LISTS = sorted(set(lists_of(get_resolver("config.urls").url_patterns)), key=lambda view: view.__name__)


CUSTOMER_LISTS = [view for view in LISTS if issubclass(view, ListView)]
# Those whose rows are one customer's and no other's.
OWN_LISTS = [
    view
    for view in CUSTOMER_LISTS
    if hasattr(view.rows(Caller(Role.CUSTOMER, 1, 1), view.query.read(QueryDict())).model, "customer")
]


def test_there_are_lists():
    assert len(CUSTOMER_LISTS) >= 5
    assert len(OWN_LISTS) >= 3
    assert len(LISTS) >= len(CUSTOMER_LISTS) + 8


# --- Rows, as odd as the columns take them ----------------------------------------------------------------------

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
instants = st.datetimes(datetime(2024, 12, 30), datetime(2025, 1, 3), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
maybe_instants = st.none() | instants
days = st.dates(date(2024, 12, 29), date(2025, 1, 4))
percents = st.decimals(0, 100, places=2)
zones = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
LARGEST = Decimal("99999999.99")


def texts(size):
    return st.just("") | st.text(letters, max_size=size)


def make_customer(draw):
    customer = factories.CustomerFactory(
        contact__first_name=draw(texts(100)),
        contact__last_name=draw(texts(100)),
        company_name=draw(texts(200)),
        street_address=draw(texts(200)),
        state=draw(texts(100)),
        country=draw(st.sampled_from(["", "USA", "Österreich"])),
    )
    login = customer.contact
    if draw(st.booleans()):  # shown as a former customer, while the login lives
        customer.contact = None
        customer.save(update_fields=["contact"])
    return customer, login


def make_vehicle(draw, customer):
    return factories.VehicleFactory(
        customer=customer,
        make=draw(texts(60)),
        color=draw(texts(30)),
        license_plate=draw(texts(20)),
        year=draw(st.integers(1886, 2100)),
        odometer=draw(st.decimals(0, LARGEST, places=2)),
        archived_at=draw(maybe_instants),
        dongle_id=(dongle := uuid4().hex if draw(st.booleans()) else None),
        dongle_connection="BLE" if dongle else None,
    )


def make_visit(draw, customer):
    # Some long ago, some ahead: a list may hold those alone that are not over.
    start = draw(instants) + timedelta(days=draw(st.sampled_from([0, 100 * 365])))
    visit = factories.AppointmentFactory(
        vehicle=make_vehicle(draw, customer),
        bay__location=make_location(draw, customer),
        start=start,
        end=start + timedelta(minutes=30),
        status=draw(st.sampled_from(AppointmentStatus.values)),
        description=draw(texts(50)),
        technician=factories.TechnicianFactory(
            email=draw(st.sampled_from(["", "tech@test.com"])),
            user=factories.UserFactory() if draw(st.booleans()) else None,
        )
        if draw(st.booleans())
        else None,
        reported_problem=factories.ReportedProblemFactory(name=draw(texts(100)), description=draw(texts(50)))
        if draw(st.booleans())
        else None,
        assigned_at=draw(maybe_instants),
        started_at=draw(maybe_instants),
        completed_at=draw(maybe_instants),
    )
    for _ in range(draw(st.integers(0, 2))):  # one by one: in the order of their table
        visit.services.add(factories.ServiceTypeFactory())
    return visit


def make_order(draw, customer):
    status = draw(st.sampled_from(RepairOrderStatus.values))
    is_huge = draw(st.booleans())
    order = factories.RepairOrderFactory(
        vehicle=make_vehicle(draw, customer),
        status=status,
        notes=draw(texts(50)),
        discount_amount=draw(st.decimals(0, LARGEST, places=2)),
        discount_percent=draw(percents),
        tax_percent=Decimal("0.00") if is_huge else draw(percents),
        total_cost=draw(st.decimals(0, LARGEST, places=2)) if status == "completed" else None,
        created_at=draw(instants),
    )
    prices = st.just(LARGEST) if is_huge else st.decimals(0, 999_999, places=2)
    for _ in range(1 if is_huge else draw(st.integers(0, 3))):
        factories.PartLineFactory(
            repair_order=order,
            part__name=draw(texts(200)),
            unit_price=draw(prices),
            quantity=1 if is_huge else draw(st.integers(1, 9)),
            taxable=draw(st.booleans()),
        )
    for _ in range(0 if is_huge else draw(st.integers(0, 3))):
        factories.ServiceLineFactory(
            repair_order=order,
            service__description=draw(texts(50)),
            labor_cost=draw(prices),
            taxable=draw(st.booleans()),
        )
    return order


def make_part(draw, customer):
    return factories.PartFactory(
        name=draw(texts(200)), unit_price=draw(st.decimals(0, LARGEST, places=2)), taxable=draw(st.booleans())
    )


def make_service(draw, customer):
    return factories.ServiceFactory(description=draw(texts(50)), labor_cost=draw(st.decimals(0, 9, places=2)))


def make_technician(draw, customer):
    return factories.TechnicianFactory(
        name=draw(texts(200)), location=factories.LocationFactory() if draw(st.booleans()) else None
    )


def make_location(draw, customer):
    location = factories.LocationFactory(phone=draw(texts(30)), time_zone=draw(zones))
    for weekday in draw(st.sets(st.integers(0, 6))):
        factories.OpeningHoursFactory(
            location=location, weekday=weekday, opens=time(draw(st.integers(0, 17)))
        )
    for _ in range(draw(st.integers(0, 2))):
        factories.BayFactory(location=location)
    return location


def make_plan(draw, customer):
    return factories.PlanFactory(
        tier=draw(st.sampled_from(Tier.values)),
        price=draw(st.decimals(0, LARGEST, places=2)),
        features=draw(texts(50)),
        is_active=draw(st.booleans()),
    )


def make_offer(draw, customer):
    if not Membership.objects.active().filter(user=customer.logins.first().user).exists():
        plan = factories.PlanFactory(tier=draw(st.sampled_from(Tier.values)))
        factories.MembershipFactory(user=customer.logins.first().user, plan=plan)
    factories.VehicleFactory(customer=customer, make="hONDA", year=draw(st.integers(2017, 2022)))
    first = draw(st.none() | st.integers(2018, 2021))
    return factories.OfferFactory(
        title=draw(texts(200)),
        terms=draw(texts(50)),
        expiry=draw(instants | st.just(datetime(2100, 1, 1, tzinfo=UTC))),
        is_active=draw(st.booleans()),
        **{f"for_{tier}": draw(st.booleans()) for tier in Tier.values},
        locations=[make_location(draw, customer) for _ in range(draw(st.integers(0, 2)))],
        makes=draw(st.lists(st.sampled_from(["Honda", "honda 2", "Ĳ", "H%"]), unique=True, max_size=2)),
        year_from=first,
        year_to=draw(st.none() | st.integers(first or 2018, 2021)),
    )


def make_thread(draw, customer):
    thread = factories.ThreadFactory(
        customer=customer,
        subject=draw(texts(200)),
        status=draw(st.sampled_from(ThreadStatus.values)),
        created_at=draw(instants),
        updated_at=draw(instants),
    )
    for number in range(1, draw(st.integers(1, 4))):
        is_support = draw(st.booleans())
        thread.last_message = factories.MessageFactory(
            thread=thread,
            number=number,
            body=draw(texts(50)),
            is_support=is_support,
            is_internal=is_support and draw(st.booleans()),
            attachments=draw(st.sampled_from([[], [{"id": "1", "url": "https://files.example/é.jpg"}]])),
            created_at=datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=number),
        )
    thread.save(update_fields=["last_message"])
    return thread


def make_ticket(draw, customer):
    return factories.TicketFactory(
        thread=make_thread(draw, customer), priority=draw(st.sampled_from(TicketPriority.values))
    )


def make_notification(draw, customer):
    return factories.NotificationFactory(
        customer=customer,
        type=draw(texts(30)),
        title=draw(texts(200)),
        message=draw(texts(50)),
        read=draw(st.booleans()),
        created_at=draw(instants),
    )


def make_parts_order(draw, customer):
    order = factories.OrderFactory(
        customer=customer,
        status=draw(st.sampled_from(OrderStatus.values)),
        tracking_number=draw(texts(100)),
        estimated_delivery=draw(maybe_instants),
        created_at=draw(instants),
    )
    for _ in range(draw(st.integers(0, 3))):
        factories.OrderItemFactory(
            order=order,
            product_name=draw(texts(200)),
            unit_price=draw(st.decimals(0, 9_999, places=2)),
            quantity=draw(st.integers(1, 9)),
        )
    return order


def make_return(draw, customer):
    order = make_parts_order(draw, customer)
    asked = factories.ReturnRequestFactory(
        order=order,
        status=draw(st.sampled_from(ReturnStatus.values)),
        reason=draw(texts(200)),
        description=draw(texts(50)),
        refund_amount=draw(st.decimals(0, LARGEST, places=2)),
        created_at=draw(instants),
    )
    for item in order.items.all():
        factories.ReturnLineFactory(return_request=asked, item=item, is_refused=draw(st.booleans()))
    return asked


# A list of something else joins by naming what makes one of its rows.
MAKERS = {
    Appointment: make_visit,
    RepairOrder: make_order,
    Vehicle: make_vehicle,
    Order: make_parts_order,
    ReturnRequest: make_return,
    Customer: lambda draw, customer: customer,
    Part: make_part,
    Service: make_service,
    Technician: make_technician,
    Location: make_location,
    Plan: make_plan,
    Offer: make_offer,
    Thread: make_thread,
    Message: make_thread,
    Ticket: make_ticket,
    Notification: make_notification,
}


# --- What is asked of them --------------------------------------------------------------------------------------


def words_for(draw, field):  # noqa: C901  # a line for each kind of field
    """A value of a parameter, as it is written in an address."""
    if isinstance(field, Words):
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
    if isinstance(field, serializers.UUIDField):
        return str(draw(st.sampled_from([UUID(int=1), *Vehicle.objects.values_list("uuid", flat=True)])))
    if isinstance(field, serializers.ChoiceField):
        return draw(st.sampled_from(list(field.choices)))
    if isinstance(field, serializers.CharField):
        return draw(st.sampled_from(["a", "A%", "_", "é", "1HGB", "pat person"]))
    raise AssertionError(f"Say what is asked of a {type(field).__name__}.")


def questions(draw, view):
    """The filters of every combination of the list's parameters, read as the route reads them.

    Of a list with more than three, none, each alone, all together and some more at random.
    """
    fields = {name: field for name, field in view.query().fields.items() if name not in ("page", "page_size")}
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
    """What a list without parameters is filtered by."""
    return view.query.read(QueryDict())


def from_objects(view, rows):
    with zeal_ignore():  # objects ask for what they need, one by one
        return dumps(view.serializer_class(rows, many=True).data)


@pytest.mark.django_db
@pytest.mark.parametrize("view", LISTS, ids=lambda view: view.__name__)
@settings(max_examples=8)
@given(data=st.data())
def test_rows_are_written_as_objects_are(view, data):
    with transaction.atomic():
        customers = [make_customer(data.draw) for _ in range(2)]
        model = view.rows(caller_of_user(customers[0][1]), unasked(view)).model
        for customer, _login in customers:
            for _ in range(data.draw(st.integers(0, 3))):
                MAKERS[model](data.draw, customer)
        people = [
            *(login for _, login in customers),
            factories.UserFactory(),  # without a record
            *(factories.UserFactory(role=role) for role in (Role.TECHNICIAN, Role.ADMIN)),
        ]
        people.append(people[0])  # and the first again, after staff went through the same read
        for caller in map(caller_of_user, people):
            for filters in questions(data.draw, view):
                rows = view.rows(caller, filters)
                assert dumps(view.read.all(caller, filters)) == from_objects(view, rows)
                assert view.read.count(caller, filters) == rows.count()
                for bounds in (slice(0, 1), slice(1, 3), slice(50, 100)):
                    page = view.read.page(caller, filters, bounds)
                    assert dumps(page) == from_objects(view, rows[bounds])
                assert all(view.read._compiled.values())  # or this compared the objects with themselves
        transaction.set_rollback(True)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("view", OWN_LISTS, ids=lambda view: view.__name__)
def test_parallel_callers_never_get_each_others_rows(view):
    """One compiled read serves every thread at once; what it remembers of a row stays with that row."""
    logins = []
    for number in range(6):
        customer = factories.CustomerFactory(company_name=f"Company {number}", login=True)
        logins.append(customer.contact)
        for extra in range(number + 1):
            vehicle = factories.VehicleFactory(customer=customer, color=f"{number}/{extra}")
            factories.AppointmentFactory(vehicle=vehicle, description=f"{number}/{extra}")
            order = factories.RepairOrderFactory(vehicle=vehicle, notes=f"{number}/{extra}")
            thread = factories.ThreadFactory(customer=customer, subject=f"{number}/{extra}")
            factories.MessageFactory(thread=thread, body=f"{number}/{extra}")
            factories.TicketFactory(thread=thread)
            factories.NotificationFactory(customer=customer, title=f"{number}/{extra}")
            for price in range(extra):
                factories.PartLineFactory(repair_order=order, unit_price=Decimal(f"{number}.{price}0"))
            bought = factories.OrderItemFactory(order__customer=customer, product_name=f"{number}/{extra}")
            factories.ReturnLineFactory(item=bought, return_request__order=bought.order)
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
