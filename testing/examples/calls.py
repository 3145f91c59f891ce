"""The type of a recorded call, and what the contracts share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ADMIN = ("admin@example.com", "admin12345")
TECHNICIAN = ("tech@test.com", "technician123")
NEWCOMER = ("newcomer@example.com", "newcomer12345")

# operation: (method, URL, its calls in order)
Calls = dict[str, tuple[str, str, list["Call"]]]


@dataclass(frozen=True)
class Call:
    """A call and its expected status.

    In the URL, parameters and body, `{access}`, `{refresh}` and the names of the contract stand for tokens and ids.
    """

    status: int
    login: tuple[str, str] | None = None
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    photos: str = ""  # the field of a form with one photo, which is sent instead of a body


def filled(values: Any, names: dict[str, Any]) -> Any:
    """Return `values` with the names in braces replaced.

    A string that consists of one name becomes the value itself and keeps its type.
    """
    if isinstance(values, dict):
        return {key: filled(value, names) for key, value in values.items()}
    if isinstance(values, list):
        return [filled(value, names) for value in values]
    if isinstance(values, str) and values[1:-1] in names and values == f"{{{values[1:-1]}}}":
        return names[values[1:-1]]
    return values.format(**names) if isinstance(values, str) else values
