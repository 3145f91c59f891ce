"""The profile of a customer, one row: the cost of a request that reads very little, against bare WSGI and SQL.

`python -m bench.customer_profile` prints the section alone.
"""

from __future__ import annotations

from bench import data, load
from bench.report import Goal, Section

PATH = "/api/auth/customer-profile/"


def measure() -> Section:
    """Measure throughput against the hand-written handler, which checks the token and runs one statement."""
    token = data.prepare(data.POSTGRES)[16]
    peers = [
        load.Peer("ours", "config.wsgi:application", data.POSTGRES),
        load.Peer("bare WSGI + SQL", "bench.peers.limit:application", data.POSTGRES),
    ]
    with load.started(peers):
        rounds = load.compare(peers, PATH, token)
    against = load.ratios(rounds, "ours", "bare WSGI + SQL")
    return Section(
        "Profile of a customer",
        [Goal("profile, one row", "bare WSGI + SQL", 0.30, against)],
        load.table(rounds, against="bare WSGI + SQL"),
    )


if __name__ == "__main__":
    print(measure())
