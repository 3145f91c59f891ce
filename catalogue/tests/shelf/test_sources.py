"""The names of what pieces are kept for."""

from __future__ import annotations

import pytest

from catalogue.shelf import sources
from catalogue.shelf.sources import Named, name_sources


@pytest.fixture
def jobs(monkeypatch):
    """Register jobs, of which only the first ten exist."""
    calls = []

    def describe(numbers):
        calls.append(sorted(numbers))
        return {n: Named({"repair_order_id": 7, "job_id": n}, f"Job {n}") for n in numbers if n < 10}

    monkeypatch.setattr(sources, "_kinds", dict(sources._kinds))
    sources.register("job", describe)
    return calls


def test_each_kind_is_asked_once(jobs):
    names = name_sources(["job:1", "job:2", "order:5", "job:1"])
    assert names == {
        "job:1": Named({"repair_order_id": 7, "job_id": 1}, "Job 1"),
        "job:2": Named({"repair_order_id": 7, "job_id": 2}, "Job 2"),
        "order:5": Named({"order_id": 5}, "Parts order ORD5"),
    }
    assert jobs == [[1, 2]]


@pytest.mark.parametrize("source", ["job:11", "job:x", "job:", "other:1", "words"])
def test_unknown_source_keeps_its_text(jobs, source):
    assert name_sources([source]) == {source: Named({}, source)}
