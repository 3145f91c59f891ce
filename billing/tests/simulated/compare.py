"""Compare what the product stored and reports with the second set of books, to the cent."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from billing.models import ClosedDay, Invoice, Payment
from billing.queries import get_account
from billing.reports.base import Scope
from billing.reports.journal import journal
from billing.reports.receivables import receivables
from billing.reports.sheet import day_sheet
from billing.reports.tax import tax_by_rate
from billing.reports.work import open_orders, technicians_hours
from billing.statements import make_statement
from billing.tests.simulated.books import METHODS
from customers.models import Customer

ACCOUNTS = {
    "cash": "Cash", "check": "Checks received", "card": "Card terminal clearing", "transfer": "Bank",
    "other": "Other payments", "receivable": "Accounts receivable", "open_payments": "Open customer payments",
    "deposits": "Customer deposits", "opening": "Opening balances", "discount": "Discounts",
    "part": "Sales of parts", "labour": "Sales of labor", "sublet": "Sales of sublet work",
    "fee": "Fees charged", "allowance": "Allowances", "mail": "Sales of parts by mail",
    "cost_of_parts": "Cost of parts", "inventory": "Parts inventory", "cost_of_sublet": "Cost of sublet work",
    "sublet_payable": "Sublet work payable",
}  # fmt: skip
MADE = datetime(2027, 4, 2, tzinfo=UTC)  # after the last month
LABELS = ("Cash", "Check", "Card terminal", "Bank transfer", "Other")


def cents(amount):
    """Return whole cents of an amount or a text. A part of a cent is an error."""
    exact = Decimal(amount) * 100
    assert exact == int(exact), amount
    return int(exact)


def same(name, given, expected):
    assert given == expected, f"{name}: the product has {given}, the books have {expected}"


def invoice(row, expected):
    figures = {name: cents(getattr(row, name)) for name in ("subtotal", "discount", "net", "tax", "total")}
    same(str(row), figures, {name: expected[name] for name in figures})
    lines = [
        (
            line.kind,
            cents(line.amount),
            cents(line.discount),
            cents(line.net),
            cents(line.tax),
            cents(line.cost),
        )
        for line in row.lines.order_by("position")
    ]
    columns = ("kind", "amount", "discount", "net", "tax", "cost")
    same(f"lines of {row}", lines, [tuple(line[name] for name in columns) for line in expected["lines"]])
    same(f"days of {row}", (row.day, row.due_on), (expected["day"], expected["due"]))


def note(row, expected):
    figures = {name: cents(getattr(row, name)) for name in ("net", "tax", "total")}
    same(str(row), figures, {name: expected[name] for name in figures})


def sections(given, sales, money, deposits):
    """Compare the sections of a sheet, open or closed."""
    found = {section["title"]: section for section in given}

    def rows(title):
        section = found.pop(title)
        amounts = [(row["label"], cents(row["amount"])) for row in section["rows"]]
        same(f"total of {title}", cents(section["total"]["amount"]), sum(amount for _, amount in amounts))
        return amounts

    mail = sales["mail_on"] + sales["mail_off"]
    same(
        "sales",
        rows("Sales"),
        [
            ("Parts", sales["part"]),
            ("Labor", sales["labour"]),
            ("Sublet work", sales["sublet"]),
            ("Fees", sales["fee"]),
            ("Allowances", sales["allowance"]),
            ("Parts by mail", mail),
            ("Discounts", -sales["discount"]),
            ("Tax", sales["tax"]),
        ],
    )
    same(
        "papers",
        rows("Invoices and credit notes"),
        [
            ("Invoices", sales["invoices"]),
            ("Credit notes", -sales["notes"]),
            ("Parts orders", sales["mail_on"]),
            ("Parts orders cancelled or returned", sales["mail_off"]),
        ],
    )
    totals = [sum(cents(row["amount"]) for row in section["rows"]) for section in given[:2]]
    same("sales = invoices - credit notes", *totals)
    names = list(zip(LABELS, METHODS, strict=True))
    for title, kind, sign in (
        ("Payments", "payment", 1), ("Refunds", "refund", -1), ("Reversals", "reversal", -1),
    ):  # fmt: skip
        same(title, rows(title), [(label, sign * money[kind, method]) for label, method in names])
    of_day = [
        (label, money["payment", method] - money["refund", method] - money["reversal", method])
        for label, method in names
    ]
    same("money", rows("Money of the day"), of_day)
    same(
        "deposits",
        rows("Deposits"),
        [
            ("Held before", deposits["before"]),
            ("Taken", deposits["on"]),
            ("Used or released", deposits["off"]),
        ],
    )
    same(
        "costs",
        rows("Cost of goods"),
        [("Parts", sales["cost_part"]), ("Sublet work", sales["cost_sublet"])],
    )
    if sales["opened"] or sales["opened_back"]:
        same(
            "opening balances",
            rows("Opening balances"),
            [
                ("Credit notes on opening balances", -sales["opened"]),
                ("Opening credits reversed", sales["opened_back"]),
            ],
        )
    same("further sections", found, {})


def journal_csv(location, day):
    return journal(Scope(day, day, location)).csv


def everything(year, *, days=None):
    """Compare every stored balance and every report of a year. `days` is a sample of days for the sheets, None for all.

    Returns the numbers of compared things.
    """
    books, counts = year.books, Counter()
    counts += stored(books)
    for location in year.places:
        counts += sheets(books, location, days)
        counts += months(books, location)
        counts += closed(year, location, days)
        counts += hours(books, location)
        counts += open_work(year, location)
    whole = Scope(date(2026, 1, 1), date(2027, 3, 31))
    counts += entries(books, whole)
    counts += balances(books, list(year.terms))
    counts += statements(books, list(year.terms) if days is None else list(year.terms)[::4])
    return dict(sorted(counts.items()))


def stored(books):
    """Compare the balances of all invoices and the open parts of all payments."""
    rows = list(Invoice.objects.values_list("pk", "paid", "credited", "balance", "is_credited"))
    same("invoices", {row[0] for row in rows}, set(books.invoices))
    for pk, paid, credited, balance, is_credited in rows:
        expected = books.invoices[pk]
        given = (cents(paid), cents(credited), cents(balance), is_credited)
        same(
            f"invoice {pk}",
            given,
            (books.paid(pk), expected["credited"], books.balance(pk), expected["done"]),
        )
    takings = list(Payment.objects.exclude(kind="refund").values_list("pk", "open"))
    same("payments", {row[0] for row in takings}, set(books.payments))
    for pk, left in takings:
        same(f"payment {pk}", cents(left), books.open(pk))
    return Counter(invoices=len(rows), payments=len(takings))


def sheets(books, location, sample):
    """Compare the sheet of each day, of each month and of the year."""
    days = sorted({key[1] for key in books.journal if key[0] == location.pk})
    chosen = days if sample is None else sorted({*days[:: max(1, len(days) // sample)], *days[-1:]})
    for day in chosen:
        sheet = day_sheet(Scope(day, day, location))
        sections(sheet.bodies, *books.sheet(location.pk, day, day))
        money = books.money[location.pk, day]
        expected = money["payment", "cash"] - money["refund", "cash"] - money["reversal", "cash"]
        same(f"cash of {day}", cents(sheet.cash), expected)
    first, last = days[0], days[-1]
    sections(day_sheet(Scope(first, last, location)).bodies, *books.sheet(location.pk, first, last))
    return Counter({"day sheets": len(chosen) + 1})


def month_ends():
    for number in range(2026 * 12 + 1, 2027 * 12 + 3):
        yield date((number + 1) // 12, (number + 1) % 12 + 1, 1) - timedelta(days=1)


def months(books, location):
    """Compare tax and receivables of each month of a location."""
    counts = Counter()
    for last in month_ends():
        scope = Scope(last.replace(day=1), last, location)
        expected = defaultdict(Counter)
        for (place, day, rate), row in books.taxes.items():
            if place == location.pk and scope.first <= day <= scope.last:
                for name, amount in row.items():
                    expected[rate][name] += amount
        mail = sum(
            row["mail_on"] + row["mail_off"]
            for (place, day), row in books.sales.items()
            if place == location.pk and scope.first <= day <= scope.last
        )
        rows = {
            row["rate"]: tuple(cents(row[name]) for name in ("taxed", "exempt", "not_taxed", "tax"))
            for row in tax_by_rate(scope).rows
        }
        same(f"mail of {last}", rows.pop("Parts by mail", (0, 0, 0, 0)), (0, 0, mail, 0))
        names = {f"{shown(rate)}%": row for rate, row in expected.items()}
        same(
            f"tax of {last}",
            rows,
            {
                rate: (row["taxed"], row["exempt"], row["not_taxed"], row["tax"])
                for rate, row in names.items()
            },
        )
        ages(books, Scope(last, last, location), location.pk)
        counts.update({"tax reports": 1, "receivables": 1})
    return counts


def hours(books, location):
    """Compare the hours and the labour of each technician in each month of a location."""
    counts = Counter()
    for last in month_ends():
        scope = Scope(last.replace(day=1), last, location)
        expected = defaultdict(Counter)
        for (place, day, technician), row in books.labour.items():
            if place == location.pk and scope.first <= day <= scope.last:
                for name, amount in row.items():
                    expected[technician][name] += amount
        report = technicians_hours(scope)
        rows = {row["technician_id"]: (cents(row["sold_hours"]), cents(row["labour"])) for row in report.rows}
        wanted = {technician: (row["hours"], row["amount"]) for technician, row in expected.items()}
        same(f"hours of {last}", rows, wanted)
        totals = cents(report.totals["sold_hours"]), cents(report.totals["labour"])
        same(f"hours of all, {last}", totals, tuple(map(sum, zip(*wanted.values(), strict=True))) or (0, 0))
        counts["hours"] += 1
    return counts


def open_work(year, location):
    """Compare the completed orders that wait for an invoice: never invoiced, or credited as a whole since."""
    books = year.books
    invoiced = {row["order"] for row in books.invoices.values() if not row["done"]}
    expected = {
        pk: (total, sum(books.uses["repair_order", pk].values()))
        for pk, (place, total) in year.done_orders.items()
        if place == location.pk and pk not in invoiced
    }
    report = open_orders(Scope(MADE.date(), MADE.date(), location), now=MADE)
    rows = {row["repair_order_id"]: (cents(row["total"]), cents(row["deposit"])) for row in report.rows}
    same(f"open orders of {location.pk}", rows, expected)
    return Counter({"open orders": len(rows)})


def shown(rate):
    """Return a rate as papers print it: 8.875, 8.00, 0.00."""
    text = f"{Decimal(rate):.4f}"
    return text[:-2] if text.endswith("00") else text.rstrip("0")


def ages(books, scope, place):
    given = {}
    for row in receivables(scope).rows:
        names = ("current", "d30", "d60", "d90", "over", "open_payments", "deposits")
        given[row["customer_id"]] = {name: cents(row[name]) for name in names}
        owed = sum(amount for name, amount in given[row["customer_id"]].items() if name in names[:5])
        same("owed", cents(row["balance"]), owed)
        same("invoices behind it", sum(cents(one["balance"]) for one in row["invoices"]), owed)
    expected = books.receivables(scope.last, place)
    shown = {customer: row for customer, row in given.items() if any(row.values())}
    same(f"receivables of {scope.last}", shown, expected)


def closed(year, location, sample):
    """Assert that closed days still have their printed sheet and their journal."""
    rows = list(ClosedDay.objects.filter(location=location).order_by("day"))
    rows = rows if sample is None else rows[:: max(1, len(rows) // sample)]
    for row in rows:
        sheet = day_sheet(Scope(row.day, row.day, location))
        same(f"sheet of {row.day}", sheet.bodies, row.snapshot["sections"])
        same(f"journal of {row.day}", journal_csv(location, row.day), year.closings[location.pk, row.day])
    return Counter({"closed days": len(rows)})


def entries(books, scope):
    """Compare the journal by day, location and account, and that each document balances."""
    given, documents = defaultdict(Counter), Counter()
    rows = journal(scope).rows
    for row in rows:
        amount = cents(row["debit"]) - cents(row["credit"])
        assert (row["debit"] > 0) != (row["credit"] > 0), row
        given[row["location_id"], row["day"]][row["account"]] += amount
        documents[row["location_id"], row["day"], row["document"]] += amount
    same("unbalanced documents", {name: amount for name, amount in documents.items() if amount}, {})
    keys = {*given, *books.journal}
    for key in sorted(keys):
        expected = Counter()
        for name, amount in books.journal[key].items() if key in books.journal else ():
            account = ACCOUNTS.get(name) or f"Sales tax payable {shown(name.removeprefix('tax '))}%"
            expected[account] += amount
        same(
            f"journal of {key}",
            {name: amount for name, amount in given[key].items() if amount},
            {name: amount for name, amount in expected.items() if amount},
        )
    return Counter({"journal lines": len(rows), "documents": len(documents)})


def balances(books, customers):
    """Compare the account of each customer, and that it is what D86 says of balances, open payments and deposits."""
    accounts = books.accounts()
    last = date(2027, 3, 31)
    ages(books, Scope(last, last), None)
    for pk in customers:
        account = get_account(pk, now=datetime.combine(last, time(12), tzinfo=UTC))
        same(f"account of {pk}", cents(account.balance), accounts[pk])
        law = sum(account.ageing.values()) - account.open_payments - account.deposits
        same(f"law of {pk}", cents(law), accounts[pk])
    return Counter(accounts=len(customers))


def statements(books, customers):
    """Make the statement of each month and customer, and compare its end, its ages and its sums."""
    names, begun, counts = ("current", "d30", "d60", "d90", "over"), Counter(), Counter()
    for last in month_ends():
        expected = books.receivables(last)
        for customer in Customer.objects.with_contact().filter(pk__in=customers).order_by("pk"):
            row = expected.get(customer.pk, Counter())
            paper = make_statement(customer, last, now=MADE).snapshot
            ended = sum(row[name] for name in names) - row["open_payments"] - row["deposits"]
            name = f"statement of {customer.pk}, {last}"
            figures = {key: cents(Decimal(amount)) for key, amount in paper["ageing"].items()}
            figures |= {key: cents(Decimal(paper[key])) for key in ("open_payments", "deposits", "closing")}
            same(
                name,
                figures,
                {**{key: row[key] for key in (*names, "open_payments", "deposits")}, "closing": ended},
            )
            posted = sum(
                cents(Decimal(line["charge"] or 0)) - cents(Decimal(line["credit"] or 0))
                for line in paper["lines"]
            )
            same(f"beginning of the {name}", cents(Decimal(paper["opening"])), begun[customer.pk])
            same(f"lines of the {name}", begun[customer.pk] + posted, ended)
            begun[customer.pk] = ended
            counts["statements"] += 1
    return counts
