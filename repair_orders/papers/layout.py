"""The texts that the papers of an order print, made from snapshots alone (docs/design, D72).

Each function is pure. Amounts are those of the snapshot, with separators and a currency. Instants are printed in the
location's time zone.
"""

from __future__ import annotations

from common.domain.types import Json
from repair_orders.estimates.models import Method
from repair_orders.estimates.snapshot import digest
from repair_orders.models import JobStatus
from repair_orders.papers.texts import (
    discount_rows,
    fee_layout,
    filled,
    head,
    line_layout,
    local,
    moment,
    money,
    number_of,
    plain,
    remarks,
    short,
    sums_of_kinds,
    tax_label,
    with_added_tax,
)
from repair_orders.pricing.models import OverrunBasis, OverrunChoice

_AGREED = {JobStatus.APPROVED: "Authorized before", JobStatus.DONE: "Authorized before, done"}
_CONTACTS = {
    Method.PHONE: "Number",
    Method.TEXT: "Number",
    Method.EMAIL: "Address",
    Method.ONLINE: "Address",
}
NOT_RECORDED = "Not recorded"
_UNRECORDED = (
    "Not recorded: the shop answered for the customer and did not record how the customer gave the answer."
)


_ADDED = "Tax was added because the sales tax of the order rose after the answer, for example when an exemption ended."


def estimate_layout(snapshot: Json) -> Json:
    """Return the values of `estimate.typ` for the snapshot of a revision."""
    number, revision = number_of(snapshot), snapshot["revision"]
    title = _title(snapshot)
    sent = local(snapshot["sent_at"], snapshot)
    facts = [f"Sent {moment(sent)}", f"Valid until {moment(local(snapshot['expires_at'], snapshot))}"]
    return {
        **head(snapshot, title, f"Order {number}, revision {revision}", facts, sent),
        "remarks": remarks(
            ("Reported by the customer", snapshot["order"]["description"]),
            ("Notes of the shop", snapshot["order"]["notes"]),
        ),
        "jobs": [_job(place, job) for place, job in enumerate(snapshot["jobs"], start=1)],
        "fees": [fee_layout(fee) for fee in snapshot["fees"]],
        "notes": [
            "T: taxable. Parts are new unless a line says otherwise. A job's amount is before discount, fees and tax.",
        ],
        "sums": _sums(snapshot),
        "total": {"label": "Total", "amount": money(snapshot["totals"]["total"])},
        "consent": _consent(snapshot),
        "terms": [
            *([snapshot["shop"]["terms"]] if snapshot["shop"] and snapshot["shop"]["terms"] else []),
            f"SHA-256 of this revision: {digest(snapshot)}",
        ],
    }


def record_layout(record: Json) -> Json:
    """Return the values of `authorisation.typ` for the record of an order's authorisations."""
    number, entries = number_of(record), record["authorisations"]
    standing = record["standing_total"]
    made = local(entries[-1]["at"], record)
    return {
        **head(record, "Authorization record", f"Order {number}", [f"Last answer {moment(made)}"], made),
        "entries": [_entry(place, entry, record) for place, entry in enumerate(entries, start=1)],
        "total": {
            "label": "Authorized, all approved jobs with discount, fees and tax",
            "amount": "Nothing" if standing is None else money(standing),
        },
        "notes": [
            *([_UNRECORDED] if any(row["method"] == Method.NOT_RECORDED for row in entries) else []),
            *([_ADDED] if any(row["added_taxes"] for row in entries) else []),
        ],
    }


# --- The estimate -------------------------------------------------------------------------------------------


def _title(snapshot: Json) -> str:
    """Return the trade's word for a revision: the first, one before any work is agreed, or one for more work."""
    if snapshot["revision"] == 1:
        return "Estimate"
    agreed = any(job["status"] in _AGREED for job in snapshot["jobs"])
    return "Additional authorization" if agreed else "Revised estimate"


def _job(place: int, job: Json) -> Json:
    words = (("Concern", job["concern"]), ("Cause", job["cause"]), ("Correction", job["correction"]))
    return {
        "number": place,
        "name": job["name"],
        "amount": plain(job["amount"]),
        "state": _AGREED.get(job["status"], ""),
        "asks": job["status"] == JobStatus.PROPOSED,
        "words": [f"{label}: {text}" for label, text in words if text],
        "lines": [line_layout(line) for line in job["lines"]],
    }


def _sums(snapshot: Json) -> list[Json]:
    totals, terms = snapshot["totals"], snapshot["terms"]
    lines = [line for job in snapshot["jobs"] for line in job["lines"]]
    rows = [*sums_of_kinds(lines, snapshot["fees"]), ("Subtotal", totals["subtotal"])]
    rows += [(label, f"-{amount}") for label, amount in discount_rows(snapshot)]
    rows.append((tax_label(terms), totals["tax"]))
    return [{"label": label, "amount": plain(amount)} for label, amount in rows]


def _consent(snapshot: Json) -> str:
    """Return the sentence that the customer agrees to, with the amount above which the shop asks again."""
    shop = snapshot["shop"]
    name = shop["name"] if shop else "the shop"
    terms = snapshot["terms"]["overrun"]
    overrun = _overrun(terms)
    figure = "net price" if terms and terms["basis"] == OverrunBasis.NET else "total"
    asked = f"If the {figure} of the work I authorized turns out to be higher"
    asked += f" by more than {overrun}" if overrun else ""
    return f"I authorize {name} to do the jobs that I approve. {asked}, the shop asks me again first."


def _overrun(terms: Json | None) -> str:
    if terms is None:
        return ""
    allowed = filled(
        terms["percent"] and f"{short(terms['percent'])} %", terms["amount"] and money(terms["amount"])
    )
    text = " and ".join(allowed)
    if len(allowed) == 2:
        choice = "greater" if terms["choose"] == OverrunChoice.GREATER else "lesser"
        text = f"the {choice} of {text}"
    return f"{text}, at most {money(terms['cap'])}" if terms["cap"] else text


# --- The record of authorisations ---------------------------------------------------------------------------


def _entry(place: int, entry: Json, record: Json) -> Json:
    method = Method(entry["method"])
    contact = _CONTACTS.get(method, "Number or address")
    facts = [
        ("Method", method.label),
        ("Name", entry["by_name"] or NOT_RECORDED),
        (contact, entry["contact_used"] or NOT_RECORDED),
        ("Recorded by", entry["taken_by"] or ("The customer" if method == Method.ONLINE else NOT_RECORDED)),
    ]
    if entry["ip"]:
        facts.append(("From the internet address", entry["ip"]))
    if entry["note"]:
        facts.append(("Note", entry["note"]))
    return {
        "title": f"{place}. Revision {entry['revision']} of {money(entry['estimate_total'])}",
        "at": moment(local(entry["at"], record)),
        "facts": [{"label": label, "text": text} for label, text in facts],
        "withdrawn": _withdrawn(entry, record) if entry["withdrawn_at"] else None,
        "decisions": [
            {
                "name": decision["job_name"],
                "decision": decision["decision"].capitalize(),
                "amount": plain(decision["amount"]),
            }
            for decision in entry["decisions"]
        ],
        "sums": [
            {"label": "All approved jobs after it, before tax", "amount": plain(entry["net"])},
            {"label": "All approved jobs after it, total", "amount": money(entry["total"])},
            *_added_tax(entry, record),
        ],
    }


def _added_tax(entry: Json, record: Json) -> list[Json]:
    days, total = with_added_tax(entry, record)
    if not days:
        return []
    rows = [{"label": f"Tax added on {day}", "amount": plain(amount)} for day, amount in days]
    return [*rows, {"label": "Total with the added tax", "amount": money(total)}]


def _withdrawn(entry: Json, record: Json) -> str:
    by = f" by {entry['withdrawn_by']}" if entry["withdrawn_by"] else ""
    when = moment(local(entry["withdrawn_at"], record))
    return f"{when}{by}. Reason: {entry['withdrawal_reason'] or NOT_RECORDED}"
