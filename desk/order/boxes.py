"""A field of the page *Order*, as its templates read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A field: its name, its text, and the error at it."""

    name: str
    label: str
    text: str
    error: str = ""
