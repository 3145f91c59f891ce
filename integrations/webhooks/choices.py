"""The types of events that a webhook chooses (docs/design, D150)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from common.domain.errors import Invalid
from integrations.types import TYPES

MOST = 100
_ROOMS = sorted({f"{name.partition('.')[0]}.*" for name in TYPES})


def is_chosen(words: Collection[str], type: str) -> bool:
    """Return whether a type is one of `words`, each a type or a beginning with `.*`. No words mean all types."""
    return not words or any(
        word == type or (word.endswith(".*") and type.startswith(word[:-1])) for word in words
    )


def expand(words: Collection[str]) -> list[str] | None:
    """Return the types that are chosen, or None for all."""
    return [name for name in TYPES if is_chosen(words, name)] if words else None


def check_types(words: Sequence[str]) -> list[str]:
    """Return the words without repeats. Raises Invalid for one that chooses no type, and for too many."""
    if len(words) > MOST:
        raise Invalid(f"At most {MOST} types. A beginning with .* stands for many.", field="types")
    for number, word in enumerate(words):
        if not expand([word]):
            raise Invalid(
                f'"{word}" is no type of events. Write one of docs/events.md or a beginning, such as '
                f"{', '.join(_ROOMS)}.",
                field="types",
                item=number,
            )
    return list(dict.fromkeys(words))
