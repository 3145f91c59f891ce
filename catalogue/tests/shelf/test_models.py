"""Constraints of the shelf, on both databases."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from catalogue.models import Part, Reservation, StockMove
from common.domain.database import violates
from testing.factories import PartFactory, ReservationFactory, StockMoveFactory

pytestmark = pytest.mark.django_db


def refuses(model, constraint, work):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        work()
    return violates(error.value, model, constraint)


class TestMoves:
    def test_model_and_queryset_refuse_changes(self):
        move = StockMoveFactory(pieces=3)
        for work in (
            move.save,
            move.delete,
            StockMove.objects.all().delete,
            lambda: StockMove.objects.update(pieces=4),
        ):
            with pytest.raises(TypeError, match="Moves of the shelf"):
                work()
        assert StockMove.objects.get().pieces == 3

    def test_database_refuses_an_update(self):
        StockMoveFactory(pieces=3)

        def update():
            with connection.cursor() as cursor:
                cursor.execute("UPDATE catalogue_stockmove SET pieces = 4")

        assert refuses(StockMove, "stock_move_never_changes", update)
        assert StockMove.objects.get().pieces == 3

    @pytest.mark.skipif(not settings.USE_POSTGRES, reason="SQLite empties tables by DELETE")
    def test_database_refuses_a_deletion(self):
        StockMoveFactory()

        def delete():
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM catalogue_stockmove")

        assert refuses(StockMove, "stock_move_never_changes", delete)
        assert StockMove.objects.count() == 1

    @pytest.mark.parametrize(
        ("kind", "pieces"),
        [("RECEIPT", 0), ("RECEIPT", -1), ("ISSUE", 1), ("RELEASE", 0), ("RETURN", -1), ("LOST", 1)],
    )
    def test_pieces_have_the_sign_of_their_kind(self, kind, pieces):
        assert refuses(
            StockMove, "stock_move_has_its_sign", lambda: StockMoveFactory(kind=kind, pieces=pieces)
        )

    def test_cost_is_not_negative(self):
        assert refuses(
            StockMove, "stock_move_cost_not_negative", lambda: StockMoveFactory(unit_cost="-0.0001")
        )


class TestReservations:
    def test_source_reserves_a_part_once(self):
        row = ReservationFactory()
        assert refuses(
            Reservation,
            "source_reserves_part_once",
            lambda: ReservationFactory(part=row.part, source=row.source),
        )

    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"pieces": 0}, "reservation_has_pieces"),
            ({"pieces": 1, "filled": 2}, "reservation_filled_at_most_once"),
        ],
    )
    def test_pieces_are_possible(self, values, constraint):
        assert refuses(Reservation, constraint, lambda: ReservationFactory(**values))


class TestParts:
    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"reserved": 4}, "part_reserved_is_in_stock"),
            ({"is_stocked": False}, "part_with_stock_is_stocked"),
            ({"unit_cost": -1}, "part_cost_not_negative"),
        ],
    )
    def test_shelf_is_possible(self, values, constraint):
        part = PartFactory(stock=3)
        assert refuses(Part, constraint, lambda: Part.objects.filter(pk=part.pk).update(**values))

    def test_number_is_taken_by_one_listed_part(self):
        PartFactory(part_number="P-1", is_listed=False)
        PartFactory(part_number="P-1", is_listed=False)
        PartFactory(part_number="P-1")
        assert refuses(Part, "part_number_once", lambda: PartFactory(part_number="P-1"))
