from collections.abc import Callable

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.utils import timezone

from common.domain.database import like, read_instants_fast
from common.domain.recent_password import remember_password
from common.domain.search import squeeze
from common.domain.texts import lower, upper


def fold_every_letter(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Fold the case of every letter in SQLite's LIKE, UPPER and LOWER, which fold only A to Z.

    Then "ébène" finds "Ébène", and an index over UPPER() refuses the second of both, as on PostgreSQL.
    """
    if connection.vendor != "sqlite":
        return
    connection.connection.create_function("like", 3, like, deterministic=True)
    for name, function in {"upper": upper, "lower": lower, "squeeze": squeeze}.items():
        connection.connection.create_function(name, 1, null_or(function), deterministic=True)


def null_or(function: Callable[[str], str]) -> Callable[[object], str | None]:
    """Return the function as SQL calls it: of NULL it is NULL, and of a number it is that of its digits."""
    return lambda value: None if value is None else function(str(value))


def remember_sign_in(request: HttpRequest, **_: object) -> None:
    """Note when the user of a page session entered their password."""
    remember_password(request.session, now=timezone.now())


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "Ground floor"

    def ready(self) -> None:
        connection_created.connect(fold_every_letter)
        connection_created.connect(read_instants_fast)
        user_logged_in.connect(remember_sign_in)

        from common.domain import expiry  # models are not loaded yet when this module is

        expiry.register("page sessions", expiry.clear_page_sessions)
        expiry.register("idempotency keys", expiry.clear_idempotency_keys)
        expiry.register("tasks", expiry.clear_tasks)
        expiry.register("imports", expiry.clear_imports)
        expiry.register("events", expiry.clear_events)
