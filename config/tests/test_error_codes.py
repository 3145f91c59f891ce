from __future__ import annotations

from config.management.commands.error_codes import Command


def test_errors_page_lists_every_code():
    assert Command.path.read_text(encoding="utf-8") == Command.page(), (
        "docs/errors.md is stale: run make errors"
    )
