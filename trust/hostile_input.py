"""Hostile input: no 5xx, every refusal in the contract's own shape, nothing half written."""

from __future__ import annotations

from trust.by_hand import by_hand
from trust.fuzz import fuzz
from trust.hostile_wire import on_the_wire
from trust.promises import ENGINES, Tally, Trial


def hostile_input(trial: Trial, tally: Tally) -> None:
    """What schemathesis makes of the schema, then what people who mean harm are known to send."""
    fuzz(trial, tally)
    for engine in ENGINES:
        by_hand(trial, tally, engine)
    on_the_wire(trial, tally)
