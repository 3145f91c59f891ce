"""Compiled requirements: a set that is on top of another has its packages, in the same versions."""

from __future__ import annotations

import re

import pytest
from django.conf import settings


def pins(name):
    text = (settings.BASE_DIR / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("requirements-dev.txt", "requirements.txt"),
        ("requirements-dev.txt", "requirements-docs.txt"),
        ("requirements-bench.txt", "requirements-dev.txt"),
        ("requirements-clients.txt", "requirements-dev.txt"),
    ],
)
def test_set_on_top_of_another_has_its_packages(above, below):
    assert pins(below)
    assert pins(below).items() - pins(above).items() == set()
