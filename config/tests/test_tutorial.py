"""The tutorial's requests are made as the page prints them, by a shell with curl, and its responses are compared.

`make examples` writes what the server answered into the page. In a printed response, "…" stands for any value, and the
pair "…": "…" for further fields.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from demo import loader

PAGE = settings.BASE_DIR / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?<=^```)(bash|json|text)\n(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
ANY = "…"

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


class Shell:
    """A shell that keeps its variables between blocks."""

    def __init__(self, folder) -> None:
        self.bash = subprocess.Popen(
            ["bash", "-u"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, commands: str) -> str:
        assert self.bash.stdin
        assert self.bash.stdout
        self.bash.stdin.write(f"{commands}\necho\necho '=== done'\n")
        self.bash.stdin.flush()
        lines = list(iter(self.bash.stdout.readline, "=== done\n"))
        return "".join(lines).rstrip("\n")

    def close(self) -> None:
        self.bash.communicate(timeout=5)


def like(printed: Any, actual: Any) -> Any:
    """Return the actual body in the form of the printed one: without what the page leaves out."""
    if printed == ANY:
        return ANY
    if isinstance(printed, dict) and isinstance(actual, dict):
        names = [name for name in printed if name in actual] if ANY in printed else list(actual)
        rest = {ANY: ANY} if ANY in printed else {}
        return {**{name: like(printed.get(name), actual[name]) for name in names}, **rest}
    if isinstance(printed, list) and isinstance(actual, list):
        known = printed + [None] * (len(actual) - len(printed))
        return [like(item, value) for item, value in zip(known, actual, strict=False)]
    return actual


def ids(printed: Any, actual: Any) -> Iterator[tuple[int, int]]:
    """Yield each printed id with the actual one."""
    if isinstance(printed, dict):
        if isinstance(printed.get("id"), int):
            yield printed["id"], actual["id"]
        for name in printed:
            if name in actual:
                yield from ids(printed[name], actual[name])
    elif isinstance(printed, list):
        for item, value in zip(printed, actual, strict=False):
            yield from ids(item, value)


def assigned(commands: str, seen: dict[int, int]) -> str:
    """Return the commands with the ids that the server gave, where the page assigns those that it prints."""
    return re.sub(r"(?<==)\d+$", lambda found: str(seen[int(found[0])]), commands, flags=re.MULTILINE)


def followed(text: str, shell: Shell, url: str) -> str:
    """Follow the page, and return it with what the server answered."""
    seen: dict[int, int] = {}
    output = ""

    def follow(block: re.Match[str]) -> str:
        nonlocal output
        kind, content = block.groups()
        if kind == "bash":
            content = assigned(content, seen)
            output = shell.run(content.replace("http://localhost:8000", url))
            return f"{kind}\n{content}"
        if kind == "text":
            return f"{kind}\n{output}\n"
        printed, actual = json.loads(content), json.loads(output)
        seen.update(ids(printed, actual))
        return f"{kind}\n{json.dumps(like(printed, actual), indent=2, ensure_ascii=False)}\n"

    return BLOCK.sub(follow, text)


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_tutorial_shows_what_the_server_answers(live_server, tmp_path):
    loader.load(now=timezone.now())
    page = PAGE.read_text(encoding="utf-8")
    shell = Shell(tmp_path)
    try:
        page_now = followed(page, shell, live_server.url)
    finally:
        shell.close()
    if os.environ.get("RECORD_EXAMPLES"):
        PAGE.write_text(page_now, encoding="utf-8")
    assert page_now == PAGE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(page)) > 30


def test_what_a_page_leaves_out_is_not_compared():
    actual = {"id": 7, "at": "2026-01-15", "lines": [{"a": 1, "b": 2}, {"a": 3}], "more": None}
    printed = {"id": 6, "at": ANY, "lines": [{"a": 1, ANY: ANY}], ANY: ANY}
    assert like(printed, actual) == {"id": 7, "at": ANY, "lines": [{"a": 1, ANY: ANY}, {"a": 3}], ANY: ANY}
    assert like({"id": 7}, actual) == actual
    assert list(ids(printed, actual)) == [(6, 7)]
