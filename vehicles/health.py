"""The health of a vehicle (docs/design, D133), as a pure function of what is known to be wrong or due."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class System(StrEnum):
    ENGINE = "engine"
    TRANSMISSION = "transmission"
    BRAKES = "brakes"
    TIRES = "tires"
    BATTERY = "battery"
    FLUIDS = "fluids"
    GENERAL = "general"


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


POINTS = {Severity.CRITICAL: 60, Severity.WARNING: 25, Severity.INFO: 5}
GOOD, WARNING = 80, 50  # the least scores of these states
# In this order, because brake fluid belongs to the brakes.
_WORDS = (
    (System.BRAKES, r"brak|rotor|caliper|\babs\b|\bpads?\b"),
    (System.TIRES, r"\bt[iy]res?\b|wheel|alignment|tread"),
    (System.BATTERY, r"batter|alternator|starter|charging"),
    (System.TRANSMISSION, r"transmission|clutch|gearbox|differential|driveshaft"),
    (System.FLUIDS, r"\boil\b|fluid|coolant|leak|flush|radiator"),
    (System.ENGINE, r"engine|misfire|spark|belt|filter|exhaust|emission|fuel|injector|timing"),
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that is wrong or due. `kind` says what it is: code, service, finding or recommendation."""

    kind: str
    system: System
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """Scores from 0 to 100 of each system and of the whole vehicle, with the reasons, the worst first."""

    scores: dict[System, int]
    score: int
    reasons: list[Reason]

    @property
    def status(self) -> str:
        return status_of(self.score)


def assess(reasons: Sequence[Reason]) -> Health:
    """Return the health that follows from the reasons.

    Each takes its points off the score of its system. The score of the vehicle is that of its worst system.
    """
    scores = {
        system: max(0, 100 - sum(POINTS[reason.severity] for reason in reasons if reason.system == system))
        for system in System
    }
    worst_first = sorted(reasons, key=lambda reason: -POINTS[reason.severity])
    return Health(scores, min(scores.values()), worst_first)


def status_of(score: int) -> str:
    """Return `good` from 80 on, `warning` from 50 on, else `critical`."""
    return "good" if score >= GOOD else "warning" if score >= WARNING else "critical"


def system_of_words(text: str) -> System:
    """Return the system that a text is about by its words, or `general`."""
    found = (system for system, words in _WORDS if re.search(words, text, re.IGNORECASE))
    return next(found, System.GENERAL)


def system_of_code(code: str) -> System:
    """Return the system that a trouble code is about by its structure."""
    if code[0] == "P":
        return System.TRANSMISSION if code[1] == "0" and code[2] in "789" else System.ENGINE
    return System.BRAKES if code[0] == "C" else System.GENERAL
