"""The settings of the suite: those of the product, with fast password hashing and a check for N+1 queries.

`USE_POSTGRES=true` and `REDIS_URL` select PostgreSQL and Redis, as for the product.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("DEBUG", "true")
# Each process of a parallel run clears the cache between its tests, so each has a Redis database of its own.
if os.environ.get("REDIS_URL") and (_worker := os.environ.get("PYTEST_XDIST_WORKER")):
    _server, _, _number = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{_server}/{int(_number) - int(_worker.removeprefix('gw'))}"

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [*INSTALLED_APPS, "zeal"]  # noqa: F405
MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]  # noqa: F405
# Storms have more threads than a process of the product.
MIDDLEWARE.remove("common.http.gate.WriteGate")
ZEAL_RAISE = True
# The admin gets the acting user and the user on the page. A session that ends within a request is queried again.
# A formset gets each of its rows. A run of statements locks its row once per customer, in a transaction of its own.
ZEAL_ALLOWLIST = [
    {"model": "customers.CustomerUser", "field": "get()"},
    {"model": "repair_orders.PartLine", "field": "get()"},
    {"model": "accounts.User", "field": "get()"},
    {"model": "accounts.PageSession", "field": "get()"},
    {"model": "billing.StatementRun", "field": "get()"},
]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
RATE_LOGIN, RATE_ADDRESS, RATE_REGISTER, RATE_USER = (
    10,
    100,
    20,
    1_000,
)  # as in production, although DEBUG is on
MAX_APPOINTMENTS_VEHICLE, MAX_APPOINTMENTS_CUSTOMER = 5, 10
LOGGING = {**LOGGING, "root": {"handlers": [], "level": "INFO"}}  # noqa: F405
# Parallel tests on a slow machine wait long for each other.
DB_STATEMENT_SECONDS = DB_LOCK_SECONDS = DB_IDLE_SECONDS = 120
# Each test that needs a bucket makes one (files/tests/conftest.py).
USE_S3 = False
TASKS_RUN_IN = "request"
UPLOADS_DIR = Path(tempfile.gettempdir()) / f"garage-uploads-{os.getpid()}"
# A file and not memory, because tests of parallel requests need one connection per thread.
if not USE_POSTGRES:  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "var" / "test.sqlite3"}  # noqa: F405
    (BASE_DIR / "var").mkdir(exist_ok=True)  # noqa: F405
    # The rows need not survive a power cut. The last of many parallel writers waits long on a slow machine.
    DATABASES["default"]["OPTIONS"]["timeout"] = 120  # noqa: F405
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"  # noqa: F405
else:
    # Tests of parallel requests have more threads than a process of the product, and each holds a connection.
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 40, "timeout": 30}  # noqa: F405
# Tables are made from the models, 0.5 s per process instead of 11 s for migrations. test_schemas.py compares both.
DATABASES["default"].setdefault("TEST", {})["MIGRATE"] = False  # noqa: F405
# Each test client makes its own middleware, for which WhiteNoise would otherwise read all static files: 25 ms a test.
WHITENOISE_AUTOREFRESH = True
