"""A person's name, given whole."""

from __future__ import annotations

from django.core.exceptions import ValidationError

LONGEST_HALF = 100


def full_name(first: str, last: str) -> str:
    """The one after the other; empty where both are."""
    return f"{first} {last}".strip()


def split_name(name: str) -> tuple[str, str]:
    """First and last name: split at the first space, so that both together are the name as it was given."""
    first, _, last = name.partition(" ")
    return first, last


def validate_full_name(name: str) -> None:
    """Raise ValidationError unless both halves fit where they are stored."""
    if max(map(len, split_name(name))) > LONGEST_HALF:
        raise ValidationError(
            f"Neither half may be longer than {LONGEST_HALF} characters.", code="half_too_long"
        )
