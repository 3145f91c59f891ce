"""The shelf in the admin."""

from __future__ import annotations

from decimal import Decimal

import pytest

from catalogue.models import Part
from catalogue.shelf import actions as shelf
from testing.admin import buttons, changelist, errors, filled, page, press
from testing.factories import PartFactory, ReservationFactory, StockMoveFactory, VendorOrderFactory
from testing.shelf import on_shelf
from testing.suites import count_queries

pytestmark = pytest.mark.django_db


class TestPart:
    def test_buttons_move_pieces_and_history_names_the_user(self, desk, ada):
        part = PartFactory()
        assert buttons(desk, part) == ["Receive", "Count", "Order from vendor", "Return to vendor"]
        for button, answers, message, why in (
            (
                "receive",
                {"pieces": "5", "unit_cost": "1.25", "reference": "PO 17"},
                "The pieces were received.",
                "receipt: +5, PO 17",
            ),
            (
                "count",
                {"pieces": "4", "reason": "One broke"},
                "The count was recorded.",
                "counted: 4, One broke",
            ),
            (
                "order_from_vendor",
                {"pieces": "2", "vendor": "NAPA", "reference": "PO 18", "expected_on": "2026-12-03"},
                "What is on order was noted.",
                "2 on order at NAPA (PO 18), expected Thu 3 Dec",
            ),
            (
                "return_to_vendor",
                {"pieces": "1", "reference": "RMA 1"},
                "The pieces were returned to the vendor.",
                "vendor return: -1, RMA 1",
            ),
        ):
            assert press(desk, part, button, **answers) == [message]
            row = part.history.latest("history_id")
            assert (row.history_user, row.history_change_reason) == (ada, why)
        assert on_shelf() == {part.pk: (3, 0)}
        shown = desk.get(page(part)).text
        assert all(text in shown for text in ("PO 17", "One broke", "RMA 1"))
        assert f"2 on order at NAPA (PO 18), expected Thu 3 Dec. By {ada}." in shown

    def test_refusal_is_a_message(self, desk):
        part = PartFactory(stock=1, name="Wiper")
        assert press(desk, part, "return_to_vendor", pieces="2", reference="RMA 1") == [
            f"Not enough of Wiper (product {part.pk}): 1 in stock."
        ]
        assert on_shelf() == {part.pk: (1, 0)}

    def test_page_opened_before_a_receipt_does_not_undo_it(self, desk, now):
        part = PartFactory(stock=5)
        form = filled(desk, page(part)) | {"unit_price": "5.00", "stock": "5", "unit_cost": "1.00"}
        shelf.receive(part=part, pieces=4, unit_cost=Decimal("2.5"), by=None, now=now)
        assert desk.post(page(part), form).status_code == 302
        part.refresh_from_db()
        assert (str(part.unit_price), part.stock, part.unit_cost) == ("5.00", 9, Decimal("2.5000"))

    def test_cost_can_be_entered_until_the_part_is_stocked(self, desk):
        part = PartFactory()
        assert desk.post(page(part), filled(desk, page(part)) | {"unit_cost": "1.5"}).status_code == 302
        part.refresh_from_db()
        assert part.unit_cost == Decimal("1.5000")

    def test_taken_number_is_an_error_of_the_field(self, desk):
        PartFactory(part_number="P-1")
        part = PartFactory(is_listed=False)
        form = filled(desk, page(part)) | {"part_number": "P-1"}
        assert desk.post(page(part), form).status_code == 302
        response = desk.post(page(part), form | {"is_listed": "on"})
        assert errors(response) == ["A part with this part number already exists."]
        assert not Part.objects.get(pk=part.pk).is_listed


class TestLists:
    def test_moves_name_their_source(self, desk):
        StockMoveFactory(kind="RESERVE", pieces=1, source="order:5", part__name="Rotor")
        text = desk.get(changelist(StockMoveFactory._meta.model)).text
        assert "Parts order ORD5" in text
        assert "Rotor" in text

    def test_needed_parts_are_filtered(self, desk):
        short, full = ReservationFactory(source="order:5"), ReservationFactory(source="order:6")
        shelf.count(part=full.part, pieces=1, reason="Found", by=None, now=full.created_at)
        url = changelist(ReservationFactory._meta.model)
        found = {
            word: [row.pk for row in desk.get(url, {"short": word} if word else {}).context["cl"].result_list]
            for word in ("", "yes", "no")
        }
        assert found == {"": [short.pk, full.pk], "yes": [short.pk], "no": [full.pk]}
        assert "Parts order ORD5" in desk.get(f"{url}?short=yes").text
        assert f'<a href="{page(short.part)}">Order from vendor</a>' in desk.get(f"{url}?short=yes").text
        VendorOrderFactory(part=short.part, pieces=3)
        assert f'<a href="{page(short.part)}">3 on order at NAPA</a>' in desk.get(f"{url}?short=yes").text

    @pytest.mark.parametrize("factory", [StockMoveFactory, ReservationFactory])
    def test_number_of_queries_does_not_grow(self, desk, factory):
        url = changelist(factory._meta.model)
        factory()
        desk.get(url)
        with_one = count_queries(lambda: desk.get(url))
        factory.create_batch(20)
        assert count_queries(lambda: desk.get(url)) == with_one

    def test_side_bar_leads_to_what_is_short(self, desk):
        assert "/admin/needed-parts/" in desk.get("/admin/tables/").text
