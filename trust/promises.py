"""The types of a trial: a promise is a function that tries cases against real servers and tallies failures."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from testing.servers import Server, database, free_port, serving

ENGINES = ("SQLite", "PostgreSQL")


@dataclass
class Tally:
    """The number of cases tried, and a text for each failure."""

    cases: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def tried(self, holds: bool, failure: object = "", *, cases: int = 1) -> bool:
        """Count a case, or `cases` of them, and record `failure` if it does not hold."""
        self.cases += cases
        if not holds:
            self.failures.append(str(failure))
        return holds

    def note(self, text: str) -> None:
        """Record a figure to print beside the table."""
        self.notes.append(text)


class Scale(IntEnum):
    """The size of a run: about one case per promise, fewer cases, or all."""

    SMOKE = 0
    SHORT = 1
    FULL = 2


@dataclass(frozen=True)
class Trial:
    """A run of a promise, with its scale and its folder."""

    scale: Scale
    folder: Path

    @property
    def is_full(self) -> bool:
        return self.scale == Scale.FULL

    @property
    def is_smoke(self) -> bool:
        return self.scale == Scale.SMOKE

    @property
    def engines(self) -> tuple[str, ...]:
        """Return the engines to try. A smoke run migrates one database only, which takes 10 s."""
        return ENGINES[:1] if self.is_smoke else ENGINES

    def size(self, full: int, short: int, smoke: int | None = None) -> int:
        """Return how many of something to try at this scale. A smoke run without a figure takes the short run's."""
        if self.is_smoke and smoke is not None:
            return smoke
        return full if self.is_full else short

    @contextmanager
    def server(
        self, engine: str, *, demo: bool = True, port: int | None = None, **env: str
    ) -> Iterator[Server]:
        """Run `manage.py serve` like `make run`, on an empty database of that engine."""
        port = port or free_port()
        folder = self.folder / f"server-{port}"
        folder.mkdir()
        command = ["manage.py", "serve", *(["--demo"] if demo else []), "--port", str(port)]
        with (
            database(folder, postgres=engine == "PostgreSQL") as given,
            serving(command, folder=folder, port=port, env={"DEBUG": "true", **given, **env}) as server,
        ):
            yield server


Try = Callable[[Trial, Tally], None]


@dataclass(frozen=True)
class Promise:
    """A promise by name, with the function that tries it."""

    name: str
    attempt: Try

    def keep(self, trial: Trial) -> tuple[Tally, float]:
        """Run the trial and return its tally and seconds. An exception of the trial is a failure."""
        tally, began = Tally(), time.monotonic()
        try:
            self.attempt(trial, tally)
        except Exception as error:  # noqa: BLE001  # the other promises are still tried
            traceback.print_exc()
            tally.failures.append(f"the trial raised {type(error).__name__}: {error}")
        if not tally.cases:
            tally.failures.append("nothing was tried")
        return tally, time.monotonic() - began
