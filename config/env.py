"""Typed readers of environment variables. A wrong value stops the start with an error that names the variable.

python-dotenv reads `.env`: django-environ's own reader takes an inline comment for a part of the value, or cuts a value
at any `#`. django-environ casts every unknown word to false.
"""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

env = environ.Env()


def read_env_file(path: Path) -> None:
    """Read `path` if it exists. Variables that are set already win."""
    load_dotenv(path, interpolate=False)


def text(name: str, default: str = "") -> str:
    """Return the value without blanks at the ends."""
    return str(env.str(name, default=default)).strip()


def words(name: str, default: list[str]) -> list[str]:
    """Return the words of a comma-separated list."""
    raw = text(name)
    return [word.strip() for word in raw.split(",") if word.strip()] if raw else list(default)


def names(name: str, default: dict[str, str]) -> dict[str, str]:
    """Return `default` with the values of a list like `cash=1000 Cash, tax=2200 Sales tax`."""
    found = dict(default)
    for pair in words(name, []):
        key, _, value = (part.strip() for part in pair.partition("="))
        if key not in default or not value:
            raise ImproperlyConfigured(f"{name} takes key=name with {', '.join(default)}, not {pair!r}.")
        found[key] = value
    return found


def flag(name: str, default: bool) -> bool:
    """Return a boolean."""
    raw = text(name).lower() or ("true" if default else "false")
    if raw in _TRUE:
        return True
    if raw in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {raw!r}.")


def number(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """Return a whole number from `least` to `most`."""
    raw = text(name, str(default)) or str(default)
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    if value < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {value}.")
    if most is not None and value > most:
        raise ImproperlyConfigured(f"{name} must be at most {most}, not {value}.")
    return value


def one_of(name: str, default: str, *options: str) -> str:
    """Return one of `options`, which are uppercase. The variable may have any case."""
    value = text(name, default).upper() or default
    if value not in options:
        raise ImproperlyConfigured(f"{name} must be {', '.join(options)}, not {value!r}.")
    return value


def time_zone(name: str, default: str) -> str:
    """Return the name of a time zone of the IANA database."""
    value = text(name, default) or default
    if value not in available_timezones():
        raise ImproperlyConfigured(f"{name} must be an IANA time zone like Europe/Vienna, not {value!r}.")
    return value


def url(name: str, default: str, *schemes: str) -> str:
    """Return a URL with one of `schemes` and a host. It may be empty if the default is."""
    value = text(name, default) or default
    if value and not re.fullmatch(rf"({'|'.join(schemes)})://[^\s/]\S*", value):
        raise ImproperlyConfigured(
            f"{name} must start with {' or '.join(f'{s}://' for s in schemes)}, not {value!r}."
        )
    return value


def mail(name: str, default: str) -> dict[str, object]:
    """Return Django's `EMAIL_*` settings of a URL like `smtp+tls://user:password@mail.example.com:587`."""
    value = text(name, default) or default
    try:
        options: dict[str, object] = environ.Env.email_url_config(value)
    except (ImproperlyConfigured, ValueError):  # without the value, which may hold a password
        known = ", ".join(f"{scheme}://" for scheme in environ.Env.EMAIL_SCHEMES)
        raise ImproperlyConfigured(f"{name} must start with one of {known} and name a host.") from None
    if value.startswith("smtp") and not options["EMAIL_HOST"]:
        raise ImproperlyConfigured(f"{name} must name a mail server, like smtp://mail.example.com.")
    if "OPTIONS" in options:
        raise ImproperlyConfigured(f"{name} has an unknown option after its `?`.")
    return options


def origins(name: str, default: list[str]) -> list[str]:
    """Return comma-separated origins as a browser sends them: scheme, host and port, without a path."""
    values = words(name, default)
    for value in values:
        if not re.fullmatch(r"https?://[^\s/?#@]+", value):
            raise ImproperlyConfigured(
                f"{name} must name origins like https://app.example.com, not {value!r}."
            )
    return values


def secret(name: str, *, development: str, debug: bool) -> str:
    """Return a signing key. In production it must be set, and long and varied enough (security.W009)."""
    value = text(name)
    if debug:
        return value or development
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. With DEBUG=false a signing key is needed; make one with\n"
            '  python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    if len(value) < 50 or len(set(value)) < 5 or value == development or value.startswith("django-insecure"):
        raise ImproperlyConfigured(
            f"{name} is too weak: it needs at least 50 characters, 5 of them different, "
            "and must not be the development key."
        )
    return value
