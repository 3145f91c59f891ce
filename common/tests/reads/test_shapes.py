from __future__ import annotations

import traceback

import pytest
from rest_framework import serializers

from common.reads.serializers import Derived
from common.reads.shapes import DoesNotCompileError, Shape
from vehicles.models import Vehicle


def price_per_mile(year: int, odometer: int) -> int:
    return year // odometer


class VehicleSerializer(serializers.Serializer):
    make = serializers.CharField()
    ratio = Derived(price_per_mile, "year", "odometer_miles", output=serializers.IntegerField())


def test_bodies_are_built_from_slots():
    shape = Shape(VehicleSerializer(), Vehicle)
    assert shape.selected == ["pk", "make", "year", "odometer_miles"]
    assert shape.make([(1, "Toyota", 2020, 10), (2, "Honda", 2021, 3)]) == [
        {"make": "Toyota", "ratio": 202},
        {"make": "Honda", "ratio": 673},
    ]


def test_traceback_shows_the_failing_field_of_the_expression():
    shape = Shape(VehicleSerializer(), Vehicle)
    with pytest.raises(ZeroDivisionError) as raised:
        shape.make([(1, "Toyota", 2020, 0)])
    *_, frame, function = traceback.extract_tb(raised.value.__traceback__)
    assert function.name == "price_per_mile"
    assert frame.filename == f"<shape of {__name__}.VehicleSerializer>"
    assert frame.line == shape.source.splitlines()[1].strip()
    assert frame.line.startswith("'ratio': ")


class MethodSerializer(serializers.Serializer):
    label = serializers.SerializerMethodField()

    def get_label(self, vehicle: Vehicle) -> str:
        return str(vehicle)


def test_method_field_does_not_compile():
    with pytest.raises(DoesNotCompileError, match="SerializerMethodField label needs an object"):
        Shape(MethodSerializer(), Vehicle)
