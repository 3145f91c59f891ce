from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from common.domain.database import like


def fold_every_letter(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Fold the case of every letter in SQLite's LIKE, which folds only A to Z.

    Then "ébène" finds "Ébène", as on PostgreSQL.
    """
    if connection.vendor == "sqlite":
        connection.connection.create_function("like", 3, like, deterministic=True)


class CommonConfig(AppConfig):
    name = "common"
    verbose_name = "Ground floor"

    def ready(self) -> None:
        connection_created.connect(fold_every_letter)
