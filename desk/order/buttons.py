"""Run the buttons of the page *Order*, after what is typed was saved (docs/design, D108)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode

from billing import payments, sending
from billing.invoices import till_of
from catalogue.pricing.models import CannedJob
from catalogue.shelf.actions import PERMISSIONS as SHELF_PERMISSIONS
from common.domain.errors import DomainError, Missing
from desk.order.bench import Bench
from desk.order.saving import CHANGE, Write, at
from desk.order.steps import STEPS, find_line, refund_url, url_of
from repair_orders import actions, jobs
from repair_orders.models import Job, PartLine, ServiceKind, ServiceLine
from vehicles import recommendations
from vehicles.models import Recommendation
from vehicles.schedules.actions import recommend_in_order
from vehicles.schedules.models import ServiceSchedule

VIEW = "repair_orders.view_repairorder"
# The columns of a removed line that are stored again.
_OF_PARTS = (
    *("name", "part_number", "manufacturer", "description", "warranty_months", "condition", "is_oem"),
    *("quantity", "unit_price", "unit_cost", "taxable"),
)
_OF_WORK = ("kind", "name", "description", "warranty_months", "hours", "rate", "amount", "cost", "taxable")


@dataclass(frozen=True)
class Press:
    """A pressed button. `words` are what follows its verb, such as the id of a job."""

    write: Write
    words: list[str]

    @property
    def bench(self) -> Bench:
        return self.write.bench

    @property
    def who(self) -> Any:
        return {"by": self.write.by, "now": self.write.now}

    @property
    def key(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def id(self) -> int:
        """Return the id that the button names, 0 for none."""
        return int(self.key) if is_id(self.key) else 0

    @property
    def job(self) -> Job:
        """Return the job that the button names. Raises Missing."""
        job = next((job for job in self.bench.jobs if job.pk == self.id), None)
        if job is None:
            raise Missing("Job not found.")
        job.repair_order = self.bench.order
        return job

    def tell(self, text: str) -> None:
        self.write.told.append(text)


def save(press: Press) -> str:
    if not press.write.told:
        press.tell("Saved.")
    return ""


def add(press: Press) -> str:
    """Do nothing more: what was typed into the empty fields is added by every button."""
    return save(press)


def step(press: Press) -> str:
    """Return where a step is made: on this page, or on a page of money."""
    order, invoice = press.bench.order, press.bench.invoice
    if press.key == "deposit":
        return _money_url(press, f"order={order.pk}")
    if press.key == "payment" and invoice is not None:
        return _money_url(press, f"invoice={invoice.pk}")
    if press.key not in STEPS:
        raise Http404
    query = {"step": press.key} | ({"of": press.words[1]} if press.words[1:] else {})
    return f"{url_of(order)}?{urlencode(query)}#step"


def _money_url(press: Press, query: str) -> str:
    till = till_of(press.bench.order)
    where = f"&location={till.pk}" if till else ""
    return f"{reverse('money-payment')}?{query}{where}&back={press.bench.order.pk}"


def refund(press: Press) -> str:
    """Return where something that is open on a payment is given back."""
    if press.id not in {payment.pk for payment in press.bench.to_give_back}:
        raise Missing("Nothing of this payment is open any more.")
    return refund_url(press.bench.order, press.id)


def edit(press: Press) -> str:
    return f"{url_of(press.bench.order)}?edit={press.id}#job-{press.id}"


def start(press: Press) -> str:
    actions.start(order=press.bench.order, **press.who)
    press.tell("The work has started.")
    return ""


def finish(press: Press) -> str:
    job, received = press.job, "received" in press.words[1:]
    if received and not press.write.may(SHELF_PERMISSIONS["receive"]):
        raise PermissionDenied
    with at(f"j{job.pk}", {}):
        actions.finish_job(job=job, received=received, **press.who)
    press.tell(f"Job {job.position}, {job.name}, is done.")
    return f"{url_of(press.bench.order)}#job-{job.pk}"


def unfinish(press: Press) -> str:
    job = press.job
    with at(f"j{job.pk}", {}):
        actions.unfinish_job(job=job, **press.who)
    press.tell(
        f"Job {job.position}, {job.name}, is not done: it is approved, and its parts are on the shelf."
    )
    return f"{url_of(press.bench.order)}#job-{job.pk}"


def propose(press: Press) -> str:
    job = press.job
    jobs.propose(job=job)
    press.tell(f"Job {job.position}, {job.name}, is proposed again. Send it to ask for it.")
    return ""


def add_canned(press: Press) -> str:
    canned = CannedJob.objects.filter(is_listed=True, pk=press.id).first()
    if canned is None:
        raise Missing("This canned job is not offered any more.")
    return _added(press, jobs.add_canned_job(order=press.bench.order, canned=canned))


def add_recommended(press: Press) -> str:
    recommendation = Recommendation.objects.filter(pk=press.id).first()
    if recommendation is None:
        raise Missing("This recommendation is gone.")
    added = jobs.add_recommended_job(order=press.bench.order, recommendation=recommendation)
    return _added(press, added)


def dismiss(press: Press) -> str:
    """Dismiss a recommendation of the vehicle, which is not offered any more."""
    recommendation = Recommendation.objects.filter(vehicle=press.bench.order.vehicle_id, pk=press.id).first()
    if recommendation is None:
        raise Missing("This recommendation is gone.")
    recommendations.dismiss(recommendation=recommendation)
    press.tell(f"Not needed: {recommendation}.")
    return ""


def add_due(press: Press) -> str:
    """Add a job for regular work that is due, which becomes a recommendation of the vehicle."""
    schedule = ServiceSchedule.objects.filter(vehicle=press.bench.order.vehicle_id, pk=press.id).first()
    if schedule is None:
        raise Missing("This work is not due any more.")
    recommendation = recommend_in_order(schedule=schedule)
    return _added(press, jobs.add_recommended_job(order=press.bench.order, recommendation=recommendation))


def _added(press: Press, job: Job) -> str:
    press.tell(f"Job {job.position}, {job.name}, was added.")
    return f"{url_of(press.bench.order)}#job-{job.pk}"


def remove(press: Press) -> str:
    """Remove a line. The page that follows offers to take that back."""
    line = find_line(press.bench, press.key)
    if line is None:
        raise Missing("The line is gone already.")
    job_id = line.job_id
    line.repair_order = press.bench.order
    with at(press.key, {}):
        jobs.remove_line_of_job(line=line, given=press.write.given)
    return f"{url_of(press.bench.order)}?removed={press.key}#job-{job_id}"


def undo(press: Press) -> str:
    """Add a removed line again, as history has it."""
    gone = removed_line(press.bench, press.key)
    job = next((job for job in press.bench.jobs if gone and job.pk == gone.job_id), None)
    if gone is None or job is None:
        raise Missing("This line is back already, or its job is gone.")
    job.repair_order = press.bench.order
    if press.key.startswith("p"):
        part = None if gone.part.is_placeholder else gone.part
        fields = {name: getattr(gone, name) for name in _OF_PARTS}
        jobs.add_part_line(job=job, part=part, given=press.write.given, **fields)
    else:
        service = None if gone.service.is_placeholder else gone.service
        fields = {name: getattr(gone, name) for name in _OF_WORK}
        if fields["hours"] is not None and fields["rate"] is not None:
            del fields["amount"]
        jobs.add_service_line(job=job, service=service, given=press.write.given, **fields)
    press.tell(f"{gone.name} is back in job {job.position}.")
    return ""


def removed_line(bench: Bench, key: str) -> Any:
    """Return the last history row of a removed line of an order, None if it is not the order's or is there.

    A core charge comes back with its part.
    """
    model: Any = {"p": PartLine, "s": ServiceLine}.get(key[:1])
    if model is None or not is_id(key[1:]) or key in bench.lines:
        return None
    rows = model.history.filter(id=int(key[1:]), repair_order_id=bench.order.pk, history_type="-")
    rows = rows.filter(core_of_id=None) if model is PartLine else rows.exclude(kind=ServiceKind.FEE)
    return rows.order_by("-history_id").first()


def mail(press: Press) -> str:
    invoice = next((row for row in press.bench.invoices if row.pk == press.id), None)
    if invoice is None:
        raise Missing("Invoice not found.")
    sent = sending.send_invoice(invoice, **press.who)
    if not sent.sent:
        raise DomainError(f"Nothing was sent. {sent.reason} Print the invoice.")
    press.tell(f"Invoice {invoice.number} is mailed to {sent.to}.")
    return ""


# The verb of a button -> its permission, and what it does. It returns the URL that follows, "" for the page itself.
BUTTONS: dict[str, tuple[str, Callable[[Press], str]]] = {
    "save": (VIEW, save),
    "add": (CHANGE, add),
    "step": (VIEW, step),
    "edit": (CHANGE, edit),
    "start": (actions.PERMISSIONS["start"], start),
    "finish": (actions.PERMISSIONS["finish_job"], finish),
    "unfinish": (actions.PERMISSIONS["unfinish_job"], unfinish),
    "propose": (CHANGE, propose),
    "canned": (CHANGE, add_canned),
    "recommend": (CHANGE, add_recommended),
    "dismiss": (recommendations.PERMISSIONS["dismiss"], dismiss),
    "due": (CHANGE, add_due),
    "remove": (CHANGE, remove),
    "undo": (CHANGE, undo),
    "mail": (sending.PERMISSIONS["send"], mail),
    "refund": (payments.PERMISSIONS["refund"], refund),
}


def choice_in(words: list[str]) -> tuple[int, str] | None:
    """Return the job and what was chosen for its new line, of `add:12:5` or `add:12:typed`."""
    return (int(words[0]), words[1]) if len(words) == 2 and is_id(words[0]) else None


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
