"""Run a simulated year of some thousand orders on a database of its own, and compare every report with the books.

Usage: `python -m billing.tests.simulated 20000 [seed]`, with USE_POSTGRES=true and the DB_… variables on PostgreSQL.
"""

from __future__ import annotations

import gc
import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")

import django

django.setup()

from django.db import connection
from django.db.models.signals import pre_migrate
from django.test import override_settings

from billing.tests.simulated import compare
from billing.tests.simulated.year import Year
from conftest import create_extensions


@override_settings(EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend")
def main(orders: int, seed: int) -> None:
    pre_migrate.connect(create_extensions)
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = None  # in memory
    gc.set_threshold(100_000, 50, 100)  # the books only grow, and collecting them takes a sixth of the time
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        began = time.monotonic()
        year = Year(orders, seed)
        print("happened:", year.run(), flush=True)
        print(f"{time.monotonic() - began:.0f} seconds", flush=True)
        print("agreed:", compare.everything(year))
        print(f"{time.monotonic() - began:.0f} seconds on {connection.vendor}, seed {seed}")
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    orders, seed = [*sys.argv[1:], "17"][:2] if sys.argv[1:] else ("20000", "17")
    main(int(orders), int(seed))
