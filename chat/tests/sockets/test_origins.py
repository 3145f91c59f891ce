import pytest

from chat.sockets.origins import is_allowed


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, True),  # an app that is not a browser
        ("http://localhost:3000", True),  # CORS_ALLOWED_ORIGINS
        ("https://garage.example", True),
        ("http://garage.example:8080", True),
        ("http://[::1]:3000", True),
        ("https://evil.example", False),
        ("https://garage.example.evil.example", False),
        ("https://garage.example@evil.example", False),
        ("https://garage.example:443.evil.example", False),
        ("null", False),
        ("", False),
        ("file://garage.example", False),
        ("http://[", False),
    ],
)
def test_own_pages_and_cors_origins_are_allowed(settings, origin, expected):
    settings.ALLOWED_HOSTS = ["garage.example", "[::1]"]
    assert is_allowed(origin) is expected
