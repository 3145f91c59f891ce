"""Wrong settings stop the start, tried in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.server
KEPT = ("PATH", "HOME", "VIRTUAL_ENV", "DB_HOST")
PRODUCTION = {"SECRET_KEY": "k3y-" + "abcdefghij" * 6, "ALLOWED_HOSTS": "garage.example"}


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", *command], cwd=settings.BASE_DIR, env=kept | environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def start(**environment: str) -> subprocess.CompletedProcess[str]:
    return run("-c", "import config.settings", **environment)


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "SECRET_KEY is not set. With DEBUG=false a signing key is needed"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set."),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too weak: it needs at least 50 characters"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "development-only-" + "not-a-secret-" * 4}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": PRODUCTION["SECRET_KEY"]}, "ALLOWED_HOSTS is not set."),
        ({"DEBUG": "ture"}, "DEBUG must be true or false, not 'ture'."),
        (PRODUCTION | {"USE_POSTGRES": "maybe"}, "USE_POSTGRES must be true or false, not 'maybe'."),
        (PRODUCTION | {"RATE_LOGIN": "ten"}, "RATE_LOGIN must be a whole number, not 'ten'."),
        (PRODUCTION | {"RATE_LOGIN": "0"}, "RATE_LOGIN must be at least 1, not 0."),
        (
            PRODUCTION | {"MAX_APPOINTMENTS_VEHICLE": "0"},
            "MAX_APPOINTMENTS_VEHICLE must be at least 1, not 0.",
        ),
        (
            PRODUCTION | {"MAX_APPOINTMENTS_CUSTOMER": "many"},
            "MAX_APPOINTMENTS_CUSTOMER must be a whole number, not 'many'.",
        ),
        (PRODUCTION | {"UNPAID_ORDER_HOURS": "0"}, "UNPAID_ORDER_HOURS must be at least 1, not 0."),
        (
            PRODUCTION | {"BILLING_ACCOUNTS": "till=1000 Cash"},
            "BILLING_ACCOUNTS takes key=name with cash, check, card",
        ),
        (PRODUCTION | {"UNPAID_PIECES": "-1"}, "UNPAID_PIECES must be at least 1, not -1."),
        (PRODUCTION | {"UPLOAD_QUOTA_BYTES": "1"}, "UPLOAD_QUOTA_BYTES must be at least 1024, not 1."),
        (PRODUCTION | {"RATE_INVITATIONS": "0"}, "RATE_INVITATIONS must be at least 1, not 0."),
        (PRODUCTION | {"RATE_EMAIL_CHANGES": "-1"}, "RATE_EMAIL_CHANGES must be at least 1, not -1."),
        (PRODUCTION | {"MAX_BODY_BYTES": "10"}, "MAX_BODY_BYTES must be at least 1024, not 10."),
        (
            PRODUCTION | {"EMAIL_URL": "smtp://"},
            "EMAIL_URL must name a mail server, like smtp://mail.example.com.",
        ),
        (PRODUCTION | {"TASK_QUEUE": "later"}, "TASK_QUEUE must be IMMEDIATE, DATABASE, not 'LATER'."),
        (PRODUCTION | {"TASK_ATTEMPTS": "0"}, "TASK_ATTEMPTS must be at least 1, not 0."),
        (PRODUCTION | {"TASK_RETRY_SECONDS": "0"}, "TASK_RETRY_SECONDS must be at least 1, not 0."),
        (PRODUCTION | {"TASK_LEASE_SECONDS": "2"}, "TASK_LEASE_SECONDS must be at least 3, not 2."),
        (PRODUCTION | {"KEEP_DAYS": "0"}, "KEEP_DAYS must be at least 1, not 0."),
        (
            PRODUCTION | {"WEBHOOKS_TO_PRIVATE_ADDRESSES": "true"},
            "WEBHOOKS_TO_PRIVATE_ADDRESSES is for development.",
        ),
        (PRODUCTION | {"KEEP_EVENTS_DAYS": "0"}, "KEEP_EVENTS_DAYS must be at least 1, not 0."),
        (PRODUCTION | {"DB_LOCK_SECONDS": "0"}, "DB_LOCK_SECONDS must be at least 1, not 0."),
        (PRODUCTION | {"DB_STATEMENT_SECONDS": "-1"}, "DB_STATEMENT_SECONDS must be at least 0, not -1."),
        (PRODUCTION | {"DB_IDLE_SECONDS": "soon"}, "DB_IDLE_SECONDS must be a whole number, not 'soon'."),
        (PRODUCTION | {"WEB_THREADS": "0"}, "WEB_THREADS must be at least 1, not 0."),
        (PRODUCTION | {"REFERRAL_REWARD": "0"}, "REFERRAL_REWARD must be at least 1, not 0."),
        (PRODUCTION | {"POINT_CENTS": "0"}, "POINT_CENTS must be at least 1, not 0."),
        (
            PRODUCTION | {"AWS_S3_PRESIGNED_URL_EXPIRATION": "604801"},
            "AWS_S3_PRESIGNED_URL_EXPIRATION must be at most 604800, not 604801.",
        ),
        (PRODUCTION | {"USE_S3": "true"}, "AWS_STORAGE_BUCKET_NAME is not set. With USE_S3=true"),
        (PRODUCTION | {"AWS_S3_ENDPOINT_URL": "minio:9000"}, "AWS_S3_ENDPOINT_URL must start with http"),
        (PRODUCTION | {"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES must be at least 0, not -1."),
        (
            PRODUCTION | {"LOG_LEVEL": "LOUD"},
            "LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'LOUD'.",
        ),
    ],
)
def test_wrong_setting_stops_the_start_and_is_named(environment, complaint):
    outcome = start(**environment)
    assert outcome.returncode == 1
    assert complaint in outcome.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"DEBUG": "true"},
        PRODUCTION,
        PRODUCTION
        | {
            "USE_POSTGRES": "true",
            "REDIS_URL": "redis://localhost/0",
            "EMAIL_URL": "smtp+tls://me:secret@mail.example.com:587",
            "TASK_QUEUE": "database",
        }
        | {"USE_S3": "true", "AWS_STORAGE_BUCKET_NAME": "photos"},
    ],
    ids=["development", "production", "all parts"],
)
def test_correct_settings_start_without_output(environment):
    outcome = start(**environment)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


@pytest.mark.parametrize("postgres", ["true", "false"])
def test_deployment_check_has_no_warnings(postgres):
    outcome = run(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION, USE_POSTGRES=postgres
    )
    assert "System check identified no issues (0 silenced)." in outcome.stdout + outcome.stderr
    assert outcome.returncode == 0


def test_no_migration_is_missing():
    outcome = run("manage.py", "makemigrations", "--check", "--dry-run", DEBUG="true")
    assert (outcome.returncode, outcome.stdout) == (0, "No changes detected\n")


def test_rates_are_higher_in_development():
    show = "from config.settings import *; print(RATE_LOGIN, RATE_REGISTER, RATE_USER)"
    assert run("-c", show, DEBUG="true").stdout == "500 1000 50000\n"
    assert run("-c", show, **PRODUCTION).stdout == "10 20 1000\n"


@pytest.mark.parametrize(("debug", "admitted"), [("true", 3), ("false", 0)])
def test_development_origins_are_admitted_in_development_only(debug, admitted):
    show = "from config.settings import *; print(len(CORS_ALLOWED_ORIGINS), CSRF_TRUSTED_ORIGINS)"
    given = {"CORS_ALLOWED_ORIGINS": "", "CSRF_TRUSTED_ORIGINS": ""}
    assert run("-c", show, **PRODUCTION, **given, DEBUG=debug).stdout == f"{admitted} []\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("line", "given"),
    [("", True), ("DEBUG=false\n", False), ("export DEBUG=false\n", False), ("# DEBUG=false\n", True)],
)
def test_env_file_wins_over_make_run(tmp_path, line, given):
    shutil.copy(settings.BASE_DIR / "Makefile", tmp_path)
    (tmp_path / ".env").write_text(line)
    said = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv/.runtime", "run"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert ("DEBUG=${DEBUG:-true}" in said, "manage.py serve --demo" in said) == (given, True)


def names(file, pattern):
    return set(re.findall(pattern, (settings.BASE_DIR / file).read_text(), re.MULTILINE))


class TestDocumentation:
    READ = r'\b(?:text|words|names|flag|number|one_of|time_zone|url|mail|origins|secret)\(\s*"([A-Z0-9_]+)"'

    def test_every_variable_is_documented(self):
        rows = [
            line.split("|")[1]
            for line in (settings.BASE_DIR / "docs/settings.md").read_text().splitlines()
            if "|" in line
        ]
        documented = set(re.findall("`([A-Z0-9_]+)`", " ".join(rows)))
        documented.remove("WEB_WORKERS")  # read by the command of the image
        assert (
            documented == names("config/settings.py", self.READ) == names(".env.example", r"^#?([A-Z0-9_]+)=")
        )

    def test_compose_passes_every_variable(self):
        passed = names("compose.yaml", r"^    ([A-Z0-9_]+):")
        # It has a PostgreSQL of its own on the default port, and the folder of uploads is a volume.
        assert names("config/settings.py", self.READ) - passed == {"DB_PORT", "SQLITE_PATH", "UPLOADS_DIR"}

    def test_compose_publishes_the_proxies_only(self):
        """nginx listens on the loopback, so that clients reach it only through what stands in front of it."""
        text = (settings.BASE_DIR / "compose.yaml").read_text()
        services = re.findall(r"^  (\w+):\n((?:    .*\n)+)", text.split("\nservices:\n")[1], re.MULTILINE)
        ports = {name: re.findall(r"^    ports: (.+)$", body, re.MULTILINE) for name, body in services}
        assert {name: found for name, found in ports.items() if found} == {
            "proxy": ['["${HTTP_PORT:-127.0.0.1:8000}:80"]'],
            "tls": ['["80:80", "443:443"]'],
        }

    def test_socket_server_of_compose_takes_no_address_from_headers(self):
        """uvicorn would otherwise replace the address before TRUSTED_PROXIES is read."""
        [command] = re.findall(r"exec uvicorn .*", (settings.BASE_DIR / "compose.yaml").read_text())
        assert "--no-proxy-headers" in command
