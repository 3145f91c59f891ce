"""Clients of four generators compile, and each walks a staff day and a member day against a real server.

`make clients` installs the generators and runs this file. docs/client has the programs, and test_typescript.py the
fourth generator. What is generated is not committed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings

from config.tests.node import CLIENT, needs_npm, run
from testing.servers import database, free_port, serving

GENERATORS = CLIENT / "generators"
SCHEMA = settings.BASE_DIR / "docs" / "openapi.yaml"
DONE = "both days are as they should be\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    needs_npm,
    pytest.mark.skipif(
        find_spec("openapi_generator_cli") is None or not (GENERATORS / "node_modules").is_dir(),
        reason="the generators are not installed: run make clients",
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with (
        database(folder, has_demo=True) as env,
        serving(command, folder=folder, port=port, env={**env, "DEBUG": "true"}) as server,
    ):
        yield server.url
        assert "Traceback" not in server.log.read_text()


def generate(generator: str, folder: Path, **properties: str) -> None:
    """Run openapi-generator. It checks the schema as well."""
    given = ",".join(f"{name}={value}" for name, value in properties.items())
    words = [
        "generate",
        "-i",
        str(SCHEMA),
        "-g",
        generator,
        "-o",
        str(folder),
        f"--additional-properties={given}",
    ]
    program = "import sys, openapi_generator_cli as tool; sys.exit(tool.run(sys.argv[1:]).returncode)"
    run(sys.executable, "-c", program, *words, cwd=folder.parent)


def compile_and_run(folder: Path, site: str, **further: bool) -> str:
    """Compile `walk.ts` with what was generated, in the strict mode of TypeScript and further options, and run it."""
    (folder / "node_modules").symlink_to(GENERATORS / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    options = {
        "target": "ES2022",
        "module": "NodeNext",
        "strict": True,
        "lib": ["ES2022", "DOM", "DOM.Iterable"],
        "types": ["node"],
        "outDir": "built",
        "rootDir": ".",
        **further,
    }
    config = {"compilerOptions": options, "include": ["walk.ts", "generated/**/*.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(config))
    run("node_modules/.bin/tsc", "--noEmitOnError", cwd=folder)
    return run("node", "built/walk.js", site, cwd=folder)


def test_client_of_hey_api_walks_both_days(site, tmp_path):
    shutil.copytree(CLIENT / "hey-api", tmp_path, dirs_exist_ok=True)
    tool = GENERATORS / "node_modules" / ".bin" / "openapi-ts"
    run(str(tool), "-i", str(SCHEMA), "-f", "openapi-ts.config.mjs", cwd=tmp_path)
    assert compile_and_run(tmp_path, site, noUncheckedIndexedAccess=True) == DONE


def test_client_of_typescript_fetch_walks_both_days(site, tmp_path):
    shutil.copytree(CLIENT / "typescript-fetch", tmp_path, dirs_exist_ok=True)
    generate("typescript-fetch", tmp_path / "generated", importFileExtension=".js")
    assert compile_and_run(tmp_path, site) == DONE


def test_client_of_python_walks_both_days(site, tmp_path):
    """Warnings are errors: pydantic warns of names that hide others."""
    shutil.copytree(CLIENT / "python", tmp_path, dirs_exist_ok=True)
    generate("python", tmp_path / "generated", packageName="garage_client")
    words = [sys.executable, "-W", "error", "walk.py", site]
    path = {**os.environ, "PYTHONPATH": str(tmp_path / "generated")}
    end = subprocess.run(
        words, cwd=tmp_path, env=path, capture_output=True, text=True, check=False, timeout=300
    )
    assert (end.returncode, end.stdout, end.stderr) == (0, DONE, "")
