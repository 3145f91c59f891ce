from __future__ import annotations

from config.management.commands.error_codes import PAGE, page


def test_errors_page_lists_every_code():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "docs/errors.md is stale: run make errors"
