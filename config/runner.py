"""`manage.py test [app …]` runs pytest, the one runner of the suite."""

from __future__ import annotations

import subprocess
import sys


class PytestRunner:
    """Run pytest in a new process, because it sets Django up by itself."""

    def __init__(self, verbosity: int = 1, failfast: bool = False, **options: object) -> None:
        self.flags = (["-v"] if verbosity > 1 else []) + (["-x"] if failfast else [])

    def run_tests(self, test_labels: list[str], **options: object) -> int:
        paths = [label.replace(".", "/") for label in test_labels]
        return subprocess.call([sys.executable, "-m", "pytest", *self.flags, *paths])  # noqa: S603
