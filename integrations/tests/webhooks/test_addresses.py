"""Webhooks are sent to public addresses alone."""

from __future__ import annotations

import pytest

from common.domain.errors import Invalid
from integrations.webhooks import addresses
from integrations.webhooks.addresses import (
    AddressRefused,
    Target,
    check_url,
    look_up,
    public_addresses,
    target_of,
)

PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]
REFUSED = [
    *("127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("192.88.99.1", "3fff::1"),  # relays of 6to4, documentation
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    # IPv4 within IPv6: mapped, 6to4, NAT64, Teredo
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1"),
    *("64:ff9b::a9fe:a9fe", "2001:0:4136:e378:8000:63bf:f5ff:fffe"),
]


@pytest.fixture
def names(monkeypatch):
    """Return the names of the DNS, which the test fills."""
    table: dict[str, list[str]] = {}

    def lookup(host, port):
        if host not in table:
            raise OSError("not found")
        return table[host]

    monkeypatch.setattr(addresses, "lookup", lookup)
    return table


def target(host):
    return Target("https", host, 443, "/")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_taken(names, address):
    names["hooks.example.com"] = [address]
    check_url(look_up("https://hooks.example.com/garage"))
    assert public_addresses(target("hooks.example.com")) == [address]


@pytest.mark.parametrize("address", REFUSED)
def test_address_that_is_not_public_is_refused_at_save_and_at_connect(names, address):
    names["hooks.example.com"] = [PUBLIC[0], address]
    with pytest.raises(Invalid) as refused:
        check_url(look_up("https://hooks.example.com/garage"))
    assert refused.value.field == "url"
    assert refused.value.text == (
        f"hooks.example.com is {address}, which is not public. Webhooks are sent to public addresses alone."
    )
    with pytest.raises(AddressRefused):
        public_addresses(target("hooks.example.com"))


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "127.1"])
def test_spellings_of_this_machine_are_refused(host):
    with pytest.raises(Invalid, match="is not public"):
        check_url(look_up(f"https://{host}/"))


def test_refusal_of_an_address_names_it_once():
    with pytest.raises(Invalid) as refused:
        check_url(look_up("https://10.0.0.5/garage"))
    assert refused.value.text == "10.0.0.5 is not public. Webhooks are sent to public addresses alone."


def test_name_that_is_not_found_may_be_found_later(names):
    check_url(look_up("https://hooks.example.com/garage"))
    with pytest.raises(OSError, match="not found"):
        public_addresses(target("hooks.example.com"))


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example.com", "http://hooks.example.com/", "ftp://hooks.example.com/", "https://"),
        *("https://user:pass@hooks.example.com/", "https://user@hooks.example.com/"),
        *(
            "https://hooks.example.com/#part",
            "https://hooks.example.com:0/",
            "https://hooks.example.com:65536/",
        ),
        *("https://hooks.example.com:port/", "https://hooks.exämple.com/", "https://hooks.example.com/a b"),
        *("https://hooks.example.com/\r\nHost: other", "https://[::1/", "https://a.example/" + "x" * 500),
    ],
)
def test_url_that_cannot_be_sent_to_is_refused(names, url):
    with pytest.raises(Invalid) as refused:
        check_url(look_up(url))
    assert refused.value.field == "url"


def test_setting_of_development_allows_this_machine_and_http(settings):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True
    check_url(look_up("http://127.0.0.1:8000/hooks"))


@pytest.mark.parametrize(
    ("url", "parts", "host"),
    [
        ("https://a.example", Target("https", "a.example", 443, "/"), "a.example"),
        ("https://A.example:443/x?y=1", Target("https", "a.example", 443, "/x?y=1"), "a.example"),
        ("https://a.example:8443?y=1", Target("https", "a.example", 8443, "/?y=1"), "a.example:8443"),
        ("https://[2606:2800::1]:8443/", Target("https", "2606:2800::1", 8443, "/"), "[2606:2800::1]:8443"),
    ],
)
def test_url_has_these_parts(url, parts, host):
    assert (target_of(url), target_of(url).host_header) == (parts, host)
