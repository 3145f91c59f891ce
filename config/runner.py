"""`manage.py test [app …]` runs pytest, the one runner of the suite."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


class PytestRunner:
    """What Django calls; it hands over to a fresh process, because pytest sets Django up by itself."""

    def __init__(self, verbosity: int = 1, failfast: bool = False, **options: Any) -> None:
        self.flags = (["-v"] if verbosity > 1 else []) + (["-x"] if failfast else [])

    def run_tests(self, test_labels: list[str], **options: Any) -> int:
        paths = [label.replace(".", "/") for label in test_labels]
        return subprocess.call([sys.executable, "-m", "pytest", *self.flags, *paths])  # noqa: S603
