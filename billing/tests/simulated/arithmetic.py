"""The arithmetic of invoices and credits, written a second time with exact fractions of cents."""

from __future__ import annotations

import math
from fractions import Fraction


def half_up(exact):
    """Return an exact number of cents rounded half up."""
    return math.floor(Fraction(exact) + Fraction(1, 2))


def spread(cents, weights):
    """Share cents in proportion to weights. The cents left over go to the largest remainders, the earliest first."""
    whole = sum(weights)
    if not whole:
        return [0 for _ in weights]
    exact = [Fraction(cents * weight, whole) for weight in weights]
    parts = [math.floor(one) for one in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: cents - sum(parts)]:
        parts[i] += 1
    return parts


def fee_of(lines, percent, cap):
    """Return a fee in percent of parts and labour, at most the cap."""
    base = sum(line["amount"] for line in lines if line["kind"] in ("part", "labour"))
    return min(half_up(Fraction(base) * Fraction(percent) / 100), cap)


def rows_off(rows, lines, left):
    """Return what a plan, an offer and points take off, in this order, where at most `left` cents can be taken off."""
    wanted = {}
    for row in rows:
        off = row["amount"]
        percents = {"part": Fraction(row["parts"]), "labour": Fraction(row["labour"])}
        for percent in set(percents.values()):
            covered = [line["amount"] for line in lines if percents.get(line["kind"]) == percent]
            off += half_up(sum(covered) * percent / 100)
        wanted[row["kind"]] = off if row["cap"] is None else min(off, row["cap"])
    if {"plan", "offer"} <= set(wanted) and not all(row["combines"] for row in rows):
        wanted["plan" if wanted["offer"] > wanted["plan"] else "offer"] = 0
    given = {}
    for kind in sorted(wanted, key=("plan", "offer", "points").index):
        given[kind] = min(wanted[kind], left)
        left -= given[kind]
    return given


def price(lines, terms):
    """Add discount, net and tax to each line of an order, and return subtotal, discount, net, tax and total."""
    amounts = [line["amount"] for line in lines]
    subtotal = sum(amounts)
    percent = half_up(Fraction(subtotal) * Fraction(terms["percent"]) / 100)
    typed = min(terms["amount"] + percent, subtotal)
    given = rows_off(terms.get("rows", ()), lines, subtotal - typed)
    discount = typed + sum(given.values())
    for line, off in zip(lines, spread(discount, amounts), strict=True):
        line["discount"], line["net"] = off, line["amount"] - off
    taxed = [line["net"] if line["taxable"] else 0 for line in lines]
    tax = half_up(Fraction(sum(taxed)) * Fraction(terms["rate"]) / 100)
    for line, part in zip(lines, spread(tax, taxed), strict=True):
        line["tax"] = part
    net = subtotal - discount
    return {"subtotal": subtotal, "discount": discount, "net": net, "tax": tax, "total": net + tax}


def between(value, least, most):
    return max(least, min(value, most))
