"""Node for tests: the packages of docs/client, installed once per lock file."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

import pytest
from django.conf import settings

CLIENT = settings.BASE_DIR / "docs" / "client"
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def packages() -> Path:
    """Return the folder of the installed packages. An incomplete installation never has this name."""
    lock = CLIENT / "package-lock.json"
    home = settings.BASE_DIR / "var" / f"client-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not home.is_dir():
        home.parent.mkdir(exist_ok=True)
        half = Path(mkdtemp(dir=home.parent))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(CLIENT / name, half)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=half)
        try:
            os.rename(half, home)
        except OSError:  # another process of the suite was first
            shutil.rmtree(half)
            assert home.is_dir()
    return home / "node_modules"


def furnish(folder: Path) -> None:
    """Make the packages importable in `folder`."""
    (folder / "node_modules").symlink_to(packages())


def run(*command: str, cwd: Path) -> str:
    """Return the output of the command, and fail with its errors."""
    end = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert end.returncode == 0, f"{' '.join(command)}\n{end.stdout}\n{end.stderr}"
    return end.stdout
