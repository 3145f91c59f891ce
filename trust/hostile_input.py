"""Hostile input: no 5xx, every refusal in the contract's own shape, nothing half written."""

from __future__ import annotations

from trust.fuzz import fuzz
from trust.promises import Tally, Trial


def hostile_input(trial: Trial, tally: Tally) -> None:
    """What schemathesis makes of the schema, then what people who mean harm are known to send."""
    fuzz(trial, tally)
