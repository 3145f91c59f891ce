from __future__ import annotations

import pytest

from common.http.address import client_address, client_ip


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, None, "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),  # no proxy in front, so the client wrote the header
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, " , ", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6,  2001:db8::1 ", "2001:db8::/64"),
        (1, "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]", "2001:db8::/64"),
        (1, "[2001:db8::1]:4711", "2001:db8::/64"),
        (1, "[::ffff:203.0.113.9]:4711", "203.0.113.9"),
        (1, "fe80::1%eth0", "fe80::/64"),
        (1, "203.0.113.9:port", "203.0.113.9:port"),
        (1, "[]:4711", "[]:4711"),
        (1, "x" * 100, "x" * 64),
    ],
)
def test_client_address(rf, settings, trusted, forwarded, address):
    settings.TRUSTED_PROXIES = trusted
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(rf.get("/", REMOTE_ADDR="192.0.2.1", **headers)) == address


@pytest.mark.parametrize("missing", ["", None])
def test_client_address_is_unknown_without_a_remote_address(rf, missing):
    request = rf.get("/")
    request.META["REMOTE_ADDR"] = missing
    assert client_address(request) == "unknown"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (None, "192.0.2.1"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", None),
        ("x" * 100, None),
    ],
)
def test_client_ip_is_whole_or_none(rf, settings, forwarded, address):
    settings.TRUSTED_PROXIES = 1
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    assert client_ip(rf.get("/", REMOTE_ADDR="192.0.2.1", **headers)) == address
