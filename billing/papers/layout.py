"""The texts that the papers of billing print, made from snapshots alone (docs/design, D72, D93).

Each function is pure. A number that is drawn by the database after the snapshot was taken is passed beside it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from billing.models import LineKind, PaymentKind
from billing.queries import BUCKET_NAMES
from common.domain.money import PaymentMethod
from common.domain.types import Json
from common.domain.units import from_miles, paper_units
from repair_orders.estimates.models import Answer, Method
from repair_orders.estimates.snapshot import digest
from repair_orders.papers.texts import (
    customer_party,
    day,
    discount_rows,
    fee_layout,
    filled,
    head,
    joined,
    line_layout,
    local,
    moment,
    money,
    noted,
    order_party,
    plain,
    remarks,
    short,
    sums_of_kinds,
    tax_label,
    total_of,
    vehicle_party,
    with_added_tax,
)

BUCKET_LABELS = dict(
    zip(BUCKET_NAMES, ("Not yet due", "1–30 days", "31–60 days", "61–90 days", "Over 90 days"), strict=True)
)
_LINE_COLUMNS = ["Part or labor", "Qty, hours", "Price", "Tax", "Amount"]
_T = "T: taxable. Parts are new unless a line says otherwise. Amounts of jobs are before discount, fees and tax."


def invoice_layout(snapshot: Json) -> Json:
    """Return the values of `invoice.typ` for the snapshot of an invoice of an order or of an opening balance."""
    is_order = snapshot["kind"] == "order"
    number, issued = snapshot["number"], local(snapshot["issued_at"], snapshot)
    due_on = date.fromisoformat(snapshot["due_on"])
    posted = date.fromisoformat(snapshot["day"])
    due = "Due on receipt" if due_on <= posted else f"Due {day(due_on)}"
    facts = filled(
        f"Issued {moment(issued)}",
        "" if posted == issued.date() else f"Posted on {day(posted)}",
        due,
        is_order and snapshot["order"]["advisor"] and f"Advisor {snapshot['order']['advisor']}",
    )
    parties = _parties(snapshot)
    return {
        **head(snapshot, "Invoice", number, facts, issued, name=f"Invoice {number}", parties=parties),
        "remarks": _order_remarks(snapshot) if is_order else [],
        "columns": _LINE_COLUMNS if is_order else ["", "", "", "", "Amount"],
        "groups": _groups(snapshot) if is_order else [_opening(snapshot)],
        "boxes": _boxes(snapshot) if is_order else [],
        "sums": _sums(snapshot) if is_order else [],
        "total": {"label": "Total", "amount": money(snapshot["totals"]["total"])},
        "after": [_deposit(row, snapshot) for row in snapshot.get("deposits", [])],
        "due": {"label": "Balance due", "amount": money(snapshot["balance"])},
        "terms": [*([_T] if is_order else []), *_terms(snapshot)],
    }


def credit_note_layout(snapshot: Json) -> Json:
    """Return the values of `credit_note.typ`."""
    number, posted = snapshot["number"], local(snapshot["posted_at"], snapshot)
    invoice, totals = snapshot["invoice"], snapshot["totals"]
    issued = local(invoice["issued_at"], snapshot)
    facts = [f"Posted {moment(posted)}", f"For invoice {invoice['number']} of {day(issued)}"]
    sums = [("Subtotal", totals["subtotal"])]
    if Decimal(totals["discount"]):
        sums.append(("Discount", _minus(totals["discount"])))
    sums.append((tax_label(snapshot["terms"]) if snapshot["terms"] else "Tax", totals["tax"]))
    after = [(f"Invoice {invoice['number']}", invoice["total"]), ("Left after this credit", invoice["left"])]
    return {
        **head(
            snapshot,
            "Credit note",
            number,
            facts,
            posted,
            name=f"Credit note {number}",
            parties=_parties(snapshot),
        ),
        "remarks": remarks(("Reason", snapshot["reason"])),
        "columns": ["Credited", "Qty, hours", "Amount", "Discount", "Tax", "Total"],
        "lines": [_credited(line) for line in snapshot["lines"]],
        "sums": _rows(sums),
        "total": {"label": "Total credited", "amount": money(totals["total"])},
        "after": _rows(after),
        "terms": _terms(snapshot),
    }


def receipt_layout(snapshot: Json, number: int) -> Json:
    """Return the values of `receipt.typ` for a payment or a refund with this number."""
    refunded, kind = snapshot["refunds"], snapshot["kind"]
    posted = local(snapshot["posted_at"], snapshot)
    is_opening = kind == PaymentKind.OPENING
    words = {
        PaymentKind.PAYMENT: "Payment",
        PaymentKind.REFUND: "Refund",
        PaymentKind.OPENING: "Opening credit",
    }
    title = "Refund" if refunded else "Opening credit" if is_opening else "Receipt"
    subtitle = f"{words[kind]} {number}"
    facts = [f"Posted {moment(posted)}"]
    if is_opening:
        facts.append(f"As of {day(date.fromisoformat(snapshot['day']))}")
    if snapshot["received_on"]:
        facts.append(f"Received {day(date.fromisoformat(snapshot['received_on']))}")
    by = {
        "label": "Refunded by" if refunded else "Paid by",
        "name": PaymentMethod(snapshot["method"]).label,
        "lines": filled(snapshot["reference"] and f"Reference {snapshot['reference']}"),
    }
    parties = [_payer(snapshot["customer"], "Customer"), *([] if is_opening else [by])]
    rows = [(use["name"], use["amount"]) for use in snapshot["uses"]]
    left = Decimal(snapshot["amount"]) - Decimal(total_of(use["amount"] for use in snapshot["uses"]))
    if left and not refunded:
        rows.append(("Not used yet", str(left)))
    if refunded:
        of = local(refunded["posted_at"], snapshot)
        method = PaymentMethod(refunded["method"]).label.lower()
        rows.append((f"Payment {refunded['payment_id']}, {method}, {day(of)}", refunded["amount"]))
    label = "Refunded" if refunded else "Credit" if is_opening else "Received"
    reversal = "The payment was recorded by mistake. It is taken back as a whole."
    return {
        **head(
            snapshot, title, subtitle, facts, posted, name=f"{title}, {subtitle.lower()}", parties=parties
        ),
        "remarks": remarks(
            ("Reversal", reversal if snapshot["is_reversal"] else ""), ("Reason", snapshot["reason"])
        ),
        "columns": ["Refund of", "Amount of the payment"] if refunded else ["Used for", "Amount"],
        "rows": _rows(rows),
        "sums": [],
        "total": {"label": label, "amount": money(snapshot["amount"])},
        "terms": [f"SHA-256 of this paper: {digest(snapshot)}"],
    }


def statement_layout(snapshot: Json) -> Json:
    """Return the values of `statement.typ`."""
    first, last = (date.fromisoformat(snapshot[name]) for name in ("from", "through"))
    made = local(snapshot["made_at"], snapshot)
    subtitle = f"{first:%B} {first.year}"
    customer = _payer(snapshot["customer"], "Account of")
    opening = {
        "day": _short_day(first),
        "name": "Balance brought forward",
        "note": "",
        "charge": "",
        "credit": "",
        "balance": plain(snapshot["opening"]),
    }
    closing = Decimal(snapshot["closing"])
    label = "You owe" if closing > 0 else "We owe you" if closing < 0 else "Balance"
    # PostgreSQL stores the names of an object in an order of its own.
    ageing = [(label, snapshot["ageing"][name]) for name, label in BUCKET_LABELS.items()]
    ageing += [
        ("Payments not used", _minus(snapshot["open_payments"])),
        ("Deposits", _minus(snapshot["deposits"])),
    ]
    return {
        **head(
            snapshot,
            "Statement",
            subtitle,
            [f"{day(first)} to {day(last)}", f"Made {moment(made)}"],
            made,
            name=f"Statement {subtitle}, {snapshot['customer']['name'] or 'former customer'}",
            parties=[customer],
        ),
        "footer": joined(snapshot["shop"] and snapshot["shop"]["name"], f"Statement {subtitle}"),
        "columns": ["Day", "Posting", "Charge", "Credit", "Balance"],
        "rows": [opening, *map(_posting, snapshot["lines"])],
        "sums": _rows(
            [
                ("Balance brought forward", snapshot["opening"]),
                ("Charges", total_of(row["charge"] or "0.00" for row in snapshot["lines"])),
                ("Credits", _minus(total_of(row["credit"] or "0.00" for row in snapshot["lines"]))),
            ]
        ),
        "total": {"label": label, "amount": money(str(abs(closing)))},
        "ageing": {
            "title": f"Unpaid invoices on {day(last)}, by days past due",
            "columns": [name for name, _ in ageing],
            "amounts": [plain(amount) for _, amount in ageing],
        },
        "terms": [
            "Payments that are not used and deposits are listed beside the invoices and not taken off them.",
            *_terms(snapshot),
        ],
    }


def day_sheet_layout(snapshot: Json) -> Json:
    """Return the values of `day_sheet.typ`."""
    shop = snapshot["shop"]
    on = date.fromisoformat(snapshot["day"])
    zoned = {"shop": {"time_zone": snapshot["zone"]}}
    by = f" by {snapshot['closed_by']}" if snapshot["closed_by"] else ""
    facts = [f"Closed {moment(local(snapshot['closed_at'], zoned))}{by}"]
    cash = [("Cash expected", snapshot["cash_expected"])]
    if snapshot["cash_counted"] is not None:
        cash += [("Cash counted", snapshot["cash_counted"]), ("Difference", snapshot["cash_difference"])]
    place = shop["location"] if shop else ""
    return {
        **head(
            snapshot,
            "Day sheet",
            day(on),
            facts,
            on,
            name=", ".join(filled("Day sheet", place, day(on))),
            parties=[],
        ),
        "remarks": remarks(("Note", snapshot["note"])),
        "sections": [
            {
                "title": section["title"],
                # Rows of 0.00 would fill a second page.
                "rows": _rows(
                    [(row["label"], row["amount"]) for row in section["rows"] if Decimal(row["amount"])]
                ),
                "total": {"label": section["total"]["label"], "amount": plain(section["total"]["amount"])},
            }
            for section in snapshot["sections"]
        ],
        "cash": _rows(cash),
        "terms": [
            f"What was posted after the day was closed counts on the next day. Days are those of {snapshot['zone']}.",
            f"SHA-256 of this sheet: {digest(snapshot)}",
        ],
    }


# --- The parts of invoices and credit notes -----------------------------------------------------------------


def _parties(snapshot: Json) -> list[Json]:
    parties = [_payer(snapshot["bill_to"], "Bill to")]
    vehicle = snapshot.get("vehicle")
    if vehicle:  # an opening balance is of no order
        if snapshot["customer"]["id"] != snapshot["bill_to"]["id"]:
            parties.append(customer_party(snapshot["customer"]))
        parties += [_vehicle(vehicle), _order(snapshot)]
    return parties


def _payer(customer: Json, label: str) -> Json:
    party = customer_party(customer, label)
    return {
        **party,
        "lines": [*party["lines"], *filled(customer["tax_id"] and f"Tax ID {customer['tax_id']}")],
    }


def _vehicle(vehicle: Json) -> Json:
    party = vehicle_party(vehicle)
    label = vehicle["label"]
    is_unit = (vehicle["license_plate"] or vehicle["vin"]) and label not in (
        vehicle["license_plate"],
        vehicle["vin"],
    )
    return {**party, "lines": [*filled(f"Unit {label}" if is_unit else ""), *party["lines"]]}


def _order(snapshot: Json) -> Json:
    party, order = order_party(snapshot), snapshot["order"]
    units = paper_units(order)
    read = [
        f"{word} {short(str(from_miles(Decimal(order[name]), units)))}"
        for word, name in (("in", "odometer_in"), ("out", "odometer_out"))
        if order[name] is not None
    ]
    odometer = f"Odometer {', '.join(read)} {units.distance}" if read else ""
    return {**party, "lines": [*party["lines"], *filled(odometer)]}


def _order_remarks(snapshot: Json) -> list[Json]:
    order = snapshot["order"]
    comeback = f"The work of repair order {order['comeback_of']} is done again without charge."
    return remarks(
        ("Reported by the customer", order["description"]),
        ("Notes of the shop", order["notes"]),
        ("Comeback", comeback if order["comeback_of"] else ""),
    )


def _groups(snapshot: Json) -> list[Json]:
    groups = [_job(place, job) for place, job in enumerate(snapshot["jobs"], start=1)]
    if snapshot["fees"]:
        groups.append(
            {
                "name": "Fees",
                "amount": plain(total_of(fee["amount"] for fee in snapshot["fees"])),
                "words": [],
                "lines": [fee_layout(fee) for fee in snapshot["fees"]],
            }
        )
    return groups


def _job(place: int, job: Json) -> Json:
    words = (
        ("Concern", job["concern"]),
        ("Cause", job["cause"]),
        ("Correction", job["correction"]),
        ("Technician", job["technician"]),
    )
    return {
        "name": f"{place}. {job['name']}",
        "amount": plain(job["amount"]),
        "words": [f"{label}: {text}" for label, text in words if text],
        "lines": [line_layout(line) for line in job["lines"]],
    }


def _opening(snapshot: Json) -> Json:
    until = day(date.fromisoformat(snapshot["day"]))
    line = fee_layout(
        {"name": f"Balance of {until}", "amount": snapshot["totals"]["total"], "taxable": False}
    )
    return {"name": "", "amount": "", "words": [], "lines": [line]}


def _boxes(snapshot: Json) -> list[Json]:
    boxes = []
    if snapshot["declined"]:
        texts = [f"{job['name']}, {money(job['amount'])} before tax" for job in snapshot["declined"]]
        boxes.append({"title": "Declined, not done", "texts": texts})
    answers = [_authorised(answer, snapshot) for answer in snapshot["authorisations"]]
    if answers:
        boxes.append({"title": "Authorized", "texts": answers})
    return boxes


def _authorised(answer: Json, snapshot: Json) -> str:
    """Return when, how, by whom and through which number or address work was authorised, and the total after it."""
    approves = any(decision["decision"] == Answer.APPROVED for decision in answer["decisions"])
    text = noted(
        moment(local(answer["at"], snapshot)),
        Method(answer["method"]).label.lower(),
        answer["by_name"],
        answer["contact_used"],
    )
    text += f": {money(answer['total'])} in all" if approves else ": declined"
    days, total = with_added_tax(answer, snapshot)
    taxes = [f"{money(amount)} of tax added on {day}" for day, amount in days]
    text = noted(text, *taxes, f"{money(total)} with it" if taxes else "")
    return f"{text}, withdrawn" if answer["withdrawn_at"] else text


def _sums(snapshot: Json) -> list[Json]:
    totals, terms = snapshot["totals"], snapshot["terms"]
    lines = [line for job in snapshot["jobs"] for line in job["lines"]]
    rows = [*sums_of_kinds(lines, snapshot["fees"]), ("Subtotal", totals["subtotal"])]
    rows += [(label, _minus(amount)) for label, amount in discount_rows(snapshot)]
    base = "" if terms["tax_exemption"] else f" of {plain(snapshot['tax_base'])}"
    rows.append((f"{tax_label(terms)}{base}", totals["tax"]))
    return _rows(rows)


def _deposit(deposit: Json, snapshot: Json) -> Json:
    label = noted(
        "Deposit",
        PaymentMethod(deposit["method"]).label.lower(),
        deposit["reference"],
        _short_day(local(deposit["posted_at"], snapshot)),
    )
    return {"label": label, "amount": plain(_minus(deposit["amount"]))}


def _terms(snapshot: Json) -> list[str]:
    return filled(
        snapshot["shop"] and snapshot["shop"]["terms"], f"SHA-256 of this paper: {digest(snapshot)}"
    )


def _credited(line: Json) -> Json:
    hours = " h" if line["kind"] == LineKind.LABOUR else ""
    return {
        "name": line["name"],
        "note": f"{restocked} returned to stock" if (restocked := line.get("restocked")) else "",
        "quantity": f"{short(line['quantity'])}{hours}" if line["quantity"] else "",
        "amount": plain(line["amount"]),
        "discount": plain(_minus(line["discount"])) if Decimal(line["discount"]) else "",
        "tax": plain(line["tax"]),
        "total": plain(total_of((line["net"], line["tax"]))),
    }


def _posting(row: Json) -> Json:
    note = joined(
        row["unit"],
        row["order"] and f"Order {row['order']}",
        row["po_number"] and f"PO {row['po_number']}",
        row["detail"],
        row["due_on"] and f"Due {_short_day(date.fromisoformat(row['due_on']))}",
    )
    return {
        "day": _short_day(date.fromisoformat(row["day"])) if row["day"] else "",
        "name": row["name"],
        "note": note,
        "charge": plain(row["charge"]),
        "credit": plain(row["credit"]),
        "balance": plain(row["balance"]),
    }


def _minus(amount: str) -> str:
    return str(-Decimal(amount)) if Decimal(amount) else amount


def _short_day(at: date) -> str:
    return f"{at:%b} {at.day}"


def _rows(rows: list[tuple[str, str]]) -> list[Json]:
    return [{"label": label, "amount": plain(amount)} for label, amount in rows]
