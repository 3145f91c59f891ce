"""Run schemathesis over every operation of the served schema, with all checks, as customers and as staff.

fuzz.toml lists the checks that are off for some operations, and the reasons.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import requests
from django.conf import settings

from testing.servers import Server
from trust.promises import Tally, Trial

SEEDS = (1, 20_26, 4_711)
# Contract -> the demo account that calls it.
CUSTOMERS = {
    "SHOP": ("alice.cooper@customer.com", "password123"),
    "CARE": ("ali.jawad@example.com", "customer123"),
    "MEMBER": ("john@example.com", "securepassword123"),
    "CRM": ("business@example.com", "business12345"),
    "FLEET": ("fleet@rswind.example", "fleet12345"),
}
ROLES = {
    "customers": CUSTOMERS,
    "administrator": dict.fromkeys(CUSTOMERS, ("admin@example.com", "admin12345")),
    "technician": dict.fromkeys(CUSTOMERS, ("tech@test.com", "technician123")),
}
SEEDS_OF = {"technician": 1}  # a technician is refused most calls, and the administrator covers the others
# It would delete the customer of the run. trust/by_hand.py tries it.
LEFT_OUT = "crm_delete_profile_delete"


def fuzz(trial: Trial, tally: Tally, role: str) -> None:
    """Run every seed as one of the roles."""
    with trial.server("SQLite") as server:
        who = _credentials(server, ROLES[role])
        for seed in SEEDS[: trial.size(SEEDS_OF.get(role, len(SEEDS)), 1)]:
            is_whole = seed == SEEDS[0] and role not in SEEDS_OF and trial.is_full
            phases = "examples,coverage,fuzzing,stateful" if is_whole else "fuzzing"
            _run(server, who, tally, f"{role}-{seed}", "--phases", phases, "--seed", str(seed),
                 "--max-examples", str(trial.size(12, 3)))  # fmt: skip


def _credentials(server: Server, people: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return the variables of fuzz.toml: an access token per contract, and cookies for the fleet."""
    found = {}
    for contract, (email, password) in people.items():
        if contract == "FLEET":
            browser = sign_in_to_pages(server, email, password)
            found["FLEET"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
            found["CSRF"] = browser.cookies["csrftoken"]
        else:
            found[contract] = token(server, email, password)
    return found


def token(server: Server, email: str, password: str) -> str:
    """Sign in and return an access token."""
    answer = requests.post(
        f"{server.url}/api/token/", json={"email": email, "password": password}, timeout=30
    )
    return str(answer.json()["access"])


def sign_in_to_pages(
    server: Server, email: str, password: str, login_page: str = "/customer/login/"
) -> requests.Session:
    """Sign in on the login page of the portal or the admin and return the browser session."""
    browser = requests.Session()
    browser.get(server.url + login_page, timeout=30)
    form = {"username": email, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post(server.url + login_page, form, timeout=30, allow_redirects=False).raise_for_status()
    return browser


def _run(server: Server, who: dict[str, str], tally: Tally, name: str, *options: str) -> None:
    folder = server.log.parent / name
    folder.mkdir()
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "--no-color",
            "--config-file", settings.BASE_DIR / "trust/fuzz.toml", "run", f"{server.url}/api/schema/",
            "--exclude-operation-id", LEFT_OUT, "--continue-on-failure", "--no-shrink",
            "--report", "json", "--report-json-path", folder / "report.json", *options,
        ],
        cwd=folder,  # it writes a cache to its folder
        env={**os.environ, **who, "PYTHONPATH": str(settings.BASE_DIR)},
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    try:
        report = json.loads((folder / "report.json").read_text())
    except FileNotFoundError:
        tally.failures.append(f"{name}: schemathesis did not run: {run.stdout[-2000:]}{run.stderr[-2000:]}")
        return
    tally.cases += report["test_cases"]["generated"]
    tally.failures += [f"{name}: {failure}" for failure in _failures(run.stdout)]
    if not report["complete"] or report["errors"] or (run.returncode and not tally.failures):
        tally.failures.append(f"{name}: {report['stop_reason']}: {report['errors'][:3]}")


def _failures(printed: str) -> Iterator[str]:
    """Yield each failure that the report prints: its operation, the fault, the response and the request."""
    _, _, failures = printed.partition(" FAILURES ==")
    for block in re.split(r"\n_{3,} ", failures.partition("\n====")[0])[1:]:
        operation, _, cases = block.partition(" ___")
        for case in re.split(r"\n\d+\. Test Case ID: ", cases)[1:]:
            text = re.sub(r"(Bearer |sessionid=|csrftoken=|X-CSRFToken: )[\w.-]+", r"\1…", case)
            yield f"{operation}: {' '.join(text.split()[1:])[:1500]}"
