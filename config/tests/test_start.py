"""A wrong setting stops the start and is named. An empty one has its default."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config import env

KEY = "kd83jf-qK2x9vB7nM4zL1pW6tR5yE0uI8oA3sD2fG7hJ9cX4bN"
WRONG = {
    "DEBUG": "banana",
    "USE_POSTGRES": "perhaps",
    "ACCESS_TOKEN_MINUTES": "x",
    "DB_PORT": "5432x",
    "RATE_LOGIN": "0",
    "TIME_ZONE": "Mars",
    "LOG_LEVEL": "LOUD",
    "REDIS_URL": "localhost:6379",
    "PUBLIC_URL": "garage.example",
    "CORS_ALLOWED_ORIGINS": "localhost:3000",
    "CSRF_TRUSTED_ORIGINS": "https://garage.example/admin",
}


# A developer's .env must not change these tests.
LOAD = "import dotenv; dotenv.load_dotenv = lambda *_, **__: None; import config.settings"


def start(**given: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process with no other variables."""
    return subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "DEBUG": "true", **given},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", WRONG)
def test_wrong_setting_stops_the_start_and_is_named(name):
    end = start(**{name: WRONG[name]})
    assert end.returncode == 1
    last = end.stderr.strip().splitlines()[-1]
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: {name} must ")
    assert WRONG[name] in last


def test_empty_setting_has_its_default():
    assert start(**dict.fromkeys([*WRONG, "SECRET_KEY"], "") | {"DEBUG": "true"}).returncode == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "SECRET_KEY is not set."),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": KEY}, "ALLOWED_HOSTS is not set."),
    ],
)
def test_production_needs_its_settings(given, words):
    end = start(DEBUG="false", **given)
    assert end.returncode == 1
    assert words in end.stderr


def test_production_starts_with_its_settings():
    assert start(DEBUG="false", SECRET_KEY=KEY, ALLOWED_HOSTS="garage.example").returncode == 0


@pytest.mark.parametrize(
    "value",
    ["https://garage.example", "http://localhost:3000, https://*.garage.example", "http://[::1]:3000"],
)
def test_origins_are_accepted(monkeypatch, value):
    monkeypatch.setenv("SOME_ORIGINS", value)
    assert env.origins("SOME_ORIGINS", []) == [word.strip() for word in value.split(",")]


@pytest.mark.parametrize(
    "value", ["*", "null", "https://", "https://a b", "https://x?y", "ftp://x", "https://u@x"]
)
def test_other_text_is_no_origin(monkeypatch, value):
    monkeypatch.setenv("SOME_ORIGINS", value)
    with pytest.raises(ImproperlyConfigured, match="SOME_ORIGINS"):
        env.origins("SOME_ORIGINS", [])


def test_log_level_may_have_any_case(monkeypatch):
    monkeypatch.setenv("SOME_LEVEL", "debug")
    assert env.one_of("SOME_LEVEL", "INFO", "DEBUG", "INFO") == "DEBUG"
