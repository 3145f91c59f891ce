"""Wrong settings stop the start, tried in a process of its own."""

from __future__ import annotations

import os
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
        (PRODUCTION | {"MAX_BODY_BYTES": "10"}, "MAX_BODY_BYTES must be at least 1024, not 10."),
        (
            PRODUCTION | {"EMAIL_URL": "smtp://"},
            "EMAIL_URL must name a mail server, like smtp://mail.example.com.",
        ),
        (PRODUCTION | {"TASK_QUEUE": "later"}, "TASK_QUEUE must be IMMEDIATE, DATABASE, not 'LATER'."),
        (PRODUCTION | {"REFERRAL_REWARD": "0"}, "REFERRAL_REWARD must be at least 1, not 0."),
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
