"""Rows of which exactly one is the default of its group."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from appointments.actions import save_location
from appointments.models import Location
from catalogue.pricing.actions import make_default_matrix, remove_matrix, save_matrix
from catalogue.pricing.models import PriceMatrix
from common.domain.database import violates
from common.domain.defaults import DefaultIsNeeded, DefaultStays
from repair_orders.pricing.actions import make_default_rate, save_labour_rate
from repair_orders.pricing.models import LabourRate
from testing import factories
from testing.storms import parallel

PLACE = {"address": "1 Main St", "latitude": "1", "longitude": "1", "time_zone": "UTC"}


def defaults(model):
    return list(model.objects.filter(is_default=True).order_by("pk").values_list("name", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Location, PriceMatrix, LabourRate])
def test_database_refuses_a_second_default(model):
    first = {
        Location: factories.LocationFactory,
        PriceMatrix: factories.PriceMatrixFactory,
        LabourRate: factories.LabourRateFactory,
    }[model](is_default=True)
    place = {"location": first.location} if model is LabourRate else {}
    second = getattr(factories, f"{model.__name__}Factory")(is_default=False, **place)
    [name] = [c.name for c in model._meta.constraints if c.name.startswith("default_")]
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        model.objects.filter(pk=second.pk).update(is_default=True)
    assert violates(caught.value, model, name)


@pytest.mark.django_db
def test_first_location_is_the_default_and_the_default_moves():
    first = save_location(Location(), name="A", is_default=False, **PLACE)
    save_location(Location(), name="B", **PLACE)
    assert defaults(Location) == ["A"]
    save_location(Location(), name="C", is_default=True, **PLACE)
    assert defaults(Location) == ["C"]
    save_location(first, is_default=True)
    assert defaults(Location) == ["A"]
    with pytest.raises(DefaultIsNeeded):
        save_location(first, is_default=False)
    assert defaults(Location) == ["A"]


@pytest.mark.django_db
def test_group_that_lost_its_default_gets_one_from_the_next_row():
    factories.LocationFactory(is_default=False)
    save_location(Location(), name="B", **PLACE)
    assert defaults(Location) == ["B"]


@pytest.mark.django_db
def test_default_of_a_group_with_others_stays():
    first, second = (save_matrix(PriceMatrix(), name=name) for name in "AB")
    with pytest.raises(DefaultStays):
        remove_matrix(first)
    remove_matrix(second)
    remove_matrix(first)
    assert not PriceMatrix.objects.exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestParallelDefaults:
    def test_one_of_many_first_rows_is_the_default(self):
        outcomes = parallel(8, lambda n: save_matrix(PriceMatrix(), name=f"M{n}").pk)
        assert len(set(outcomes)) == 8
        assert len(defaults(PriceMatrix)) == 1

    def test_default_that_moves_at_once_is_one(self):
        matrices = factories.PriceMatrixFactory.create_batch(8)
        outcomes = parallel(
            8, lambda n: make_default_matrix(matrix=PriceMatrix.objects.get(pk=matrices[n].pk))
        )
        assert outcomes == [None] * 8
        assert len(defaults(PriceMatrix)) == 1

    def test_rates_of_a_location_have_one_default(self):
        location = factories.LocationFactory()
        made = parallel(
            8, lambda n: save_labour_rate(LabourRate(), location=location, name=f"R{n}", per_hour=1).pk
        )
        assert len(set(made)) == 8
        assert parallel(8, lambda n: make_default_rate(rate=LabourRate.objects.get(pk=made[n]))) == [None] * 8
        assert len(defaults(LabourRate)) == 1
