"""`manage.py error_codes`: print the table of docs/errors.md."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.conf import settings

from common.domain.errors import DomainError, Invalid, Kind
from common.http import problems
from common.http.contracts.registry import CONTRACTS
from config.management.tables import TableCommand

Row = tuple[str, str, str, str, str]

_HEADER = "| code | status | title | message | raised in |\n|---|---|---|---|---|\n"


class Command(TableCommand):
    help = "Print the table of all error codes. With --write, replace the table of docs/errors.md."
    path = settings.BASE_DIR / "docs" / "errors.md"

    @classmethod
    def table(cls) -> str:
        """Return a Markdown table of every code of the product, sorted by code."""
        for module in _modules():
            import_module(module)
        rows = {*map(_row_of_class, _below(DomainError)), *_rows_of_problems()}
        return _HEADER + "".join(f"| {' | '.join(row)} |\n" for row in sorted(rows))


def _row_of_class(error: type[DomainError]) -> Row:
    # The messages of the two base classes only stand in for one that each case has of its own.
    is_specific = error in (DomainError, Invalid) or error.message not in (
        DomainError.message,
        Invalid.message,
    )
    return _row(error.code, error.kind, error.title, error.message if is_specific else "", error.__module__)


def _rows_of_problems() -> Iterator[Row]:
    """Yield the problems that no class of the domain stands for: constants, and DRF's own exceptions."""
    for problem in vars(problems).values():
        if isinstance(problem, problems.Problem):
            yield _row(problem.code, problem.kind, problem.title, problem.detail, problems.__name__)
    for kind, title in problems.DRF_ERRORS.values():
        yield _row(kind.name.lower(), kind, title, "", problems.__name__)


def _row(code: str, kind: Kind, title: str, message: str, module: str) -> Row:
    statuses = {problems.STATUS[kind]}
    if kind is Kind.INVALID:
        statuses |= {contract.invalid_status for contract in CONTRACTS}
    path = f"`{module.replace('.', '/')}.py`"
    return f"`{code}`", ", ".join(map(str, sorted(statuses))), title, message.replace("|", r"\|"), path


def _below(error: type[DomainError]) -> Iterator[type[DomainError]]:
    """Yield the class and its subclasses in the product. One without a code of its own is only a base for others."""
    names = error.__module__.split(".")
    has_code = error is DomainError or error.code != DomainError.code
    if has_code and names[0] in _apps() and "tests" not in names:
        yield error
    for below in error.__subclasses__():
        yield from _below(below)


def _apps() -> dict[str, str]:
    """Return the product's apps: name -> folder. `config` raises nothing and holds the settings of the suite."""
    own = (app for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR)
    return {app.name: app.path for app in own if app.name != "config"}


def _modules() -> Iterator[str]:
    for name, folder in _apps().items():
        for module in pkgutil.walk_packages([folder], f"{name}."):
            if not {"tests", "migrations", "management"} & set(module.name.split(".")):
                yield module.name
