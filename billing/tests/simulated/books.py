"""The second set of books: invoices, credits, payments and days, in whole cents.

Each posting is a row of `postings`: day, place, document and what it changes. Sheets, tax, receivables and journal are
sums of these rows, counted here in a way of their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing.tests.simulated.arithmetic import between, half_up

METHODS = ("cash", "check", "card", "transfer", "other")
BUCKETS = ("current", "d30", "d60", "d90", "over")


class Books:
    def __init__(self, zones):
        self.zones = zones  # place -> time zone
        self.closed = set()  # (place, day)
        self.invoices = {}
        self.payments = {}
        self.uses = defaultdict(dict)  # (kind of target, id) -> payment id -> cents
        self.history = []  # (day, place, payment id, kind of target, id of target, cents)
        self.used_on = {}  # (kind, id) of a target, and ("payment", id) -> last day
        self.sales = defaultdict(Counter)  # (place, day) -> kind, "discount", "tax", "invoices", … -> cents
        self.money = defaultdict(Counter)  # (place, day) -> (kind, method) -> cents
        self.deposits = defaultdict(Counter)  # (place, day) -> "on", "off" -> cents
        self.taxes = defaultdict(Counter)  # (place, day, rate) -> column -> cents
        self.labour = defaultdict(
            Counter
        )  # (place, day, technician) -> "hours", "amount" -> hundredths and cents
        self.journal = defaultdict(Counter)  # (place, day) -> account -> cents, debits above 0

    def day(self, place, now, *before):
        """Return the day on which something counts that is posted now, and that follows what counts on other days."""
        day = max((now.astimezone(ZoneInfo(self.zones[place])).date(), *before))
        while (place, day) in self.closed:
            day += timedelta(days=1)
        return day

    def book(self, place, day, **accounts):
        assert sum(accounts.values()) == 0, accounts
        self.journal[place, day].update(dict.fromkeys(accounts, 0))
        for name, cents in accounts.items():
            self.journal[place, day][name] += cents

    # --- Invoices -------------------------------------------------------------------------------------

    def invoice(self, pk, place, payer, order, terms, now):
        """Issue the invoice of an order, and move the deposits of its payer."""
        day = self.day(place, now)
        totals, lines = order["totals"], order["lines"]
        invoice = self.invoices[pk] = {
            "place": place, "customer": payer, "day": day, "due": day + timedelta(days=terms),
            "rate": order["rate"], "exempt": order["exempt"], "lines": lines, **totals, "order": order["pk"],
            "technician": order.get("technician"), "credits": [], "credited": 0, "done": False, "opening": False,
            "taken": [{"pieces": 0, "discount": 0, "net": 0, "tax": 0} for _ in lines],
            "allowed_net": 0, "allowed_tax": 0, "split_given": 0,
            "left_taxed": sum(line["net"] for line in lines if line["taxable"]),
            "left_other": sum(line["net"] for line in lines if not line["taxable"]),
        }  # fmt: skip
        invoice["all_taxed"] = invoice["left_taxed"]
        sales = self.sales[place, day]
        for line in lines:
            sales[line["kind"]] += line["amount"]
            sales["cost_part" if line["kind"] == "part" else "cost_sublet"] += line["cost"]
            self._work(invoice, day, line, 1)
        sales["discount"] += totals["discount"]
        sales["tax"] += totals["tax"]
        sales["invoices"] += totals["total"]
        self._tax(invoice, day, invoice["left_taxed"], invoice["left_other"], totals["tax"])
        self._sold(invoice, day, lines, 1)
        self.book(place, day, **self._cost(lines, 1))
        self._move_deposits(order["pk"], pk, payer, now)
        return invoice

    def _work(self, invoice, day, line, sign):
        if line["kind"] == "labour":
            row = self.labour[invoice["place"], day, invoice["technician"]]
            row["hours"] += sign * line["pieces"]
            row["amount"] += sign * line["amount"]

    def _sold(self, invoice, day, lines, sign):
        accounts = Counter({f"tax {invoice['rate']}": 0})
        for line in lines:
            accounts[line["kind"]] -= sign * line["amount"]
            accounts["discount"] += sign * line["discount"]
            accounts[f"tax {invoice['rate']}"] -= sign * line["tax"]
            accounts["receivable"] += sign * (line["net"] + line["tax"])
        self.book(invoice["place"], day, **accounts)

    @staticmethod
    def _cost(lines, sign):
        parts = sign * sum(line["cost"] for line in lines if line["kind"] == "part")
        others = sign * sum(line["cost"] for line in lines if line["kind"] != "part")
        return {
            "cost_of_parts": parts, "inventory": -parts, "cost_of_sublet": others, "sublet_payable": -others,
        }  # fmt: skip

    def _tax(self, invoice, day, of_taxable, other, tax):
        row = self.taxes[invoice["place"], day, invoice["rate"]]
        if Fraction(invoice["rate"]):
            row["taxed"] += of_taxable
        elif invoice["exempt"]:
            row["exempt"] += of_taxable
        else:
            row["not_taxed"] += of_taxable
        row["not_taxed"] += other
        row["tax"] += tax

    def _move_deposits(self, order, invoice, payer, now):
        for payment in self.held(("repair_order", order)):
            amount = self.uses["repair_order", order][payment]
            self.use(payment, ("repair_order", order), -amount, now)
            part = min(amount, self.balance(invoice))
            if part and self.payments[payment]["customer"] == payer:
                self.use(payment, ("invoice", invoice), part, now)

    def open_invoice(self, pk, place, customer, day, cents):
        self.invoices[pk] = {
            "place": place, "customer": customer, "day": day, "due": day, "rate": "0", "exempt": False,
            "lines": [], "subtotal": cents, "discount": 0, "net": cents, "tax": 0, "total": cents,
            "order": None, "credits": [], "credited": 0, "done": False, "opening": True, "taken": [],
            "allowed_net": 0, "allowed_tax": 0,
        }  # fmt: skip
        self.book(place, day, receivable=cents, opening=-cents)

    def paid(self, invoice):
        return sum(self.uses["invoice", invoice].values())

    def balance(self, invoice):
        row = self.invoices[invoice]
        return row["total"] - row["credited"] - self.paid(invoice)

    # --- Credits --------------------------------------------------------------------------------------

    def left(self, pk):
        """Return the net and the tax of an invoice that are not credited."""
        invoice = self.invoices[pk]
        net, tax = (
            invoice[name] - invoice[f"allowed_{name}"] - sum(taken[name] for taken in invoice["taken"])
            for name in ("net", "tax")
        )
        return net, tax

    def part_of_line(self, pk, place, pieces):
        """Return what pieces of a line come to after those that were credited: discount, net and tax.

        None are all that are left.
        """
        invoice = self.invoices[pk]
        line, taken = invoice["lines"][place], invoice["taken"][place]
        if pieces is None:
            return {name: line[name] - taken[name] for name in ("discount", "net", "tax")}
        share = Fraction(taken["pieces"] + pieces, line["pieces"])
        return {name: half_up(line[name] * share) - taken[name] for name in ("discount", "net", "tax")}

    def credit_lines(self, pk, note, wanted, now):
        """Credit lines: (place of the line, hundredths of a piece or None). An order of credits never exceeds it."""
        invoice = self.invoices[pk]
        left = self.left(pk)
        rows = []
        for place, pieces in wanted:
            part = self.part_of_line(pk, place, pieces)
            line, taken = invoice["lines"][place], invoice["taken"][place]
            if line["pieces"]:
                pieces = line["pieces"] - taken["pieces"] if pieces is None else pieces
                taken["pieces"] += pieces
            for name, cents in part.items():
                taken[name] += cents
            rows.append({"kind": line["kind"], "taxable": line["taxable"], "pieces": pieces, **part})
        net, tax = (sum(row[name] for row in rows) for name in ("net", "tax"))
        shift = between(tax, net + tax - left[0], left[1]) - tax
        if shift:
            rows.append(self._allow(invoice, -shift, shift))
        return self._credit(pk, note, rows, now, whole=False)

    def credit_amount(self, pk, note, cents, now):
        invoice = self.invoices[pk]
        left = self.left(pk)
        before = invoice["allowed_net"] + invoice["allowed_tax"]
        due = half_up(Fraction((before + cents) * invoice["tax"], invoice["total"]))
        tax = between(due - invoice["allowed_tax"], cents - left[0], left[1])
        return self._credit(pk, note, [self._allow(invoice, cents - tax, tax)], now, whole=False)

    def credit_all(self, pk, note, now):
        invoice = self.invoices[pk]
        rows = []
        for place, line in enumerate(invoice["lines"]):
            part = self.part_of_line(pk, place, None)
            pieces = line["pieces"] and line["pieces"] - invoice["taken"][place]["pieces"]
            for name, cents in part.items():
                invoice["taken"][place][name] += cents
            rows.append({"kind": line["kind"], "taxable": line["taxable"], "pieces": pieces, **part})
        if invoice["opening"]:
            net, _ = self.left(pk)
            rows.append(self._allow(invoice, net, 0))
        else:
            rows.append(self._allow(invoice, -invoice["allowed_net"], -invoice["allowed_tax"]))
        return self._credit(pk, note, rows, now, whole=True)

    @staticmethod
    def _allow(invoice, net, tax):
        invoice["allowed_net"] += net
        invoice["allowed_tax"] += tax
        return {"kind": "allowance", "taxable": None, "discount": 0, "net": net, "tax": tax}

    def _credit(self, pk, note, rows, now, *, whole):
        invoice = self.invoices[pk]
        place = invoice["place"]
        net, tax = (sum(row[name] for row in rows) for name in ("net", "tax"))
        total = net + tax
        invoice["credited"] += total
        over = self.paid(pk) - (invoice["total"] - invoice["credited"])
        for payment in reversed(self.held(("invoice", pk))):
            part = min(over, self.uses["invoice", pk][payment])
            if part > 0:
                self.use(payment, ("invoice", pk), -part, now)
                over -= part
        day = self.day(place, now, invoice["day"], self.used_on.get(("invoice", pk), invoice["day"]))
        invoice["credits"].append((day, total))
        invoice["done"] = whole or (invoice["credited"] == invoice["total"] and invoice["total"] > 0)
        if invoice["opening"]:
            self.sales[place, day]["opened"] += total
            self.book(place, day, opening=total, receivable=-total)
            return {"id": note, "net": net, "tax": tax, "total": total}
        sales = self.sales[place, day]
        for row in rows:
            row["amount"] = row["discount"] + row["net"]
            sales[row["kind"]] -= row["amount"]
            self._work(invoice, day, row, -1)
            sales["discount"] -= row["discount"]
        sales["tax"] -= tax
        sales["notes"] += total
        self._sold(invoice, day, rows, -1)
        taxed = self._taxed_part(invoice, rows)
        self._tax(invoice, day, -taxed, taxed - net, -tax)
        if invoice["done"]:
            for line in invoice["lines"]:
                sales["cost_part" if line["kind"] == "part" else "cost_sublet"] -= line["cost"]
            self.book(place, day, **self._cost(invoice["lines"], -1))
        return {"id": note, "net": net, "tax": tax, "total": total}

    @staticmethod
    def _taxed_part(invoice, rows):
        """Return the part of a credit's net that belongs to taxable lines. Allowances take their share cumulatively."""
        net = sum(row["net"] for row in rows)
        own = sum(row["net"] for row in rows if row["taxable"])
        cumulated = 0
        if invoice["net"]:
            share = Fraction(invoice["allowed_net"] * invoice["all_taxed"], invoice["net"])
            cumulated = half_up(share) if share >= 0 else -half_up(-share)
        wanted = own + cumulated - invoice["split_given"]
        invoice["split_given"] = cumulated
        taxed = min(max(wanted, net - invoice["left_other"]), invoice["left_taxed"])
        invoice["left_taxed"] -= taxed
        invoice["left_other"] -= net - taxed
        return taxed

    # --- Payments -------------------------------------------------------------------------------------

    def pay(self, pk, place, customer, cents, method, now):
        day = self.day(place, now)
        self.payments[pk] = {
            "place": place, "customer": customer, "day": day, "amount": cents, "method": method, "at": now,
            "refunds": [], "opening": False,
        }  # fmt: skip
        self.money[place, day]["payment", method] += cents
        self.book(place, day, **{method: cents, "open_payments": -cents})

    def open_payment(self, pk, place, customer, day, cents, now):
        self.payments[pk] = {
            "place": place, "customer": customer, "day": day, "amount": cents, "method": "other", "at": now,
            "refunds": [], "opening": True,
        }  # fmt: skip
        self.book(place, day, opening=cents, open_payments=-cents)

    def open(self, payment):
        row = self.payments[payment]
        used = sum(uses.get(payment, 0) for uses in self._uses_of(payment))
        return row["amount"] - used - sum(cents for _, cents, _ in row["refunds"])

    def _uses_of(self, payment):
        return [self.uses[target] for target in self.payments[payment].get("targets", ())]

    def use(self, payment, target, cents, now):
        """Use a part of a payment for an invoice, an order or a parts order. Below 0 it is taken off."""
        row, (kind, pk) = self.payments[payment], target
        row.setdefault("targets", set()).add(target)
        place = row["place"]
        day = self.day(place, now, row["day"], *([self.invoices[pk]["day"]] if kind == "invoice" else []))
        self.uses[target][payment] = self.uses[target].get(payment, 0) + cents
        self.history.append((day, place, payment, kind, pk, cents))
        for name in (target, ("payment", payment)):
            self.used_on[name] = max(day, self.used_on.get(name, day))
        account = {"invoice": "receivable", "repair_order": "deposits", "parts_order": "mail"}[kind]
        self.book(place, day, **{"open_payments": cents, account: -cents})
        if kind == "repair_order":
            self.deposits[place, day]["on" if cents > 0 else "off"] += cents
        if kind == "parts_order":
            self.sales[place, day]["mail_on" if cents > 0 else "mail_off"] += cents

    def held(self, target):
        """Return the payments that are used for something, the oldest first."""
        found = [payment for payment, cents in self.uses[target].items() if cents]
        return sorted(found, key=lambda payment: (self.payments[payment]["at"], payment))

    def take_off(self, target, now, most=None):
        """Take all off a target, or at most some cents of the latest payments. Return (payment, cents)."""
        freed = []
        for payment in reversed(self.held(target)):
            cents = self.uses[target][payment] if most is None else min(most, self.uses[target][payment])
            if cents > 0:
                self.use(payment, target, -cents, now)
                freed.append((payment, cents))
                most = None if most is None else most - cents
        return freed

    def refund(self, payment, cents, now, *, method=None, place=None, reversal=False):
        row = self.payments[payment]
        place, method = place or row["place"], method or row["method"]
        day = self.day(place, now, row["day"], self.used_on.get(("payment", payment), row["day"]))
        row["refunds"].append((day, cents, place))
        if reversal and row["opening"]:
            self.sales[place, day]["opened_back"] += cents
            self.book(place, day, open_payments=cents, opening=-cents)
            return
        self.money[place, day]["reversal" if reversal else "refund", method] += cents
        self.book(place, day, **{"open_payments": cents, method: -cents})

    def reverse(self, payment, now):
        row = self.payments[payment]
        for target in sorted(row.get("targets", ())):
            if self.uses[target].get(payment):
                self.use(payment, target, -self.uses[target][payment], now)
        self.refund(payment, row["amount"], now, reversal=True)

    # --- Figures --------------------------------------------------------------------------------------

    def accounts(self):
        """Return customer -> what they owe: invoices and parts orders, less credits and payments, plus refunds."""
        owed = Counter()
        for invoice in self.invoices.values():
            owed[invoice["customer"]] += invoice["total"] - sum(total for _, total in invoice["credits"])
        for payment in self.payments.values():
            given = sum(cents for _, cents, _ in payment["refunds"])
            owed[payment["customer"]] += given - payment["amount"]
        for _, _, payment, kind, _, cents in self.history:
            if kind == "parts_order":
                owed[self.payments[payment]["customer"]] += cents
        return owed

    def receivables(self, day, place=None):
        """Return customer -> column -> cents at the end of a day."""
        used_of_invoice, used_of_payment, deposits = Counter(), Counter(), Counter()
        for at, where, payment, kind, pk, cents in self.history:
            if at > day:
                continue
            used_of_payment[payment] += cents
            if kind == "invoice":
                used_of_invoice[pk] += cents
            if kind == "repair_order" and place in (None, where):
                deposits[self.payments[payment]["customer"]] += cents
        rows = defaultdict(Counter)
        for pk, invoice in self.invoices.items():
            if invoice["day"] > day or place not in (None, invoice["place"]):
                continue
            credited = sum(total for at, total in invoice["credits"] if at <= day)
            late = (day - invoice["due"]).days
            bucket = BUCKETS[
                0 if late <= 0 else 1 if late <= 30 else 2 if late <= 60 else 3 if late <= 90 else 4
            ]
            rows[invoice["customer"]][bucket] += invoice["total"] - credited - used_of_invoice[pk]
        for pk, payment in self.payments.items():
            if payment["day"] > day or place not in (None, payment["place"]):
                continue
            given = sum(cents for at, cents, _ in payment["refunds"] if at <= day)
            rows[payment["customer"]]["open_payments"] += payment["amount"] - used_of_payment[pk] - given
        for customer, cents in deposits.items():
            rows[customer]["deposits"] += cents
        return {
            customer: {name: row[name] for name in (*BUCKETS, "open_payments", "deposits")}
            for customer, row in rows.items()
            if any(row.values())
        }

    def sheet(self, place, first, last):
        """Return the figures of a day sheet, summed over days."""
        days = [key for key in {*self.sales, *self.money, *self.deposits} if key[0] == place]
        within = [key for key in days if first <= key[1] <= last]
        sales, money, deposits = Counter(), Counter(), Counter()
        for key in within:
            for sums, rows in ((sales, self.sales), (money, self.money), (deposits, self.deposits)):
                for name, cents in rows[key].items() if key in rows else ():
                    sums[name] += cents
        before = sum(
            sum(self.deposits[key].values()) for key in days if key[1] < first and key in self.deposits
        )
        return sales, money, {"before": before, "on": deposits["on"], "off": deposits["off"]}
