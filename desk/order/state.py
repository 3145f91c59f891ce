"""The state of an order in one sentence, and the next step (docs/design, D108)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.models import Invoice
from catalogue.models import Reservation
from common.domain.types import Json
from desk.order.bench import Bench, Line, kind_of, numbers_of
from desk.order.sheet import plain
from desk.templatetags.desk import dollars
from repair_orders.estimates.models import Answer, Estimate, Method
from repair_orders.models import JobStatus, PartLine, RepairOrderStatus
from repair_orders.worksheet import PART

_S = RepairOrderStatus
_METHODS = {Method.NOT_RECORDED: "", Method.ONLINE: "online"}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the order. `do` is what its button sends, and `reason` why it is not possible now."""

    do: str
    label: str
    permission: str
    reason: str = ""
    hint: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What is the matter: a sentence, more words below it, and the step that comes next."""

    title: str
    more: tuple[str, ...] = ()
    next: str = ""  # the `do` of a step
    tone: str = ""


def when(bench: Bench, instant: object) -> str:
    """Return a time as the page says it: `10:12` today, `30 Nov 10:12` on another day, in the location's time zone."""
    local = bench.local(instant)  # type: ignore[arg-type]  # a datetime of the database
    clock = f"{local:%H:%M}"
    if local.date() == bench.local(bench.now).date():
        return clock
    year = f" {local.year}" if local.year != bench.local(bench.now).year else ""
    return f"{local.day} {local:%b}{year} {clock}"


def at_when(bench: Bench, instant: datetime) -> str:
    """Return a time within a sentence: `at 10:12` today, `on 30 Nov 10:12` on another day."""
    is_today = bench.local(instant).date() == bench.local(bench.now).date()
    return f"{'at' if is_today else 'on'} {when(bench, instant)}"


# --- Amounts --------------------------------------------------------------------------------------------------


def together(bench: Bench) -> Decimal:
    """Return what the order costs with all that is proposed."""
    return bench.figures(bench.sheet.counted).totals.total


def agreed(bench: Bench) -> Decimal:
    return bench.figures(bench.sheet.agreed).totals.total


def asked_for(bench: Bench) -> Decimal:
    """Return what the proposed jobs add to the approved work."""
    return together(bench) - agreed(bench)


# --- What changed since the last revision ---------------------------------------------------------------------


def changes_since_sent(bench: Bench) -> Iterator[str]:
    """Yield what the last revision does not show as it is now, in words."""
    paper = bench.paper
    if paper is None:
        return
    sent = {job["id"]: job for job in paper["jobs"]}
    present = {job.pk: job for job in bench.jobs}
    for job in bench.jobs:
        if job.pk not in sent and job.status in (JobStatus.PROPOSED, JobStatus.APPROVED, JobStatus.DONE):
            yield f"job {job.position}, {job.name}, is new"
    yield from (f"{job['name']} was removed" for pk, job in sent.items() if pk not in present)
    lines = {(kind_of(line) == PART, line.pk): line for line in bench.lines.values()}
    for pk, job in sent.items():
        for line in job["lines"]:
            now = lines.pop((line["kind"] == PART, line["id"]), None)
            if now is None:
                if pk in present:
                    yield f"{line['name']} was removed"
            elif words := _change(now, line):
                yield f"{now.name} {words}"
    yield from (f"{line.name} was added" for line in lines.values() if line.job_id in sent)
    yield from _changed_terms(bench, paper["terms"])


def _changed_terms(bench: Bench, sent: Json) -> Iterator[str]:
    for name, label in (
        ("discount_amount", "discount"),
        ("discount_percent", "discount in percent"),
        ("tax_percent", "tax in percent"),
    ):
        before, after = Decimal(sent[name]), getattr(bench.order, name)
        if before != after:
            yield f"{label} {plain(before)} → {plain(after)}"
    shown = {terms["id"]: terms["name"] for terms in sent.get("discounts", ())}
    present = {terms.id: terms.name for terms in bench.sheet.terms.discounts}
    yield from (f"{name} was given" for pk, name in present.items() if pk not in shown)
    yield from (f"{name} was taken off" for pk, name in shown.items() if pk not in present)


def sent_as(bench: Bench) -> dict[str, str]:
    """Return how the last revision showed lines that are changed since, by the line's name on the page."""
    paper = bench.paper
    if paper is None:
        return {}
    sent = {(line["kind"] == PART, line["id"]): line for job in paper["jobs"] for line in job["lines"]}
    found = {}
    for key, line in bench.lines.items():
        before = sent.get((kind_of(line) == PART, line.pk))
        if before is not None and _change(line, before):
            found[key] = f"Sent as {_measure(before)}{dollars(Decimal(before['amount']))}"
    return found


def _measure(sent: dict[str, str]) -> str:
    if sent["kind"] == PART:
        return f"{plain(Decimal(sent['quantity']))} × {sent['unit_price']}, "
    return f"{plain(Decimal(sent['hours']))} h, " if sent.get("hours") else ""


def _change(line: Line, sent: dict[str, str]) -> str:
    """Return how a line differs from the sent one, "" if it does not."""
    if isinstance(line, PartLine):
        pairs = [("", sent["quantity"], line.quantity), ("at ", sent["unit_price"], line.unit_price)]
        unit = ""
    else:
        pairs = [("", sent["hours"], line.hours), ("at ", sent["rate"], line.rate)]
        unit = " h"
    words = [
        f"{lead}{_number(before)}{unit if not lead else ''} → {_number(after)}{unit if not lead else ''}"
        for lead, before, after in pairs
        if (None if before is None else Decimal(before)) != after
    ]
    if not words and Decimal(sent["amount"]) != line.amount:
        words = [f"{sent['amount']} → {line.amount}"]
    if bool(sent["taxable"]) != line.taxable:
        words.append("is taxed" if line.taxable else "is not taxed")
    return ", ".join(words)


def _number(value: object) -> str:
    return "none" if value is None else plain(Decimal(str(value)))


# --- The sentence ---------------------------------------------------------------------------------------------


def state_of(bench: Bench) -> State:
    """Return the state of an order."""
    order = bench.order
    if order.status in (_S.COMPLETED, _S.DENIED):
        return _ended(bench)
    if not bench.jobs:
        return State(
            "There is no job on this order yet.", ("Add a canned job or type a concern.",), "focus:new-name"
        )
    if bench.waiting is not None:
        return _waiting(bench, bench.waiting)
    if bench.sendable:
        return _to_send(bench)
    if order.status == _S.APPROVED:
        return State(_approved(bench), ("The work has not started.",), "start", "green")
    if order.status == _S.IN_PROGRESS:
        return _working(bench)
    if bench.of_status(JobStatus.PROPOSED):
        return State("Nothing was sent: no job has a line.", ("Add a part or labor to a job.",))
    return State("No job is proposed.", ("Add a job, or propose a declined one again.",), "focus:new-name")


def _waiting(bench: Bench, sent: Estimate) -> State:
    name, revision = bench.order.customer.name, f"Revision {sent.revision}"
    to = f"to {sent.sent_to}" if sent.sent_to else ""
    if sent.version != bench.order.version:
        changes = "; ".join(changes_since_sent(bench))
        at = when(bench, sent.sent_at)
        more = [f"Sent {at} {to}." if to else f"Stored {at}, not mailed: there is no email address."]
        if changes:
            more.append(f"Changed since: {changes}.")
        if sent.total != together(bench):
            more.append(f"The total was {dollars(sent.total)} and is {dollars(together(bench))}.")
        title = f"{revision} no longer matches this order, so {name} cannot approve it."
        return State(title, tuple(more), "step:send" if bench.sendable else "step:call", "amber")
    if bench.now >= sent.expires_at:
        title = f"{revision} expired {at_when(bench, sent.expires_at)} without an answer."
        return State(title, ("Send it again to ask anew.",), "step:send", "amber")
    if not sent.sent_to:
        title = f"{revision} was not mailed: {name} has no email address."
        return State(title, ("Print it, or record a call.",), "step:call", "amber")
    facts: tuple[str, ...] = (f"It can be answered until {when(bench, sent.expires_at)}.",)
    if bench.order.status == _S.IN_PROGRESS and bench.sheet.agreed:
        facts = ("The work that is approved goes on.", *facts)
    return State(
        f"{revision}, {dollars(sent.total)}, was sent {when(bench, sent.sent_at)} {to} and is not answered.",
        facts,
        "step:call",
        "blue",
    )


def _to_send(bench: Bench) -> State:
    drafts, wait = numbers_of(bench.sendable), "wait" if len(bench.sendable) > 1 else "waits"
    if bench.order.ceiling is not None:
        title = f"{drafts.capitalize()} {wait} to be sent."
        return State(title, (_approved(bench), "The work that is approved goes on."), "step:send", "amber")
    if bench.last is None:
        return State("Not sent to the customer yet.", (), "step:send")
    title = f"Revision {bench.last.revision} was answered. {drafts.capitalize()} {wait} for a new one."
    return State(title, (), "step:send", "amber")


def _working(bench: Bench) -> State:
    left, done = bench.of_status(JobStatus.APPROVED), bench.of_status(JobStatus.DONE)
    more = [_approved(bench)]
    if bench.short:
        more.append(f"Not on the shelf: {'; '.join(_missing(row) for row in bench.short)}.")
    if left:
        title = f"In work: {numbers_of(left)}." + (f" Done: {numbers_of(done)}." if done else "")
        return State(title, tuple(more), "", "blue")
    if done:
        return State("All approved jobs are done.", tuple(more), "step:complete", "green")
    return State("No job is approved.", tuple(more), "step:stop", "amber")


def _missing(row: Reservation) -> str:
    part = row.part
    return f"{part.name} ({row.short}{f', {part.on_order}' if hasattr(part, 'on_order') else ''})"


def _approved(bench: Bench) -> str:
    """Return who approved what, and when."""
    for answer in reversed(bench.answers):
        approved = [row for row in answer.decisions.all() if row.decision == Answer.APPROVED]
        if approved and answer.withdrawn_at is None:
            method = _METHODS.get(Method(answer.method), Method(answer.method).label.lower())
            words = [f"Approved {dollars(answer.total)} {at_when(bench, answer.at)}"]
            words += [method] if method else []
            words += [f"by {answer.by_name}"] if answer.by_name else []
            return f"{' '.join(words)}."
    return "No authorization is recorded."


def _ended(bench: Bench) -> State:
    order, out = bench.order, bench.exit
    left = f"The vehicle left {at_when(bench, out.at)}." if out else ""
    if order.status == _S.DENIED:
        reason = order.denial_reason or "No reason was given."
        at = f" {when(bench, order.denied_at)}" if order.denied_at else ""
        # A request that was refused may never have had its vehicle here.
        is_here = out is None and (order.approved_at or order.started_at or order.odometer_in is not None)
        facts: tuple[str, ...] = (left,) if left else ()
        next_step = "step:out" if is_here else ""
        if bench.to_give_back:
            facts = (f"{dollars(_open(bench))} of the customer's money is open. Give it back.", *facts)
            next_step = f"refund:{bench.to_give_back[0].pk}"
        return State(f"Denied{at}. {reason}", facts, next_step, "")
    invoice = bench.invoice
    if invoice is None:
        credited = bench.invoices[-1] if bench.invoices else None
        more: tuple[str, ...] = (f"Invoice {credited.number} was credited as a whole.",) if credited else ()
        if credited and bench.to_give_back:
            more = (*more, f"{dollars(_open(bench))} of the customer's money is open.")
        title = f"Completed {when(bench, order.completed_at)}, {dollars(order.total_cost or Decimal(0))}."
        return State(title, (*more, "It is not invoiced yet."), "step:invoice", "green")
    title = f"Invoice {invoice.number}, {dollars(invoice.total)}{_credits(bench, invoice)}."
    if invoice.balance:
        due = f"{invoice.due_on:%a} {invoice.due_on.day} {invoice.due_on:%b}"
        more = (f"{dollars(invoice.balance)} to pay by {invoice.bill_to}, due {due}.",)
        return State(title, (*more, left) if left else more, "step:payment", "amber")
    here = left or "The vehicle is still here."
    given = bench.given_back if invoice.credited else Decimal(0)
    back = f"{dollars(given)} given back" if given else ""
    if invoice.credited and bench.to_give_back:
        money = ", ".join(filter(None, (back, f"{dollars(_open(bench))} still to give back")))
        return State(f"{title} {money}.", (here,), f"refund:{bench.to_give_back[0].pk}", "amber")
    more = (f"{back}.", here) if back else (here,)
    return State(f"{title} Paid.", more, "" if out else "step:out", "green")


def _credits(bench: Bench, invoice: Invoice) -> str:
    """Return what was taken back of an invoice, as it stands behind its total, "" for nothing."""
    if not invoice.credited:
        return ""
    notes = [
        f"{note.number}, {dollars(note.total)}"
        for note in bench.credit_notes
        if note.invoice_id == invoice.pk and note.total
    ]
    return f", less credit note{'s' if len(notes) > 1 else ''} {', and '.join(notes)}"


def _open(bench: Bench) -> Decimal:
    return sum((payment.open for payment in bench.to_give_back), Decimal(0))


# --- The steps ------------------------------------------------------------------------------------------------


def steps_of(bench: Bench) -> list[Step]:
    """Return the steps that the state of the order knows, also those that are not possible right now."""
    return [step for step in _steps(bench) if step is not None]


def _steps(bench: Bench) -> Iterator[Step | None]:
    status = bench.order.status
    if bench.is_open:
        yield _send(bench)
        yield _call(bench)
    if status in (_S.REQUESTED, _S.PENDING, _S.APPROVED):
        why = "" if status == _S.APPROVED else "Not yet: the customer has not approved a job."
        yield Step("start", "Start the work", "repair_orders.work_repairorder", why)
    if status == _S.IN_PROGRESS:
        yield _complete(bench)
    yield from _money(bench)
    if status == _S.REQUESTED:
        yield Step("step:deny", "Refuse the request…", "repair_orders.decide_repairorder", is_bad=True)
    if status in (_S.APPROVED, _S.IN_PROGRESS):
        done = bench.of_status(JobStatus.DONE)
        why = ""
        if done:
            are, them, they = ("are", "them", "they are") if len(done) > 1 else ("is", "it", "it is")
            jobs = numbers_of(done).capitalize()
            why = f"{jobs} {are} done. Complete the order with {them}, or take back that {they} done."
        yield Step("step:stop", "Stop the work…", "repair_orders.decide_repairorder", why, is_bad=True)


def _send(bench: Bench) -> Step:
    revision = len(bench.estimates) + 1
    label = f"Send revision {revision}" if revision > 1 else "Send the estimate"
    if bench.is_sent_as_it_is:
        label = "Send it again"
    if not bench.sendable:
        why = "Nothing to ask: no proposed job has a line."
        return Step("step:send", label, "repair_orders.estimate_repairorder", why)
    added = asked_for(bench)
    more = f"+{dollars(added)}" if bench.sheet.agreed and added >= 0 else dollars(together(bench))
    return Step("step:send", f"{label}, {more}", "repair_orders.estimate_repairorder")


def _call(bench: Bench) -> Step:
    why = ""
    if bench.waiting is None:
        why = "" if bench.can_be_read_out else "Nothing to ask: no proposed job has a line."
    elif bench.now >= bench.waiting.expires_at:
        why = f"Revision {bench.waiting.revision} has expired. Send a new one first."
    return Step("step:call", "Record a call", "repair_orders.decide_repairorder", why)


def _complete(bench: Bench) -> Step:
    label = "Complete the order"
    permission = "repair_orders.work_repairorder"
    if not bench.sheet.agreed:
        return Step("step:complete", label, permission, "No job is approved. Stop the work instead.")
    return Step("step:complete", f"{label}, {dollars(agreed(bench))}", permission)


def _money(bench: Bench) -> Iterator[Step]:
    invoice, status = bench.invoice, bench.order.status
    if status == _S.COMPLETED:
        if invoice is None:
            yield Step("step:invoice", "Issue the invoice", "billing.add_invoice")
        elif invoice.balance:
            yield Step("step:payment", f"Take a payment, {dollars(invoice.balance)}", "billing.add_payment")
    if status != _S.DENIED and not bench.invoices:
        yield Step("step:deposit", "Take a deposit", "billing.add_payment")
    for payment in bench.to_give_back:
        yield Step(f"refund:{payment.pk}", f"Give back {dollars(payment.open)}", "billing.refund_payment")
    if invoice is not None:
        yield Step(f"mail:{invoice.pk}", "Mail the invoice", "billing.send_invoice")
        yield Step("step:credit", "Credit or refund…", "billing.add_creditnote", is_bad=True)
    if status in (_S.COMPLETED, _S.DENIED) and bench.exit is None:
        why = ""
        if status == _S.COMPLETED and not bench.invoices:
            why = "Not yet: issue the invoice first."
        yield Step("step:out", "Vehicle out", "billing.add_vehicleexit", why)
    if status == _S.COMPLETED and not bench.invoices:
        yield Step("step:reopen", "Reopen the order…", "repair_orders.reopen_repairorder", is_bad=True)


def rare_steps(bench: Bench) -> Iterator[Step]:
    """Yield the steps that are seldom needed."""
    status = bench.order.status
    if bench.is_open:
        yield Step("step:discount", "Give a discount", "repair_orders.change_repairorder")
        yield Step("step:retax", "Take tax and fees again", "repair_orders.change_repairorder")
    if status == _S.APPROVED:
        yield Step("step:withdraw", "Withdraw the authorization…", "repair_orders.withdraw_repairorder")
    if status == _S.COMPLETED:
        if bench.invoices:
            why = "The order has an invoice, which keeps it completed."
            yield Step("step:reopen", "Reopen the order…", "repair_orders.reopen_repairorder", why)
        yield Step("step:comeback", "Make a comeback", "repair_orders.add_repairorder")
    yield Step("step:copy", "Copy to a new order", "repair_orders.add_repairorder")
