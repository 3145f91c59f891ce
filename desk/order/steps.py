"""The steps of an order that have a form: what each asks, and the action that it calls (docs/design, D108)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse

from billing import credit_notes, exits, invoices
from billing.invoices import till_of
from billing.models import Invoice
from billing.payments import PERMISSIONS as PAYMENT_PERMISSIONS
from catalogue.models import Part
from catalogue.shelf import actions as shelf
from catalogue.shelf.ordered import order_from_vendor
from common.domain.errors import Invalid, Missing
from common.domain.money import to_cents, to_dollars
from common.domain.types import Json
from desk.order.bench import Bench, Line, kind_of
from desk.order.forms import (
    CallForm,
    ComebackForm,
    CompleteForm,
    CreditForm,
    DenyForm,
    DiscountForm,
    InvoiceForm,
    LineForm,
    OutForm,
    ReasonForm,
    ReceiveForm,
    SendForm,
    StepForm,
    VendorOrderForm,
)
from desk.templatetags.desk import dollars
from memberships.discounts import give_plan, redeem_offer, spend_points
from repair_orders import actions, jobs
from repair_orders.discounts.actions import take_off
from repair_orders.discounts.rule import DiscountKind, DiscountTerms
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.actions import Answerer
from repair_orders.estimates.models import Answer
from repair_orders.models import Job, RepairOrder
from repair_orders.worksheet import PART


@dataclass(frozen=True)
class Done:
    """What a step did: a message, and the page that follows if it is not the order's."""

    told: str
    url: str = ""
    is_warning: bool = False


@dataclass(frozen=True)
class Act:
    """A step that is being made."""

    bench: Bench
    form: Any
    by: int
    now: datetime
    of: Any = None

    @property
    def order(self) -> RepairOrder:
        return self.bench.order

    @property
    def who(self) -> Json:
        return {"by": self.by, "now": self.now}


@dataclass(frozen=True)
class StepKind:
    """A step: its form, its permission and what it does.

    `holds` says whether the order is locked at the version that was seen. Steps that lock rows that come before orders
    (D25) or none of the order's lock what they need themselves. `reads_odometer` says whether the vehicle is locked
    before the order.
    """

    title: str
    button: str
    permission: str
    form: type[StepForm]
    act: Callable[[Act], Done]
    words: str = ""
    holds: bool = True
    reads_odometer: bool = False
    is_bad: bool = False
    find: Callable[[Bench, str], Any] | None = None


def url_of(order: RepairOrder) -> str:
    return reverse("order-page", args=[order.pk])


# --- Estimate and answer --------------------------------------------------------------------------------------


def _send(act: Act) -> Done:
    sent = estimates.send_estimate(order=act.order, notes=act.form.cleaned_data["notes"], **act.who)
    if sent.sent_to:
        return Done(f"Revision {sent.revision}, {dollars(sent.total)}, is sent to {sent.sent_to}.")
    stored = f"Revision {sent.revision}, {dollars(sent.total)}, is stored and was not sent."
    return Done(f"{stored} The customer has no email address. Print it, or record a call.", is_warning=True)


def choice_of(form: CallForm) -> Json:
    """Return the total of exactly the choice, and whether it approves anything."""
    return {**form.bench.approving(form.approved), "approves": bool(form.approved)}


def choice_of_all(bench: Bench) -> Json | None:
    """Return what approving every job that is asked for comes to, None if they cannot be approved."""
    is_stale = bench.waiting is not None and bench.waiting.version != bench.order.version
    return None if is_stale or not bench.asked else bench.approving({job["id"] for job in bench.asked})


def approving_all(sent: Mapping[str, str], bench: Bench) -> Mapping[str, str]:
    """Return what the form of a call sends if *Approve all* is pressed: every job, and the total of the button.

    If another answer was chosen for a job, the form is sent as it is, and the total of that choice is shown.
    """
    names = [f"job_{job['id']}" for job in bench.asked]
    if any(sent.get(name, Answer.APPROVED) != Answer.APPROVED for name in names):
        return sent
    return {**sent, "total": sent["all"], **dict.fromkeys(names, str(Answer.APPROVED))}


def _call(act: Act) -> Done:
    form: CallForm = act.form
    values = form.cleaned_data
    choice = choice_of(form)
    given = estimates.record_answer(
        order=act.order,
        decisions=form.decisions,
        answerer=Answerer(
            method=values["method"],
            by_name=values["by_name"],
            contact_used=values["contact_used"],
            note=values["note"],
            by=act.by,
        ),
        now=act.now,
        total=choice["total"] if choice["approves"] else None,
    )
    if not choice["approves"]:
        return Done(
            f"It is recorded that {values['by_name']} approved nothing of revision {given.estimate.revision}."
        )
    return Done(f"{values['by_name']} approved {dollars(given.total)}.")


def _deny(act: Act) -> Done:
    estimates.deny(order=act.order, reason=act.form.cleaned_data["reason"], **act.who)
    return Done("The request was refused.")


def _withdraw(act: Act) -> Done:
    estimates.withdraw(order=act.order, reason=act.form.cleaned_data["reason"], **act.who)
    return Done("The authorization is withdrawn. Its jobs are proposed again.")


# --- Work -----------------------------------------------------------------------------------------------------


def _complete(act: Act) -> Done:
    answers = act.form.answers
    actions.complete(order=act.order, **act.who, **answers)
    return Done(f"The order is completed: {dollars(act.order.total_cost or Decimal(0))}.")


def _stop(act: Act) -> Done:
    actions.stop(order=act.order, reason=act.form.cleaned_data["reason"], **act.who)
    url = _to_give_back(act)
    return Done(f"The work is stopped. Give {'the deposit' if url else 'the vehicle'} back.", url)


def _reopen(act: Act) -> Done:
    actions.reopen(order=act.order, reason=act.form.cleaned_data["reason"], **act.who)
    return Done("The order is open again.")


def _retax(act: Act) -> Done:
    actions.retax(order=act.order, **act.who)
    return Done("Tax, exemption and fees are those of today.")


def _discount(act: Act) -> Done:
    kind, _, offer = act.form.cleaned_data["what"].partition(":")
    if kind == DiscountKind.OFFER:
        given = redeem_offer(order=act.order, offer=act.form.offers[offer], **act.who)
    elif kind == DiscountKind.POINTS:
        given = spend_points(order=act.order, points=act.form.cleaned_data["points"], **act.who)
    else:
        given = give_plan(order=act.order, **act.who)
    return Done(f"{given.name}: {dollars(given.amount)} off.")


def _take_off(act: Act) -> Done:
    terms: DiscountTerms = act.of
    take_off(order=act.order, discount_id=terms.id, **act.who)
    return Done(f"Taken off: {terms.name}.")


def _copy(act: Act) -> Done:
    copied = actions.copy_order(order=act.order, **act.who)
    return Done(f"This is the copy, order {copied.reference}.", url_of(copied))


def _comeback(act: Act) -> Done:
    again = actions.come_back(order=act.order, jobs=act.form.cleaned_data["jobs"], **act.who)
    return Done(f"This is the comeback, order {again.reference}, without charge.", url_of(again))


# --- Lines and jobs -------------------------------------------------------------------------------------------


def find_line(bench: Bench, key: str) -> Line | None:
    return bench.lines.get(key)


def find_job(bench: Bench, key: str) -> Job | None:
    return next((job for job in bench.jobs if str(job.pk) == key), None)


def find_discount(bench: Bench, key: str) -> DiscountTerms | None:
    return next((terms for terms in bench.sheet.terms.discounts if str(terms.id) == key), None)


def find_part(bench: Bench, key: str) -> Part | None:
    rows = Part.objects.select_related("on_order")
    return rows.filter(pk=int(key)).first() if key.isdigit() and len(key) < 16 else None


def _line(act: Act) -> Done:
    line: Line = act.of
    line.repair_order = act.order
    if values := act.form.answers:
        jobs.change_line(line=line, given={"by": act.by, "now": act.now}, **values)
    return Done(f"{line.name} is changed." if values else "Nothing was changed.")


def _remove_job(act: Act) -> Done:
    job: Job = act.of
    job.repair_order = act.order
    position, name = job.position, job.name
    jobs.remove_job(job=job)
    return Done(f"Job {position}, {name}, is removed.")


def _receive(act: Act) -> Done:
    values = act.form.answers
    shelf.receive(part=act.of, **act.who, **values)
    return Done(f"{values['pieces']} of {act.of.name} received.")


def _order_part(act: Act) -> Done:
    values = act.form.answers
    order_from_vendor(part=act.of, **act.who, **values)
    pieces = values["pieces"]
    told = f"{pieces} on order at {values['vendor']}" if pieces else "Nothing is on order"
    return Done(f"{act.of.name}: {told}{'' if pieces else ' any more'}.")


# --- Money and keys -------------------------------------------------------------------------------------------


def _invoice(act: Act) -> Done:
    issued = invoices.issue_invoice(order=act.order, **act.who, **act.form.answers)
    return Done(f"Invoice {issued.number} over {dollars(issued.total)} is issued. Print it, or mail it.")


def _credit(act: Act) -> Done:
    form: CreditForm = act.form
    values = form.cleaned_data
    given = {"invoice": _to_credit(act.bench), "reason": values["reason"], **act.who}
    if values["what"] == form.LINES:
        note = credit_notes.credit_lines(lines=form.chosen, **given)
    elif values["what"] == form.AMOUNT:
        note = credit_notes.credit_amount(amount=values["amount"], **given)
    else:
        note = credit_notes.credit_all(**given)
    if str(note.total) != form.data["total"]:
        raise Invalid("Something of the invoice was credited meanwhile. Look at the total again.")
    told = f"Credit note {note.number} over {dollars(note.total)} is issued."
    url = _to_give_back(act)
    return Done(f"{told} What was paid is open now. Give it back, or leave it open." if url else told, url)


def _to_credit(bench: Bench) -> Invoice:
    if bench.invoice is None:
        raise Missing("The order has no invoice to credit.")
    return bench.invoice


def credit_of(form: CreditForm) -> Json:
    """Return what exactly this credit comes to. Raises DomainError if it is not possible."""
    invoice, values = _to_credit(form.bench), form.cleaned_data
    if values["what"] == form.LINES:
        return {"total": credit_notes.total_of_lines(invoice=invoice, lines=form.chosen)}
    total = values["amount"] if values["what"] == form.AMOUNT else form.most
    return {"total": to_dollars(to_cents(total))}


def refund_url(order: RepairOrder, payment_id: int) -> str:
    """Return the page that gives back what is open on a payment, at the till of the order."""
    till, url = till_of(order), reverse("money-refund", args=[payment_id])
    where = f"location={till.pk}&" if till else ""
    return f"{url}?{where}back={order.pk}"


def _to_give_back(act: Act) -> str:
    """Return where the payment that a step has freed is given back, "" if there is none or more than one."""
    freed = Bench(act.order, act.now).to_give_back
    if len(freed) != 1 or not act.form.may(PAYMENT_PERMISSIONS["refund"]):
        return ""
    return refund_url(act.order, freed[0].pk)


def _out(act: Act) -> Done:
    exits.vehicle_out(order=act.order, **act.who, **act.form.answers)
    return Done("The vehicle is out.")


def total_shown(name: str, form: Any) -> Json | None:
    """Return the total that has to be shown before a step counts, None if it has none. Raises DomainError."""
    if name == "call":
        return choice_of(form) if form.bench.asked else None
    return credit_of(form) if name == "credit" else None


STEPS: dict[str, StepKind] = {
    "send": StepKind("Send the estimate", "Send", actions.PERMISSIONS["estimate"], SendForm, _send),
    "call": StepKind(
        "Record a call",
        "Show the total",
        actions.PERMISSIONS["approve"],
        CallForm,
        _call,
        "What the customer decided on each job. The total of exactly this choice is shown before it counts.",
    ),
    "deny": StepKind(
        "Refuse the request", "Refuse the request", actions.PERMISSIONS["deny"], DenyForm, _deny,
        "The shop does not take the work. The order ends.", is_bad=True,
    ),
    "complete": StepKind(
        "Complete the order", "Complete the order", actions.PERMISSIONS["complete"], CompleteForm, _complete,
        "The jobs that are chosen are done, and their parts leave the shelf. The total is stored.",
        reads_odometer=True,
    ),
    "stop": StepKind(
        "Stop the work", "Stop the work", actions.PERMISSIONS["stop"], ReasonForm, _stop,
        "The customer wants no more work. Approved jobs are declined and kept as recommendations.", is_bad=True,
    ),
    "withdraw": StepKind(
        "Withdraw the authorization", "Withdraw it", actions.PERMISSIONS["withdraw"], ReasonForm, _withdraw,
        "Its jobs are proposed again. What was authorized before counts.", is_bad=True,
    ),
    "reopen": StepKind(
        "Reopen the order", "Reopen the order", actions.PERMISSIONS["reopen"], ReasonForm, _reopen,
        "Its jobs are approved again, and the total is counted anew when it is completed.",
    ),
    "retax": StepKind(
        "Take tax and fees again", "Take them again", "repair_orders.change_repairorder", StepForm, _retax,
        "Tax, exemption, fees and overrun of the location as they are today take the place of those of this order.",
    ),
    "discount": StepKind(
        "Give a discount", "Give it", "repair_orders.change_repairorder", DiscountForm, _discount,
        "Of the member's plan, an offer or points. It is named on every paper.",
    ),
    "take-off": StepKind(
        "Take a discount off", "Take it off", "repair_orders.change_repairorder", StepForm, _take_off,
        "Points that were spent for it go back.", is_bad=True, find=find_discount,
    ),
    "copy": StepKind(
        "Copy to a new order", "Copy the order", "repair_orders.add_repairorder", StepForm, _copy,
        "A new order of the same vehicle with the same jobs, all proposed, at the tax and fees of today.", holds=False,
    ),
    "comeback": StepKind(
        "Make a comeback", "Make the comeback", "repair_orders.add_repairorder", ComebackForm, _comeback,
        "The jobs are done again on a new order, without charge.", holds=False,
    ),
    "line": StepKind(
        "Change a line", "Change the line", "repair_orders.change_repairorder", LineForm, _line, find=find_line
    ),
    "remove-job": StepKind(
        "Remove a job", "Remove the job", "repair_orders.change_repairorder", StepForm, _remove_job,
        "The job is taken off this order with its lines. History keeps it.", is_bad=True, find=find_job,
    ),
    "receive": StepKind(
        "Receive parts", "Receive", shelf.PERMISSIONS["receive"], ReceiveForm, _receive,
        "They go on the shelf and are kept for the oldest jobs that need them.", holds=False, find=find_part,
    ),
    "order": StepKind(
        "Order parts", "Save", shelf.PERMISSIONS["order_from_vendor"], VendorOrderForm, _order_part,
        "What is on order from a vendor. Pieces that are received end it.", holds=False, find=find_part,
    ),
    "invoice": StepKind(
        "Issue the invoice", "Issue the invoice", "billing.add_invoice", InvoiceForm, _invoice,
        "It has the stored lines and total. Deposits move to it, the oldest first. It is never changed.",
    ),
    "credit": StepKind(
        "Credit the invoice", "Show the total", credit_notes.PERMISSIONS["credit"], CreditForm, _credit,
        "The invoice stays as it is. What was paid of the amount becomes open, and can be given back.",
        holds=False, is_bad=True,
    ),
    "out": StepKind(
        "Vehicle out", "Hand over the keys", exits.PERMISSIONS["vehicle_out"], OutForm, _out,
        "The vehicle leaves. A balance keeps it here, unless a manager gives the reason.", holds=False,
    ),
}  # fmt: skip


def title_of(name: str, bench: Bench, of: Any) -> str:
    """Return the title of a step, which names its row."""
    if isinstance(of, Job):
        return f"Remove job {of.position}, {of.name}"
    if isinstance(of, Part):
        return f"Note an order placed with a vendor: {of.name}" if name == "order" else f"Receive {of.name}"
    if isinstance(of, DiscountTerms):
        return f"Take {of.name} off"
    if name == "line":
        return f"{'Part' if kind_of(of) == PART else 'Work'}: {of.name}"
    if name == "send":
        return f"Send revision {len(bench.estimates) + 1}" if bench.estimates else STEPS[name].title
    if name == "call" and bench.waiting:
        return f"Record the answer to revision {bench.waiting.revision}"
    if name == "call" and bench.estimates:
        return f"Record a call about revision {len(bench.estimates) + 1}"
    return STEPS[name].title
