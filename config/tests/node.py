"""Node for tests: the packages of docs/client, installed once for each lock file, and where they are found."""

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
    """The installed packages; what is half installed is never seen under this name."""
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
    """Let what runs in `folder` import the packages."""
    (folder / "node_modules").symlink_to(packages())


def run(*command: str, cwd: Path) -> str:
    """What the command writes; its complaints where it fails."""
    end = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert end.returncode == 0, f"{' '.join(command)}\n{end.stdout}\n{end.stderr}"
    return end.stdout
