"""The result of a measurement: ratios against a goal, with the text and tables for RESULTS.md."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


def spread(values: list[float], digits: int = 2) -> str:
    """Return the median, least and greatest value as "median (least–greatest)"."""
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


@dataclass
class Goal:
    """A line of the table of goals: the work, the peer and one value per round."""

    work: str
    against: str
    goal: float
    values: list[float]
    at_most: bool = False  # an upper bound (seconds, megabytes) and not a ratio to reach
    unit: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def is_reached(self) -> bool:
        return self.median <= self.goal if self.at_most else self.median >= self.goal

    def row(self) -> str:
        sign = "≤" if self.at_most else "≥"
        unit = f" {self.unit}" if self.unit else ""
        reached = "yes" if self.is_reached else "**no**"
        return f"| {self.work} | {self.against} | {sign} {self.goal:g}{unit} | {spread(self.values)}{unit} | {reached} |"


@dataclass
class Section:
    """A chapter of RESULTS.md."""

    title: str
    goals: list[Goal] = field(default_factory=list)
    text: list[str] = field(default_factory=list)  # Markdown lines: tables, raw rounds, profiles

    def markdown(self) -> str:
        return "\n".join([f"## {self.title}", "", *self.text, ""])

    def __str__(self) -> str:
        """Return the goals and the section, as a measurement prints them when it runs alone."""
        goals = [*table_of_goals(self.goals), ""] if self.goals else []
        return "\n".join([*goals, self.markdown()])


def table_of_goals(goals: list[Goal]) -> list[str]:
    head = ["| work | against | goal | median (least–greatest) | reached |", "|---|---|---|---|---|"]
    return [*head, *(goal.row() for goal in goals)]
