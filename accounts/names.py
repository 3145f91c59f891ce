"""A person's name, given whole."""

from __future__ import annotations


def split_name(name: str) -> tuple[str, str]:
    """First and last name: split at the first space, so that both together are the name as it was given."""
    first, _, last = name.partition(" ")
    return first, last
