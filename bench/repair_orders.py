"""Lists of 16, 160 and 1,000 repair orders of a customer: ours in production's settings, against LIMIT and common stacks.

`python -m bench.repair_orders` prints the section alone.
"""

from __future__ import annotations

from bench import costs, data, load
from bench.report import Goal, Section, spread

PATH = "/api/shop/repair-orders/customers/me/repair-orders/"
# Rows -> goal against LIMIT, connections. Long requests get few connections, so that few are left at the end of a round.
SIZES = {16: (0.50, 32), 160: (0.75, 16), 1000: (0.75, 8)}
PICKED = ("stock DRF", "django-ninja", "FastAPI + SQLAlchemy")


def measure() -> Section:
    """Measure throughput against LIMIT at each size and against stock DRF at the smallest, and the CPU of ours by part."""
    tokens = data.prepare(data.POSTGRES)
    section = Section("Repair orders of a customer")
    parts = costs.table(PATH, tokens[16])  # before any server shares the machine
    with load.started(peers := servers()):
        rounds = {
            rows: load.compare(peers, PATH, tokens[rows], connections=connections)
            for rows, (_, connections) in SIZES.items()
        }
    for rows, (goal, _) in SIZES.items():
        limit = load.ratios(rounds[rows], "ours", "LIMIT")
        section.goals.append(Goal(f"repair orders, {rows:,} rows", "LIMIT", goal, limit))
        section.text += [f"### {rows:,} rows", "", *load.table(rounds[rows], against="LIMIT"), ""]
    stock = load.ratios(rounds[16], "ours", "stock DRF")
    section.goals.append(Goal("repair orders, 16 rows", "stock DRF", 8, stock))
    section.text[:0] = [
        (
            "Each row has two part lines and two service lines. The table holds 33,000 orders of 2,000 customers. Ours has "
            "production's settings and middleware, looks up the session and user, and counts requests in Redis."
        ),
        "",
        *_times_faster(rounds),
        "",
    ]
    section.text += ["### CPU of ours by part, 16 rows", "", costs.HOW, "", *parts]
    return section


def servers() -> list[load.Peer]:
    env = data.POSTGRES
    return [
        load.Peer("ours", "config.wsgi:application", env),
        load.Peer("LIMIT", "bench.peers.limit:application", env),
        load.Peer("stock DRF", "bench.peers.stock_drf:application", env),
        load.Peer("django-ninja", "bench.peers.ninja_app:application", env),
        load.Peer("FastAPI + SQLAlchemy", "bench.peers.fastapi_app:application", env, interface="asgi"),
    ]


def _times_faster(rounds: dict[int, load.Rounds]) -> list[str]:
    lines = [
        "| ours against | " + " | ".join(f"{rows:,} rows" for rows in rounds) + " |",
        "|---|---|---|---|",
    ]
    for name in PICKED:
        cells = (spread(load.ratios(own, "ours", name), 1) for own in rounds.values())
        lines.append(f"| {name} | {' | '.join(f'{cell} ×' for cell in cells)} |")
    return lines


if __name__ == "__main__":
    print(measure())
