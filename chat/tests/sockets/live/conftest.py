"""A server with the demo data, and people who are signed in to it."""

from __future__ import annotations

import pytest

from testing.live import ALICE, FLEET, TECHNICIAN, Person
from testing.servers import database, free_port, serving


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("chat"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(folder, has_demo=True) as env:
        env |= {"DEBUG": "true", "SOCKET_CHECK_SECONDS": "1", "LOG_LEVEL": "DEBUG"}
        with serving(command, folder=folder, port=port, env=env) as server:
            server.env = env
            yield server


@pytest.fixture
def alice(server):
    return Person(server.url, ALICE)


@pytest.fixture
def fleet(server):
    return Person(server.url, FLEET)


@pytest.fixture
def tim(server):
    return Person(server.url, TECHNICIAN)


@pytest.fixture
def conversation(alice):
    return alice.start_thread()
