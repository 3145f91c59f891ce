"""Stock of parts, which never falls below zero."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from catalogue import stock
from catalogue.models import Part
from common.domain.errors import Missing
from testing.admin import buttons, errors, filled, page, press
from testing.factories import PartFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db


def stock_by_part():
    return dict(Part.objects.values_list("pk", "stock"))


def test_take_returns_parts_by_id():
    second, first = PartFactory(stock=3), PartFactory(stock=5)
    assert stock.take({first.pk: 2, second.pk: 3}) == [second, first]
    assert stock_by_part() == {second.pk: 0, first.pk: 3}


def test_too_many_pieces_take_nothing_and_error_names_part():
    plenty, few = PartFactory(stock=9), PartFactory(stock=2, name="Wiper")
    with pytest.raises(stock.NotEnoughStock) as error:
        stock.take({plenty.pk: 1, few.pk: 3})
    assert error.value.text == f"Not enough of Wiper (product {few.pk}): 2 in stock."
    assert stock_by_part() == {plenty.pk: 9, few.pk: 2}


def test_unknown_part_takes_nothing_and_error_names_part():
    part = PartFactory(stock=9)
    with pytest.raises(Missing) as error:
        stock.take({part.pk: 1, 999_999: 1})
    assert error.value.text == "Product 999999 not found."
    assert stock_by_part() == {part.pk: 9}


def test_put_back_returns_pieces():
    part = PartFactory(stock=1)
    stock.put_back({part.pk: 2})
    assert stock_by_part() == {part.pk: 3}


def test_stock_has_maximum():
    part = PartFactory(stock=stock.LARGEST_STOCK - 1)
    stock.put_back({part.pk: 1})
    with pytest.raises(stock.StockTooLarge):
        stock.put_back({part.pk: 1})
    assert stock_by_part() == {part.pk: stock.LARGEST_STOCK}


@given(moves=st.lists(st.integers(-5, 5).filter(bool), max_size=12))
def test_adjust_adds_and_stops_at_zero(now, moves):
    with transaction.atomic():
        part, expected = PartFactory(), 0
        for pieces in moves:
            try:
                stock.adjust(part=part, pieces=pieces, reason="", by=None, now=now)
                expected += pieces
            except stock.NotEnoughStock:
                assert expected + pieces < 0
            assert stock_by_part()[part.pk] == expected >= 0
        transaction.set_rollback(True)


def test_database_refuses_negative_stock():
    part = PartFactory(stock=1)
    with pytest.raises(IntegrityError, match="stock"), transaction.atomic():
        Part.objects.filter(pk=part.pk).update(stock=-1)
    assert stock_by_part() == {part.pk: 1}


class TestAdmin:
    def test_button_adjusts_stock_and_history_records_reason(self, desk, ada):
        part = PartFactory(stock=5)
        assert press(desk, part, "adjust", pieces="-2", reason="broken") == ["The stock was adjusted."]
        row = part.history.latest()
        assert (row.stock, row.history_user, row.history_change_reason) == (3, ada, "stock: -2, broken")
        assert stock_by_part() == {part.pk: 3}

    def test_too_many_removed_pieces_is_message(self, desk):
        part = PartFactory(stock=1, name="Wiper")
        assert press(desk, part, "adjust", pieces="-2", reason="") == [
            f"Not enough of Wiper (product {part.pk}): 1 in stock."
        ]
        assert (stock_by_part(), part.history.count()) == ({part.pk: 1}, 1)

    def test_page_opened_before_sale_does_not_undo_sale(self, desk):
        part = PartFactory(stock=5)
        assert buttons(desk, part) == ["Adjust stock"]
        form = filled(desk, page(part)) | {"unit_price": "5.00", "stock": "5"}
        stock.take({part.pk: 4})
        assert desk.post(page(part), form).status_code == 302
        part.refresh_from_db()
        assert (str(part.unit_price), part.stock) == ("5.00", 1)

    def test_new_part_takes_stock(self, desk):
        url = "/admin/catalogue/part/add/"
        form = filled(desk, url) | {"name": "Wiper", "part_number": "W-1", "unit_price": "5.00"}
        assert errors(desk.post(url, form | {"stock": "-1"})) == [
            "Ensure this value is greater than or equal to 0."
        ]
        assert desk.post(url, form | {"stock": "7"}).status_code == 302
        assert Part.objects.get().stock == 7


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_changes_in_opposite_order_do_not_deadlock():
    parts = [PartFactory(stock=100).pk for _ in range(4)]

    def change(number):
        wanted = parts if number % 2 else parts[::-1]
        (stock.put_back if number % 3 == 0 else stock.take)(dict.fromkeys(wanted, 1))

    assert parallel(30, change) == [None] * 30
    assert stock_by_part() == dict.fromkeys(parts, 100 + 10 - 20)
