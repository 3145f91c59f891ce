"""A chart of the results as multiples of their goals."""

from __future__ import annotations

from io import StringIO

from bench.report import Goal

REACHED, MISSED, QUIET = "#2a7f9e", "#d1603d", "#8a8f98"


def svg(goals: list[Goal]) -> str:
    """Return a chart of result / goal: median and range of each line on a logarithmic scale, with a mark at the goal.

    An upper bound is drawn as goal / result. The same figures give the same bytes.
    """
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    mpl.rcParams.update({"svg.hashsalt": "bench", "font.family": "DejaVu Sans", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.36 * len(goals)), layout="constrained")
    for row, goal in enumerate(goals):
        least, middle, most = beyond(goal)
        colour = REACHED if goal.is_reached else MISSED
        axes.barh(row, middle - 1, left=1, height=0.56, color=colour, alpha=0.85, zorder=2)
        axes.plot([least, most], [row, row], color="#22262b", linewidth=1.2, zorder=3, solid_capstyle="butt")
        axes.annotate(
            format_result(goal), (max(most, 1), row), xytext=(6, 0), textcoords="offset points", va="center", color="#22262b"
        )  # fmt: skip
    axes.axvline(1, color="#22262b", linewidth=1.4, zorder=4)
    low, high = span(goals)
    axes.set_xscale("log", base=2)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low <= tick <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "goal" if value == 1 else f"{value:g} ×"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_yticks(range(len(goals)), [label(goal) for goal in goals])
    axes.invert_yaxis()
    axes.tick_params(length=0, colors="#22262b")
    axes.grid(axis="x", color="#dfe2e6", zorder=0)
    axes.set_frame_on(False)
    axes.set_title("Result against goal: median, and least to greatest", loc="left", fontsize=10, color=QUIET)
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


TICKS = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64)


def beyond(goal: Goal) -> tuple[float, float, float]:
    """Return the least, median and greatest result as multiples of the goal. From 1 on, the goal is reached."""
    results = (min(goal.values), goal.median, max(goal.values))
    shares = [goal.goal / value if goal.at_most else value / goal.goal for value in results]
    return min(shares), shares[1], max(shares)


def span(goals: list[Goal]) -> tuple[float, float]:
    """Return the ends of the scale: they include every result, the goal, and space for the text on the right."""
    ends = [beyond(goal) for goal in goals]
    return min([0.8, *(least for least, _, _ in ends)]) * 0.9, max([2.0, *(most for _, _, most in ends)]) * 2


def label(goal: Goal) -> str:
    return "  ·  ".join(text for text in (goal.work, goal.against) if text).replace("`", "")


def format_result(goal: Goal) -> str:
    sign = "≤" if goal.at_most else "≥"
    unit = f" {goal.unit}" if goal.unit else ""
    digits = 0 if goal.median >= 100 else 2
    return f"{goal.median:,.{digits}f}{unit}  ({sign} {goal.goal:g})"
