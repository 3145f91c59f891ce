"""Grade the headers of a page like Mozilla's HTTP Observatory and securityheaders.com.

Sources: https://developer.mozilla.org/en-US/observatory/docs/tests_and_scoring (100 points, a modifier per test,
bonuses only from 90 on, A from 90, A+ from 100) and https://securityheaders.com (A: six headers are present and
effective). An A here is an A of both. Tests of more than headers are left out: redirection to HTTPS, subresource
integrity, cross-origin sharing (config/tests/test_settings.py, files/).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_SIX_MONTHS = 15_768_000
# The headers that securityheaders.com requires.
_SIX = (
    "strict-transport-security", "content-security-policy", "x-frame-options", "x-content-type-options",
    "referrer-policy", "permissions-policy",
)  # fmt: skip
_PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}


def grade(headers: Mapping[str, str], cookies: Iterable[str]) -> tuple[int, list[str]]:
    """Return the points of the Observatory (A from 90 on), and the faults that prevent an A of either.

    `headers` have names in lower case. `cookies` are the values of Set-Cookie.
    """
    faults = [f"no {name}" for name in _SIX if name not in headers]
    policy = _directives(headers.get("content-security-policy", ""))
    tests = [
        _content_security(policy),
        _transport(headers.get("strict-transport-security", "")),
        (0, "") if headers.get("x-content-type-options") == "nosniff" else (-5, "X-Content-Type-Options"),
        _framing(policy, headers.get("x-frame-options", "")),
        (5, "") if headers.get("referrer-policy") in _PRIVATE else (-5, "Referrer-Policy"),
        *(_cookie(cookie) for cookie in cookies),
    ]
    if headers.get("cross-origin-opener-policy") != "same-origin":
        faults.append("Cross-Origin-Opener-Policy")
    points = 100 + sum(points for points, _ in tests if points < 0)
    if points >= 90:
        points += sum(points for points, _ in tests if points > 0)
    else:
        faults += [f"{points}: {fault}" for points, fault in tests if points < 0]
    return points, faults


def _directives(policy: str) -> dict[str, list[str]]:
    parts = (part.split() for part in policy.split(";"))
    return {name: values for name, *values in (part for part in parts if part)}


def _content_security(policy: dict[str, list[str]]) -> tuple[int, str]:
    if not policy:
        return -25, "no Content-Security-Policy"
    scripts = policy.get("script-src", policy.get("default-src", ["*"]))
    objects = policy.get("object-src", policy.get("default-src", ["*"]))
    has_nonce = any(source.startswith(("'nonce-", "'sha")) for source in scripts)
    wide = {"*", "https:", "http:", "data:"}
    if ("'unsafe-inline'" in scripts and not has_nonce) or wide & {*scripts, *objects}:
        return -20, f"scripts from anywhere: {scripts} {objects}"
    if "'unsafe-eval'" in scripts:
        return -10, "unsafe-eval"
    if "'unsafe-inline'" in policy.get("style-src", []):
        return 0, ""
    return (10 if policy.get("default-src") == ["'none'"] else 5), ""


def _transport(value: str) -> tuple[int, str]:
    ages = [part.strip().partition("=")[2] for part in value.split(";") if part.strip().startswith("max-age")]
    if not ages:
        return -20, "no Strict-Transport-Security"
    return (0, "") if int(ages[0]) >= _SIX_MONTHS else (-10, f"Strict-Transport-Security for {ages[0]} s")


def _framing(policy: dict[str, list[str]], value: str) -> tuple[int, str]:
    if policy.get("frame-ancestors") in (["'none'"], ["'self'"]):
        return 5, ""
    return (0, "") if value in ("DENY", "SAMEORIGIN") else (-20, "may be framed")


def _cookie(cookie: str) -> tuple[int, str]:
    """Return points and fault of a cookie. All must be HttpOnly, because no script of a page reads them."""
    name, *attributes = (part.strip().lower() for part in cookie.split(";"))
    if "secure" not in attributes:
        return -20, f"not Secure: {name.partition('=')[0]}"
    if "httponly" not in attributes:
        return -30, f"not HttpOnly: {name.partition('=')[0]}"
    if not {"samesite=lax", "samesite=strict"} & set(attributes):
        return -20, f"no SameSite: {name.partition('=')[0]}"
    return 5, ""
