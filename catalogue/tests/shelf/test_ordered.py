"""What is on order from vendors: noted, replaced, and ended by receipts."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from catalogue.models import VendorOrder
from catalogue.shelf import actions as shelf
from catalogue.shelf.ordered import VendorNeeded, order_from_vendor
from common.domain.models import Event
from testing.factories import PartFactory, UserFactory, VendorOrderFactory
from testing.storms import parallel
from testing.suites import refused, stored

pytestmark = pytest.mark.django_db
THURSDAY = date(2026, 12, 3)


def on_order():
    return list(VendorOrder.objects.order_by("part").values_list("part", "pieces"))


class TestNote:
    def test_it_says_who_ordered_what_where_and_until_when(self, now):
        part, anna = PartFactory(stock=1), UserFactory()
        order_from_vendor(
            part=part, pieces=4, vendor="NAPA", reference="PO 4711", expected_on=THURSDAY, by=anna.pk, now=now
        )
        row = VendorOrder.objects.get()
        assert (row.part, row.pieces, row.vendor, row.reference, row.expected_on, row.by, row.at) == (
            part, 4, "NAPA", "PO 4711", THURSDAY, anna, now
        )  # fmt: skip
        text = "4 on order at NAPA (PO 4711), expected Thu 3 Dec"
        history = part.history.latest("history_id")
        assert (str(row), history.history_change_reason, history.history_user) == (text, text, anna)
        event = Event.objects.latest("id")
        assert (event.type, event.payload) == (
            "catalogue.part.ordered", {"id": part.pk, "uuid": str(part.uuid), "on_order": 4}
        )  # fmt: skip

    def test_another_note_takes_its_place_and_none_ends_it(self, now):
        part = PartFactory()
        for pieces, vendor in ((4, "NAPA"), (2, "Worldpac")):
            order_from_vendor(part=part, pieces=pieces, vendor=vendor, by=None, now=now)
        assert str(VendorOrder.objects.get()) == "2 on order at Worldpac"
        order_from_vendor(part=part, pieces=0, by=None, now=now)
        assert on_order() == []
        assert part.history.latest("history_id").history_change_reason == "nothing is on order"

    def test_pieces_without_a_vendor_are_refused(self, now):
        noted = VendorOrderFactory()
        before = [stored(noted)]
        with pytest.raises(VendorNeeded):
            order_from_vendor(part=noted.part, pieces=1, vendor="  ", by=None, now=now)
        assert [stored(noted)] == before

    def test_database_refuses_no_pieces(self):
        with pytest.raises(IntegrityError, match="vendor_order_has_pieces"), transaction.atomic():
            VendorOrderFactory(pieces=0)


class TestReceipts:
    def test_they_take_from_it_and_end_it(self, now):
        part, other = (VendorOrderFactory(pieces=pieces).part for pieces in (4, 1))
        for pieces, left in ((1, [(part.pk, 3), (other.pk, 1)]), (5, [(other.pk, 1)])):
            shelf.receive(part=part, pieces=pieces, by=None, now=now)
            assert on_order() == left

    def test_a_job_that_is_finished_with_what_came_in_ends_it(self, now):
        part = PartFactory(stock=1)
        shelf.reserve(source="job:1", pieces={part.pk: 3}, by=None, now=now)
        VendorOrderFactory(part=part, pieces=2)
        shelf.issue(source="job:1", by=None, now=now, received=True)
        assert on_order() == []

    def test_other_moves_leave_it(self, now):
        part = VendorOrderFactory(pieces=2).part
        shelf.count(part=part, pieces=9, reason="Found", by=None, now=now)
        shelf.return_to_vendor(part=part, pieces=1, reference="RMA", by=None, now=now)
        assert on_order() == [(part.pk, 2)]


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_notes_and_receipts_at_once(now):
    part = PartFactory(stock=1)

    def act(number):
        if number % 2:
            shelf.receive(part=part, pieces=1, by=None, now=now)
        else:
            order_from_vendor(part=part, pieces=50, vendor="NAPA", by=None, now=now)

    assert parallel(20, act) == [None] * 20
    part.refresh_from_db()
    [(_, left)] = on_order()
    assert part.stock == 11
    assert 40 <= left <= 50


class TestApi:
    def url(self, part):
        return f"/api/shop/parts/{part.pk}/order-from-vendor/"

    def test_the_part_says_what_is_on_order(self, as_ada, ada):
        part = PartFactory()
        body = {"pieces": 4, "vendor": "NAPA", "reference": "PO 4711", "expected_on": "2026-12-03"}
        response = as_ada.post(self.url(part), body, format="json")
        noted = VendorOrder.objects.get()
        assert response.status_code == 200
        assert response.json()["on_order"] == {
            **body, "by": ada.pk, "at": noted.at.isoformat().replace("+00:00", "Z")
        }  # fmt: skip
        assert as_ada.get(f"/api/shop/parts/{part.pk}/").json() == response.json()
        assert as_ada.post(self.url(part), {"pieces": 0}, format="json").json()["on_order"] is None

    def test_needed_parts_say_it(self, as_ada, now):
        ordered, not_yet = PartFactory(stock=1), PartFactory(stock=1)
        shelf.reserve(source="order:1", pieces={ordered.pk: 2, not_yet.pk: 2}, by=None, now=now)
        VendorOrderFactory(part=ordered, pieces=1, vendor="NAPA", at=now)
        found = as_ada.get("/api/shop/needed-parts/").json()["results"]
        assert [row["on_order"] for row in found] == [
            {
                "pieces": 1,
                "vendor": "NAPA",
                "reference": "",
                "expected_on": None,
                "by": None,
                "at": now.isoformat().replace("+00:00", "Z"),
            },
            None,
        ]

    def test_no_vendor_is_400(self, as_ada):
        part = PartFactory()
        text = "Name the vendor from which the pieces are ordered."
        body = {
            "error": "Invalid input", "detail": text, "code": "vendor_needed", "fields": {"vendor": [text]}
        }  # fmt: skip
        response = as_ada.post(self.url(part), {"pieces": 1}, format="json")
        refused(response, 400, body, part, before=[stored(part)])
        assert on_order() == []
