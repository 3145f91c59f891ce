"""Citations of docs/design, of docs/decisions and of other pages point to something that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
DESIGN, DECISIONS = ROOT / "docs" / "design", ROOT / "docs" / "decisions"
SKIPPED = {
    ".git",
    ".venv",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "node_modules",
    "var",
    "staticfiles",
    "webroot",
}
KINDS = {
    ".py",
    ".md",
    ".html",
    ".txt",
    ".ts",
    ".js",
    ".css",
    ".in",
    ".toml",
    ".ini",
    ".yaml",
    ".conf",
    ".sh",
    "",
}
# Words of the business in the contracts, and names in their examples, are no citations.
FOREIGN = ("docs/contracts/", "docs/examples/", "docs/client/", "docs/openapi.yaml")
# An uppercase word that named a page which was never in the repository.
FORMER_PAGE = re.compile(r"\bDESIGN" + r"(\.md|\b)")


def files_below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.name in SKIPPED or "requirements" in path.name:
            continue
        if path.is_dir():
            found += files_below(path)
        elif path.suffix in KINDS and path != Path(__file__).resolve():
            found.append(path)
    return found


TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace")
    for path in files_below(ROOT)
}
PAGES = {name: text for name, text in TEXTS.items() if name.endswith(".md") and not name.startswith(FOREIGN)}
HEADINGS = {
    number
    for path in DESIGN.glob("*.md")
    for number in re.findall(r"^## (D\d+) \S", path.read_text(encoding="utf-8"), re.MULTILINE)
}
NUMBERS = {int(path.name[:4]) for path in DECISIONS.glob("[0-9]*.md")}


def cited_sections(name: str, text: str) -> set[str]:
    """Return the sections that a file cites. A page may leave out the folder: "(D33)"."""
    if name in PAGES:
        return set(re.findall(r"\bD\d{1,2}\b", text))
    citations = re.findall(r"docs/design, (D\d+(?:(?:, | and )D\d+)*)", text)
    return {section for citation in citations for section in re.findall(r"D\d+", citation)}


def cited_decisions(name: str, text: str) -> set[int]:
    numbers = re.findall(r"decisions/(\d{4})", text)
    if name in PAGES:
        numbers += re.findall(r"\bdecision (\d+)\b", text)
    return {int(number) for number in numbers}


def test_there_are_citations():
    assert len(TEXTS) > 300
    assert len(HEADINGS) >= 54
    assert len(NUMBERS) >= 30
    assert sum(len(cited_sections(*item)) for item in TEXTS.items()) > 50
    assert sum(len(cited_decisions(*item)) for item in TEXTS.items()) > 50


def test_sections_of_the_design_have_unique_numbers():
    all_pages = "\n".join(path.read_text(encoding="utf-8") for path in DESIGN.glob("*.md"))
    numbers = re.findall(r"^## (D\d+) ", all_pages, re.MULTILINE)
    assert len(numbers) == len(set(numbers))


def test_cited_sections_of_the_design_exist():
    dangling = {name: cited_sections(name, text) - HEADINGS for name, text in TEXTS.items()}
    assert {name: sorted(sections) for name, sections in dangling.items() if sections} == {}


def test_cited_decisions_exist():
    dangling = {name: cited_decisions(name, text) - NUMBERS for name, text in TEXTS.items()}
    assert {name: sorted(numbers) for name, numbers in dangling.items() if numbers} == {}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_links_of_a_page_lead_to_files(name):
    folder = (ROOT / name).parent
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", PAGES[name])
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (folder / link).exists()] == []


def test_no_file_cites_the_former_design_page():
    assert [name for name, text in TEXTS.items() if FORMER_PAGE.search(text)] == []


def named_tests() -> list[tuple[str, str]]:
    """Return the class, or an empty text, and the file of each test that docs/faults.md names."""
    rows = [line.split(" | ") for line in PAGES["docs/faults.md"].splitlines() if line.startswith("| ")]
    tests = [row[-1] for row in rows if row[-1] not in ("test |", "the same |")]
    found = [re.findall(r"(?:`(\w+)` in )?`([\w/]+\.py)`", test) for test in tests]
    assert all(found), [test for test, names in zip(tests, found, strict=True) if not names]
    return [name for names in found for name in names]


def test_faults_name_tests_that_exist():
    named = named_tests()
    assert len(named) > 80
    for cls, name in named:
        assert f"class {cls}" in TEXTS.get(name, "") if cls else name in TEXTS, (cls, name)
