"""Repair orders on the database of the embedded server: ours against stock DRF, both on one SQLite file.

`make run` is one process with threads, and a stock project has no equivalent. So both run as on PostgreSQL: under
granian's WSGI server with the same number of workers, without Redis. `python -m bench.sqlite` prints the section alone.
"""

from __future__ import annotations

from bench import data, load
from bench.repair_orders import PATH
from bench.report import Goal, Section


def measure() -> Section:
    """Measure throughput against stock DRF at 16 rows."""
    token = data.prepare(data.SQLITE)[16]
    peers = [
        load.Peer("ours", "config.wsgi:application", data.SQLITE),
        load.Peer("stock DRF", "bench.peers.stock_drf:application", data.SQLITE),
    ]
    with load.started(peers):
        rounds = load.compare(peers, PATH, token)
    text = "16 rows. Ours and stock DRF both run under granian's WSGI server over the same file, in WAL mode, without Redis."
    return Section(
        "Repair orders on SQLite",
        [Goal("repair orders on SQLite, 16 rows", "stock DRF", 5, load.ratios(rounds, "ours", "stock DRF"))],
        [text, "", *load.table(rounds, against="stock DRF")],
    )


if __name__ == "__main__":
    print(measure())
