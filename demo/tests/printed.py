"""The contracts as they are printed, and how an answer is held against them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.conf import settings


def contract(name: str) -> str:
    """The text of a contract: `000-shop`."""
    return (settings.BASE_DIR / "docs" / "contracts" / f"{name}.md").read_text()


def differences(
    given: Any,
    expected: Any,
    path: str = "",
    *,
    may_be_null: Collection[str] = (),
    may_follow: Mapping[str, list[str]] | None = None,
    free: Collection[str] = (),
) -> list[str]:
    """Where two bodies differ in keys, their order, or types; values are not looked at.

    `may_be_null` names what is null in one row and a value in another; `may_follow` the keys that may come after those
    printed, by the first printed one; `free` the objects whose keys are nobody's business.
    """
    rules: dict[str, Any] = {"may_be_null": may_be_null, "may_follow": may_follow or {}, "free": free}
    name = path.rpartition(".")[2]
    if name in may_be_null and None in (given, expected):
        return []
    if type(given) is not type(expected):
        return [f"{path}: {type(given).__name__}, not {type(expected).__name__}"]
    if isinstance(expected, dict) and name not in free:
        keys = list(expected)
        if list(given) not in (keys, keys + rules["may_follow"].get(" ".join(keys[:3]), [])):
            return [f"{path}: {list(given)}, not {keys}"]
        return [d for key in keys for d in differences(given[key], expected[key], f"{path}.{key}", **rules)]
    if isinstance(expected, list) and expected:
        return [
            d
            for number, item in enumerate(given)
            for d in differences(item, expected[0], f"{path}[{number}]", **rules)
        ]
    return []
