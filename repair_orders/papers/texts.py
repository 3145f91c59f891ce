"""The texts and parts that all papers of work share, made from snapshots alone (docs/design, D72).

Each function is pure. Amounts are those of the snapshot, with separators and a currency. Instants are printed in the
location's time zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from appointments.models import PaperSize
from common.domain.types import Json
from repair_orders.models import Condition, ServiceKind
from repair_orders.worksheet import PART

_KINDS = (
    (PART, "Parts"),
    (ServiceKind.LABOUR, "Labor"),
    (ServiceKind.SUBLET, "Sublet work"),
)


def paper_size(snapshot: Json) -> Literal["letter", "a4"]:
    """Return the paper of the location."""
    return "a4" if (snapshot["shop"] or {}).get("paper_size") == PaperSize.A4 else "letter"


def number_of(snapshot: Json) -> str:
    """Return the number of the order that papers print: the location's own, else the id."""
    order = snapshot["order"]
    return str(order["number"] or order["id"])


# --- Numbers and instants -----------------------------------------------------------------------------------


def money(amount: str) -> str:
    """Return dollars with separators and a minus sign: `−$1,050.45`."""
    value = Decimal(amount)
    return f"{'−' if value < 0 else ''}${abs(value):,}"


def plain(amount: str | None) -> str:
    return "" if amount is None else f"{Decimal(amount):,}".replace("-", "−")


def short(number: str) -> str:
    """Return a number without the zeros behind its last place: `4.5`, `8.25`."""
    return f"{Decimal(number).normalize():,f}"


def local(instant: str, snapshot: Json) -> datetime:
    zone = (snapshot["shop"] or {}).get("time_zone") or "UTC"
    return datetime.fromisoformat(instant).astimezone(ZoneInfo(zone))


def day(at: date) -> str:
    """Return a date: `November 30, 2026`."""
    return f"{at:%B} {at.day}, {at.year}"


def moment(at: datetime) -> str:
    """Return a local instant with its zone: `November 30, 2026, 8:58 AM EST`."""
    return f"{day(at)}, {at.hour % 12 or 12}:{at:%M %p %Z}"


# --- Parts of a paper -----------------------------------------------------------------------------------


def head(
    snapshot: Json,
    title: str,
    subtitle: str,
    facts: list[str],
    at: date,
    *,
    name: str = "",
    parties: Sequence[Json] | None = None,
) -> Json:
    """Return the letterhead, the facts beside it and the parties below it: customer, vehicle and order by default.

    `name` is the title of the file, by default made from the title and the subtitle. `at` is the date of the file.
    """
    shop = snapshot["shop"]
    name = name or f"{title}, {subtitle[0].lower()}{subtitle[1:]}"
    return {
        "name": name,
        "title": title,
        "subtitle": subtitle,
        "facts": facts,
        "date": [at.year, at.month, at.day],
        "footer": joined(shop and shop["name"], name),
        "shop": shop and {"name": shop["name"], "lines": shop_lines(shop)},
        "parties": [
            customer_party(snapshot["customer"]),
            vehicle_party(snapshot["vehicle"]),
            order_party(snapshot),
        ]
        if parties is None
        else list(parties),
    }


def shop_lines(shop: Json) -> list[str]:
    place = [shop["location"]] if shop["location"] != shop["name"] else []
    papers = [
        f"Registration {shop['registration_number']}" if shop["registration_number"] else "",
        f"Tax ID {shop['tax_id']}" if shop["tax_id"] else "",
    ]
    return filled(*place, shop["address"], joined(shop["phone"], shop["email"]), joined(*papers))


def customer_party(customer: Json, label: str = "Customer") -> Json:
    return {
        "label": label,
        "name": customer["name"] or "",
        "lines": filled(customer["address"], customer["phone"], customer["email"]),
    }


def vehicle_party(vehicle: Json) -> Json:
    name = " ".join(str(part) for part in (vehicle["year"], vehicle["make"], vehicle["model"]) if part)
    plate = f"Plate {vehicle['license_plate']}" if vehicle["license_plate"] else ""
    return {
        "label": "Vehicle",
        "name": name or vehicle["label"],
        "lines": filled(plate, f"VIN {vehicle['vin']}" if vehicle["vin"] else ""),
    }


def order_party(snapshot: Json) -> Json:
    order = snapshot["order"]
    return {
        "label": "Repair order",
        "name": number_of(snapshot),
        "lines": filled(f"PO number {order['po_number']}" if order["po_number"] else ""),
    }


def remarks(*rows: tuple[str, str]) -> list[Json]:
    return [{"label": label, "text": text} for label, text in rows if text]


def filled(*texts: str | None) -> list[str]:
    return [text for text in texts if text]


def joined(*texts: str | None) -> str:
    return " · ".join(filled(*texts))


# --- Lines and tax ------------------------------------------------------------------------------------------


def line_layout(line: Json) -> Json:
    if line["kind"] == PART:
        condition = "" if line["condition"] == Condition.NEW else Condition(line["condition"]).label.lower()
        note = noted(line["part_number"], line["manufacturer"], condition, "OEM" if line["oem"] else "")
        quantity, price = short(line["quantity"]), plain(line["unit_price"])
    else:
        note = "sublet" if line["kind"] == ServiceKind.SUBLET else "labor"
        is_by_hour = line["hours"] is not None and line["rate"] is not None
        quantity = f"{short(line['hours'])} h" if line["hours"] is not None else ""
        price = plain(line["rate"]) if is_by_hour else ""
    return {
        "name": line["name"],
        "note": noted(note, _warranty(line["warranty_months"])),
        "quantity": quantity,
        "price": price,
        "tax": _taxed(line),
        "amount": plain(line["amount"]),
    }


def fee_layout(fee: Json) -> Json:
    return {
        "name": fee["name"],
        "note": "",
        "quantity": "",
        "price": "",
        "tax": _taxed(fee),
        "amount": plain(fee["amount"]),
    }


def noted(*texts: str | None) -> str:
    return ", ".join(filled(*texts))


def _warranty(months: int) -> str:
    return f"warranty {months} {'month' if months == 1 else 'months'}" if months else ""


def _taxed(line: Json) -> str:
    return "T" if line["taxable"] else ""


def discount_rows(snapshot: Json) -> list[tuple[str, str]]:
    """Return the label and the amount of each discount: the shop's own, then those of plan, offer and points."""
    named = [(row["name"], row["amount"]) for row in snapshot.get("discounts", ())]
    own = Decimal(snapshot["totals"]["discount"]) - Decimal(total_of(amount for _, amount in named))
    return [*([(discount_label(snapshot["terms"]), str(own))] if own else []), *named]


def discount_label(terms: Json) -> str:
    if not Decimal(terms["discount_percent"]):
        return "Discount"
    label = f"Discount, {short(terms['discount_percent'])} %"
    return f"{label} and {money(terms['discount_amount'])}" if Decimal(terms["discount_amount"]) else label


def tax_label(terms: Json) -> str:
    if terms["tax_exemption"]:
        return f"Tax exempt, certificate {terms['tax_exemption']}"
    return f"Tax, {short(terms['tax_percent'])} %"


def with_added_tax(answer: Json, snapshot: Json) -> tuple[list[tuple[str, str]], str]:
    """Return the day and amount of each tax that was added to an authorisation, and its total with them.

    Snapshots of older papers have none.
    """
    rows = answer.get("added_taxes", ())
    days = [(day(local(row["at"], snapshot)), row["amount"]) for row in rows]
    return days, total_of([answer["total"], *(amount for _, amount in days)])


def total_of(amounts: Iterable[str]) -> str:
    return str(sum((Decimal(amount) for amount in amounts), start=Decimal("0.00")))


def sums_of_kinds(lines: Sequence[Json], fees: Sequence[Json]) -> list[tuple[str, str]]:
    """Return the label and the sum of each kind of line that there is."""
    rows = [
        (label, total_of(line["amount"] for line in lines if line["kind"] == kind))
        for kind, label in _KINDS
        if any(line["kind"] == kind for line in lines)
    ]
    return [*rows, ("Fees", total_of(fee["amount"] for fee in fees))] if fees else rows
