"""The verbs of the shelf, one by one and in any sequence."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import Part, Reservation, StockMove
from catalogue.shelf import actions as shelf
from catalogue.shelf.books import blend
from catalogue.shelf.models import LARGEST_STOCK
from catalogue.shelf.queries import shortages
from common.domain.errors import Missing
from testing.factories import PartFactory, UserFactory
from testing.shelf import assert_balanced, on_shelf
from testing.suites import count_queries

pytestmark = pytest.mark.django_db


def moves(part=None):
    rows = StockMove.objects.order_by("id") if part is None else part.moves.order_by("id")
    return [(row.kind, row.pieces, row.source, row.note) for row in rows]


def reservations():
    """Return what each source needs and has of its parts, in the order in which it is filled."""
    return [(row.source, row.part_id, row.pieces, row.filled) for row in Reservation.objects.in_order()]


def snapshot():
    return {
        "parts": list(Part.objects.order_by("id").values()),
        "moves": moves(),
        "reservations": reservations(),
        "history": Part.history.count(),
    }


@pytest.fixture
def act(now):
    """Call a verb as nobody in particular, each a second after the last."""
    calls = iter(range(10_000))

    def call(verb, **arguments):
        return verb(by=None, now=now + timedelta(seconds=next(calls)), **arguments)

    return call


class TestReceive:
    def test_first_receipt_stocks_the_part_and_history_says_why(self, now):
        part, user = PartFactory(), UserFactory()
        shelf.receive(part=part, pieces=3, unit_cost=Decimal("4.5"), reference="PO 17", by=user.pk, now=now)
        assert (part.is_stocked, part.stock, part.reserved, part.unit_cost) == (True, 3, 0, Decimal("4.5000"))
        move = StockMove.objects.get()
        assert (move.kind, move.pieces, move.unit_cost, move.note, move.by_id, move.at) == (
            "RECEIPT", 3, Decimal("4.5000"), "PO 17", user.pk, now
        )  # fmt: skip
        row = part.history.latest("history_id")
        assert (row.stock, row.history_user_id, row.history_change_reason) == (
            3,
            user.pk,
            "receipt: +3, PO 17",
        )

    def test_cost_is_the_moving_average(self, act):
        part = PartFactory()
        for pieces, cost, average in (
            (2, None, None),
            (1, "3.0001", "3.0001"),  # pieces of unknown cost take it
            (1, "3.0000", "3.0001"),  # 12.0003 / 4 = 3.000075
            (4, None, "3.0001"),
            (8, "0", "1.5001"),  # 24.0008 / 16 = 1.50005, half up
        ):
            act(
                shelf.receive,
                part=part,
                pieces=pieces,
                **({"unit_cost": Decimal(cost)} if cost else {}),
            )
            assert part.unit_cost == (average and Decimal(average))
        assert [str(cost) for cost in part.moves.order_by("id").values_list("unit_cost", flat=True)] == [
            *("None", "3.0001", "3.0000", "3.0001", "0.0000")
        ]

    def test_empty_shelf_takes_the_cost_of_the_receipt(self, act):
        part = PartFactory()
        act(shelf.receive, part=part, pieces=2, unit_cost=Decimal(9))
        act(shelf.return_to_vendor, part=part, pieces=2, reference="RMA 1")
        assert part.unit_cost == Decimal(9)
        act(shelf.receive, part=part, pieces=2, unit_cost=Decimal(4))
        assert part.unit_cost == Decimal(4)

    def test_oldest_reservation_is_filled_first_and_in_parts(self, act):
        part = PartFactory(stock=1)
        act(shelf.reserve, source="job:1", pieces={part.pk: 3})
        act(shelf.reserve, source="order:2", pieces={part.pk: 2})
        assert reservations() == [("job:1", part.pk, 3, 1), ("order:2", part.pk, 2, 0)]
        act(shelf.receive, part=part, pieces=3)
        assert reservations() == [("job:1", part.pk, 3, 3), ("order:2", part.pk, 2, 1)]
        assert moves(part)[1:] == [
            ("RESERVE", 1, "job:1", ""),
            ("RECEIPT", 3, "", ""),
            ("RESERVE", 2, "job:1", ""),
            ("RESERVE", 1, "order:2", ""),
        ]
        assert (part.stock, part.reserved, part.available) == (4, 4, 0)
        assert (shortages("job:1"), shortages("order:2")) == ({}, {part.pk: 1})
        assert_balanced()

    def test_stock_has_a_maximum(self, act):
        part = PartFactory(stock=LARGEST_STOCK - 1)
        act(shelf.receive, part=part, pieces=1)
        before = snapshot()
        with pytest.raises(shelf.StockTooLarge):
            act(shelf.receive, part=part, pieces=1)
        assert snapshot() == before


class TestCount:
    def test_move_is_the_difference(self, act):
        part = PartFactory(stock=5)
        act(shelf.count, part=part, pieces=2, reason="Yearly count")
        assert moves(part)[1:] == [("COUNT", -3, "", "Yearly count")]
        assert part.history.latest("history_id").history_change_reason == "counted: 2, Yearly count"
        act(shelf.count, part=part, pieces=2, reason="Again")
        assert moves(part)[2:] == [("COUNT", 0, "", "Again")]
        assert_balanced()

    def test_count_of_none_stocks_the_part(self, act):
        part = PartFactory()
        act(shelf.count, part=part, pieces=0, reason="Opening count")
        assert (part.is_stocked, part.stock) == (True, 0)
        act(shelf.reserve, source="job:1", pieces={part.pk: 1})
        assert shortages("job:1") == {part.pk: 1}

    def test_fewer_than_kept_empties_the_youngest_first(self, act):
        part = PartFactory(stock=6)
        for number, pieces in ((1, 3), (2, 2), (3, 1)):
            act(shelf.reserve, source=f"job:{number}", pieces={part.pk: pieces})
        act(shelf.count, part=part, pieces=4, reason="Two are gone")
        assert reservations() == [
            ("job:1", part.pk, 3, 3),
            ("job:2", part.pk, 2, 1),
            ("job:3", part.pk, 1, 0),
        ]
        assert moves(part)[-3:] == [
            ("RELEASE", -1, "job:3", "Two are gone"),
            ("RELEASE", -1, "job:2", "Two are gone"),
            ("COUNT", -2, "", "Two are gone"),
        ]
        act(shelf.count, part=part, pieces=5, reason="One was behind the shelf")
        assert reservations()[1:] == [("job:2", part.pk, 2, 2), ("job:3", part.pk, 1, 0)]
        assert_balanced()


class TestVendorReturn:
    def test_only_available_pieces_are_returned(self, act):
        part = PartFactory(stock=5, name="Wiper")
        act(shelf.reserve, source="job:1", pieces={part.pk: 2})
        before = snapshot()
        with pytest.raises(shelf.NotEnoughStock) as error:
            act(shelf.return_to_vendor, part=part, pieces=4, reference="RMA 1")
        assert error.value.text == f"Not enough of Wiper (product {part.pk}): 3 in stock."
        assert snapshot() == before
        act(shelf.return_to_vendor, part=part, pieces=3, reference="RMA 1")
        assert (moves(part)[-1], part.stock) == (("VENDOR_RETURN", -3, "", "RMA 1"), 2)
        assert part.history.latest("history_id").history_change_reason == "vendor return: -3, RMA 1"


class TestReserve:
    def test_all_or_nothing(self, act):
        plenty, few = PartFactory(stock=9), PartFactory(stock=2, name="Wiper")
        before = snapshot()
        with pytest.raises(shelf.NotEnoughStock) as error:
            act(shelf.reserve, source="order:1", pieces={plenty.pk: 1, few.pk: 3}, all_or_nothing=True)
        assert error.value.text == f"Not enough of Wiper (product {few.pk}): 2 in stock."
        assert snapshot() == before
        act(shelf.reserve, source="order:1", pieces={plenty.pk: 1, few.pk: 2}, all_or_nothing=True)
        assert on_shelf() == {plenty.pk: (9, 1), few.pk: (2, 2)}

    def test_parts_that_are_not_stocked_are_passed_over(self, act):
        oil, filter_ = PartFactory(name="Oil"), PartFactory(stock=1)
        act(shelf.reserve, source="job:1", pieces={oil.pk: Decimal("4.50"), filter_.pk: Decimal("1.00")})
        assert reservations() == [("job:1", filter_.pk, 1, 1)]
        with pytest.raises(shelf.NotEnoughStock):
            act(shelf.reserve, source="order:1", pieces={oil.pk: 1}, all_or_nothing=True)

    @pytest.mark.parametrize("quantity", [Decimal("4.5"), -1, LARGEST_STOCK + 1])
    def test_stocked_parts_move_in_whole_pieces(self, act, quantity):
        part = PartFactory(stock=9, name="Oil")
        before = snapshot()
        with pytest.raises(shelf.WholePieces) as error:
            act(shelf.reserve, source="job:1", pieces={part.pk: quantity})
        assert error.value.code == "whole_pieces"
        assert error.value.text == (
            f"Oil is a stocked part and moves in whole pieces from 1 to 2,147,483,647, not {quantity}."
        )
        assert snapshot() == before

    def test_second_call_changes_the_need_and_keeps_the_place(self, act):
        first, second, third = PartFactory(stock=4), PartFactory(stock=4), PartFactory(stock=4)
        act(shelf.reserve, source="job:1", pieces={first.pk: 4, second.pk: 1})
        act(shelf.reserve, source="job:2", pieces={first.pk: 3, second.pk: 1})
        act(shelf.reserve, source="job:1", pieces={first.pk: 2, second.pk: 5, third.pk: 1})
        assert sorted(reservations()) == [
            ("job:1", first.pk, 2, 2),
            ("job:1", second.pk, 5, 3),
            ("job:1", third.pk, 1, 1),
            ("job:2", first.pk, 3, 2),
            ("job:2", second.pk, 1, 1),
        ]
        act(shelf.reserve, source="job:1", pieces={second.pk: 0})
        assert sorted(reservations()) == [("job:2", first.pk, 3, 3), ("job:2", second.pk, 1, 1)]
        assert_balanced()
        before = snapshot()
        act(shelf.reserve, source="job:2", pieces={first.pk: 3, second.pk: 1})
        assert snapshot() == before

    def test_unknown_part_reserves_nothing(self, act):
        part = PartFactory(stock=1)
        before = snapshot()
        with pytest.raises(Missing):
            act(shelf.reserve, source="job:1", pieces={part.pk: 1, 999_999: 1})
        assert snapshot() == before

    def test_each_further_part_costs_one_statement(self, act):
        parts = {part.pk: 1 for part in PartFactory.create_batch(10, stock=9)}
        one = dict.fromkeys(list(parts)[:1], 1)
        queries = count_queries(lambda: act(shelf.reserve, source="job:1", pieces=one))
        assert count_queries(lambda: act(shelf.reserve, source="job:2", pieces=parts)) == queries + 9


class TestRelease:
    def test_pieces_fill_the_oldest_open_reservation(self, act):
        part, other = PartFactory(stock=2), PartFactory(stock=1)
        act(shelf.reserve, source="job:1", pieces={part.pk: 2, other.pk: 1})
        act(shelf.reserve, source="job:2", pieces={part.pk: 1})
        act(shelf.reserve, source="job:3", pieces={part.pk: 1, other.pk: 1})
        act(shelf.release, source="job:1")
        assert shortages("job:2") == shortages("job:3") == {}
        assert sorted({row[0] for row in reservations()}) == ["job:2", "job:3"]
        assert_balanced()

    def test_source_without_reservations_is_none_to_release(self, act):
        before = snapshot()
        act(shelf.release, source="job:1")
        assert snapshot() == before


class TestIssue:
    def test_moves_carry_the_average_of_that_time(self, act):
        part, other = PartFactory(unit_cost="2.5", stock=3), PartFactory(stock=1)
        act(shelf.reserve, source="job:1", pieces={part.pk: 2, other.pk: 1})
        issued = act(shelf.issue, source="job:1")
        act(shelf.receive, part=part, pieces=1, unit_cost=Decimal(9))
        assert [(move.part_id, move.pieces, move.unit_cost) for move in issued] == [
            (part.pk, -2, Decimal("2.5000")),
            (other.pk, -1, None),
        ]
        assert (on_shelf(), reservations()) == ({part.pk: (2, 0), other.pk: (0, 0)}, [])
        assert_balanced()
        assert act(shelf.issue, source="job:1") == []

    def test_short_part_is_named_and_nothing_is_issued(self, act):
        part, other = PartFactory(stock=3), PartFactory(stock=1, name="Rotor")
        act(shelf.reserve, source="job:1", pieces={part.pk: 2, other.pk: 3})
        before = snapshot()
        with pytest.raises(shelf.PartNeeded) as error:
            act(shelf.issue, source="job:1")
        assert (error.value.text, error.value.facts) == (
            "Rotor is short of 2.",
            {"part_id": other.pk, "short": 2},
        )
        assert snapshot() == before

    def test_received_books_the_missing_pieces_for_this_source(self, act):
        part = PartFactory(unit_cost="2.5", stock=1)
        act(shelf.reserve, source="job:1", pieces={part.pk: 2})
        act(shelf.reserve, source="job:2", pieces={part.pk: 2})
        act(shelf.issue, source="job:2", received=True)
        assert moves(part)[2:] == [
            ("RECEIPT", 2, "job:2", ""),
            ("RESERVE", 2, "job:2", ""),
            ("ISSUE", -2, "job:2", ""),
        ]
        assert reservations() == [("job:1", part.pk, 2, 1)]
        assert_balanced()


class TestTakeBack:
    def test_pieces_come_back_at_the_cost_of_their_issue_and_are_kept_for_others(self, act):
        part, unstocked = PartFactory(unit_cost="2.00", stock=2), PartFactory()
        act(shelf.reserve, source="order:1", pieces={part.pk: 2})
        act(shelf.issue, source="order:1")
        act(shelf.receive, part=part, pieces=1, unit_cost=Decimal(5))
        act(shelf.reserve, source="job:1", pieces={part.pk: 2})
        act(shelf.take_back, source="order:1", pieces={part.pk: 1, unstocked.pk: 1})
        part.refresh_from_db()
        assert (part.unit_cost, on_shelf()) == (Decimal("3.5000"), {part.pk: (2, 2), unstocked.pk: (0, 0)})
        assert moves(part)[-2:] == [("RETURN", 1, "order:1", ""), ("RESERVE", 1, "job:1", "")]
        assert_balanced()


@given(
    stock=st.integers(0, 1000),
    pieces=st.integers(1, 1000),
    average=st.decimals(0, 9999, places=4),
    cost=st.decimals(0, 9999, places=4),
)
def test_average_lies_between_the_costs_and_is_rounded_half_up(stock, pieces, average, cost):
    part = Part(stock=stock, unit_cost=average)
    blended = blend(part, pieces, cost)
    if not stock:
        assert blended == cost
        return
    exact = (stock * average + pieces * cost) / (stock + pieces)
    assert -Decimal("0.00005") <= exact - blended < Decimal("0.00005")
    assert min(average, cost) <= blended <= max(average, cost)


PARTS, SOURCES = 2, 3
some_pieces = st.integers(0, 4)
a_part = st.integers(0, PARTS - 1)
a_source = st.integers(0, SOURCES - 1).map("job:{}".format)
VERBS = st.one_of(
    st.tuples(st.just("receive"), a_part, some_pieces.filter(bool)),
    st.tuples(st.just("count"), a_part, some_pieces),
    st.tuples(st.just("return_to_vendor"), a_part, some_pieces.filter(bool)),
    st.tuples(st.just("reserve"), a_source, st.tuples(some_pieces, some_pieces), st.booleans()),
    st.tuples(st.just("release"), a_source),
    st.tuples(st.just("issue"), a_source, st.booleans()),
    st.tuples(st.just("take_back"), a_source, a_part, some_pieces),
)


class Model:
    """The shelf as a list of queues, written independently: [source, needed, kept] of each part, oldest first."""

    def __init__(self):
        self.stock = [0] * PARTS
        self.stocked = [False] * PARTS
        self.queues = [[] for _ in range(PARTS)]

    def fill(self):
        for stock, queue in zip(self.stock, self.queues, strict=True):
            for row in queue:
                row[2] = min(row[1], row[2] + stock - sum(kept for *_, kept in queue))

    def available(self, part):
        return self.stock[part] - sum(kept for *_, kept in self.queues[part])

    def receive(self, part, pieces):
        self.stock[part] += pieces
        self.stocked[part] = True

    def count(self, part, pieces):
        self.stock[part], self.stocked[part] = pieces, True
        for row in reversed(self.queues[part]):
            row[2] -= min(row[2], max(0, -self.available(part)))

    def return_to_vendor(self, part, pieces):
        if pieces > self.available(part):
            return False
        self.stock[part] -= pieces
        return True

    def reserve(self, source, pieces, all_or_nothing):
        if all_or_nothing and any(n > self.available(part) for part, n in enumerate(pieces)):
            return False
        for part, needed in enumerate(pieces):
            row = next((row for row in self.queues[part] if row[0] == source), None)
            if row is not None:
                row[1:] = [needed, min(row[2], needed)]
            elif self.stocked[part]:
                self.queues[part].append([source, needed, 0])
            self.queues[part] = [row for row in self.queues[part] if row[1]]
        return True

    def release(self, source):
        self.queues = [[row for row in queue if row[0] != source] for queue in self.queues]

    def issue(self, source, received):
        mine = [(part, row) for part, queue in enumerate(self.queues) for row in queue if row[0] == source]
        if not received and any(needed > kept for _, (_, needed, kept) in mine):
            return False
        for part, (_, _, kept) in mine:
            self.stock[part] -= kept
        self.release(source)
        return True

    def take_back(self, source, part, pieces):
        self.stock[part] += pieces if self.stocked[part] else 0


def _arguments(verb, values, parts):
    if verb in ("receive", "count", "return_to_vendor"):
        names = {"receive": {}, "count": {"reason": "Counted"}, "return_to_vendor": {"reference": "RMA"}}
        return {"part": parts[values[0]], "pieces": values[1], **names[verb]}
    if verb == "reserve":
        pieces = {part.pk: number for part, number in zip(parts, values[1], strict=True)}
        return {"source": values[0], "pieces": pieces, "all_or_nothing": values[2]}
    if verb == "issue":
        return {"source": values[0], "received": values[1]}
    if verb == "take_back":
        return {"source": values[0], "pieces": {parts[values[1]].pk: values[2]}}
    return {"source": values[0]}


@given(sequence=st.lists(VERBS, max_size=14))
def test_any_sequence_keeps_the_sums_and_fills_the_oldest_first(now, sequence):
    with transaction.atomic():
        parts, model = PartFactory.create_batch(PARTS), Model()
        for second, (verb, *values) in enumerate(sequence):
            before, at = snapshot(), now + timedelta(seconds=second)
            accepted = getattr(model, verb)(*values) is not False
            model.fill()
            if accepted:
                getattr(shelf, verb)(by=None, now=at, **_arguments(verb, values, parts))
            else:
                with pytest.raises((shelf.NotEnoughStock, shelf.PartNeeded)):
                    getattr(shelf, verb)(by=None, now=at, **_arguments(verb, values, parts))
                assert snapshot() == before
            assert_balanced()
            for part, stock, queue in zip(parts, model.stock, model.queues, strict=True):
                assert Part.objects.get(pk=part.pk).stock == stock
                assert [list(row[:1] + row[2:]) for row in reservations() if row[1] == part.pk] == queue
        transaction.set_rollback(True)
