"""Name the jobs and orders that pieces are kept for, such as `job:812` or `order:55` (docs/design, D30).

A source is a text of kind and id, because the catalogue must not refer to the rooms above. Each of those registers its
kind in `AppConfig.ready()`, so that lists can name its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """A source as the API and the admin name it: `{"order_id": 55}` and `Parts order ORD55`."""

    keys: Mapping[str, int]
    label: str


Describe = Callable[[Collection[int]], Mapping[int, Named]]
Needs = Callable[[int], Mapping[str, int]]
_kinds: dict[str, Describe] = {}
_needs: list[Needs] = []


def register(kind: str, describe: Describe) -> None:
    """Name sources of `kind` by `describe(ids)` from now on, which takes a constant number of queries."""
    _kinds[kind] = describe


def register_needs(find: Needs) -> None:
    """Ask `find(part_id)` what its sources need of a part that is stocked for the first time.

    It returns whole pieces by source, the oldest need first, and is called while the part is locked.
    """
    _needs.append(find)


def find_needs(part_id: int) -> dict[str, int]:
    """Return the pieces of a part that sources need already, by source, the oldest need first."""
    return {source: pieces for find in _needs for source, pieces in find(part_id).items()}


def source_of(kind: str, id: int) -> str:
    """Return the source of a row, such as `order:55`."""
    return f"{kind}:{id}"


def name_sources(sources: Iterable[str]) -> dict[str, Named]:
    """Return the names of sources. A source that no room names has its text as label and no keys."""
    wanted = set(sources)
    ids: dict[str, dict[int, str]] = {}
    for source in wanted:
        kind, _, number = source.partition(":")
        if kind in _kinds and number.isdecimal():
            ids.setdefault(kind, {})[int(number)] = source
    named = {source: Named({}, source) for source in wanted}
    for kind, by_id in sorted(ids.items()):
        named |= {by_id[number]: name for number, name in _kinds[kind](by_id.keys()).items()}
    return named
