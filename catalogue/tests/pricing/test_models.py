"""Constraints of price matrices and canned jobs."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from common.domain.database import violates
from testing import factories

pytestmark = pytest.mark.django_db
NO_PART = {"part": None, "quantity": None}
LABOUR = {"kind": "labour", **NO_PART}
SUBLET = {"kind": "sublet", "name": "Tow", "amount": "5.00", **NO_PART}


def refused_by(make):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make()
    return caught.value


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"from_cost": "-0.01"}, "price_band_cost_not_negative"),
        ({"multiplier": None}, "price_band_has_one_rule"),
        ({"margin": "10"}, "price_band_has_one_rule"),
        ({"multiplier": "-1"}, "price_band_multiplier_is_one"),
        ({"multiplier": "1000.0001"}, "price_band_multiplier_is_one"),
        ({"multiplier": None, "margin": "100"}, "price_band_margin_is_one"),
        ({"multiplier": None, "margin": "-1"}, "price_band_margin_is_one"),
    ],
)
def test_database_refuses_bands(values, constraint):
    error = refused_by(lambda: factories.PriceBandFactory(**values))
    assert violates(error, factories.PriceBandFactory._meta.model, constraint)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"kind": "fee"}, "canned_line_kind_is_known"),
        ({"part": None}, "canned_part_line_is_whole"),
        ({"quantity": None}, "canned_part_line_is_whole"),
        ({"name": "Pads"}, "canned_part_line_is_whole"),
        ({"amount": "1.00"}, "canned_part_line_is_whole"),
        ({"quantity": "0.00"}, "canned_quantity_is_possible"),
        ({"quantity": "10000.01"}, "canned_quantity_is_possible"),
        (LABOUR, "canned_labour_line_is_whole"),
        ({**LABOUR, "name": "Bleed"}, "canned_labour_line_is_whole"),
        ({**LABOUR, "name": "Bleed", "hours": "1", "quantity": "1"}, "canned_labour_line_is_whole"),
        ({**LABOUR, "name": "Bleed", "hours": "0"}, "canned_hours_are_possible"),
        ({**LABOUR, "name": "Bleed", "hours": "1000.01"}, "canned_hours_are_possible"),
        ({**LABOUR, "name": "Bleed", "amount": "-1"}, "canned_amount_not_negative"),
        ({**SUBLET, "name": ""}, "canned_sublet_line_is_whole"),
        ({**SUBLET, "amount": None}, "canned_sublet_line_is_whole"),
        ({**SUBLET, "hours": "1"}, "canned_sublet_line_is_whole"),
    ],
)
def test_database_refuses_lines(values, constraint):
    error = refused_by(lambda: factories.CannedLineFactory(**values))
    assert violates(error, factories.CannedLineFactory._meta.model, constraint)


@pytest.mark.parametrize(
    "values",
    [
        {**LABOUR, "name": "Bleed", "hours": "0.80"},
        {**LABOUR, "name": "Bleed", "amount": "0.00"},
        {**LABOUR, "name": "Bleed", "amount": "9.00", "hours": "1.00"},
        SUBLET,
    ],
)
def test_database_accepts_lines(values):
    assert factories.CannedLineFactory(**values).pk


def test_labour_of_a_service_needs_nothing_else_and_no_name():
    line = {**LABOUR, "service": factories.ServiceFactory()}
    assert factories.CannedLineFactory(**line).pk
    error = refused_by(lambda: factories.CannedLineFactory(**line, name="Bleed"))
    assert violates(error, factories.CannedLineFactory._meta.model, "canned_labour_line_is_whole")


@pytest.mark.parametrize(
    ("factory", "same", "constraint"),
    [
        (factories.PriceMatrixFactory, {"name": "A"}, "price_matrix_name_once"),
        (factories.CannedJobFactory, {"name": "A"}, "canned_job_name_once"),
    ],
)
def test_database_refuses_a_second_name(factory, same, constraint):
    factory(**same)
    assert violates(refused_by(lambda: factory(**same)), factory._meta.model, constraint)


def test_database_refuses_a_second_boundary_and_position():
    band, line = factories.PriceBandFactory(), factories.CannedLineFactory()
    error = refused_by(lambda: factories.PriceBandFactory(matrix=band.matrix))
    assert violates(error, type(band), "price_band_begins_once")
    error = refused_by(lambda: factories.CannedLineFactory(canned_job=line.canned_job))
    assert violates(error, type(line), "canned_line_position_once")
