"""Clients can use the schema: docs/client is typed by it, compiled, and walks two days against a real server."""

from __future__ import annotations

import shutil

import pytest
from django.conf import settings

from config.tests.node import CLIENT, furnish, needs_npm, run
from testing.servers import database, free_port, serving

pytestmark = [pytest.mark.server, needs_npm]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the client, with types generated from the committed schema, checked and compiled."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("package.json", "tsconfig.json", "member.ts", "staff.ts", "socket.ts"):
        shutil.copy(CLIENT / name, folder)
    furnish(folder)
    tools = folder / "node_modules" / ".bin"
    schema = settings.BASE_DIR / "docs" / "openapi.yaml"
    run(str(tools / "openapi-typescript"), str(schema), "--output", "schema.d.ts", cwd=folder)
    run(str(tools / "tsc"), "--strict", "--noEmitOnError", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(folder, has_demo=True) as env:
        env |= {"DEBUG": "true", "PUBLIC_URL": f"http://localhost:{port}"}
        with serving(command, folder=folder, port=port, env=env) as server:
            yield server


@pytest.mark.parametrize("name", ["member", "staff"])
def test_client_walks_a_day(built, server, name):
    said = run("node", f"built/{name}.js", server.url, cwd=built)
    assert said == f"the {name}'s day is as it should be\n"
    assert "Traceback" not in server.log.read_text()


def test_undeclared_names_do_not_compile(built, tmp_path):
    """Else the types would be `any` and prove nothing."""
    program = (built / "member.ts").read_text()
    wrong = {
        "linked.dongleConnectionType": "linked.dongleKind",
        'connectionType: "BLE"': 'connectionType: "USB"',
        "place.hours[": "place.opening[",
        "{ planId: plus.id }": "{ plan: plus.id }",
    }
    for right, other in wrong.items():
        assert right in program
        program = program.replace(right, other)
    for path in built.iterdir():
        if path.suffix in (".ts", ".json") and path.name != "member.ts":
            shutil.copy(path, tmp_path)
    (tmp_path / "member.ts").write_text(program)
    furnish(tmp_path)
    with pytest.raises(AssertionError) as refused:
        run(str(tmp_path / "node_modules" / ".bin" / "tsc"), "--noEmit", cwd=tmp_path)
    for other in ("'dongleKind'", "'\"USB\"'", "'opening'", "'plan'"):
        assert other in str(refused.value)
