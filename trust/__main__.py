"""Try all promises, or those whose names contain one of the words, and fail if one is broken.

Usage: `python -m trust [--short | --smoke] [words …]`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")

import django

django.setup()

from trust.accepted_writes import accepted_writes_survive
from trust.double_booking import no_double_booking
from trust.email_changes import email_changes
from trust.forged_addresses import forged_addresses
from trust.full_disk import a_full_disk_loses_nothing
from trust.guessing import guessing
from trust.held_locks import held_locks
from trust.hostile_input import hostile_input
from trust.idempotency import one_key_one_effect
from trust.invitations import invitations
from trust.killed_worker import mail_survives
from trust.load import load_is_shed
from trust.messages import a_message_survives
from trust.one_customer import one_customer
from trust.pages import pages
from trust.promises import Promise, Scale, Tally, Trial
from trust.readonly import readonly
from trust.restore import a_backup_restores
from trust.secrets import secrets
from trust.sockets import sockets_hold
from trust.spray import spray
from trust.strangers import strangers
from trust.tokens import tokens
from trust.webhooks import webhooks_arrive

# In the order of docs/security.md.
PROMISES: list[Promise] = [
    Promise("no double booking", no_double_booking),
    Promise("an accepted write survives", accepted_writes_survive),
    Promise("a full disk loses nothing", a_full_disk_loses_nothing),
    Promise("a message survives", a_message_survives),
    Promise("mail survives the worker", mail_survives),
    Promise("webhooks arrive", webhooks_arrive),
    Promise("a backup restores", a_backup_restores),
    Promise("one key, one effect", one_key_one_effect),
    Promise("strangers see nothing", strangers),
    Promise("nobody writes what is not theirs", readonly),
    Promise("tokens end", tokens),
    Promise("a stolen email comes back", email_changes),
    Promise("invitations stay few and honest", invitations),
    Promise("guessing is useless", guessing),
    Promise("a spray is stopped", spray),
    Promise("one customer cannot take the shop", one_customer),
    Promise("no address can be forged", forged_addresses),
    Promise("secrets stay secret", secrets),
    Promise("hostile input", hostile_input),
    Promise("sockets hold", sockets_hold),
    Promise("load is shed", load_is_shed),
    Promise("a held lock holds up no other", held_locks),
    Promise("pages keep to themselves", pages),
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m trust", description=__doc__)
    scales = parser.add_mutually_exclusive_group()
    for scale, text in (
        (Scale.SHORT, "fewer cases of each promise, on both engines, as .ci/full tries them"),
        (Scale.SMOKE, "about one case of each promise, on SQLite, as .ci/run tries them"),
    ):
        scales.add_argument(
            f"--{scale.name.lower()}",
            dest="scale",
            action="store_const",
            const=scale,
            default=Scale.FULL,
            help=text,
        )
    parser.add_argument("words", nargs="*", help="try only promises whose name contains one of these words")
    given = parser.parse_args()
    # Exit normally, so that the context managers end the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chosen = [p for p in PROMISES if not given.words or any(word in p.name for word in given.words)]
    results: list[tuple[Promise, Tally]] = []
    for promise in chosen:
        print(f"{promise.name} …", flush=True)
        with tempfile.TemporaryDirectory(prefix="trust-") as folder:
            tally, seconds = promise.keep(Trial(given.scale, Path(folder)))
        results.append((promise, tally))
        print(f"  {tally.cases:,} cases, {len(tally.failures)} failures, {seconds:.0f} s", flush=True)
        for line in [*tally.notes, *(f"FAILED: {failure}" for failure in tally.failures[:20])]:
            print(f"  {line}", flush=True)
    print(table(results))
    return int(not results or any(tally.failures for _, tally in results))


def table(results: list[tuple[Promise, Tally]]) -> str:
    """Return a Markdown table of promises, cases and failures."""
    width = max((len(promise.name) for promise, _ in results), default=7)
    lines = [
        "",
        f"| {'promise':<{width}} | {'cases':>9} | failures |",
        f"|{'-' * (width + 2)}|{'-' * 10}:|{'-' * 9}:|",
    ]
    lines += [
        f"| {promise.name:<{width}} | {tally.cases:>9,} | {len(tally.failures):>8} |"
        for promise, tally in results
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
