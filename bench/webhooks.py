"""How many webhooks a second are sent to a receiver on this machine, and what each costs of CPU.

    python -m bench.webhooks --deliveries 3000 --subjects 100

It uses the database that the environment names (docs/settings.md), with DEBUG=true. It must be migrated, and gets rows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measure(number: int, subjects: int) -> None:
    """Record events, deliver them, and print the rate, from the first claim to the last mark."""
    from django.utils import timezone

    from common.domain.models import Event
    from integrations.models import Delivery, Webhook
    from integrations.webhooks.deliverer import deliver
    from integrations.webhooks.queue import record_due
    from integrations.webhooks.signing import new_secret
    from testing.servers import free_port

    port, now, secret = free_port(), timezone.now(), new_secret()
    webhook = Webhook.objects.create(
        url=f"http://127.0.0.1:{port}/hooks",
        secret=secret,
        place=Event.objects.order_by("id").values_list("pk", flat=True).last(),
        created_at=now,
    )
    Event.objects.bulk_create(
        Event(
            type="customers.customer.changed", subject=f"bench.row:{n % subjects}", at=now, payload={"id": n}
        )
        for n in range(number)
    )
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "received.jsonl"
        receiver = subprocess.Popen([sys.executable, "-m", "testing.receiver", str(port), str(log), secret])
        try:
            time.sleep(1)
            began = time.perf_counter()
            while record_due(now=timezone.now()):
                pass
            recorded = time.perf_counter()
            cpu = time.process_time()
            deliver(webhook.pk)
            took, used = time.perf_counter() - recorded, time.process_time() - cpu
        finally:
            receiver.kill()
            receiver.wait()
        lines = len(log.read_text().splitlines())
    left = Delivery.objects.filter(webhook=webhook, state="waiting").count()
    webhook.delete()
    print(
        f"{number:,} deliveries of {subjects} subjects: recorded in {recorded - began:.2f} s, sent in {took:.2f} s: "
        f"{number / took:,.0f} a second, {used / number * 1000:.2f} ms of CPU each here; "
        f"{lines:,} received, {left} left"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=3000)
    parser.add_argument("--subjects", type=int, default=100)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("WEBHOOKS_TO_PRIVATE_ADDRESSES", "true")
    import django

    django.setup()
    measure(options.deliveries, options.subjects)


if __name__ == "__main__":
    main()
