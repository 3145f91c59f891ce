"""Write everything that shows what was estimated and authorised for one order into an archive (docs/design, D72)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from django.db.models import Model
from django_tasks_db.models import DBTaskResult

from common.domain.encoding import dumps
from common.domain.types import AnyQuerySet, Json
from repair_orders.estimates.models import Authorisation, Estimate, EstimateMail
from repair_orders.estimates.record import authorisation_body
from repair_orders.estimates.snapshot import canonical, instant
from repair_orders.estimates.tasks import mail_estimate
from repair_orders.models import Job, PartLine, RepairOrder, ServiceLine
from repair_orders.papers.actions import NothingAuthorised, authorisations_paper, estimate_paper

SUMS = "SHA256SUMS"
README = """Evidence of repair order {order}, written {written}.

estimates/<revision>/snapshot.json  the whole paper as it was sent, as canonical JSON: sorted keys, no spaces, UTF-8
estimates/<revision>/revision.json  time, address, total and the digest that was stored when it was sent
estimates/<revision>/estimate.pdf   the paper
authorisations.json, .pdf           every answer: time, name, method, number or address, decisions and totals
history/                            each change of the order, its jobs, lines and answers, oldest first
deliveries.json                     mails with estimates that the shop's mail server took
mails.json                          tasks of these mails with their attempts, as far as they are still stored
SHA256SUMS                          the digest of every other file

Check that no file was changed since the archive was written:

    sha256sum -c SHA256SUMS

Check that a revision is the one that was sent. The digest of its snapshot was stored with it, is printed on its
paper and shown by the program:

    sha256sum estimates/1/snapshot.json

Digests that were stored when the revisions were sent:

{digests}
"""


@dataclass
class Evidence:
    """Count of the files that were written, and the revisions whose snapshot does not have its stored digest."""

    files: int = 0
    altered: list[int] = field(default_factory=list)


def write_evidence(order: RepairOrder, archive: ZipFile, *, now: datetime) -> Evidence:
    """Write the evidence of an order into an archive. Papers that were never asked for are set and stored.

    Raises PaperLost, StoreUnavailable.
    """
    found, sums = Evidence(), []
    estimates = list(Estimate.objects.filter(repair_order=order).order_by("revision"))
    for name, content in _files(order, estimates, now=now):
        archive.writestr(name, content, compress_type=ZIP_DEFLATED)
        sums.append(f"{sha256(content).hexdigest()}  {name}\n")
        found.files += 1
    archive.writestr(SUMS, "".join(sums), compress_type=ZIP_DEFLATED)
    found.altered = [row.revision for row in estimates if not _is_unaltered(row)]
    return found


def _files(order: RepairOrder, estimates: list[Estimate], *, now: datetime) -> Iterator[tuple[str, bytes]]:
    digests = "\n".join(_digest_line(row) for row in estimates) or "none: no estimate was sent"
    yield (
        "README.txt",
        README.format(order=order.pk, written=instant(now), digests=digests).encode(),
    )
    yield "order.json", _json(RepairOrder.objects.filter(pk=order.pk).values()[0])
    for row in estimates:
        folder = f"estimates/{row.revision}"
        yield f"{folder}/snapshot.json", canonical(row.snapshot)
        yield f"{folder}/revision.json", _json(_revision(row))
        yield f"{folder}/estimate.pdf", estimate_paper(row, now=now).content
    answers = Authorisation.objects.filter(estimate__repair_order=order).select_related("estimate")
    answers = answers.prefetch_related("decisions", "added_taxes").order_by("estimate__revision")
    yield "authorisations.json", _json([authorisation_body(row) for row in answers])
    with suppress(NothingAuthorised):
        yield "authorisations.pdf", authorisations_paper(order, now=now).content
    for name, rows in _histories(order).items():
        yield f"history/{name}.json", _json(list(rows.order_by("history_date", "history_id").values()))
    yield "deliveries.json", _json([_delivery(mail) for mail in _mails_taken(order)])
    yield "mails.json", _json([mail for row in estimates for mail in _mails(row)])


def _digest_line(row: Estimate) -> str:
    note = "" if _is_unaltered(row) else "  THE STORED SNAPSHOT HAS ANOTHER DIGEST"
    return f"{row.digest}  estimates/{row.revision}/snapshot.json{note}"


def _is_unaltered(row: Estimate) -> bool:
    return sha256(canonical(row.snapshot)).hexdigest() == row.digest


def _revision(row: Estimate) -> Json:
    return {
        "id": row.pk,
        "revision": row.revision,
        "version": row.version,
        "sent_at": instant(row.sent_at),
        "sent_by": row.sent_by_id,
        "sent_to": row.sent_to,
        "expires_at": instant(row.expires_at),
        "total": str(row.total),
        "digest": row.digest,
    }


def _histories(order: RepairOrder) -> dict[str, AnyQuerySet]:
    def of(model: type[Model], **rows: object) -> AnyQuerySet:
        history: AnyQuerySet = model.history.filter(**rows)  # type: ignore[attr-defined]  # simple-history adds it
        return history

    return {
        "order": of(RepairOrder, id=order.pk),
        "jobs": of(Job, repair_order_id=order.pk),
        "part_lines": of(PartLine, repair_order_id=order.pk),
        "service_lines": of(ServiceLine, repair_order_id=order.pk),
        "authorisations": of(Authorisation, estimate__repair_order_id=order.pk),
    }


def _mails_taken(order: RepairOrder) -> AnyQuerySet:
    rows = EstimateMail.objects.filter(estimate__repair_order=order).select_related("estimate")
    return rows.order_by("at", "id")


def _delivery(mail: EstimateMail) -> Json:
    return {
        "revision": mail.estimate.revision,
        "to": mail.estimate.sent_to,
        "at": instant(mail.at),
        "message_id": mail.message_id,
    }


def _mails(row: Estimate) -> Iterator[Json]:
    """Return the tasks that mail a revision. Finished ones are cleared after some days."""
    tasks = DBTaskResult.objects.filter(
        task_path=mail_estimate.module_path, args_kwargs={"args": [row.pk], "kwargs": {}}
    )
    for task in tasks.order_by("enqueued_at", "id"):
        yield {
            "task": str(task.pk),  # the first part of the mail's Message-ID
            "revision": row.revision,
            "to": row.sent_to,
            "status": task.status,
            "attempts": len(task.worker_ids),
            "enqueued_at": task.enqueued_at,
            "started_at": task.started_at,
            "finished_at": task.finished_at,
        }


def _json(body: object) -> bytes:
    """Return a body as JSON for a reader: indented, with amounts as texts."""
    return orjson.dumps(orjson.loads(dumps(body)), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
