"""Look each minute for what has become due, such as reminders (docs/design, D57).

Each room registers its search when the project starts (`AppConfig.ready`). A search may run twice at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

log = structlog.get_logger(__name__)

Sweep = Callable[..., None]
_sweeps: dict[str, Sweep] = {}


def register(name: str, sweep: Sweep) -> None:
    """Call `sweep(now=…)` each minute. It orders tasks for what has become due since."""
    _sweeps[name] = sweep


def sweep_all(*, now: datetime) -> None:
    """Search everything. The failure of one is logged and does not keep the others from running."""
    for name, sweep in _sweeps.items():
        try:
            sweep(now=now)
        except Exception:
            log.exception("sweep_failed", what=name)
