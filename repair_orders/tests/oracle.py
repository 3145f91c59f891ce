"""The rules of an order's money, written a second time: exact fractions of dollars, one line after the other.

Nothing is imported from the product, so that a mistake there is not repeated here.
"""

from __future__ import annotations

import math
from fractions import Fraction

CENT = Fraction(1, 100)


def half_up(amount):
    """Round to the cent, half up."""
    return math.floor(amount / CENT + Fraction(1, 2)) * CENT


def down(amount):
    return math.floor(amount / CENT) * CENT


def line_amount(quantity, price):
    return half_up(Fraction(quantity) * Fraction(price))


def fees(rules, lines):
    """Return (name, amount, taxed) of the fees of lines, before discount. A fee of 0.00 is none."""
    parts = sum((line["amount"] for line in lines if line["kind"] == "part"), Fraction(0))
    labour = sum((line["amount"] for line in lines if line["kind"] == "labour"), Fraction(0))
    bases = {
        "percent_of_parts": parts,
        "percent_of_labour": labour,
        "percent_of_parts_and_labour": parts + labour,
    }
    found = []
    for rule in rules:
        if rule["kind"] in bases:
            amount = half_up(bases[rule["kind"]] * Fraction(rule["percent"]) / 100)
        elif rule["kind"] == "per_piece":
            pieces = sum(
                (
                    Fraction(line["quantity"])
                    for line in lines
                    if line["kind"] == "part" and line["part"] in rule["parts"]
                ),
                Fraction(0),
            )
            amount = half_up(Fraction(rule["amount"]) * pieces)
        else:
            amount = Fraction(rule["amount"])
        if rule["cap"] is not None:
            amount = min(amount, Fraction(rule["cap"]))
        if amount:
            found.append((rule["name"], amount, rule["taxable"]))
    return found


def discounts(rows, lines, subtotal, typed):
    """Return what the discounts of a plan, an offer and points take off, in this order: (kind, amount).

    `lines` are those of the jobs, without fees. `typed` is what the shop's own discount takes off.
    """
    found = {}
    for row in sorted(rows, key=lambda row: ("plan", "offer", "points").index(row["kind"])):
        by_percent = {}
        for line in lines:
            of_kind = {"part": row["off_parts"], "labour": row["off_labour"]}
            if line["kind"] not in of_kind:
                continue
            named = row["off_jobs"] if line["canned"] in row["canned_jobs"] else 0
            percent = max(Fraction(of_kind[line["kind"]]), Fraction(named))
            by_percent.setdefault(percent, []).append(line["amount"])
        off = sum(
            (half_up(sum(amounts) * percent / 100) for percent, amounts in by_percent.items()), Fraction(0)
        )
        off += Fraction(row["off_amount"])
        found[row["kind"]] = off if row["cap"] is None else min(off, Fraction(row["cap"]))
    together = all(row["combines"] for row in rows if row["kind"] != "points")
    if {"plan", "offer"} <= set(found) and not together:
        found["plan" if found["offer"] > found["plan"] else "offer"] = Fraction(0)
    left, given = max(subtotal - typed, Fraction(0)), []
    for kind, off in found.items():
        given.append((kind, min(off, left)))
        left -= given[-1][1]
    return given


def certificate(found, location, day):
    """Return the certificate that is valid at a location on a day, or None. The later one comes last in `found`.

    That of the location comes first, then the one that ends last, where one without an end ends after all others.
    """
    best = None
    for place, row in enumerate(found):
        begun = row["valid_from"] is None or row["valid_from"] <= day
        is_valid = begun and (row["valid_until"] is None or day <= row["valid_until"])
        if is_valid and row["location"] in (None, location):
            end = row["valid_until"]
            rank = (row["location"] is not None, end is None, end and end.toordinal(), place)
            if best is None or rank > best[0]:
                best = rank, row
    return best and best[1]


def figures(jobs, choice, terms):
    """Return subtotal, discount, net, tax, total, the fees and the discounts of the jobs (id -> lines) in `choice`."""
    lines = [line for job in choice for line in jobs[job]]
    lines.sort(key=lambda line: (line["kind"] != "part", line["id"]))
    extra = fees(terms["fees"], lines) if choice else []
    amounts = [line["amount"] for line in lines] + [amount for _, amount, _ in extra]
    taxed = [line["taxable"] for line in lines] + [taxable for _, _, taxable in extra]
    subtotal = sum(amounts, Fraction(0))
    discount = Fraction(terms["discount_amount"]) + half_up(
        subtotal * Fraction(terms["discount_percent"]) / 100
    )
    rows = discounts(terms["discounts"], lines, subtotal, discount)
    discount = min(discount + sum(off for _, off in rows), subtotal)
    given = [Fraction(0)] * len(amounts)
    if subtotal:
        exact = [discount * amount / subtotal for amount in amounts]
        given = [down(part) for part in exact]
        while sum(given) < discount:
            # The line that lacks most gets the next cent, and of equal ones the first.
            lacks = [part - cents for part, cents in zip(exact, given, strict=True)]
            given[lacks.index(max(lacks))] += CENT
    base = sum(
        (amount - off for amount, off, is_taxed in zip(amounts, given, taxed, strict=True) if is_taxed),
        Fraction(0),
    )
    tax = half_up(base * Fraction(terms["tax_percent"]) / 100)
    net = subtotal - discount
    return {
        "subtotal": subtotal,
        "discount": discount,
        "net": net,
        "tax": tax,
        "total": net + tax,
        "fees": extra,
        "given": rows,
    }


def ceiling(policy, total, net):
    """Return what an order may come to after `total` and `net` were authorised."""
    if policy is None:
        return total
    base = net if policy["basis"] == "NET" else total
    over = []
    if policy["percent"] is not None:
        over.append(down(base * Fraction(policy["percent"]) / 100))
    if policy["amount"] is not None:
        over.append(Fraction(policy["amount"]))
    chosen = max(over) if policy["choose"] == "greater" else min(over)
    return base + (chosen if policy["cap"] is None else min(chosen, Fraction(policy["cap"])))


def counted(state, jobs):
    """Return the ids of the jobs that count for the shop, and for the customer.

    `jobs` are (id, status, revision that showed it last, whether none has since it was proposed).
    """
    if state == "completed":
        done = {job for job, status, *_ in jobs if status == "done"}
        return done, done
    if state == "denied":
        last = max((sent for _, _, sent, _ in jobs if sent), default=None)
        seen = {job for job, _, sent, _ in jobs if last is None or sent == last}
        return seen, seen
    shop = {job for job, status, *_ in jobs if status in ("proposed", "approved", "done")}
    if state in ("requested", "pending"):
        return shop, shop
    drafts = {job for job, status, _, draft in jobs if status == "proposed" and draft}
    return shop, shop - drafts
