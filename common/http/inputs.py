"""The names that a body may use: of a strict request every name, of the others those that can change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, cast

from rest_framework import serializers

from common.domain.types import Json, Values
from common.reads.serializers import Serializer, SerializerField

Messages = dict[str, list[str]]


def accepted_names(serializer: Serializer | type[Serializer]) -> list[str]:
    """Return the names that a body may use, in the order of their declaration."""
    fields = (serializer() if isinstance(serializer, type) else serializer).fields
    return [name for name, field in fields.items() if not field.read_only]


def unaccepted_names(
    serializer: Serializer | None, body: object, shown: Iterable[str] = (), path: str = ""
) -> Messages:
    """Return messages for the keys of a body that the serializer does not accept, also in nested objects.

    `shown` are the names of the row's own body. A client may know one of them from a read, so the message says that it
    is read-only.
    """
    if not isinstance(body, Mapping):
        return {}  # the serializer reports the wrong type
    accepted = accepted_names(serializer) if serializer else []
    read_only = {*shown, *(serializer.fields if serializer else ())}
    found: Messages = {}
    for name in body:
        if name not in accepted:
            found[f"{path}{name}"] = [_message(name in read_only, accepted)]
    for name in accepted:
        if serializer and name in body:
            found |= _nested(serializer.fields[name], body[name], f"{path}{name}")
    return found


def _nested(field: SerializerField, value: object, path: str) -> Messages:
    if isinstance(field, Serializer):
        return unaccepted_names(field, value, path=f"{path}.")
    found: Messages = {}
    if isinstance(field, serializers.ListSerializer) and isinstance(value, list):
        for number, row in enumerate(value):
            found |= _nested(field.child, row, f"{path}[{number}]")  # type: ignore[arg-type]  # never None
    return found


def _message(is_read_only: bool, accepted: list[str]) -> str:
    what = "This field is read-only." if is_read_only else "Unknown field."
    known = (
        f"Accepted fields: {', '.join(sorted(accepted))}." if accepted else "This request takes no fields."
    )
    return f"{what} {known}"


def unchangeable_names(
    serializer: Serializer, body: Values, present: Values, follows: Mapping[str, str]
) -> Messages:
    """Return messages for the keys of a body that would change a value of the row which the request cannot change.

    A client that sends a whole row back is not refused, because the values of these keys are the present ones. A value
    that follows from another one of the body is ignored.
    """
    accepted = accepted_names(serializer)
    return {
        name: ["This field cannot be changed."]
        for name, value in body.items()
        if name in present
        and name not in accepted
        and value != present[name]
        and follows.get(name) not in body
    }


class AliasSerializer(Serializer):
    """A body whose values may also be sent under the names that the row shows.

    Each alias is a field with the `source` of the other. Equal values under both names are accepted, because a client
    may send back a row that has both.
    """

    aliases: ClassVar[Mapping[str, str]] = {}  # alias -> name
    needed: ClassVar[tuple[str, ...]] = ()  # names that must be sent, under either name

    def to_internal_value(self, data: Any) -> Any:
        errors: Json = {}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(data, Mapping):
                raise
            values, errors = None, cast("Json", error.detail)
        for alias, name in self.aliases.items():
            if alias in data and name in data and data[alias] != data[name]:
                errors.setdefault(alias, [f"Differs from {name}. Send one of the two."])
            elif name in self.needed and alias not in data and name not in data and not self.partial:
                errors.setdefault(name, [self.error_messages["required"]])
        if errors:
            raise serializers.ValidationError(errors)
        return values
