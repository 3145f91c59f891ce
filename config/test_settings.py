"""The settings the suite runs under: the product's own, with cheap passwords and an eye on N+1 queries.

`USE_POSTGRES=true` and `REDIS_URL` choose the real ones, as they do for the product.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("DEBUG", "true")
# Each process of a suite run in parallel empties the cache between its tests, so each has a Redis of its own.
if os.environ.get("REDIS_URL") and (_worker := os.environ.get("PYTEST_XDIST_WORKER")):
    _server, _, _number = os.environ["REDIS_URL"].rpartition("/")
    os.environ["REDIS_URL"] = f"{_server}/{int(_number) - int(_worker.removeprefix('gw'))}"

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [*INSTALLED_APPS, "zeal"]  # noqa: F405
MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]  # noqa: F405
ZEAL_RAISE = True
# The admin gets the person who acts and the person who is shown.
# A session that ends within a request is looked for again.
ZEAL_ALLOWLIST = [
    {"model": "accounts.User", "field": "get()"},
    {"model": "sessions.Session", "field": "get()"},
]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
RATE_LOGIN, RATE_REGISTER, RATE_USER = 10, 20, 1_000  # as in production, whatever DEBUG says
LOGGING = {**LOGGING, "root": {"handlers": [], "level": "INFO"}}  # noqa: F405
# A bucket is a test's own (files/tests/conftest.py), and so is the folder.
USE_S3 = False
UPLOADS_DIR = Path(tempfile.gettempdir()) / f"garage-uploads-{os.getpid()}"
# A file, not memory: tests of parallel requests need one connection per thread.
if not USE_POSTGRES:  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "var" / "test.sqlite3"}  # noqa: F405
    (BASE_DIR / "var").mkdir(exist_ok=True)  # noqa: F405
    # Nobody wants the rows after a power cut; and how long a storm's last writer waits is the machine's affair.
    DATABASES["default"]["OPTIONS"]["timeout"] = 120  # noqa: F405
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"  # noqa: F405
else:
    # Each thread of a storm holds a connection, and a storm has more threads than any process of the product.
    DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 0, "max_size": 40, "timeout": 30}  # noqa: F405
# Tables come from the models: 0.5 s a process instead of 11 s for the migrations. test_schemas.py compares both.
DATABASES["default"].setdefault("TEST", {})["MIGRATE"] = False  # noqa: F405
# Each test client makes its own middleware, for which WhiteNoise would otherwise read all static files: 25 ms a test.
WHITENOISE_AUTOREFRESH = True
