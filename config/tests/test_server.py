"""Real servers: the embedded one of `make run` and that of production."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
from django.conf import settings
from playwright.sync_api import sync_playwright
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from common.http.contracts.registry import CONTRACTS
from config.openapi import RESOURCES
from testing.browser import CHROMIUM, CHROMIUM_FLAGS
from testing.servers import database, free_port, maintenance, serving

pytestmark = pytest.mark.server

ALICE = {"email": "alice.cooper@customer.com", "password": "password123"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("embedded"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with (
        database(folder, has_demo=True) as env,
        serving(command, folder=folder, port=port, env={**env, "DEBUG": "true"}) as server,
    ):
        yield server


def section(title: str, page: str = "README.md") -> str:
    """Return the section of that title of a page of documentation."""
    text = (settings.BASE_DIR / page).read_text()
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_first_request_of_the_readme_gets_the_printed_response(server):
    command, answer = re.findall(r"```(?:bash|json)\n(.*?)```", section("A first request"), re.DOTALL)
    command = command.replace("localhost:8000", f"localhost:{server.port}")
    output = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert json.loads(output.stdout) == json.loads(answer)


def test_examples_for_the_apps_work(server, tmp_path):
    commands = re.findall(r"```bash\n(.*?)```", section("Member apps", "docs/clients.md"), re.DOTALL)
    script = "set -eo pipefail\n" + "echo\n".join(commands)
    script = script.replace("localhost:8000", f"localhost:{server.port}").replace(
        ".venv/bin/python", sys.executable
    )
    run = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    *lists, message = run.stdout.splitlines()
    vehicles, upcoming, offers, threads = (json.loads(part) for part in re.split(r"(?<=\])(?=\[)", lists[0]))
    assert [len(rows) for rows in (vehicles, upcoming, threads)] == [1, 1, 1]
    assert "Spring Maintenance Special" in {offer["title"] for offer in offers}
    assert "error" not in run.stdout
    assert (tmp_path / "presigned.json").exists()
    frame = json.loads(message)
    assert list(frame) == ["type", "id", "threadId", "body", "sender", "timestamp"]
    assert (frame["type"], frame["threadId"], frame["body"]) == ("MESSAGE", threads[0]["id"], "Hello!")


def test_schema_and_docs_need_no_other_host(server):
    schema = requests.get(f"{server.url}/api/schema/", timeout=10)
    assert schema.status_code == 200
    assert schema.text.startswith("openapi: 3.1.0")
    page = requests.get(f"{server.url}/api/docs/", timeout=10)
    assert page.status_code == 200
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("/"), address
        assert requests.get(server.url + address, timeout=10).status_code == 200, address


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_service_class_of_contract_000_runs(server, tmp_path):
    """The class as the contract prints it logs in as Alice and loads the dashboard."""
    contract = (settings.BASE_DIR / "docs/contracts/000-shop.md").read_text()
    printed = next(
        block
        for block in re.findall(r"```javascript\n(.*?)```", contract, re.DOTALL)
        if "class Customer" in block
    )
    script = tmp_path / "dashboard.mjs"
    script.write_text(
        "const store = new Map();\n"
        "globalThis.localStorage = {getItem: k => store.get(k) ?? null, setItem: (k, v) => store.set(k, v),\n"
        "  removeItem: k => store.delete(k)};\n"
        # Served from the page's origin, because the class calls '/api'.
        f"const plain = globalThis.fetch; globalThis.fetch = (u, o) => plain('{server.url}' + u, o);\n"
        f"{printed}\n"
        f"console.log = () => {{}};\n"
        f"const data = await loadCustomerDashboard('{ALICE['email']}', '{ALICE['password']}');\n"
        "const active = await dashboardService.getCustomerRepairOrders({status: 'pending,in_progress'});\n"
        "process.stdout.write(JSON.stringify({...data.summary, profile: data.profile.customer.name,\n"
        "  results: [data.appointments, data.vehicles, data.repairOrders].map(l => l.results.length),\n"
        "  active: active.count}));\n"
    )
    run = subprocess.run(["node", str(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {
        "totalAppointments": 7,
        "totalVehicles": 3,
        "totalRepairOrders": 16,
        "activeAppointments": 3,
        "profile": "Alice Cooper",
        "results": [7, 3, 16],
        "active": 5,
    }


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_examples_of_contract_004_run(server, tmp_path):
    """As printed, also with `fetch` without a content type: register, create the profile, read it, check it."""
    contract = (settings.BASE_DIR / "docs/contracts/004-crm.md").read_text()
    create, read, check = re.findall(r"```javascript\n(.*?)```", contract, re.DOTALL)
    script = tmp_path / "customer.mjs"
    script.write_text(
        f"const plain = globalThis.fetch; globalThis.fetch = (u, o) => plain('{server.url}' + u, o);\n"
        "const [email, first_name, last_name] = ['node@example.com', 'Nora', 'Node'];\n"
        "const [phone_number, password1, password2] = ['+15551234567', 'Pass123!', 'Pass123!'];\n"
        "const [street_address, city, state, postal_code, country] =\n"
        "  ['123 Test St', 'Portland', 'Oregon', '97201', 'USA'];\n"
        "let token, made, shown, exists;\n"
        f"{{ {create}\n token = tokens.access; made = await profile.json(); }}\n"
        f"{{ {read}\n shown = await profile.json(); }}\n"
        "const userId = made.user_id;\n"
        f"{{ {check}\n exists = await check.json(); }}\n"
        "process.stdout.write(JSON.stringify({made, shown, exists}));\n"
    )
    run = subprocess.run(["node", str(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    answers = json.loads(run.stdout)
    assert answers["shown"] == answers["made"]
    assert answers["exists"] == {
        "exists": True,
        "customer_id": answers["made"]["id"],
        "profile_exists": True,
        "user_id": answers["made"]["user_id"],
    }
    assert [answers["made"][name] for name in ("email", "first_name", "city", "is_verified")] == [
        "node@example.com",
        "Nora",
        "Portland",
        False,
    ]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_swagger_ui_shows_the_api_and_calls_no_other_host(server):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        complaints: list[str] = []
        outside: list[str] = []
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("request", lambda r: r.url.startswith((server.url, "data:")) or outside.append(r.url))
        page.goto(f"{server.url}/api/docs/")
        page.wait_for_selector(".opblock-tag", timeout=90_000)
        assert page.locator(".opblock-tag").count() == len(CONTRACTS) + len(RESOURCES)
        summaries = []
        for tag in ("Shop", "Member"):
            page.click(f".opblock-tag[data-tag={tag}]")
            page.wait_for_selector(".opblock", timeout=20_000)
            summaries += page.locator(".opblock-summary-description").all_inner_texts()
            page.click(f".opblock-tag[data-tag={tag}]")
        browser.close()
    assert {"Sign in with email and password", "Book an appointment", "Send a message"} <= {
        summary.partition(".")[0] for summary in summaries
    }
    assert (complaints, outside) == ([], [])


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_swagger_ui_keeps_the_token_over_a_reload(server):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        page.goto(f"{server.url}/api/docs/")
        page.wait_for_selector(".opblock-tag", timeout=90_000)
        bearer = page.locator(".auth-container", has_text="bearer")
        page.click(".auth-wrapper .authorize")
        bearer.locator("input").fill("a-token")
        bearer.get_by_role("button", name="Apply credentials").click()
        page.reload()
        page.wait_for_selector(".opblock-tag", timeout=90_000)
        page.click(".auth-wrapper .authorize")
        assert bearer.get_by_role("button", name="Remove authorization").is_visible()
        browser.close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_search_of_swagger_ui_finds_operations(server):
    """By words of summary, path, method and id in any case and order, and opens the tags of few findings."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.goto(f"{server.url}/api/docs/")
        page.wait_for_selector(".opblock-tag", timeout=90_000)

        def search(phrase: str, tags: int) -> list[str]:
            page.fill(".operation-filter-input", phrase)
            page.wait_for_function(f"document.querySelectorAll('.opblock-tag').length === {tags}")
            return page.locator(".opblock").evaluate_all("found => found.map(one => one.id)")

        assert search("AN APPOINTMENT book", 3) == [
            "operations-Shop-shop_customer_appointments_post",
            "operations-Member-member_book_appointment_post",
            "operations-Staff\\:_appointments-shop_appointments_create",
        ]
        assert search("post /authorisations/", 1) == [
            "operations-Staff\\:_repair_orders-shop_repair_orders_authorise"
        ]
        assert search("staff:", len(RESOURCES)) == []
        assert search("", len(CONTRACTS) + len(RESOURCES)) == []
        assert complaints == []
        browser.close()


def test_socket_at_an_unknown_url_is_refused(server):
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://localhost:{server.port}/other?token=abc"):
        pass
    assert refused.value.response.status_code == 403
    assert requests.get(f"{server.url}/healthz", timeout=5).json() == {"status": "ok"}


def test_hostile_bodies_are_refused_with_the_contracts_body(server):
    url = f"{server.url}/api/token/"
    json_type = {"Content-Type": "application/json"}
    large = requests.post(url, data=b'{"email": "' + b"x" * 10_000_000 + b'"}', headers=json_type, timeout=20)
    assert (large.status_code, set(large.json())) == (413, {"error", "detail"})

    def chunks():
        for _ in range(40):
            yield b"x" * 100_000

    chunked = requests.post(url, data=chunks(), headers=json_type, timeout=20)
    assert (chunked.status_code, set(chunked.json())) == (413, {"error", "detail"})
    deep = requests.post(url, data=b'{"a":' * 100_000 + b"1" + b"}" * 100_000, headers=json_type, timeout=20)
    assert (deep.status_code, deep.json()["error"]) == (400, "Malformed JSON")


def test_chunked_body_is_read(server):
    body = json.dumps(ALICE).encode()
    answer = requests.post(
        f"{server.url}/api/token/",
        data=iter([body[:20], body[20:]]),
        headers={"Content-Type": "application/json"},
        timeout=10,
    )
    assert (answer.status_code, set(answer.json())) == (200, {"access", "refresh"})


def test_log_has_the_request_without_secrets(server):
    tokens = requests.post(f"{server.url}/api/token/", json=ALICE, timeout=10).json()
    requests.get(
        f"{server.url}/api/auth/customer-profile/?token={tokens['access']}",
        headers={"Authorization": f"Bearer {tokens['access']}"},
        timeout=10,
    )
    log = server.log.read_text()
    assert "GET /api/auth/customer-profile/" in log
    assert "POST /api/token/" in log
    for secret in (tokens["access"], tokens["refresh"], ALICE["password"]):
        assert secret not in log


def test_server_stops_cleanly_and_restarts_on_its_data(tmp_path):
    port = free_port()
    command = ["manage.py", "serve", "--demo", "--port", str(port)]
    with database(tmp_path, is_migrated=False) as env:
        env = {**env, "DEBUG": "true"}
        for _ in range(2):
            with serving(command, folder=tmp_path, port=port, env=env) as server:
                assert requests.post(f"{server.url}/api/token/", json=ALICE, timeout=10).status_code == 200
                asked = time.monotonic()
                server.stop()
                assert time.monotonic() - asked < 5
                log = server.log.read_text()
                assert "Finished server process" in log
                assert "Traceback" not in log


@pytest.mark.skipif(not settings.USE_POSTGRES, reason="SQLite is a file")
def test_unavailable_database_is_refused_at_once(tmp_path):
    """A request that waited for an unavailable database would hold a thread, until the process stops answering."""
    port = free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with (
        database(tmp_path) as env,
        serving(command, folder=tmp_path, port=port, env={**env, "DEBUG": "true"}) as server,
        maintenance() as elsewhere,
        ThreadPoolExecutor(24) as people,
    ):

        def ask(path: str) -> tuple[int, str]:
            answer = requests.get(f"{server.url}{path}", timeout=60)
            return answer.status_code, answer.json()["status"]

        def open_to_all(yes: bool) -> None:
            elsewhere.execute(f'ALTER DATABASE "{env["DB_NAME"]}" ALLOW_CONNECTIONS {yes}')

        assert list(people.map(ask, ["/readyz"] * 24)) == [(200, "ok")] * 24
        open_to_all(False)
        elsewhere.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [env["DB_NAME"]]
        )
        asked = time.monotonic()
        assert list(people.map(ask, ["/readyz"] * 48)) == [(503, "unavailable")] * 48
        assert ask("/healthz") == (200, "ok")
        assert time.monotonic() - asked < 5
        open_to_all(True)
        assert ask("/readyz") == (200, "ok")


@pytest.mark.skipif(settings.USE_POSTGRES or not Path("/proc").exists(), reason="counts a file's handles")
def test_thread_keeps_its_sqlite_connection_without_a_snapshot(tmp_path):
    """There are as many connections as threads. Between requests SQLite can checkpoint its write-ahead log."""
    port = free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(tmp_path, has_demo=True) as env:
        file = Path(env["SQLITE_PATH"])
        with serving(command, folder=tmp_path, port=port, env={**env, "DEBUG": "true"}) as server:
            tokens = requests.post(f"{server.url}/api/token/", json=ALICE, timeout=10).json()
            headers = {"Authorization": f"Bearer {tokens['access']}"}

            def ask(path: str) -> int:
                return requests.get(f"{server.url}{path}", headers=headers, timeout=30).status_code

            def handles() -> int:
                links = Path(f"/proc/{server.process.pid}/fd").iterdir()
                return sum(link.readlink() == file for link in links)

            lists = ["/api/vehicles/", "/api/appointments/", "/api/v1/customer/orders?page=1", "/api/offers/"]
            with ThreadPoolExecutor(24) as people:
                assert set(people.map(ask, lists * 50)) == {200}
            assert 1 <= handles() <= settings.WEB_THREADS + 2  # of the requests, of migrating and of tasks
            with closing(sqlite3.connect(file)) as other:
                is_busy, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert not is_busy


def test_embedded_server_without_a_proxy_believes_no_header_of_this_machine(tmp_path):
    """Attempts of one client count together, whatever address its headers claim."""
    port = free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(tmp_path) as env:
        env |= {"DEBUG": "true", "TRUSTED_PROXIES": "0", "RATE_ADDRESS": "2"}
        with serving(command, folder=tmp_path, port=port, env=env) as server:
            statuses = [
                requests.post(
                    f"{server.url}/api/token/",
                    json={"email": f"stranger{number}@example.com", "password": "wrong"},
                    headers={"X-Forwarded-For": f"203.0.113.{number}"},
                    timeout=10,
                ).status_code
                for number in range(3)
            ]
    assert statuses == [401, 401, 429]


def test_production_server_answers_and_stops(tmp_path):
    """granian with production's settings redirects plain HTTP to HTTPS, except for the probes."""
    port = free_port()
    command = [
        "granian", "--interface", "wsgi", "--port", str(port), "--workers", "1", "--blocking-threads", "1",
        "--no-ws", "config.wsgi:application",
    ]  # fmt: skip
    with database(tmp_path) as env:
        env |= {"DEBUG": "false", "ALLOWED_HOSTS": "localhost", "TRUSTED_PROXIES": "1"}
        env |= {"SECRET_KEY": "kd83jf-qK2x9vB7nM4zL1pW6tR5yE0uI8oA3sD2fG7hJ9cX4bN"}
        with serving(command, folder=tmp_path, port=port, env=env) as server:
            assert requests.get(f"{server.url}/readyz", timeout=5).status_code == 200
            plain = requests.post(f"{server.url}/api/token/", json=ALICE, timeout=5, allow_redirects=False)
            assert (plain.status_code, plain.headers["Location"]) == (
                301,
                f"https://localhost:{port}/api/token/",
            )
            secure = requests.post(
                f"{server.url}/api/token/", json=ALICE, timeout=10, headers={"X-Forwarded-Proto": "https"}
            )
            assert secure.json() == {"detail": "No active account found with the given credentials"}
            chunked = requests.post(
                f"{server.url}/api/token/",
                data=iter([json.dumps(ALICE).encode()]),
                timeout=10,
                headers={"X-Forwarded-Proto": "https", "Content-Type": "application/json"},
            )
            assert chunked.json() == secure.json()
            assert secure.headers["Strict-Transport-Security"].startswith("max-age=31536000")
            assert server.stop() in (0, -15)
            lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
            assert [line["code"] for line in lines if line["event"] == "request_finished"] == [
                200,
                200,
                301,
                401,
                401,
            ]


def test_two_copies_serve_at_the_same_time(server, tmp_path):
    port = free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with (
        database(tmp_path, postgres=False, has_demo=True) as env,
        serving(command, folder=tmp_path, port=port, env={**env, "DEBUG": "true", "REDIS_URL": ""}) as second,
    ):
        for one in (server, second):
            assert requests.post(f"{one.url}/api/token/", json=ALICE, timeout=10).status_code == 200
