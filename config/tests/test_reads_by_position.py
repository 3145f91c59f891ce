"""Pages by position: each row once, in the order of the list, while rows are added and removed between the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import ApiKey
from catalogue.models import Part
from common.domain.caller import Caller, Role
from common.domain.encoding import dumps
from common.http.viewsets import StaffViewSet
from common.reads.orders import Order, OtherOrderError, Position
from common.reads.read import Read
from config.tests.rows import MAKERS, make_customer
from config.tests.test_reads import LISTS, from_objects, unasked
from testing.factories import ApiKeyFactory, CustomerFactory, PartFactory, UserFactory

STAFFS = [view for view in LISTS if issubclass(view, StaffViewSet)]
ADMIN = Caller(Role.ADMIN, 1, None)


def view_named(name):
    return next(view for view in STAFFS if view.__name__ == name)


def orders_of(view):
    """Return the filters of each order of a list."""
    ordering = view.query().fields.get("ordering")
    return (
        [unasked(view), *({**unasked(view), "ordering": word} for word in ordering.choices if ordering)]
        if (ordering)
        else [unasked(view)]
    )


def walk(view, filters, size, between=lambda: None):
    """Return all rows of a list, page by page."""
    rows, place = view.read.after(ADMIN, filters, None, size)
    while place is not None:
        between()
        page, place = view.read.after(ADMIN, filters, place, size)
        rows += page
    return rows


@pytest.mark.django_db
@pytest.mark.parametrize("view", STAFFS, ids=lambda view: view.__name__)
@settings(max_examples=settings.default.max_examples // 7)
@given(data=st.data())
def test_pages_of_each_order_make_up_the_list(view, data):
    with transaction.atomic():
        model = view.rows(ADMIN, unasked(view)).model
        for _ in range(2):
            customer, _login = make_customer(data.draw)
            for _ in range(data.draw(st.integers(1, 3))):
                MAKERS[model](data.draw, customer)
        for filters in orders_of(view):
            whole = from_objects(view, view.rows(ADMIN, filters))
            for size in (1, 2, 5):
                assert dumps(walk(view, filters, size)) == whole
            assert all(view.read._compiled.values())
        transaction.set_rollback(True)


parts = st.tuples(
    st.sampled_from("ab"), st.sampled_from([Decimal("1.00"), Decimal("10.00"), Decimal("2.50")])
)


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["name", "-name", "price", "-price", "number"])
@given(data=st.data())
def test_rows_that_stay_are_read_once_while_others_come_and_go(word, data):
    view = view_named("StaffParts")
    filters = {**unasked(view), "ordering": word}
    numbers = count()
    with transaction.atomic():

        def add(drawn):
            name, price = drawn
            return PartFactory(name=name, unit_price=price, part_number=f"{price}{name}-{next(numbers)}").pk

        there = {add(drawn) for drawn in data.draw(st.lists(parts, min_size=2, max_size=8))}
        removed, size = set(), data.draw(st.integers(1, 3))

        def between():
            for drawn in data.draw(st.lists(parts, max_size=2)):
                add(drawn)
            if there - removed and data.draw(st.booleans()):
                gone = data.draw(st.sampled_from(sorted(there - removed)))
                Part.objects.filter(pk=gone).delete()
                removed.add(gone)

        seen = [row["id"] for row in walk(view, filters, size, between)]
        assert len(seen) == len(set(seen))
        assert there - removed <= set(seen)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_page_after_a_removed_row_is_the_same_as_before():
    view = view_named("StaffParts")
    made = [PartFactory(name=name) for name in "abcdef"]
    _, place = view.read.after(ADMIN, unasked(view), None, 2)
    before = view.read.after(ADMIN, unasked(view), place, 2)
    made[0].delete()
    made[1].delete()
    PartFactory(name="A first one")
    assert view.read.after(ADMIN, unasked(view), place, 2) == before
    assert [row["id"] for row in before[0]] == [made[2].pk, made[3].pk]


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["last_used_at", "-last_used_at"])
def test_rows_without_a_value_of_the_order_are_read_once(word):
    """PostgreSQL puts them after the others, SQLite before."""
    view = view_named("StaffApiKeys")
    at = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    for second in (None, 1, None, 1, None, 2):
        made = ApiKeyFactory()
        used = second and at + timedelta(microseconds=second)
        ApiKey.objects.filter(pk=made.pk).update(last_used_at=used)
    filters = {**unasked(view), "ordering": word}
    whole = from_objects(view, view.rows(ADMIN, filters))
    for size in (1, 2, 3):
        assert dumps(walk(view, filters, size)) == whole


@pytest.mark.django_db
def test_customers_without_a_contact_are_read_once_by_name():
    view = view_named("StaffCustomers")
    for last, first in (("Adams", "Zoe"), ("Adams", "Amy"), ("Young", "Al")):
        CustomerFactory(contact=UserFactory(last_name=last, first_name=first))
    for _ in range(3):
        CustomerFactory(contact=None, company_name="Company")
    for word in ("name", "-name"):
        filters = {"ordering": word}
        assert dumps(walk(view, filters, 2)) == from_objects(view, view.rows(ADMIN, filters))


@pytest.mark.django_db
def test_later_page_is_one_statement_and_one_for_each_nested_list(django_assert_num_queries):
    view = view_named("StaffParts")
    for _ in range(5):
        PartFactory()
    _, place = view.read.after(ADMIN, unasked(view), None, 2)
    view.read.after(ADMIN, unasked(view), place, 2)
    with django_assert_num_queries(1):
        rows, _ = view.read.after(ADMIN, unasked(view), place, 2)
    assert len(rows) == 2


@pytest.mark.django_db
def test_position_of_another_order_is_refused():
    view = view_named("StaffParts")
    for _ in range(2):
        PartFactory()
    _, place = view.read.after(ADMIN, unasked(view), None, 1)
    with pytest.raises(OtherOrderError):
        view.read.after(ADMIN, {**unasked(view), "ordering": "-name"}, place, 1)


@pytest.mark.django_db
def test_objects_are_read_by_position_where_a_serializer_does_not_compile(monkeypatch):
    """Production reads objects then, with a line in the log."""
    view = view_named("StaffApiKeys")
    for used in (None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), None):
        ApiKey.objects.filter(pk=ApiKeyFactory().pk).update(last_used_at=used)
    filters = {"ordering": "-last_used_at"}
    compiled = walk(view, filters, 1)
    read = Read(view.rows, view.serializer_class, view.read.params)
    monkeypatch.setattr(read, "_compile", lambda *asked: None)
    monkeypatch.setattr(view, "read", read)
    assert dumps(walk(view, filters, 1)) == dumps(compiled)


def test_order_by_something_that_is_no_column_is_refused():
    with pytest.raises(TypeError, match="Part has no column colour, which its order names"):
        Order(Part.objects.extra(select={"colour": "1"}).order_by("colour"))


def test_position_holds_values_as_json_has_them():
    order = Order(Part.objects.order_by("-unit_price", "-id"))
    assert order.position([Decimal("1.50"), 7]) == Position(("-unit_price", "-id"), ("1.50", 7))
