"""The page *Money* of the admin, and its steps: take a payment, give one back, close the day, make statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import content_disposition_header

from billing import days, statements
from billing.models import ClosedDay, Invoice, Payment, StatementRun
from billing.once import claim
from billing.papers.actions import day_sheet_paper, statement_paper
from billing.payments import PERMISSIONS as PAYMENT_PERMISSIONS
from billing.payments import refund
from billing.reports.base import Report, Scope
from billing.reports.journal import journal
from billing.reports.receivables import receivables
from billing.reports.sheet import day_sheet
from billing.reports.tax import tax_by_rate
from billing.reports.work import comebacks, declined_work, open_orders, technicians_hours
from common.domain.errors import DomainError
from common.domain.types import Json
from customers.models import Customer
from desk.money import figures
from desk.money.cells import UNSHOWN, cell_of
from desk.money.forms import CloseForm, GiveBackForm, TakeForm
from desk.money.links import days_url, query_of
from desk.money.monthly import find_unmailed, look_at
from desk.money.taking import MOST, MoreThanOwed, Purpose, find_payers, purpose_of, take
from desk.pages import DeskView
from desk.places import Place
from repair_orders.models import RepairOrder
from repair_orders.papers.serving import pdf_response

VIEW = "billing.view_closedday"
REPORT = "billing.report_closedday"


class Till(Place):
    """The location and the day of a page of money, which is today or has passed."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, may_be_ahead=False)

    @property
    def query(self) -> str:
        assert self.location is not None
        return query_of(self.location, self.day)

    def url(self, day: date | None = None) -> str:
        """Return the URL of the page of a day, by default of the one that is shown."""
        return reverse("money") if self.location is None else days_url(self.location, day or self.day)


class MoneyView(DeskView):
    """A page of the desk's money."""

    permission: ClassVar[str] = VIEW
    title: ClassVar[str] = "Money"
    may = {
        "take": PAYMENT_PERMISSIONS["take"],
        "refund": PAYMENT_PERMISSIONS["refund"],
        "close": days.PERMISSIONS["close"],
        "report": REPORT,
        "statements": statements.PERMISSIONS["run"],
        "invoice": "billing.add_invoice",
    }

    def show_at(self, template: str, context: Json, *, till: Till) -> HttpResponse:
        shared = {"till": till, "reports": REPORTS, "back": self.back()}
        return self.show(template, {**shared, **context}, place=till)

    def back(self) -> int:
        """Return the id of the repair order from whose page the user came, 0 for none."""
        return _id(self.request.GET.get("back"))

    def leave(self, till: Till) -> HttpResponseBase:
        """Go back to the repair order from which the user came, else to the day."""
        return redirect("order-page", self.back()) if self.back() else redirect(till.url(till.today))


@dataclass(frozen=True, slots=True)
class Miscount:
    """The cash of a day that was counted, and what was expected."""

    counted: Decimal
    expected: Decimal

    @classmethod
    def of(cls, closed: ClosedDay) -> Miscount | None:
        """Return the count of a closed day, None if nothing was counted."""
        if closed.cash_counted is None:
            return None
        return cls(closed.cash_counted, Decimal(closed.snapshot["cash_expected"]))

    @property
    def difference(self) -> Decimal:
        return self.counted - self.expected

    @property
    def text(self) -> str:
        amount = f"${abs(self.difference):,.2f}"
        return f"{amount} is missing." if self.difference < 0 else f"{amount} over."


class DayPage(MoneyView):
    """The day of a location: its sums, its lists, what waits, and the closing."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if request.GET.get("part") == "statements":  # what a script renews while they are made
            return self.show("desk/money/statements.html", self.statements())
        return self.show_day(Till(request), CloseForm())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Close the day. A count other than what is expected is closed after a question."""
        if not request.user.has_perm(days.PERMISSIONS["close"]):
            raise PermissionDenied
        till, form = Till(request), CloseForm(request.POST)
        if till.location is None or till.refusals or not form.is_valid():
            return self.show_day(till, form)
        values = dict(form.cleaned_data)
        agreed = values.pop("difference")
        try:
            with transaction.atomic():
                closed = days.close_day(till.location, till.day, **values, by=self.by(), now=timezone.now())
                miscount = Miscount.of(closed)
                is_asked = miscount is not None and miscount.difference not in (0, agreed)
                transaction.set_rollback(is_asked)
        except DomainError as error:
            messages.error(request, error.text)
            return redirect(till.url())
        if is_asked:
            return self.show_day(till, form, miscount)
        text = f"{till.day:%A} {till.day.day} {till.day:%B} is closed."
        if miscount is None:
            messages.success(request, text)
        elif miscount.difference:
            messages.warning(request, f"{text} {miscount.text}")
        else:
            messages.success(request, f"{text} The cash is right.")
        return redirect(till.url())

    def show_day(self, till: Till, form: CloseForm, miscount: Miscount | None = None) -> HttpResponse:
        if till.location is None:
            return self.show_at("desk/nowhere.html", {"why": "Money is counted by location."}, till=till)
        location, day = till.location, till.day
        sheet = day_sheet(Scope(day, day, location))
        papers = figures.papers_of(sheet)
        payments = figures.payments_of(sheet)
        money = figures.section(sheet, "Money of the day")
        limit = 500 if self.request.GET.get("all") else figures.FEW
        context = {
            "sheet": sheet,
            "sales": figures.section(sheet, "Sales"),
            "money": money,
            "methods": figures.method_bars(money.rows),
            "deposits": figures.section(sheet, "Deposits"),
            "papers": papers,
            "paper_page": _page(self.request, "page", papers.rows),
            "payments": payments,
            "payment_page": _page(self.request, "payments", payments),
            "refunds": len(sheet.lists["refunds"]),
            "chart": figures.fortnight(location, day),
            "to_invoice": figures.to_invoice(location, limit),
            "to_give_back": figures.to_give_back(location, limit),
            "is_short": limit == figures.FEW,
            "owed": figures.owed_to(location, day) if self.request.user.has_perm(REPORT) else None,
            "closed": days.find_closed(location, day),
            "form": form,
            "miscount": miscount,
            "yesterday": day - timedelta(days=1),
            "tomorrow": day + timedelta(days=1) if day < till.today else None,
        }
        return self.show_at("desk/money/day.html", {**context, **self.statements()}, till=till)

    def statements(self) -> Json:
        """Return the last run of statements, and the months that have none."""
        run = StatementRun.objects.order_by("-started_at", "-id").first()
        return {"run": run, "months": statements.months_due(now=timezone.now())}


def _page(request: HttpRequest, name: str, rows: list[Any]) -> Any:
    return Paginator(rows, figures.PER_PAGE).get_page(request.GET.get(name))


class PaymentPage(MoneyView):
    """Find what a payment is for, and take it."""

    permission = PAYMENT_PERMISSIONS["take"]
    title = "Take a payment"

    def get(self, request: HttpRequest) -> HttpResponse:
        till, purpose = Till(request), self.purpose()
        if purpose is None:
            text = request.GET.get("q", "")[:200]
            found = find_payers(text)
            context = {"q": text, "found": found, "is_full": len(found) == MOST}
            return self.show_at("desk/money/find.html", context, till=till)
        return self.ask(till, purpose, TakeForm(initial={"amount": purpose.owed or None}))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        till, purpose, form = Till(request), self.purpose(), TakeForm(request.POST)
        if purpose is None or till.location is None:
            return redirect("money-payment")
        if not form.is_valid():
            return self.ask(till, purpose, form)
        values = dict(form.cleaned_data)
        try:
            payment = take(
                purpose,
                location=till.location,
                by=self.by(),
                now=timezone.now(),
                **values,
            )
        except MoreThanOwed as error:
            return self.ask(till, purpose, form, over=error)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
            return self.ask(till, purpose, form)
        messages.success(request, _taken(payment, purpose))
        return self.leave(till)

    def purpose(self) -> Purpose | None:
        """Return what the URL names: `invoice`, `order` or `customer`."""
        if pk := _id(self.request.GET.get("invoice")):
            return purpose_of(get_object_or_404(Invoice.objects.select_related("bill_to__contact"), pk=pk))
        if pk := _id(self.request.GET.get("order")):
            return purpose_of(
                get_object_or_404(RepairOrder.objects.select_related("customer__contact"), pk=pk)
            )
        if pk := _id(self.request.GET.get("customer")):
            return purpose_of(get_object_or_404(Customer.objects.current().with_contact(), pk=pk))
        return None

    def ask(
        self, till: Till, purpose: Purpose, form: TakeForm, over: MoreThanOwed | None = None
    ) -> HttpResponse:
        return self.show_at(
            "desk/money/payment.html", {"purpose": purpose, "form": form, "over": over}, till=till
        )


def _id(text: str | None) -> int:
    """Return the id that a URL names, 0 for none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0


def _taken(payment: Payment, purpose: Purpose) -> str:
    if purpose.order is not None:
        order = purpose.order.reference
        return f"${payment.amount:,} deposit from {purpose.customer}, order {order}. {_use(payment)}".strip()
    use = _use(payment) or "All of it is used."
    return f"${payment.amount:,} of {purpose.customer} was taken. {use}"


def _use(payment: Payment) -> str:
    return f"${payment.open:,} of it is open." if payment.open else ""


class RefundPage(MoneyView):
    """Give back a part of what is open on a payment, at the till."""

    permission = PAYMENT_PERMISSIONS["refund"]
    title = "Refund"

    def get(self, request: HttpRequest, payment_id: int) -> HttpResponse:
        payment = self.payment(payment_id)
        return self.ask(Till(request), payment, self.form(payment))

    def post(self, request: HttpRequest, payment_id: int) -> HttpResponseBase:
        till, payment = Till(request), self.payment(payment_id)
        form = self.form(payment, request.POST)
        if not form.is_valid():
            return self.ask(till, payment, form)
        values, now = dict(form.cleaned_data), timezone.now()
        try:
            with transaction.atomic():
                claim(values.pop("key"), by=self.by(), now=now)
                given = refund(
                    payment=payment,
                    location=till.location,
                    may_change_method=self.may_change_method,
                    by=self.by(),
                    now=now,
                    **values,
                )
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.text)
            return self.ask(till, payment, form)
        messages.success(request, f"${given.amount:,} was given back to {given.customer}.")
        return self.leave(till)

    @property
    def may_change_method(self) -> bool:
        return self.request.user.has_perm(PAYMENT_PERMISSIONS["reverse"])

    def form(self, payment: Payment, sent: Any = None) -> GiveBackForm:
        initial = {"amount": payment.open, "method": payment.method}
        return GiveBackForm(sent, initial=initial, may_change_method=self.may_change_method)

    def payment(self, pk: int) -> Payment:
        rows = Payment.objects.select_related("customer__contact", "location")
        found: Payment = get_object_or_404(rows, pk=pk)
        return found

    def ask(self, till: Till, payment: Payment, form: GiveBackForm) -> HttpResponse:
        return self.show_at("desk/money/refund.html", {"payment": payment, "form": form}, till=till)


class SheetPage(MoneyView):
    """The day sheet as CSV, or as the stored PDF of a closed day."""

    def get(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        till = Till(request)
        if till.location is None or till.refusals:
            return redirect("money")
        if kind == "csv":
            return csv_response(day_sheet(Scope(till.day, till.day, till.location)).report)
        closed = days.find_closed(till.location, till.day)
        if closed is None:
            messages.error(request, "The day is still open. Close it, then its sheet is set once and stored.")
            return redirect(till.url())
        try:
            return pdf_response(day_sheet_paper(closed, now=timezone.now()))
        except DomainError as error:
            messages.error(request, error.text)
            return redirect(till.url())


class StatementsPage(MoneyView):
    """Look at the statements of a month and start them, or make the one of a customer for last month.

    With `print` the page has those of a month that were not mailed.
    """

    permission = statements.PERMISSIONS["run"]
    title = "Statements"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        till, asked = Till(request), _MonthForm(request.GET)
        if not asked.is_valid():
            messages.error(request, "Choose a month.")
            return redirect(till.url())
        month = asked.cleaned_data["month"].replace(day=1)
        if "print" in request.GET:
            context: Json = {"month": month, "unmailed": find_unmailed(month)}
        elif month in statements.months_due(now=timezone.now()):
            context = {"look": look_at(month)}
        else:
            messages.error(request, f"The statements of {month:%B %Y} are made, or the month is not over.")
            return redirect(till.url())
        return self.show_at("desk/money/month.html", context, till=till)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        till, now = Till(request), timezone.now()
        customer = request.POST.get("customer", "")
        try:
            if customer:
                payer = get_object_or_404(Customer.objects.with_contact(), pk=_id(customer))
                month = till.today.replace(day=1) - timedelta(days=1)
                made = statements.make_statement(payer, month, now=now)
                return pdf_response(statement_paper(made, now=now))
            day = _MonthForm(request.POST)
            if day.is_valid():
                statements.run_statements(day.cleaned_data["month"], by=self.by(), now=now)
                messages.success(request, "The statements are being made and mailed.")
            else:
                messages.error(request, "Choose a month.")
        except DomainError as error:
            messages.error(request, error.text)
        return redirect(till.url())


class _MonthForm(forms.Form):
    month = forms.DateField()


# URL -> title and report. The day sheet is the page of the day.
REPORTS: dict[str, tuple[str, Any]] = {
    "receivables": ("Receivables", receivables),
    "tax": ("Tax", tax_by_rate),
    "hours": ("Hours", technicians_hours),
    "declined": ("Declined work", declined_work),
    "comebacks": ("Comebacks", comebacks),
    "open-orders": ("Open orders", lambda scope: open_orders(scope, now=timezone.now())),
    "journal": ("Journal", journal),
}
OF_NOW = frozenset({"open-orders"})  # reports without days (docs/reports.md)
OF_DAY = frozenset({"receivables"})  # of the end of one day


class ReportPage(MoneyView):
    """A report of a location and a period, or of what is now, as a table or CSV."""

    permission = REPORT

    def get(self, request: HttpRequest, name: str) -> HttpResponseBase:
        till = Till(request)
        title, make = REPORTS[name]
        if till.location is None:
            return redirect("money")
        is_of_now = name in OF_NOW
        is_of_period = not is_of_now and name not in OF_DAY
        last = till.today if is_of_now else till.day
        first = self.first(till) if is_of_period else last
        report: Report = make(Scope(first, last, till.location))
        if request.GET.get("format") == "csv":
            return csv_response(report)
        columns = {key: heading for key, heading in report.columns.items() if key not in UNSHOWN}
        rows = [[cell_of(row, key) for key in columns] for row in report.rows]
        numeric = [
            any(isinstance(row[place][0], Decimal | int) for row in rows) for place in range(len(columns))
        ]
        context = {
            "name": name,
            "title": title,
            "report": report,
            "first": first if is_of_period else None,
            "is_of_now": is_of_now,
            "rows": _page(request, "page", rows),
            "headings": list(zip(columns.values(), numeric, strict=True)),
            "totals": [report.totals.get(key) for key in columns] if report.totals else None,
            "query": query_of(
                till.location, till.day, **({"from": first.isoformat()} if is_of_period else {})
            ),
        }
        return self.show_at("desk/money/report.html", context, till=till)

    def first(self, till: Till) -> date:
        text = self.request.GET.get("from", "")
        try:
            first = parse_date(text) if text else till.day.replace(day=1)
        except ValueError:
            first = None
        if first is None or first > till.day:
            till.refusals.append(f"{text!r} is not a date up to {till.day}.")
            return till.day.replace(day=1)
        return first


def csv_response(report: Report) -> HttpResponse:
    name = f"{report.name}-{report.scope.first}-{report.scope.last}.csv"
    headers = {"Content-Disposition": content_disposition_header(True, name) or "attachment"}
    return HttpResponse("\ufeff" + report.csv, content_type="text/csv; charset=utf-8", headers=headers)
