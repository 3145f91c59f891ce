"""The page *Money*: its figures foot to its lists, and roles see their part of it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from appointments.models import Location
from appointments.queries import local_time
from billing.credit_notes import LineCredit, credit_all, credit_lines
from billing.days import close_day
from billing.models import ClosedDay, InvoiceKind
from billing.reports.base import Scope
from billing.reports.sales import sales_by_day
from billing.reports.sheet import day_sheet
from desk.money import figures
from desk.money.pages import REPORTS
from orders import actions as orders
from testing.billed import again, completed, invoiced, line_of, pay
from testing.factories import (
    CustomerFactory,
    GarageFactory,
    InvoiceFactory,
    LocationFactory,
    OrderFactory,
    OrderItemFactory,
    RepairOrderFactory,
    UserFactory,
)
from testing.suites import count_queries
from testing.worked_example import new_order, priced_location

pytestmark = pytest.mark.django_db
D = Decimal
URL = "/admin/money/"


@pytest.fixture
def location():
    """Return the default location, at which all is posted."""
    location = priced_location()
    Location.objects.filter(pk=location.pk).update(is_default=True, time_zone="America/New_York")
    return again(location)


@pytest.fixture
def today(location):
    return local_time(location, timezone.now()).date()


@pytest.fixture
def business(location, today):
    """Post a day of every kind: invoices, credits, deposits, refunds, a reversal and an order by mail."""
    by_line = invoiced(location=location)
    pay(by_line, "491.56", "card")
    credit = [LineCredit(line_of(by_line, "State inspection").pk)]
    credit_lines(invoice=by_line, lines=credit, reason="Not done", by=None, now=timezone.now())
    whole = invoiced(location=location)
    credit_all(invoice=whole, reason="Wrong name", by=None, now=timezone.now())
    owed = invoiced(location=location)
    pay(owed, "91.56", "cash")
    pay(new_order(location=location), "50.00", "check")
    order = OrderFactory(customer=CustomerFactory())
    OrderItemFactory(order=order, quantity=2)
    orders.confirm(order=order, by=None, now=timezone.now(), method="transfer")
    return owed


def context(client, **query):
    return client.get(URL, query).context


class TestFigures:
    def test_lists_foot_to_the_sums(self, desk, business):
        shown = context(desk)
        sheet, papers = shown["sheet"], shown["papers"]
        sales = figures.section(sheet, "Sales")
        assert papers.total == sales.total[1] == sum(row.total for row in papers.rows)
        assert papers.foot == [
            sum(column) for column in zip(*(row.cells for row in papers.rows), strict=True)
        ]
        assert sum(papers.foot) == papers.total
        assert papers.columns == [
            "Parts",
            "Labor",
            "Sublet work",
            "Fees",
            "Parts by mail",
            "Discounts",
            "Tax",
        ]
        assert [row.total for row in papers.rows] == [
            D("491.56"), D("491.56"), D("491.56"), D("-18.90"), D("-491.56"), D("18.98")
        ]  # fmt: skip
        money = figures.section(sheet, "Money of the day")
        assert money.total[1] == sum(row["amount"] for row in shown["payments"]) == D("652.10")
        assert (papers.owed, papers.owing) == (D("400.00"), 1)

    def test_page_prints_the_sums(self, desk, business):
        text = desk.get(URL).content.decode()
        shown = context(desk)
        for amount in (f"${shown['papers'].total:,}", "$652.10", "$400.00", "$91.56"):
            assert amount in text
        assert "3 invoices, 2 credit notes, 1 by mail" in " ".join(text.split())

    def test_bars_are_the_totals_of_the_day_sheets(self, desk, location, today, business):
        days = context(desk)["chart"]["days"]
        assert list(days) == [today - timedelta(days=back) for back in range(13, -1, -1)]
        for day, amount in days.items():
            sheet = day_sheet(Scope(day, day, location))
            assert amount == figures.section(sheet, "Sales").total[1]

    def test_sales_by_day_costs_three_queries(self, location, today, business):
        scope = Scope(today - timedelta(days=13), today, location)
        assert count_queries(lambda: sales_by_day(scope)) == 3

    def test_opening_balances_are_no_sales(self, desk, location):
        InvoiceFactory(kind=InvoiceKind.OPENING, repair_order=None, location=location, paid=D("0.00"))
        shown = context(desk)
        assert (shown["papers"].rows, shown["papers"].total) == ([], D("0.00"))

    def test_receivables_have_the_ages_of_the_report(self, desk, business):
        owed = context(desk)["owed"]
        assert [row["balance"] for row in owed["rows"]] == [D("400.00")]
        assert owed["ages"] == [
            ("Not due", D("400.00")),
            *((name, D("0.00")) for name in ("1 to 30 days", "31 to 60", "61 to 90", "Over 90")),
        ]
        assert [bar.width for bar in owed["bars"]] == ["994.0"]

    def test_what_waits_is_listed(self, desk, location):
        waiting = completed(location=location)
        shown = context(desk)
        assert (shown["to_invoice"]["rows"], shown["to_invoice"]["total"]) == ([waiting], D("491.56"))
        payment = pay(None, "30.00", customer=CustomerFactory(), location=location)
        shown = context(desk)
        assert (shown["to_give_back"]["rows"], shown["to_give_back"]["total"]) == ([payment], D("30.00"))

    def test_few_are_shown_of_what_waits_and_all_on_demand(self, desk, location):
        for _ in range(6):
            pay(None, "30.00", customer=CustomerFactory(), location=location)
        few = context(desk)["to_give_back"]
        assert (len(few["rows"]), few["count"], few["total"]) == (5, 6, D("180.00"))
        assert len(context(desk, all="1")["to_give_back"]["rows"]) == 6

    def test_query_count_is_constant(self, desk, location):
        def post_another():
            invoice = invoiced(location=location)
            pay(invoice, "100.00")
            pay(None, "30.00", customer=CustomerFactory(), location=location)
            completed(location=location)

        post_another()
        desk.get(URL)
        one = count_queries(lambda: desk.get(URL))
        for _ in range(4):
            post_another()
        assert count_queries(lambda: desk.get(URL)) == one


class TestDays:
    def test_days_and_locations_are_chosen(self, desk, location, today, business):
        other = LocationFactory(name="Elsewhere")
        assert context(desk, location=other.pk)["papers"].rows == []
        assert context(desk)["till"].location == other  # it stays with the session
        shown = context(desk, location=location.pk, day=(today - timedelta(days=1)).isoformat())
        assert (shown["papers"].rows, shown["tomorrow"]) == ([], today)
        assert context(desk)["tomorrow"] is None

    @pytest.mark.parametrize(
        ("query", "text"),
        [
            ({"day": "31.12.2026"}, "'31.12.2026' is not a date like 2026-12-31."),
            ({"day": "2026-02-30"}, "'2026-02-30' is not a date like 2026-12-31."),
            ({"day": "9999-12-31"}, "9999-12-31 has not begun."),
            ({"day": "0001-01-01"}, "0001-01-01 is too long ago."),
            ({"location": "0"}, "There is no location '0'."),
        ],
    )
    def test_unknown_values_are_refused_with_a_message(self, desk, location, today, query, text):
        response = desk.get(URL, query)
        assert [str(message) for message in response.context["messages"]] == [text]
        assert (response.context["till"].day, response.context["till"].location) == (today, location)

    def test_day_is_that_of_the_location(self, desk, now):
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            location = GarageFactory(time_zone=zone)
            till = context(desk, location=location.pk)["till"]
            assert till.today == local_time(location, now).date()

    def test_many_rows_are_paged_and_the_sums_are_of_all(self, desk, location, today):
        InvoiceFactory.create_batch(51, location=location, day=today, total=D("10.00"))
        shown = context(desk)
        assert (len(shown["paper_page"]), shown["papers"].rows[0].total, len(shown["papers"].rows)) == (
            50, D("10.00"), 51
        )  # fmt: skip
        assert len(context(desk, page="2")["paper_page"]) == 1

    def test_shop_without_locations_is_told_so(self, desk):
        assert "Money is counted by location." in desk.get(URL).content.decode()


class TestClosing:
    def test_day_is_closed_with_the_difference(self, desk, ada, location, today, business):
        answers = {"cash_counted": "90.00", "note": "A coin fell"}
        asked = desk.post(URL, answers)
        shown, form = " ".join(asked.content.decode().split()), asked.context["form"]
        assert "Counted <b>90.00</b>, expected <b>91.56</b>: $1.56 is missing." in shown
        assert 'name="difference" value="-1.56">Close anyway<' in shown
        assert (form["cash_counted"].value(), form["note"].value()) == ("90.00", "A coin fell")
        desk.post(URL, answers | {"cash_counted": "89.00", "difference": "-1.56"})
        assert not ClosedDay.objects.exists()
        response = desk.post(URL, answers | {"difference": "-1.56"}, follow=True)
        closed = ClosedDay.objects.get()
        assert (closed.day, closed.closed_by, closed.cash_counted, closed.note) == (
            today, ada, D("90.00"), "A coin fell"
        )  # fmt: skip
        (message,) = response.context["messages"]
        assert (message.tags, str(message)) == (
            "warning", f"{today:%A} {today.day} {today:%B} is closed. $1.56 is missing."
        )  # fmt: skip
        text = response.content.decode()
        assert "−1.56" in text
        assert reverse("money-sheet", args=["pdf"]) in text

    @pytest.mark.parametrize(("counted", "said"), [("91.56", " The cash is right."), ("", "")])
    def test_right_count_and_none_close_at_once(self, desk, location, today, business, counted, said):
        response = desk.post(URL, {"cash_counted": counted}, follow=True)
        (message,) = response.context["messages"]
        assert (message.tags, str(message)) == (
            "success", f"{today:%A} {today.day} {today:%B} is closed.{said}"
        )  # fmt: skip
        assert ClosedDay.objects.count() == 1

    def test_day_and_till_of_the_form_are_closed_whatever_was_chosen_since(self, desk, location, today):
        page = desk.get(URL).content.decode()
        fields = {"place": str(location.pk), "place_day": today.isoformat()}
        assert [f'name="{name}" value="{value}"' in page for name, value in fields.items()] == [True, True]
        desk.get(URL, {"location": LocationFactory().pk})
        yesterday = today - timedelta(days=1)
        response = desk.post(URL, fields | {"place_day": yesterday.isoformat()})
        closed = ClosedDay.objects.get()
        assert (closed.location, closed.day) == (location, yesterday)
        assert response["Location"].endswith(f"location={location.pk}&day={yesterday}")

    def test_too_much_cash_is_asked_about(self, desk, location, today, business):
        shown = desk.post(URL, {"cash_counted": "1,100.00"}).content.decode()
        assert "Counted <b>1,100.00</b>, expected <b>91.56</b>: $1,008.44 over." in shown
        assert not ClosedDay.objects.exists()

    def test_what_is_posted_later_counts_on_the_next_day(self, desk, location, today, business):
        before = [row.number for row in context(desk)["papers"].rows]
        close_day(location, today, cash_counted=None, note="", by=None, now=timezone.now())
        invoiced(location=location)
        assert [row.number for row in context(desk)["papers"].rows] == before

    def test_closed_day_is_not_closed_again(self, desk, location, today):
        for _ in range(2):
            response = desk.post(URL, {}, follow=True)
        assert [str(message) for message in response.context["messages"]] == [
            f"{today} was closed before. What is posted now counts on the next day."
        ]
        assert ClosedDay.objects.count() == 1

    def test_invalid_count_is_asked_again(self, desk, location):
        response = desk.post(URL, {"cash_counted": "-1"})
        assert response.context["form"].errors == {
            "cash_counted": ["Ensure this value is greater than or equal to 0."]
        }
        assert not ClosedDay.objects.exists()

    def test_advisor_does_not_close(self, client, location):
        client.force_login(UserFactory(role="advisor"))
        assert client.post(URL, {}).status_code == 403
        assert "A manager closes it." in client.get(URL).content.decode()
        assert not ClosedDay.objects.exists()

    def test_sheet_is_printed_once_the_day_is_closed(self, desk, location, today, business):
        url = reverse("money-sheet", args=["pdf"])
        response = desk.get(url, follow=True)
        assert [str(message) for message in response.context["messages"]] == [
            "The day is still open. Close it, then its sheet is set once and stored."
        ]
        close_day(location, today, cash_counted=None, note="", by=None, now=timezone.now())
        first, second = desk.get(url), desk.get(url)
        assert first.content[:5] == b"%PDF-"
        assert first.content == second.content

    def test_sheet_is_downloaded_as_csv(self, desk, location, today, business):
        text = desk.get(reverse("money-sheet", args=["csv"])).content.decode("utf-8-sig")
        assert text == day_sheet(Scope(today, today, location)).report.csv


class TestRoles:
    def test_technician_sees_no_money(self, client, tim, location):
        client.force_login(tim)
        for name, args in (("money", ()), ("money-payment", ()), ("money-report", ("tax",))):
            assert client.get(reverse(name, args=args)).status_code == 403
        assert "/admin/money/" not in client.get("/admin/").content.decode()

    def test_visitor_signs_in_first(self, client, location):
        response = client.get(URL)
        assert (response.status_code, response["Location"]) == (302, f"/admin/login/?next={URL}")

    def test_advisor_sees_the_day_and_no_reports(self, client, location, business):
        client.force_login(UserFactory(role="advisor"))
        shown = context(client)
        assert (shown["owed"], shown["papers"].owed) == (None, D("400.00"))
        assert client.get(reverse("money-report", args=["tax"])).status_code == 403
        assert "/admin/money/" in client.get("/admin/tables/").content.decode()

    @pytest.mark.parametrize("name", REPORTS)
    def test_manager_reads_each_report_and_its_csv(self, client, location, business, name):
        client.force_login(UserFactory(role="manager"))
        url = reverse("money-report", args=[name])
        response = client.get(url)
        report = response.context["report"]
        assert response.status_code == 200
        assert report.date_rule in response.content.decode()
        assert client.get(url, {"format": "csv"}).content.decode("utf-8-sig") == report.csv

    @pytest.mark.parametrize("name", REPORTS)
    def test_report_offers_days_only_if_it_counts_by_them(self, desk, location, today, business, name):
        RepairOrderFactory(location=location, status="in_progress")
        url = reverse("money-report", args=[name])
        response = desk.get(url, {"from": "2001-01-01", "day": "2001-01-02"})
        fields = re.findall(r'<input id="(day|from)"', response.content.decode())
        scope, rows = response.context["report"].scope, response.context["report"].rows
        if name == "open-orders":
            assert (fields, scope.first, scope.last, len(rows)) == ([], today, today, 3)
            assert "from=" not in response.context["query"]
        elif name == "receivables":
            assert (fields, scope.first, scope.last) == (["day"], date(2001, 1, 2), date(2001, 1, 2))
            assert "from=" not in response.context["query"]
        else:
            assert (fields, scope.first, scope.last) == (["from", "day"], date(2001, 1, 1), date(2001, 1, 2))
            assert not any(value for row in rows for value in row.values() if isinstance(value, D))

    def test_report_leads_to_the_orders_and_customers_that_it_names(self, desk, location):
        order = RepairOrderFactory(location=location, number=1042, status="in_progress")
        response = desk.get(reverse("money-report", args=["open-orders"]))
        ((number, customer, status, *_),) = [
            [cell for cell in row if cell[1] or cell[0] == "in progress"] for row in response.context["rows"]
        ]
        assert number == (1042, f"/admin/orders/{order.pk}/")
        assert customer == (order.customer.name, f"/admin/customers-page/{order.customer_id}/")
        assert status == ("in progress", "")
        assert "Order id" not in [heading for heading, _ in response.context["headings"]]

    def test_receivables_are_those_of_the_day_with_their_customers(self, desk, location):
        customer = invoiced(location=location).bill_to
        response = desk.get(reverse("money-report", args=["receivables"]))
        [row] = response.context["rows"]
        assert row[0] == (customer.name, f"/admin/customers-page/{customer.pk}/")
        headings = [heading for heading, _ in response.context["headings"]]
        assert headings[:2] == ["Customer", "Not yet due"]
        assert row[headings.index("Owed")] == (D("491.56"), "")
        assert dict(zip(headings, response.context["totals"], strict=True))["Owed"] == D("491.56")

    def test_figures_and_documents_lead_to_their_rows(self, desk, location):
        def cells(name):
            response = desk.get(reverse("money-report", args=[name]))
            headings = [heading for heading, _ in response.context["headings"]]
            return [dict(zip(headings, row, strict=True)) for row in response.context["rows"]]

        first = invoiced(location=location)
        payment = pay(first, "491.56")
        page = f"/admin/billing/invoice/{first.pk}/change/"
        assert [row["Net"] for row in cells("tax")] == [(first.net, page)]
        assert {row["Document"] for row in cells("journal")} == {
            (f"Invoice {first.number}", page),
            (f"Payment {payment.pk}", f"/admin/billing/payment/{payment.pk}/change/"),
        }
        second = invoiced(location=location)
        [row] = cells("hours")
        url = f"/admin/billing/invoice/?id__in={first.pk}%2C{second.pk}"
        assert row["Sold hours"] == (D("3.60"), url)
        assert set(desk.get(url).context["cl"].queryset) == {first, second}
        comeback = RepairOrderFactory(location=location, comeback_of=second.repair_order)
        [row] = cells("comebacks")
        assert row["Order"][1] == f"/admin/orders/{comeback.pk}/"
        assert row["Comeback of"] == (second.repair_order_id, f"/admin/orders/{second.repair_order_id}/")

    def test_period_that_ends_before_it_begins_is_refused(self, desk, location, today):
        later = (today + timedelta(days=1)).isoformat()
        response = desk.get(reverse("money-report", args=["tax"]), {"from": later})
        assert [str(message) for message in response.context["messages"]] == [
            f"{later!r} is not a date up to {today}."
        ]

    def test_customer_page_is_linked(self, desk, business):
        assert f"/admin/customers-page/{business.bill_to.pk}/" in desk.get(URL).content.decode()
