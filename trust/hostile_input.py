"""Promise: hostile input gets no 5xx, every refusal has the shape of its contract, and no write is partial."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from trust.by_hand import by_hand
from trust.fuzz import ROLES, fuzz
from trust.hostile_wire import on_the_wire
from trust.promises import Tally, Trial


def hostile_input(trial: Trial, tally: Tally) -> None:
    """Run schemathesis and the hand-written requests, two parts at a time, each on a server of its own."""
    parts: list[Callable[[Tally], None]] = [
        *(partial(_by_hand, trial, engine) for engine in reversed(trial.engines)),  # the longest part first
        *(partial(_fuzz, trial, role) for role in list(ROLES)[: trial.size(len(ROLES), 2, 0)]),
        partial(on_the_wire, trial),
    ]
    with ThreadPoolExecutor(2) as pool:
        for part in pool.map(_tried, parts):
            tally.cases += part.cases
            tally.failures += part.failures


def _by_hand(trial: Trial, engine: str, tally: Tally) -> None:
    by_hand(trial, tally, engine)


def _fuzz(trial: Trial, role: str, tally: Tally) -> None:
    fuzz(trial, tally, role)


def _tried(part: Callable[[Tally], None]) -> Tally:
    tally = Tally()
    part(tally)
    return tally
