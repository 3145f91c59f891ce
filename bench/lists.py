"""Every list of contracts 001 to 004 in production's settings, against the same endpoint as a stock DRF view.

`python -m bench.lists` prints the section alone. Rounds take a second, because there are many.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from bench import costs, customer_profile, lists_data, load
from bench.report import Goal, Section, spread
from bench.servers import ROUNDS, SECONDS

LENGTH = min(SECONDS, 1.0)
CONNECTIONS = 16
GOAL = 2.5
SHORTEST = "member: plans"  # its cost is nearly that of any request
SHOP = "/api/shop/repair-orders/customers/me/repair-orders/"
# Name -> URL. `{thread}` is the long thread of the customer.
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
    "member: appointments": "/api/appointments/",
    "member: upcoming appointments": "/api/appointments/upcoming/",
    "member: plans": "/api/memberships/plans/",
    "member: offers": "/api/offers/",
    "member: threads": "/api/chat/threads/",
    "member: messages of a thread": "/api/chat/threads/{thread}/messages/",
    "crm: customers": "/api/v1/customers/",
}


def measure() -> Section:
    """Measure the throughput of each list against stock DRF.

    Two more measurements put it in proportion: hand-written serializers against the declared ones on stock DRF, and a
    bare handler that does very little.
    """
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
    declared = load.ratios(on_objects, "stock DRF", "written by hand")
    section.text = [
        (
            f"Each with production's settings, {ROUNDS} rounds of {LENGTH:g} s. The peer has Django's default middleware, "
            "SimpleJWT's own user look-up (DRF's session for the fleet), `select_related`, `prefetch_related`, and the "
            "declared serializer on objects. The declared serializer costs the peer little: on the shop's repair orders it "
            f"reached {spread(declared)} of the throughput of serializers written by hand."
        ),
        "",
        (
            "A handler without Django that checks a token and reads one row with one statement (the profile of LIMIT) answers "
            f"{most:,.0f} requests/s here. The last column is {GOAL} × stock DRF as a share of that. For a short list, stock "
            "DRF costs little more than any request. A server that also looks up a session, counts, logs and writes rows "
            "cannot reach that share of the bare handler."
        ),
        "",
        f"| list | ours against stock DRF | requests/s: ours, stock | app + database CPU ms: ours | stock | {GOAL} × stock of bare |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"### CPU of ours by part, {SHORTEST.partition(': ')[2]}",
        "",
        costs.HOW,
        "",
        *parts,
    ]
    return section


def count(body: Any) -> int:
    """Return the number of rows in a body, which is an array or a page."""
    return len(body["results"] if isinstance(body, dict) else body)


def row(work: str, rounds: load.Rounds, ratios: list[float], most: float) -> str:
    """Return a line of the table. `most` is the requests/s of the bare handler."""
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
