"""Serializer fields that a read compiles: values computed from columns, and the time of the request."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone
from rest_framework import serializers

from common.reads.serializers import SerializerField


class Derived(SerializerField):
    """A value computed from others by a pure function, formatted by `output`.

    `paths` are dotted. One that runs through a list (`part_lines.quantity`) yields a list of values. Another `Derived`
    in place of a path passes its result, which is computed once per row however many fields share it.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *paths: str | Derived,
        output: SerializerField,
    ) -> None:
        self.function = function
        self.paths = tuple(paths)
        # DRF copies fields. Two copies compute the same when function and paths are the same.
        self.key: tuple[object, ...] = (function, *(p.key if isinstance(p, Derived) else p for p in paths))
        self.output = output
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: object) -> object:
        result = self.compute(value)
        return None if result is None else self.output.to_representation(result)

    def compute(self, value: object) -> object:
        """Return the result for an object, before it is formatted."""
        return self.function(
            *(
                path.compute(value) if isinstance(path, Derived) else follow(value, path.split("."))
                for path in self.paths
            )
        )


def follow(value: object, path: list[str]) -> object:
    """Walk `path` from an object: None stays None, a related manager fans out into a list."""
    for depth, name in enumerate(path):
        if value is None:
            return None
        value = getattr(value, name)
        if hasattr(value, "all"):
            return [follow(item, path[depth + 1 :]) for item in value.all()]
    return value


class AskedAt(serializers.HiddenField):
    """The time of the request, for a list that depends on it. No client can send it."""

    def __init__(self) -> None:
        # The clock is looked up at each request: the field is made once, and a test may replace the clock later.
        super().__init__(default=lambda: timezone.now())
