from __future__ import annotations

import sys

import pytest
import structlog

from config.logs import hide_secrets, logging_config


@pytest.mark.parametrize(
    "key",
    ["password", "new_password", "Authorization", "access_token", "api_key", "Set-Cookie", "client_secret"],
)
def test_value_under_a_secrets_name_is_hidden(key):
    assert hide_secrets(None, "info", {key: "s3cret", "event": "sign_in"}) == {
        key: "[hidden]",
        "event": "sign_in",
    }


def test_everything_else_is_written():
    event = {"event": "request_finished", "code": 200, "user_id": 7}
    assert hide_secrets(None, "info", dict(event)) == event


@pytest.mark.parametrize("pretty", [True, False])
def test_lines_are_text_or_json(pretty):
    config = logging_config(level="WARNING", pretty=pretty)
    last = config["formatters"]["line"]["processors"][-1]
    assert type(last).__name__ == ("ConsoleRenderer" if pretty else "JSONRenderer")
    assert config["root"] == {"handlers": ["stderr"], "level": "WARNING"}


@pytest.mark.parametrize("pretty", [True, False])
def test_traceback_shows_no_variables(pretty):
    *_, render = logging_config(level="INFO", pretty=pretty)["formatters"]["line"]["processors"]
    password = "".join(("s3", "cret"))  # not as it stands in the source
    try:
        raise ValueError(len(password))
    except ValueError:
        event = {"event": "request_failed", "exc_info": sys.exc_info()}
    if not pretty:
        event = structlog.processors.format_exc_info(None, "error", event)
    text = render(None, "error", event)
    assert "ValueError: 6" in text
    assert password not in text
