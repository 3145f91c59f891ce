"""The shelf in the staff's API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalogue.models import Part, StockMove
from catalogue.shelf import actions as shelf
from testing.factories import PartFactory
from testing.shelf import on_shelf
from testing.suites import count_queries, invalid, refused, stored

pytestmark = pytest.mark.django_db


def url(part, verb=""):
    return f"/api/shop/parts/{part.pk}/{verb and verb + '/'}"


def post(client, part, verb, **body):
    return client.post(url(part, verb), body, format="json")


def shown(response, *names):
    assert response.status_code == 200, response.content
    return tuple(response.json()[name] for name in names)


class TestVerbs:
    def test_receive_answers_with_the_part(self, as_ada, ada):
        part = PartFactory()
        response = post(as_ada, part, "receive", pieces=3, unit_cost="4.5", reference="PO 17")
        assert response.json() == as_ada.get(url(part)).json()
        assert shown(response, "is_stocked", "stock", "available", "unit_cost") == (True, 3, 3, "4.5000")
        move = StockMove.objects.get()
        assert (move.note, move.by) == ("PO 17", ada)

    def test_count_and_return_to_vendor(self, as_ada):
        part = PartFactory()
        response = post(as_ada, part, "count", pieces=5, reason="Opening count")
        assert shown(response, "stock", "reserved", "available") == (5, 0, 5)
        shelf.reserve(source="job:1", pieces={part.pk: 2}, by=None, now=Part.history.latest().history_date)
        response = post(as_ada, part, "return-to-vendor", pieces=1, reference="RMA 1")
        assert shown(response, "stock", "reserved", "available") == (4, 2, 2)
        response = post(as_ada, part, "count", pieces=0, reason="All gone")
        assert shown(response, "stock", "reserved", "available") == (0, 0, 0)

    @pytest.mark.parametrize(
        ("verb", "body", "field", "message"),
        [
            ("receive", {}, "pieces", "This field is required."),
            ("receive", {"pieces": 0}, "pieces", "Ensure this value is greater than or equal to 1."),
            ("receive", {"pieces": "4.5"}, "pieces", "A valid integer is required."),
            (
                "receive",
                {"pieces": 2**31},
                "pieces",
                "Ensure this value is less than or equal to 2147483647.",
            ),
            (
                "receive",
                {"pieces": 2**31 - 1},
                "pieces",
                "The stock of a part can be at most 2,147,483,647 pieces.",
            ),
            (
                "receive",
                {"pieces": 1, "unit_cost": -1},
                "unit_cost",
                "Ensure this value is greater than or equal to 0.",
            ),
            (
                "receive",
                {"pieces": 1, "reference": "x" * 201},
                "reference",
                "Ensure this field has no more than 200 characters.",
            ),
            ("count", {"pieces": -1}, "pieces", "Ensure this value is greater than or equal to 0."),
            ("count", {"pieces": 1}, "reason", "This field is required."),
            ("count", {"pieces": 1, "reason": ""}, "reason", "This field may not be blank."),
            ("return-to-vendor", {"pieces": 1}, "reference", "This field is required."),
        ],
    )
    def test_wrong_value_is_400_and_named(self, as_ada, verb, body, field, message):
        part = PartFactory(stock=1)
        before = [stored(part)]
        response = post(as_ada, part, verb, **body)
        assert (response.status_code, response.json()["fields"][field]) == (400, [message])
        assert ([stored(part)], StockMove.objects.count()) == (before, 1)

    def test_too_many_returned_pieces_are_409(self, as_ada):
        part = PartFactory(stock=1, name="Wiper")
        before = [stored(part)]
        body = {
            "error": "Not enough in stock",
            "detail": f"Not enough of Wiper (product {part.pk}): 1 in stock.",
            "code": "not_enough_stock",
        }
        response = post(as_ada, part, "return-to-vendor", pieces=2, reference="RMA 1")
        refused(response, 409, body, part, before=before)

    def test_unknown_field_is_400_and_missing_part_404(self, as_ada):
        part = PartFactory()
        assert post(as_ada, part, "receive", pieces=1, colour="red").json()["code"] == "unknown_field"
        part.pk = 999_999
        assert post(as_ada, part, "receive", pieces=1).status_code == 404
        assert on_shelf().popitem()[1] == (0, 0)


class TestMoves:
    def test_moves_are_paged_newest_first(self, as_ada, ada, now):
        part, other = PartFactory(stock=1), PartFactory(stock=1)
        shelf.receive(part=part, pieces=2, unit_cost=3, reference="PO 17", by=ada.pk, now=now)
        shelf.reserve(source="order:5", pieces={part.pk: 1, other.pk: 1}, by=None, now=now)
        body = as_ada.get(url(part, "moves")).json()
        at = now.isoformat().replace("+00:00", "Z")
        ids = list(part.moves.order_by("-id").values_list("id", flat=True))
        assert {name: body[name] for name in ("count", "next", "previous")} == {
            "count": 3,
            "next": None,
            "previous": None,
        }
        assert body["results"][:2] == [
            {
                "id": ids[0],
                "kind": "RESERVE",
                "pieces": 1,
                "unit_cost": "3.0000",
                "source": "order:5",
                "note": "",
                "by": None,
                "at": at,
            },
            {
                "id": ids[1],
                "kind": "RECEIPT",
                "pieces": 2,
                "unit_cost": "3.0000",
                "source": "",
                "note": "PO 17",
                "by": ada.pk,
                "at": at,
            },
        ]
        page = as_ada.get(url(part, "moves"), {"page": 2, "page_size": 2}).json()
        assert [row["id"] for row in page["results"]] == ids[2:]

    def test_number_of_queries_does_not_grow(self, as_ada, now):
        part = PartFactory(stock=1)
        with_one = count_queries(lambda: as_ada.get(url(part, "moves")))
        for _ in range(29):
            shelf.receive(part=part, pieces=1, by=None, now=now)
        assert as_ada.get(url(part, "moves")).json()["count"] == 30
        assert count_queries(lambda: as_ada.get(url(part, "moves"))) == with_one

    def test_part_without_moves_is_empty_and_missing_part_404(self, as_ada):
        part = PartFactory()
        assert as_ada.get(url(part, "moves")).json()["results"] == []
        part.pk = 999_999
        response = as_ada.get(url(part, "moves"))
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Part not found.", "code": "not_found"},
        )

    def test_unknown_parameter_is_400(self, as_ada):
        response = as_ada.get(url(PartFactory(), "moves"), {"colour": "red"})
        assert (response.status_code, response.json()) == (400, invalid("colour", "Unknown parameter."))


class TestNeededParts:
    URL = "/api/shop/needed-parts/"

    def need(self, now, *wanted):
        for second, (source, part, pieces) in enumerate(wanted):
            shelf.reserve(
                source=source, pieces={part.pk: pieces}, by=None, now=now + timedelta(seconds=second)
            )

    def test_parts_are_listed_with_who_is_short(self, as_ada, now):
        rotor, pads, held = PartFactory(stock=3, name="Rotor"), PartFactory(stock=1), PartFactory(stock=9)
        self.need(
            now,
            ("order:7", rotor, 1),
            ("order:5", rotor, 4),
            ("lost", rotor, 1),
            ("order:6", pads, 3),
            ("order:8", held, 1),
        )
        assert as_ada.get(self.URL).json() == {
            "results": [
                {
                    "part_id": rotor.pk,
                    "name": "Rotor",
                    "part_number": rotor.part_number,
                    "short": 3,
                    "on_order": None,
                    "for": [{"order_id": 5, "pieces": 2}, {"source": "lost", "pieces": 1}],
                },
                {
                    "part_id": pads.pk,
                    "name": "Oil Filter",
                    "part_number": pads.part_number,
                    "short": 2,
                    "on_order": None,
                    "for": [{"order_id": 6, "pieces": 2}],
                },
            ],
            "count": 2,
            "next": None,
            "previous": None,
        }
        shelf.receive(part=rotor, pieces=3, by=None, now=now)
        assert [row["part_id"] for row in as_ada.get(self.URL).json()["results"]] == [pads.pk]

    def test_number_of_queries_does_not_grow(self, as_ada, now):
        self.need(now, ("order:1", PartFactory(stock=1), 2))
        with_one = count_queries(lambda: as_ada.get(self.URL))
        self.need(now, *((f"order:{n}", PartFactory(stock=1), 2) for n in range(2, 31)))
        assert as_ada.get(self.URL).json()["count"] == 30
        assert count_queries(lambda: as_ada.get(self.URL)) == with_one

    def test_customers_are_403(self, as_alice):
        assert as_alice.get(self.URL).status_code == 403
