"""Admin pages of price matrices and canned jobs."""

from __future__ import annotations

import pytest
from django.urls import reverse

from catalogue.pricing.models import CannedJob, CannedLine, PriceBand, PriceMatrix
from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press

pytestmark = pytest.mark.django_db


def add(model):
    return reverse(f"admin:catalogue_{model._meta.model_name}_add")


def bands(*rows):
    data = {"bands-TOTAL_FORMS": str(len(rows)), "bands-INITIAL_FORMS": "0"}
    for number, (cost, multiplier, margin) in enumerate(rows):
        data |= {
            f"bands-{number}-from_cost": cost,
            f"bands-{number}-multiplier": multiplier,
            f"bands-{number}-margin": margin,
        }
    return data


def test_matrix_is_added_with_its_bands_and_the_first_is_the_default(desk):
    data = {"name": "Standard", **bands(("0.00", "3", ""), ("20", "", "45.5"))}
    assert desk.post(add(PriceMatrix), data).status_code == 302
    matrix = PriceMatrix.objects.get()
    assert (matrix.name, matrix.is_default) == ("Standard", True)
    rows = matrix.bands.in_order().values_list("from_cost", "multiplier", "margin")
    assert [tuple(map(str, row)) for row in rows] == [
        ("0.00", "3.0000", "None"),
        ("20.00", "None", "45.5000"),
    ]
    assert desk.post(add(PriceMatrix), {"name": "Other", **bands()}).status_code == 302
    assert PriceMatrix.objects.get(is_default=True) == matrix


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("0.00", "3", "45")], "Enter a multiplier or a margin, not both."),
        ([("0.00", "", "")], "Enter a multiplier or a margin, not both."),
        ([("0.00", "3", ""), ("0.00", "2", "")], "Please correct the duplicate data for from_cost."),
        ([("0.00", "", "100")], "Ensure this value is less than or equal to 99.99."),
    ],
)
def test_wrong_band_is_refused(desk, rows, message):
    response = desk.post(add(PriceMatrix), {"name": "Standard", **bands(*rows)})
    assert (response.status_code, message in errors(response)) == (200, True), errors(response)
    assert not PriceMatrix.objects.exists()
    assert not PriceBand.objects.exists()


def test_button_makes_a_matrix_the_default(desk):
    first = factories.PriceMatrixFactory(is_default=True)
    second = factories.PriceMatrixFactory()
    assert (buttons(desk, first), buttons(desk, second)) == ([], ["Make default"])
    assert press(desk, second, "make_default") == ["This is the default matrix now."]
    assert PriceMatrix.objects.get(is_default=True) == second


def test_default_matrix_is_deleted_last(desk):
    first = factories.PriceMatrixFactory(is_default=True)
    second = factories.PriceMatrixFactory()
    assert desk.post(page(first, "delete"), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in desk.get(changelist(PriceMatrix)).text
    for matrix in (second, first):
        assert desk.post(page(matrix, "delete"), {"post": "yes"}).status_code == 302
    assert not PriceMatrix.objects.exists()


def test_canned_job_is_added_with_lines_of_each_kind(desk):
    part, service = factories.PartFactory(), factories.ServiceFactory()
    lines = [
        {"position": "1", "kind": "part", "part": part.pk, "quantity": "4.5"},
        {"position": "2", "kind": "labour", "service": service.pk, "hours": "0.75"},
        {"position": "3", "kind": "sublet", "name": "Tow", "amount": "21"},
    ]
    data = {"name": "Oil", "is_listed": "on", "lines-TOTAL_FORMS": "3", "lines-INITIAL_FORMS": "0"}
    for number, line in enumerate(lines):
        data |= {f"lines-{number}-{name}": value for name, value in line.items()}
    response = desk.post(add(CannedJob), data)
    assert response.status_code == 302, errors(response)
    assert [str(line) for line in CannedLine.objects.in_order()] == ["Part 1", "Labour 2", "Sublet 3"]
    wrong = {**data, "name": "Other", "lines-2-hours": "1"}
    response = desk.post(add(CannedJob), wrong)
    assert errors(response) == ["A sublet line has a name and an amount, and nothing else."]
    assert CannedJob.objects.count() == 1


def test_page_that_is_saved_unchanged_changes_nothing(desk):
    line, band = factories.CannedLineFactory(), factories.PriceBandFactory()
    for row in (line.canned_job, band.matrix, line, band):
        assert desk.post(page(row), filled(desk, page(row))).status_code == 302
    assert [CannedLine.objects.get(), PriceBand.objects.get()] == [line, band]
