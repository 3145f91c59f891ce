from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from common.database import like


def fold_every_letter(connection: Any, **_: Any) -> None:
    """SQLite's own LIKE knows the case of A to Z alone: "ébène" would not find "Ébène", as it does on PostgreSQL."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("like", 3, like, deterministic=True)


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "Shared ground"

    def ready(self) -> None:
        connection_created.connect(fold_every_letter)
