"""The tables of docs/roles.md, parsed for tests."""

from __future__ import annotations

from django.conf import settings

from common.domain.caller import Role

PAGE = (settings.BASE_DIR / "docs/roles.md").read_text()
ROLES = list(Role)


# Routes of customers below the prefix of the staff's API.
_CUSTOMERS = ("/customers/me/", "/vehicle-problems/")


def is_staffs(path: str) -> bool:
    """Return whether a path belongs to the staff's API."""
    return path.startswith("/api/shop/") and not any(word in path for word in _CUSTOMERS)


def table(title: str) -> list[list[str]]:
    """Return the rows of a section's table, without its header."""
    text = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    head, _, *body = [[cell.strip().strip("`") for cell in row] for row in rows]
    assert head[-len(ROLES) :] == [str(role) for role in ROLES]
    return body


def by_role(cells: list[str]) -> dict[str, str]:
    return dict(zip(ROLES, cells, strict=True))


OPERATIONS = table("The staff's API") + table("The customer service")
