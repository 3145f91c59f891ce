"""Texts of bodies are made tidy before they are validated, and a line has no control characters."""

from __future__ import annotations

import pytest
from rest_framework import serializers

from common.reads.serializers import Serializer

CONTROL = "Control characters such as line breaks and tabs are not allowed here."


class Body(Serializer):
    name = serializers.CharField(required=False, max_length=6)
    notes = serializers.CharField(required=False, max_length=10_000)
    words = serializers.ListField(required=False, child=serializers.CharField(max_length=6))
    email = serializers.EmailField(required=False)
    password = serializers.CharField(required=False, max_length=20, trim_whitespace=False)


@pytest.mark.parametrize(
    ("sent", "validated"),
    [
        ({"name": "Re\u0301se\u200bau"}, {"name": "Réseau"}),
        ({"notes": "Re\u0301seau\nb"}, {"notes": "Réseau\nb"}),
        ({"words": ["Re\u0301seau", "To\u200by"]}, {"words": ["Réseau", "Toy"]}),
        ({"email": "ANN@mu\u0308ller.example"}, {"email": "ann@müller.example"}),
        ({"password": " Re\u0301seau\u200b\t"}, {"password": " Re\u0301seau\u200b\t"}),
    ],
)
def test_text_is_tidy_and_password_stays_as_it_was_sent(sent, validated):
    body = Body(data=sent)
    assert body.is_valid(), body.errors
    assert body.validated_data == validated


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\u2028b"])
def test_line_with_control_characters_is_refused(text):
    body = Body(data={"name": text, "words": ["a", text], "notes": text})
    assert not body.is_valid()
    assert body.errors == {"name": [CONTROL], "words": {1: [CONTROL]}}
