"""Serializer fields that a read compiles: values computed from columns, and the instant of the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from common.reads.serializers import SerializerField


class Derived(SerializerField):
    """A value computed from others by a pure function, spelled by `output`.

    `paths` are dotted; one that runs through a list (`part_lines.quantity`) yields a list of values. In place of a
    path may stand another Derived, whose result it then is: shared, it is computed once a row.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *paths: str | Derived,
        output: SerializerField,
    ) -> None:
        self.function = function
        self.paths = tuple(paths)
        # DRF copies fields; what they compute is the same when function and paths are.
        self.key: tuple[Any, ...] = (function, *(p.key if isinstance(p, Derived) else p for p in paths))
        self.output = output
        super().__init__(source="*", read_only=True)

    def to_representation(self, value: Any) -> Any:
        result = self.compute(value)
        return None if result is None else self.output.to_representation(result)

    def compute(self, value: Any) -> Any:
        """The result for an object, before it is spelled."""
        return self.function(
            *(
                path.compute(value) if isinstance(path, Derived) else follow(value, path.split("."))
                for path in self.paths
            )
        )


def follow(value: Any, path: list[str]) -> Any:
    """Walk `path` from an object: None stays None, a related manager fans out into a list."""
    for depth, name in enumerate(path):
        if value is None:
            return None
        value = getattr(value, name)
        if hasattr(value, "all"):
            return [follow(item, path[depth + 1 :]) for item in value.all()]
    return value


class AskedAt(serializers.HiddenField):
    """The instant of the question: a list may depend on it, and nobody may send it."""

    def __init__(self, **kwargs: Any) -> None:
        # Looked up when it is asked: the field is made once, and a test may hold the clock by then.
        super().__init__(default=lambda: timezone.now(), **kwargs)
