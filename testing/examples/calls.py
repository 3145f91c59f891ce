"""One recorded call, and what many have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ADMIN = ("admin@example.com", "admin12345")
TECHNICIAN = ("tech@test.com", "technician123")
NEWCOMER = ("newcomer@example.com", "newcomer12345")

# operation: (method, address, its calls in the order in which they are made)
Calls = dict[str, tuple[str, str, list["Call"]]]


@dataclass(frozen=True)
class Call:
    """`{access}`, `{refresh}` and the contract's own names stand for tokens and ids in address, parameters and body."""

    status: int
    login: tuple[str, str] | None = None
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def filled(values: Any, names: dict[str, Any]) -> Any:
    """With the names in braces replaced; a text that is one name alone becomes its value, whatever that is."""
    if isinstance(values, dict):
        return {key: filled(value, names) for key, value in values.items()}
    if isinstance(values, list):
        return [filled(value, names) for value in values]
    if isinstance(values, str) and values[1:-1] in names and values == f"{{{values[1:-1]}}}":
        return names[values[1:-1]]
    return values.format(**names) if isinstance(values, str) else values
