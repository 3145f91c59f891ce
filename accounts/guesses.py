"""Count wrong passwords and wrong codes against budgets."""

from __future__ import annotations

from collections.abc import Mapping

from common.domain import counters
from common.domain.errors import TooMany

GUESS_WINDOW_SECONDS = 15 * 60


class TooManyGuesses(TooMany):
    code = "too_many_guesses"
    message = "Too many sign-in attempts. Try again later."


def budget_of_address(address: str) -> str:
    """Return the budget of wrong attempts from an address over all accounts."""
    return f"login-from:{address}"


def count(budgets: Mapping[str, int]) -> None:
    """Count an attempt against each budget and its limit. Raises TooManyGuesses (with the seconds to wait).

    Attempts are counted before they are checked, so that parallel guesses cannot exceed a limit.
    """
    for budget, limit in budgets.items():
        wait = counters.hit(budget, limit=limit, window=GUESS_WINDOW_SECONDS)
        if wait is not None:
            raise TooManyGuesses(retry_after=wait)


def take_back(budgets: Mapping[str, int]) -> None:
    """Take back an attempt that was right."""
    for budget in budgets:
        counters.undo_hit(budget, window=GUESS_WINDOW_SECONDS)
