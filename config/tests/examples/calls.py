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
