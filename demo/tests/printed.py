"""Read the printed contracts and compare response bodies with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.conf import settings


def contract(name: str) -> str:
    """Return the text of a contract, for example `000-shop`."""
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
    """Return the differences of two bodies in keys, their order and types. Values are not compared.

    `may_be_null` are names of fields that are null in one row and have a value in another. `may_follow` are keys that
    may follow the printed keys, by the first three printed keys. `free` are names of objects whose keys are not
    compared.
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
