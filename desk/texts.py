"""Texts of people within sentences of the page."""

from __future__ import annotations

from unicodedata import bidirectional

_ISOLATE, _END = "\u2068", "\u2069"


def isolate(text: str) -> str:
    """Return a text that leaves the order of the words around it as it is.

    Right-to-left letters, such as those of an Arabic or a Hebrew name, would draw numbers and names behind them to
    their own left.
    """
    is_right_to_left = any(bidirectional(letter) in ("R", "AL") for letter in text)
    return f"{_ISOLATE}{text}{_END}" if is_right_to_left else text
