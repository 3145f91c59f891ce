"""The staff API for reports and the closing of days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.days import close_day
from billing.models import ClosedDay
from billing.reports.base import Scope
from billing.reports.sheet import day_sheet
from billing.tests.reports import FIRST, SECOND
from common.domain.days import midnight
from testing.billed import completed, invoiced, pay
from testing.factories import (
    CustomerFactory,
    JobFactory,
    LocationFactory,
    RepairOrderFactory,
    TechnicianFactory,
    TimeEntryFactory,
    UserFactory,
)
from testing.suites import invalid
from testing.worked_example import authorised, new_order, reload

pytestmark = pytest.mark.django_db
D = Decimal
URL = "/api/shop/reports"
RULE = "Counted on the day of posting. What is posted on a closed day counts on the next day."
NO_LOCATION = {"error": "Not found", "detail": "Location not found.", "code": "not_found"}


@pytest.fixture
def manager(sign_in):
    return sign_in(UserFactory(role="manager", first_name="Mary", last_name="Miller"))


def head(report, title, location, first, last, rule=RULE):
    return {
        "report": report,
        "title": title,
        "location_id": location and location.pk,
        "location": location.name if location else "All locations",
        "from": first,
        "to": last,
        "zone": location.time_zone if location else "each location's own",
        "date_rule": rule,
    }


def csv_of(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Cache-Control"] == "private, no-store"
    return response.content.decode("utf-8-sig").splitlines()


class TestDaySheet:
    def test_body_of_an_open_day(self, manager, example):
        location = example["invoice"].location
        response = manager.get(f"{URL}/day-sheet/?location_id={location.pk}&day=2026-12-01")
        sheet = day_sheet(Scope(date(2026, 12, 1), date(2026, 12, 1), location))
        assert response.json() == {
            **head("day-sheet", "Day sheet", location, "2026-12-01", "2026-12-01"),
            "sections": sheet.bodies,
            "cash_expected": "0.00",
            "lists": {
                "invoices": [],
                "credit_notes": [example["note"].pk],
                "payments": [],
                "refunds": [example["refund"].pk],
                "deposits": [],
                "parts_orders": [],
            },
            "closed": None,
        }

    def test_closed_day_has_its_printed_sheet(self, manager, example):
        location = example["invoice"].location
        closed = close_day(location, date(2026, 12, 1), cash_counted=None, note="", by=None, now=SECOND)
        body = manager.get(f"{URL}/day-sheet/?location_id={location.pk}&day=2026-12-01").json()
        assert body["closed"] == closed.snapshot
        assert body["sections"] == closed.snapshot["sections"]

    def test_all_locations_of_today_by_default(self, manager):
        pay(None, "10.00", "cash", CustomerFactory(), location=LocationFactory())
        pay(None, "20.00", "cash", CustomerFactory(), location=LocationFactory())
        today = timezone.now().date().isoformat()
        body = manager.get(f"{URL}/day-sheet/").json()
        sections, lists = body.pop("sections"), body.pop("lists")
        assert body == {
            **head("day-sheet", "Day sheet", None, today, today), "cash_expected": "30.00", "closed": None,
        }  # fmt: skip
        assert sections[5]["total"] == {"label": "Payments less refunds", "amount": "30.00"}
        assert len(lists["payments"]) == 2

    def test_csv(self, manager, example):
        location = example["invoice"].location
        response = manager.get(f"{URL}/day-sheet/?location_id={location.pk}&day=2026-11-30&format=csv")
        lines = csv_of(response)
        assert lines[:4] == [
            f'"Day sheet, Main Street, 2026-11-30 (America/New_York). {RULE}"',
            "Section,Item,Amount",
            "Sales,Parts,225.49",
            "Sales,Labor,233.91",
        ]
        assert "Sales,Discounts,-50.34" in lines
        assert response.headers["Content-Disposition"] == (
            f'attachment; filename="day-sheet-{location.pk}-2026-11-30-2026-11-30.csv"'
        )

    @pytest.mark.parametrize(
        ("query", "field", "message"),
        [
            ("day=yesterday", "day", "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."),
            ("format=pdf", "format", '"pdf" is not a valid choice. Choose one of: json, csv.'),
            ("from=2026-01-01", "from", "Unknown parameter."),
        ],
    )
    def test_wrong_parameter_is_named(self, manager, query, field, message):
        response = manager.get(f"{URL}/day-sheet/?{query}")
        assert (response.status_code, response.json()) == (400, invalid(field, message))

    def test_unknown_location_is_404(self, manager):
        response = manager.get(f"{URL}/day-sheet/?location_id=999")
        assert (response.status_code, response.json()) == (404, NO_LOCATION)


class TestClose:
    def test_day_is_closed_with_the_cash_counted(self, manager):
        location = LocationFactory()
        pay(None, "10.00", "cash", CustomerFactory(), location=location)
        today = timezone.now().date().isoformat()
        body = {
            "location_id": location.pk,
            "day": today,
            "cash_counted": "9.00",
            "note": "A dollar is missing",
        }
        response = manager.post(f"{URL}/day-sheet/close/", body, format="json")
        closed = ClosedDay.objects.get()
        row = {
            "id": closed.pk,
            "location_id": location.pk,
            "day": today,
            "closed_at": closed.closed_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "closed_by_id": closed.closed_by_id,
            "cash_counted": "9.00",
            "note": "A dollar is missing",
        }
        assert (response.status_code, response.json()) == (201, row)
        assert closed.snapshot["closed_by"] == "Mary Miller"
        assert closed.snapshot["cash_difference"] == "-1.00"
        listed = manager.get(f"{URL}/closed-days/?location_id={location.pk}").json()
        assert listed == {"results": [row], "count": 1, "next": None, "previous": None}

    def test_closed_day_is_409(self, manager):
        location = LocationFactory()
        close_day(location, date(2026, 1, 2), cash_counted=None, note="", by=None, now=FIRST)
        body = {"location_id": location.pk, "day": "2026-01-02"}
        response = manager.post(f"{URL}/day-sheet/close/", body, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Already closed",
                "detail": "2026-01-02 was closed before. What is posted now counts on the next day.",
                "closed_at": "2026-11-30T15:00:00Z",
                "code": "day_closed",
            },
        )
        assert ClosedDay.objects.count() == 1

    def test_day_that_has_not_begun_is_400(self, manager):
        body = {"location_id": LocationFactory().pk, "day": "2199-01-01"}
        response = manager.post(f"{URL}/day-sheet/close/", body, format="json")
        message = "This day has not begun at the location. Close today or a past day."
        assert (response.status_code, response.json()) == (
            400, invalid("day", message) | {"code": "day_in_future", "detail": message},
        )  # fmt: skip
        assert not ClosedDay.objects.exists()

    def test_unknown_location_is_404(self, manager):
        body = {"location_id": 999, "day": "2026-01-02"}
        response = manager.post(f"{URL}/day-sheet/close/", body, format="json")
        assert (response.status_code, response.json()) == (404, NO_LOCATION)

    def test_advisor_reads_the_sheet_and_closes_nothing(self, sign_in):
        advisor, location = sign_in(UserFactory(role="advisor")), LocationFactory()
        assert advisor.get(f"{URL}/day-sheet/?location_id={location.pk}").status_code == 200
        body = {"location_id": location.pk, "day": "2026-01-02"}
        response = advisor.post(f"{URL}/day-sheet/close/", body, format="json")
        assert (response.status_code, response.json()) == (
            403,
            {"error": "Access denied", "detail": "Your role does not allow this.", "code": "role_may_not"},
        )
        assert not ClosedDay.objects.exists()


class TestTables:
    def test_journal(self, manager, example):
        location, check = example["invoice"].location, example["check"].pk
        query = f"location_id={location.pk}&from=2026-12-01&to=2026-12-01"
        body = manager.get(f"{URL}/journal/?{query}").json()
        given = {"day": "2026-12-01", "location_id": location.pk, "location": "Main Street"}
        note = {**given, "document": "Credit note MS-C1", "credit_note_id": example["note"].pk}
        paid = {**given, "document": f"Payment {check}", "payment_id": check}
        back = {**given, "document": f"Refund {example['refund'].pk}", "payment_id": example["refund"].pk}
        assert body == {
            **head("journal", "Journal", location, "2026-12-01", "2026-12-01"),
            "rows": [
                {**note, "account": "Sales of parts", "debit": "89.99", "credit": "0.00"},
                {**note, "account": "Sales tax payable 8.875%", "debit": "7.19", "credit": "0.00"},
                {**note, "account": "Accounts receivable", "debit": "0.00", "credit": "88.18"},
                {**note, "account": "Discounts", "debit": "0.00", "credit": "9.00"},
                {**paid, "account": "Accounts receivable", "debit": "88.18", "credit": "0.00"},
                {**paid, "account": "Open customer payments", "debit": "0.00", "credit": "88.18"},
                {**back, "account": "Open customer payments", "debit": "88.18", "credit": "0.00"},
                {**back, "account": "Checks received", "debit": "0.00", "credit": "88.18"},
            ],
            "totals": {"debit": "273.54", "credit": "273.54"},
        }

    def test_journal_as_csv_has_the_accounts_of_the_setting(self, manager, example, settings):
        settings.BILLING_ACCOUNTS = {**settings.BILLING_ACCOUNTS, "part": "=4000", "check": "1020 Checks"}
        query = f"location_id={example['invoice'].location_id}&from=2026-12-01&to=2026-12-01&format=csv"
        lines = csv_of(manager.get(f"{URL}/journal/?{query}"))
        assert lines == [
            "Date,Location,Document,Account,Debit,Credit",
            "2026-12-01,Main Street,Credit note MS-C1,'=4000,89.99,0.00",
            "2026-12-01,Main Street,Credit note MS-C1,Sales tax payable 8.875%,7.19,0.00",
            "2026-12-01,Main Street,Credit note MS-C1,Accounts receivable,0.00,88.18",
            "2026-12-01,Main Street,Credit note MS-C1,Discounts,0.00,9.00",
            f"2026-12-01,Main Street,Payment {example['check'].pk},Accounts receivable,88.18,0.00",
            f"2026-12-01,Main Street,Payment {example['check'].pk},Open customer payments,0.00,88.18",
            f"2026-12-01,Main Street,Refund {example['refund'].pk},Open customer payments,88.18,0.00",
            f"2026-12-01,Main Street,Refund {example['refund'].pk},1020 Checks,0.00,88.18",
        ]

    def test_period_is_this_month_by_default(self, manager):
        today = timezone.now().date()
        assert manager.get(f"{URL}/tax/").json() == {
            **head("tax", "Tax by rate", None, today.replace(day=1).isoformat(), today.isoformat()),
            "rows": [],
            "totals": {
                "taxed": "0.00", "exempt": "0.00", "not_taxed": "0.00", "net": "0.00", "tax": "0.00",
            },
        }  # fmt: skip

    def test_period_that_ends_before_it_begins_is_400(self, manager):
        response = manager.get(f"{URL}/tax/?from=2026-02-01&to=2026-01-01")
        assert (response.status_code, response.json()) == (400, invalid("from", "Must not be after to."))

    def test_receivables(self, manager, example):
        invoice = invoiced()
        customer = invoice.bill_to
        pay(invoice, "91.56")
        kept = pay(new_order(vehicle=invoice.repair_order.vehicle, location=invoice.location), "50.00")
        free = pay(None, "20.00", "cash", customer, location=invoice.location)
        today = timezone.now().date().isoformat()
        amounts = {
            "current": "400.00", "d30": "0.00", "d60": "0.00", "d90": "0.00", "over": "0.00",
            "balance": "400.00", "open_payments": "20.00", "deposits": "50.00", "account": "330.00",
        }  # fmt: skip
        body = manager.get(f"{URL}/receivables/?location_id={invoice.location_id}").json()
        assert body == {
            **head(
                "receivables", "Receivables", invoice.location, today, today,
                "Balances at the end of the day, from what was posted until then. Aged by days past the due date.",
            ),
            "rows": [
                {
                    "customer_id": customer.pk,
                    "customer": customer.name,
                    **amounts,
                    "oldest_due_on": today,
                    "invoices": [
                        {
                            "id": invoice.pk,
                            "number": invoice.number,
                            "day": today,
                            "due_on": today,
                            "bucket": "current",
                            "balance": "400.00",
                        }
                    ],
                    "payment_ids": [free.pk],
                    "repair_order_ids": [kept.allocations.get().repair_order_id],
                }
            ],
            "totals": amounts,
        }  # fmt: skip

    def test_open_orders(self, manager):
        waiting = completed()
        location = waiting.location
        order = new_order(location=location)
        pay(order, "30.00")
        invoiced()
        today = timezone.now().date().isoformat()

        def row(order, **more):
            order = reload(order)
            return {
                "repair_order_id": order.pk,
                "number": order.number,
                "location_id": location.pk,
                "location": location.name,
                "customer_id": order.customer_id,
                "customer": order.customer.name,
                "vehicle_id": order.vehicle_id,
                "vehicle": "ABC-123",
                "status": order.status,
                "created_at": order.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "promised_at": None,
                "is_late": False,
                **more,
            }

        assert manager.get(f"{URL}/open-orders/?location_id={location.pk}").json() == {
            **head(
                "open-orders", "Open orders", location, today, today,
                "Orders that are open now, and completed orders that wait for their invoice.",
            ),
            "rows": [
                row(waiting, total="491.56", deposit="0.00"),
                row(order, total="0.00", deposit="30.00"),
            ],
            "totals": {"total": "491.56", "deposit": "30.00"},
        }  # fmt: skip

    def test_open_orders_have_no_days(self, manager):
        response = manager.get(f"{URL}/open-orders/?from=2026-11-29&to=2026-11-29&day=2026-11-29")
        unknown = {name: ["Unknown parameter."] for name in ("from", "to", "day")}
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Invalid input",
                "detail": "from: Unknown parameter.",
                "fields": unknown,
                "code": "invalid",
            },
        )

    def test_hours(self, manager):
        invoice = invoiced()
        technician = TechnicianFactory(name="Tim Turner")
        brakes = invoice.repair_order.jobs.get(name="Brakes")
        invoice.repair_order.jobs.filter(name="Brakes").update(technician=technician)
        today = timezone.now().date()
        began = midnight(today)
        first, second = (
            TimeEntryFactory(technician=technician, job=brakes, started=began + start, ended=began + end)
            for start, end in ((timedelta(0), timedelta(hours=1)), (timedelta(hours=2), timedelta(hours=2.2)))
        )
        helper = TimeEntryFactory(
            technician=TechnicianFactory(name="Zoe"),
            job=brakes,
            started=began,
            ended=began + timedelta(hours=1),
        )
        TimeEntryFactory(technician=technician, job=brakes, started=began + timedelta(hours=3), ended=None)
        TimeEntryFactory()  # at no location
        body = manager.get(f"{URL}/hours/?location_id={invoice.location_id}").json()
        assert body == {
            **head(
                "hours", "Technicians' hours", invoice.location,
                today.replace(day=1).isoformat(), today.isoformat(),
                f"{RULE} Worked hours count on the local day on which they began.",
            ),
            "rows": [
                {
                    "technician_id": technician.pk,
                    "technician": "Tim Turner",
                    "sold_hours": "1.80",
                    "labour": "233.91",
                    "worked_hours": "1.20",
                    "efficiency": "1.50",
                    "invoice_ids": [invoice.pk],
                    "credit_note_ids": [],
                    "time_entry_ids": [first.pk, second.pk],
                },
                {
                    "technician_id": helper.technician_id,
                    "technician": "Zoe",
                    "sold_hours": "0.00",
                    "labour": "0.00",
                    "worked_hours": "1.00",
                    "efficiency": "0.00",
                    "invoice_ids": [],
                    "credit_note_ids": [],
                    "time_entry_ids": [helper.pk],
                },
            ],
            "totals": {
                "sold_hours": "1.80", "labour": "233.91", "worked_hours": "2.20", "efficiency": "0.82"
            },
        }  # fmt: skip

    def test_efficiency_needs_worked_hours(self, manager):
        invoice = invoiced()
        body = manager.get(f"{URL}/hours/?location_id={invoice.location_id}").json()
        assert [(row["worked_hours"], row["efficiency"]) for row in body["rows"]] == [("0.00", None)]
        assert (body["totals"]["worked_hours"], body["totals"]["efficiency"]) == ("0.00", None)

    def test_worked_hours_count_on_the_local_day_on_which_they_began(self, manager):
        """An entry from 23:30 to 01:30 in New York is of the day on which it began."""
        place = LocationFactory(time_zone="America/New_York")
        order = RepairOrderFactory(status="in_progress", location=place)
        began = datetime(2026, 1, 16, 4, 30, tzinfo=UTC)
        entry = TimeEntryFactory(
            job=JobFactory(repair_order=order), started=began, ended=began + timedelta(hours=2)
        )
        days = {
            day: manager.get(f"{URL}/hours/?location_id={place.pk}&from={day}&to={day}").json()["rows"]
            for day in ("2026-01-15", "2026-01-16")
        }
        assert [row["time_entry_ids"] for row in days["2026-01-15"]] == [[entry.pk]]
        assert days["2026-01-16"] == []

    def test_declined_work(self, manager):
        order, _, oil = authorised()
        today = timezone.now().date()
        body = manager.get(f"{URL}/declined/?location_id={order.location_id}").json()
        (row,) = body["rows"]
        assert row == {
            "repair_order_id": order.pk,
            "number": order.number,
            "location_id": order.location_id,
            "location": order.location.name,
            "customer_id": order.customer_id,
            "customer": order.customer.name,
            "vehicle_id": order.vehicle_id,
            "vehicle": "ABC-123",
            "at": row["at"],
            "job_id": oil.pk,
            "job": "Oil",
            "decision": "declined",
            "amount": "150.41",
            "job_status": "declined",
            "recommendation_id": oil.__class__.objects.get(pk=oil.pk).recommendation_id,
            "recommendation_status": "open",
        }
        del body["rows"]
        assert body == {
            **head(
                "declined", "Declined work", order.location,
                today.replace(day=1).isoformat(), today.isoformat(),
                "Counted on the local day of the answer. Amounts are before discount, fees and tax.",
            ),
            "totals": {"count": 1, "amount": "150.41"},
        }  # fmt: skip
        assert manager.get(f"{URL}/declined/?to=2026-01-01").json()["rows"] == []

    def test_comebacks(self, manager):
        first = completed()
        again = new_order(vehicle=first.vehicle, location=first.location)
        type(again).objects.filter(pk=again.pk).update(
            comeback_of=first, created_at=datetime(2026, 3, 9, 3, 30, tzinfo=UTC)
        )
        first.location.time_zone = "America/New_York"
        first.location.save()
        query = f"{URL}/comebacks/?location_id={first.location_id}"
        assert manager.get(f"{query}&from=2026-03-09&to=2026-03-09").json()["rows"] == []
        body = manager.get(f"{query}&from=2026-03-08&to=2026-03-08").json()
        assert body["rows"] == [
            {
                "repair_order_id": again.pk,
                "number": again.number,
                "location_id": first.location_id,
                "location": first.location.name,
                "customer_id": first.customer_id,
                "customer": first.customer.name,
                "vehicle_id": first.vehicle_id,
                "vehicle": "ABC-123",
                "comeback_of_id": first.pk,
                "created_at": "2026-03-09T03:30:00Z",
                "status": "requested",
                "cost": "0.00",
            }
        ]
        assert body["totals"] == {"count": 1, "cost": "0.00"}


NAMES = ("day-sheet", "tax", "receivables", "open-orders", "hours", "declined", "comebacks", "journal")


@pytest.mark.parametrize("name", NAMES)
def test_queries_do_not_depend_on_the_rows(manager, name):
    def work():
        invoice = invoiced()
        pay(invoice, "91.56")
        pay(None, "20.00", "cash", invoice.bill_to, location=invoice.location)
        order = new_order(vehicle=invoice.repair_order.vehicle, location=invoice.location)
        type(order).objects.filter(pk=order.pk).update(comeback_of=invoice.repair_order)
        pay(order, "5.00")

    def queries():
        with CaptureQueriesContext(connection) as found:
            assert manager.get(f"{URL}/{name}/").status_code == 200
        return len(found)

    work()
    queries()
    few = queries()
    for _ in range(3):
        work()
    assert queries() == few


@pytest.mark.parametrize("name", NAMES)
def test_every_report_has_a_csv(manager, example, name):
    lines = csv_of(manager.get(f"{URL}/{name}/?format=csv"))
    assert len(lines) >= (1 if name == "journal" else 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_first_and_last_day_of_the_calendar(manager, name, zone):
    location = LocationFactory(time_zone=zone)
    days = {
        "day-sheet": ["day=0001-01-01", "day=9999-12-31"],
        "receivables": ["day=0001-01-01", "day=9999-12-31"],
        "open-orders": ["format=json"],
    }
    for query in days.get(name, ["from=0001-01-01&to=0001-01-01", "from=0001-01-01&to=9999-12-31"]):
        for place in ("", f"&location_id={location.pk}"):
            assert manager.get(f"{URL}/{name}/?{query}{place}").status_code == 200
