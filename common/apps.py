from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate

from common.domain.database import like


def fold_every_letter(connection: Any, **_: Any) -> None:
    """SQLite's own LIKE knows the case of A to Z alone: "ébène" would not find "Ébène", as it does on PostgreSQL."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("like", 3, like, deterministic=True)


def prepare_nothing(using: str, **_: Any) -> None:
    """Django fills a column that may be empty no more by two statements in one, which PostgreSQL cannot prepare."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        connection.connection.prepare_threshold = None


def prepare_again(using: str, **_: Any) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        connection.connection.prepare_threshold = connection.settings_dict["OPTIONS"]["prepare_threshold"]


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "Shared ground"

    def ready(self) -> None:
        connection_created.connect(fold_every_letter)
        pre_migrate.connect(prepare_nothing, sender=self)
        post_migrate.connect(prepare_again, sender=self)
