"""Every list of contracts 001 to 004 as production serves it, against the same endpoint as a stock DRF view.

`python -m bench.lists` prints the section alone. Rounds are of a second, as there are many.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from bench import costs, customer_profile, lists_data, load
from bench.report import Goal, Section, spread
from bench.servers import ROUNDS, SECONDS

LENGTH = min(SECONDS, 1.0)
CONNECTIONS = 16
GOAL = 8
SHORTEST = "member: plans"  # nearly all of it is what any request costs
SHOP = "/api/shop/repair-orders/customers/me/repair-orders/"
# What it is called, and where; `{thread}` is the customer's long one.
LISTS = {
    "fleet: repairs": "/customer/api/repairs/",
    "fleet: repairs per unit": "/customer/api/unit-repair-data/",
    "fleet: repairs per month": "/customer/api/repair-cost-data/",
    "care: products": "/api/v1/customer/products?page=1",
    "care: orders": "/api/v1/customer/orders",
    "care: returns": "/api/v1/customer/returns",
    "care: tickets": "/api/v1/customer/tickets",
    "care: notifications": "/api/v1/customer/notifications",
    "member: vehicles": "/api/vehicles/",
    "member: locations": "/api/appointments/locations/",
    "member: visits": "/api/appointments/",
    "member: upcoming visits": "/api/appointments/upcoming/",
    "member: plans": "/api/memberships/plans/",
    "member: offers": "/api/offers/",
    "member: threads": "/api/chat/threads/",
    "member: messages of a thread": "/api/chat/threads/{thread}/messages/",
    "crm: customers": "/api/v1/customers/",
}


def measure() -> Section:
    """Throughput of each list against stock DRF; how a hand-written serializer compares with the declared one there, and
    what a request costs that does next to nothing."""
    subject = lists_data.prepare()
    parts = costs.table(LISTS[SHORTEST], subject.token_for(SHORTEST))  # before any server shares the machine
    ours, stock, by_hand, bare = (
        load.Peer(name, f"{module}:application", lists_data.ENVIRONMENT)
        for name, module in (
            ("ours", "config.wsgi"),
            ("stock DRF", "bench.peers.stock_lists"),
            ("written by hand", "bench.peers.stock_drf"),
            ("bare", "bench.peers.limit"),
        )
    )
    section = Section("Lists of the other contracts")
    rows = []
    with load.started([ours, stock, by_hand, bare]):
        profile = customer_profile.PATH
        floor = load.compare([bare], profile, subject.token, connections=CONNECTIONS, seconds=LENGTH)["bare"]
        most = median(r.rate for r in floor)
        for name, address in LISTS.items():
            path, token = address.format(thread=subject.thread), subject.token_for(name)
            work = f"{name}, {count(ours.ask(path, token))} rows"
            rounds = load.compare([ours, stock], path, token, connections=CONNECTIONS, seconds=LENGTH)
            ratios = load.ratios(rounds, "ours", "stock DRF")
            section.goals.append(Goal(work, "stock DRF", GOAL, ratios))
            rows.append(row(work, rounds, ratios, most))
        on_objects = load.compare(
            [by_hand, stock], SHOP, subject.token, connections=CONNECTIONS, seconds=LENGTH
        )
    straw = load.ratios(on_objects, "stock DRF", "written by hand")
    section.text = [
        (
            f"Each with production's settings, {ROUNDS} rounds of {LENGTH:g} s; the peer does Django's default "
            "middleware, SimpleJWT's own look-up (DRF's session for the fleet), `select_related`, `prefetch_related`, and the declared "
            "serializer on objects. That it is no straw man: the shop's repair orders so served came to "
            f"{spread(straw)} of the throughput of serializers written by hand."
        ),
        "",
        (
            "A handler without Django that checks a token, reads one row by one statement and writes it (the profile of "
            f"LIMIT) answers {most:,.0f} requests/s here. The last column says how much of that {GOAL} × stock DRF would be: "
            "where a list is short, stock DRF costs little more than a request does, and so much of the bare handler's "
            "throughput is left to nobody who looks a session up, counts, logs and has rows to write."
        ),
        "",
        f"| list | ours against stock DRF | requests/s: ours, stock | app + database CPU ms: ours | stock | {GOAL} × stock of bare |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"### Where ours goes, {SHORTEST.partition(': ')[2]}",
        "",
        costs.HOW,
        "",
        *parts,
    ]
    return section


def count(body: Any) -> int:
    """Rows of a body: of a bare array, or of a page."""
    return len(body["results"] if isinstance(body, dict) else body)


def row(work: str, rounds: load.Rounds, ratios: list[float], most: float) -> str:
    """A line of the table; `most`: requests/s of the bare handler."""
    own, stock = rounds["ours"], rounds["stock DRF"]
    rates = [median(r.rate for r in some) for some in (own, stock)]
    cpu = (
        f"{median(r.app_ms for r in some):.2f} + {median(r.db_ms for r in some):.2f}" for some in (own, stock)
    )
    asked = f"{GOAL * rates[1] / most:.0%}"
    return (
        f"| {work} | {spread(ratios, 1)} | {rates[0]:,.0f}, {rates[1]:,.0f} | {' | '.join(cpu)} | {asked} |"
    )


if __name__ == "__main__":
    print(measure())
