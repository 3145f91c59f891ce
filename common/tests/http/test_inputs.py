"""Keys of a body that are not accepted are named by their path, also in nested objects and in lists."""

from __future__ import annotations

import pytest
from rest_framework import serializers

from common.http.inputs import AliasSerializer, unaccepted_names
from common.reads.serializers import Serializer


class Line(Serializer):
    part_id = serializers.IntegerField()
    price = serializers.IntegerField(read_only=True)


class Body(Serializer):
    note = serializers.CharField()
    first = Line()
    lines = Line(many=True)


def test_nested_keys_are_named_by_their_path():
    body = {
        "note": "x", "colour": 1, "first": {"part_id": 1, "size": 2},
        "lines": [{"part_id": 1}, {"part_id": 1, "price": 3, "size": 2}],
    }  # fmt: skip
    accepted = "Accepted fields: part_id."
    assert unaccepted_names(Body(), body) == {
        "colour": ["Unknown field. Accepted fields: first, lines, note."],
        "first.size": [f"Unknown field. {accepted}"],
        "lines[1].price": [f"This field is read-only. {accepted}"],
        "lines[1].size": [f"Unknown field. {accepted}"],
    }


def test_names_of_the_shown_row_are_read_only():
    assert unaccepted_names(Line(), {"total": 1}, shown=["total"]) == {
        "total": ["This field is read-only. Accepted fields: part_id."]
    }


def test_step_without_a_body_takes_no_fields():
    assert unaccepted_names(None, {"colour": 1}) == {
        "colour": ["Unknown field. This request takes no fields."]
    }


def test_values_of_a_wrong_type_are_left_to_the_serializer():
    for body in ([], "x", {"first": 1, "lines": {"size": 2}}, {"lines": [1]}):
        assert unaccepted_names(Body(), body) == {}


class Booking(AliasSerializer):
    aliases = {"date": "start"}
    needed = ("start",)

    start = serializers.CharField(required=False)
    date = serializers.CharField(source="start", required=False)


@pytest.mark.parametrize("sent", [{"start": "9"}, {"date": "9"}, {"start": "9", "date": "9"}])
def test_value_is_taken_under_either_name(sent):
    body = Booking(data=sent)
    assert body.is_valid(), body.errors
    assert body.validated_data == {"start": "9"}


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({}, {"start": ["This field is required."]}),
        ({"start": "9", "date": "10"}, {"date": ["Differs from start. Send one of the two."]}),
    ],
)
def test_missing_and_different_values_are_refused(sent, errors):
    body = Booking(data=sent)
    assert not body.is_valid()
    assert body.errors == errors
