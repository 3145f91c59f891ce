"""The templates that a new shop begins with. They name no maker, and staff change them as they see fit."""

from __future__ import annotations

from typing import TypedDict


class TemplateValues(TypedDict):
    name: str
    description: str
    priority: str
    duration: str
    interval_miles: int | None
    interval_months: int | None


def _work(
    name: str, priority: str, duration: str, miles: int | None, months: int | None, description: str
) -> TemplateValues:
    return {
        "name": name,
        "description": description,
        "priority": priority,
        "duration": duration,
        "interval_miles": miles,
        "interval_months": months,
    }


STANDARD = (
    _work("Oil change", "high", "30 to 45 minutes", 5_000, 6, "Replace the engine oil and its filter."),
    _work(
        "Tire rotation", "medium", "30 minutes", 7_500, 6, "Change the tires over and check their pressure."
    ),
    _work("Brake service", "high", "90 minutes", 15_000, 12, "Measure pads, rotors and brake fluid."),
    _work("Air filters", "low", "20 minutes", 15_000, 12, "Replace the filters of engine and cabin."),
    _work("Coolant flush", "medium", "60 minutes", 60_000, 60, "Replace the coolant."),
    _work("State inspection", "high", "30 minutes", None, 12, "Inspect safety and emissions."),
)
