"""Join, split and validate a person's full name."""

from __future__ import annotations

from django.core.exceptions import ValidationError

MAX_NAME_LENGTH = 100


def full_name(first: str, last: str) -> str:
    """Return first and last name separated by a space, or an empty string if both are empty."""
    return f"{first} {last}".strip()


def split_name(name: str) -> tuple[str, str]:
    """Return first and last name, split at the first space, so that `full_name` restores the name."""
    first, _, last = name.partition(" ")
    return first, last


def validate_full_name(name: str) -> None:
    """Raise ValidationError if the first or the last name is longer than MAX_NAME_LENGTH."""
    if max(map(len, split_name(name))) > MAX_NAME_LENGTH:
        raise ValidationError(
            f"Neither half may be longer than {MAX_NAME_LENGTH} characters.", code="half_too_long"
        )
