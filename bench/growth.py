"""The four requests of a customer's dashboard on a small database and on one a hundred times larger.

`python -m bench.growth` prints the section alone. Both databases (`garage_bench_small`, `garage_bench_large`) are built
once, in about a minute, and kept for the next run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import load
from bench.report import Goal, Section
from bench.servers import ENV, ROOT, ROUNDS, SECONDS, ensure_database, use_django

SMALL, TIMES = 500, 100  # customers of the small database; factor of the large one
CALLS = {
    "profile": "/api/auth/customer-profile/",
    "vehicles": "/api/shop/vehicles/customers/me/vehicles/",
    "appointments": "/api/shop/appointments/customers/me/appointments/",
    "repair orders": "/api/shop/repair-orders/customers/me/repair-orders/",
}
# The requests take turns, on any free connection.
IN_TURN = """
local paths, number = {%s}, 0
request = function() number = number + 1; return wrk.format("GET", paths[number %% #paths + 1]) end
"""


def measure() -> Section:
    """Measure throughput on the large database against the small one, round by round."""
    shops = {name: prepare(name, size) for name, size in (("small", SMALL), ("large", SMALL * TIMES))}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "in_turn.lua"
        script.write_text(IN_TURN % ", ".join(f'"{path}"' for path in CALLS.values()))
        for peer, _ in shops.values():
            peer.script = script
        with load.started([peer for peer, _ in shops.values()]):
            bodies = {name: same_body(shops, path) for name, path in CALLS.items()}
            rounds = in_turn(shops)
    ratios = load.ratios(rounds, "large", "small")
    goal = Goal(f"four dashboard calls, database {TIMES} × larger", "itself on the small one", 0.9, ratios)
    each, sizes = (
        len(json.loads(bodies["repair orders"])["results"]),
        ", ".join(f"{name} {len(body) / 1024:.1f} KB" for name, body in bodies.items()),
    )
    about = f"{SMALL:,} and {SMALL * TIMES:,} customers with {each} repair orders each. The four requests of one customer take turns ({sizes})."
    return Section("Growth", [goal], [about, "", *load.table(rounds, against="small")])


def prepare(name: str, customers: int) -> tuple[load.Peer, str]:
    """Return a server over a database of `customers` customers, filled if it is empty, and a token of one of them."""
    env = {**ENV, "DB_NAME": f"garage_bench_{name}"}
    ensure_database(env["DB_NAME"])
    command = [sys.executable, "-m", "bench.growth", str(customers)]
    token = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
    return load.Peer(name, "config.wsgi:application", env), token.strip()


def in_turn(shops: dict[str, tuple[load.Peer, str]]) -> load.Rounds:
    """Run alternating rounds of the four requests, after one to warm up."""
    for peer, token in shops.values():
        peer.warm_up("", token, connections=load.CONNECTIONS)
    rounds: load.Rounds = {name: [] for name in shops}
    for _ in range(ROUNDS):
        for name, (peer, token) in shops.items():
            rounds[name].append(peer.load("", token, connections=load.CONNECTIONS, seconds=SECONDS))
    return rounds


def same_body(shops: dict[str, tuple[load.Peer, str]], path: str) -> str:
    """Return the body. Raise AssertionError if the two differ in more than numbers, such as ids and days."""
    bodies = [json.dumps(peer.ask(path, token), separators=(",", ":")) for peer, token in shops.values()]
    small, large = (re.sub(r"[0-9]+([.][0-9]+)?", "0", body) for body in bodies)
    assert small == large, f"{path}: the bodies differ; nothing was timed"
    return bodies[0]


def build(customers: int) -> str:
    """Fill the database named in the environment if it is empty, and return a token of a customer in the middle.

    Runs in a process of its own, because a process can use one database.
    """
    use_django({**ENV})
    from django.core.management import call_command
    from django.utils import timezone

    from accounts.actions import open_session
    from accounts.models import User
    from testing import growth

    call_command("migrate", verbosity=0)
    if not User.objects.exists():
        print(f"building {customers:,} customers …", file=sys.stderr, flush=True)
        growth.fill(customers)
    # One more than a multiple of four: the same states in both, and no rows of the fleet, cancelled or denied.
    middle = User.objects.get(pk=customers // 8 * 4 + 1)
    return open_session(user=middle, now=timezone.now()).access


if __name__ == "__main__":
    print(build(int(sys.argv[1])) if len(sys.argv) > 1 else measure())
