"""Read the structure of a trouble code (docs/design, D132), as pure functions.

A code has a letter for the system, a digit that says whether the standard or the maker defines it, and, for the
powertrain codes of the standard, a digit for the subsystem (SAE J2012, ISO 15031-6). The text of the single codes is
the maker's, or is sold with the standard, and is not part of the product.
"""

from __future__ import annotations

import re

PATTERN = r"^[PCBU][0-3][0-9A-F]{3}$"
_CODE = re.compile(PATTERN)
_SYSTEMS = {"P": "Powertrain", "C": "Chassis", "B": "Body", "U": "Network"}
# By the third character of P0….
_SUBSYSTEMS = {
    "0": "fuel and air metering, auxiliary emission controls",
    "1": "fuel and air metering",
    "2": "fuel and air metering, injectors",
    "3": "ignition or misfire",
    "4": "auxiliary emission controls",
    "5": "vehicle speed, idle control, auxiliary inputs",
    "6": "computer and auxiliary outputs",
    "7": "transmission",
    "8": "transmission",
    "9": "transmission",
    "A": "hybrid propulsion",
    "B": "hybrid propulsion",
    "C": "hybrid propulsion",
}


def normalize_code(text: str) -> str:
    """Return the text without spaces around it, in capitals."""
    return text.strip().upper()


def is_code(text: str) -> bool:
    """Return whether a normalized text is a trouble code."""
    return _CODE.fullmatch(text) is not None


def is_of_the_maker(code: str) -> bool:
    """Return whether the maker defines the code: P1, C1, B1, U1, C2, B2, U2, and P30 to P33."""
    letter, origin, sub = code[0], code[1], code[2]
    if origin == "1":
        return True
    if origin == "2":
        return letter != "P"
    return origin == "3" and letter == "P" and sub in "0123"


def system_of(code: str) -> str:
    """Return the system that a code is about."""
    return _SYSTEMS[code[0]]


def describe(code: str) -> str:
    """Return what the structure of a code says, such as `Powertrain: ignition or misfire`."""
    if is_of_the_maker(code):
        return f"{system_of(code)}: defined by the maker"
    subsystem = _SUBSYSTEMS.get(code[2]) if code[:2] == "P0" else None
    return f"{system_of(code)}: {subsystem}" if subsystem else system_of(code)
