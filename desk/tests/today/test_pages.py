"""The page *Today* and its lists."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db.models import F
from django.utils import timezone

from appointments.models import Location
from catalogue.models import Part, VendorOrder
from desk.today import lists
from repair_orders import actions
from repair_orders.estimates.actions import Answerer, send_estimate
from repair_orders.estimates.models import Answer
from repair_orders.models import RepairOrder
from testing.billed import completed, invoiced, pay
from testing.factories import (
    AppointmentFactory,
    BayFactory,
    ConversationFactory,
    EstimateFactory,
    GarageFactory,
    InvoiceFactory,
    JobFactory,
    MessageFactory,
    OpeningHoursFactory,
    RepairOrderFactory,
    ReservationFactory,
    ServiceLineFactory,
    UserFactory,
    VehicleExitFactory,
    VendorOrderFactory,
)
from testing.suites import count_queries
from testing.worked_example import add_oil, answer, authorised, estimated, priced_location, reload, started
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
D = Decimal
URL = "/admin/today/"


@pytest.fixture
def garage():
    garage = priced_location()
    BayFactory.create_batch(2, location=garage)
    for weekday in range(7):
        OpeningHoursFactory(location=garage, weekday=weekday, opens=time(8), closes=time(18))
    Location.objects.filter(pk=garage.pk).update(is_default=True, time_zone="America/New_York")
    garage.refresh_from_db()
    return garage


def shown(waiting):
    return [(entry.title, entry.text, entry.end, entry.tone, entry.below) for entry in waiting.entries]


class TestWaitingForApproval:
    def estimate(self, garage, **options):
        """Return an estimate of 384.32."""
        order = RepairOrderFactory(
            location=garage, status="pending", vehicle__model="Golf", vehicle__unit_number=""
        )
        ServiceLineFactory(repair_order=order, amount=Decimal("384.32"))
        return EstimateFactory(repair_order=order, **options)

    def test_the_oldest_comes_first_with_how_long_it_waits(self, garage, now):
        day = timedelta(days=1)
        for waits in (timedelta(minutes=85), 2 * day):
            self.estimate(garage, now=now - waits)
        found = lists.waiting_for_approval(garage, now=now)
        assert [(entry.end, entry.tone, entry.below) for entry in found.entries] == [
            ("2 days", "amber", "$384.32"), ("1 h 25", "", "$384.32"),
        ]  # fmt: skip
        assert (found.count, found.is_short) == (2, False)

    @pytest.mark.parametrize(
        ("version", "options", "end", "what"),
        [
            (900, {}, "not valid", "Golf, changed since it was sent"),
            (1, {"expires_at": timezone.now() - timedelta(days=1)}, "expired", "Golf, expired"),
            (1, {"is_mailed": False}, "1 h 00", "Golf, not mailed: no address"),
        ],
    )
    def test_it_says_why_nobody_can_answer(self, garage, now, version, options, end, what):
        sent = self.estimate(garage, now=now - timedelta(hours=1), **options)
        RepairOrder.objects.filter(pk=sent.repair_order_id).update(version=F("version") - 1 + version)
        [entry] = lists.waiting_for_approval(garage, now=now).entries
        assert (entry.end, entry.text) == (end, what)

    def test_only_the_last_revision_of_an_order_waits(self, garage, now):
        first = self.estimate(garage)
        EstimateFactory(repair_order=first.repair_order)
        assert lists.waiting_for_approval(garage, now=now).count == 1


class TestAnswered:
    def test_answers_are_listed_with_what_they_say_until_the_work_starts(self, garage, now):
        approved, *_ = authorised(location=garage)
        declined, brakes, oil = estimated(location=garage)
        answer(declined, dict.fromkeys((brakes, oil), Answer.DECLINED), answerer=Answerer(method="online"))
        estimated(location=garage)
        authorised()  # at another location
        later = timezone.now() + timedelta(minutes=2)
        found = lists.answered(garage, now=later)
        car = approved.vehicle.unit_number or approved.vehicle.model
        assert [(entry.url, entry.text, entry.end, entry.below) for entry in found.entries] == [
            (f"/admin/orders/{declined.pk}/", f"{car}, online, 2 min ago", "declined", "$640.94"),
            (f"/admin/orders/{approved.pk}/", f"{car}, not started, 2 min ago", "approved", "$491.56"),
        ]
        assert found.count == 2
        day = timezone.now() + timedelta(hours=25)
        assert [entry.end for entry in lists.answered(garage, now=day).entries] == ["approved"]
        actions.start(order=reload(approved), by=None, now=later)
        assert lists.answered(garage, now=day).entries == []

    def test_another_revision_takes_the_place_of_an_answered_one(self, garage, now):
        order, *_ = authorised(location=garage)
        EstimateFactory(repair_order=order)
        assert lists.answered(garage, now=timezone.now()).count == 0

    def test_answer_about_further_work_is_told_while_the_work_goes_on(self, garage):
        order, *_ = started(location=garage)
        assert lists.answered(garage, now=timezone.now()).entries == []
        job = add_oil(order)
        send_estimate(order=reload(order), by=None, now=timezone.now())
        answer(reload(order), {job: Answer.APPROVED}, answerer=Answerer(method="online"))
        [entry] = lists.answered(garage, now=timezone.now()).entries
        assert (entry.url, entry.text, entry.end) == (
            f"/admin/orders/{order.pk}/", f"{order.vehicle.model}, online, 0 min ago", "approved"
        )  # fmt: skip


def test_needed_parts_name_the_vehicle_that_waits(garage, now):
    job = JobFactory(repair_order__vehicle__model="Golf", repair_order__vehicle__unit_number="")
    ReservationFactory(part__name="CV boot kit", pieces=3, filled=1, source=f"job:{job.pk}", created_at=now)
    ReservationFactory(pieces=1, filled=1, created_at=now)
    found = lists.needed_parts()
    name = job.repair_order.customer.name
    assert shown(found) == [("CV boot kit", f"Golf, {name}", "2 pieces", "", "not ordered")]
    ordered = VendorOrderFactory(part=Part.objects.get(name="CV boot kit"))
    for day, below in ((None, "on order"), (date(2026, 12, 3), "expected 3 Dec")):
        VendorOrder.objects.filter(pk=ordered.pk).update(expected_on=day)
        assert shown(lists.needed_parts()) == [("CV boot kit", f"Golf, {name}", "2 pieces", "", below)]
    assert found.entries[0].url == f"/admin/orders/{job.repair_order_id}/"


def test_conversations_whose_last_word_is_the_customers_wait(now):
    for minutes, is_support in ((34, False), (6, False), (50, True)):
        talk = ConversationFactory()
        message = MessageFactory(
            conversation=talk,
            body="Stuck",
            is_support=is_support,
            created_at=now - timedelta(minutes=minutes),
        )
        type(talk).objects.filter(pk=talk.pk).update(last_message=message)
    found = lists.unanswered(now=now)
    assert [(entry.text, entry.end, entry.tone) for entry in found.entries] == [
        ("“Stuck”", "34 min", "red"), ("“Stuck”", "6 min", ""),
    ]  # fmt: skip


class TestReady:
    def test_finished_vehicles_are_here_until_they_are_out(self, garage, now):
        paid, open_one, out = (
            completed(location=garage),
            invoiced(location=garage),
            completed(location=garage),
        )
        VehicleExitFactory(repair_order=out)
        found = lists.ready(garage, now=now)
        assert [(entry.text.partition(", ")[2], entry.end) for entry in found.entries] == [
            ("not invoiced", f"${paid.total_cost:,}"), ("to be paid", f"${open_one.balance:,}"),
        ]  # fmt: skip
        assert (found.count, found.total) == (2, open_one.balance)

    def test_vehicles_of_other_locations_are_not_listed(self, garage, now):
        completed()
        assert lists.ready(garage, now=now).entries == []


class TestUnpaid:
    def test_invoices_of_vehicles_that_left_are_listed_the_longest_overdue_first(self, garage, now):
        today = now.astimezone(ZoneInfo(garage.time_zone)).date()
        fields = {"location": garage, "paid": D("5.00")}
        here = invoiced(location=garage)
        for days, number in ((3, "T-3"), (-4, "T-4"), (1, "T-1")):
            due_on = today - timedelta(days=days)
            row = InvoiceFactory(number=number, due_on=due_on, repair_order__vehicle__model="Golf", **fields)
            RepairOrder.objects.filter(pk=row.repair_order_id).update(completed_at=now)
            Vehicle.objects.filter(pk=row.repair_order.vehicle_id).update(unit_number="")
            VehicleExitFactory(repair_order=row.repair_order)
        opening = InvoiceFactory(
            number="OPEN-1", kind="opening", repair_order=None, due_on=today - timedelta(days=2), **fields
        )
        VehicleExitFactory(repair_order=InvoiceFactory(location=garage).repair_order)  # paid
        InvoiceFactory(paid=D("5.00"))  # at another location
        found = lists.unpaid(garage, now=now)
        due = today + timedelta(days=4)
        assert [(entry.text, entry.end, entry.tone, entry.below) for entry in found.entries] == [
            ("Golf, invoice T-3", "$15.00", "red", "3 days overdue"),
            ("invoice OPEN-1", "$15.00", "red", "2 days overdue"),
            ("Golf, invoice T-1", "$15.00", "red", "1 day overdue"),
            ("Golf, invoice T-4", "$15.00", "", f"due {due.day} {due:%b}"),
        ]
        assert found.entries[1].url == f"/admin/billing/invoice/{opening.pk}/change/"
        assert (found.count, found.total) == (4, D("60.00"))
        VehicleExitFactory(repair_order=here.repair_order)
        assert lists.unpaid(garage, now=now).total == D("551.56")
        first = lists.unpaid(garage, now=now, most=1)
        assert (first.is_short, first.all_url) == (
            True, f"/admin/billing/invoice/?state=open&location__id__exact={garage.pk}"
        )  # fmt: skip

    def test_vehicle_that_nobody_recorded_as_gone_is_gone_after_a_while(self, garage, now):
        invoice = invoiced(location=garage)
        assert lists.unpaid(garage, now=now).entries == []
        [entry] = lists.unpaid(garage, now=now + timedelta(days=31)).entries
        assert entry.url == f"/admin/orders/{invoice.repair_order_id}/"


def stopped_with_deposit(garage):
    """Return a deposit of 100.00 whose order was stopped while its customer has another open order."""
    order, *_ = started(location=garage)
    deposit = pay(order, "100.00")
    actions.stop(order=reload(order), reason="Sold", by=None, now=timezone.now())
    RepairOrderFactory(vehicle=order.vehicle, status="approved")
    return deposit


def test_deposits_of_stopped_orders_are_to_be_given_back(garage, now):
    deposit = stopped_with_deposit(garage)
    found = lists.to_give_back(garage, now=timezone.now())
    at = deposit.posted_at.astimezone(ZoneInfo(garage.time_zone))
    assert shown(found) == [(deposit.customer.name, f"Card terminal, {at.day} {at:%b}", "$100.00", "", "")]
    assert found.entries[0].url == f"/admin/billing/payment/{deposit.pk}/change/"
    assert (found.count, found.total) == (1, D("100.00"))
    assert found.all_url == f"/admin/money/?location={garage.pk}&day={at:%Y-%m-%d}&all=1#to-give-back"


def test_promises_that_are_over_come_first(garage, now):
    for minutes in (60, -90, 300):
        RepairOrderFactory(
            location=garage, status="in_progress", promised_at=now + timedelta(minutes=minutes)
        )
    RepairOrderFactory(location=garage, status="denied", promised_at=now)
    found = lists.promised(garage, now=now)
    assert [(entry.end, entry.tone) for entry in found.entries] == [("1 h 30 late", "red"), ("in 1 h 00", "")]


class TestPage:
    @pytest.mark.parametrize(
        ("role", "names"),
        [
            (
                "technician",
                ["Waiting for approval", "Answered", "Promised", "Needed parts", "Unanswered chats"],
            ),
            (
                "advisor",
                [
                    "Waiting for approval",
                    "Answered",
                    "Promised",
                    "Needed parts",
                    "Unanswered chats",
                    "Ready to leave",
                    "Unpaid",
                    "To give back",
                    "Follow-ups",
                ],
            ),
        ],
    )
    def test_a_role_sees_the_lists_of_its_work(self, client, garage, role, names):
        client.force_login(UserFactory(role=role))
        assert [entry.title for entry in client.get(URL).context["lists"]] == names

    def test_lists_lead_to_all_of_their_rows(self, desk, garage, now):
        for _ in range(6):
            order, *_ = authorised(location=garage)
            RepairOrder.objects.filter(pk=order.pk).update(promised_at=now)
        few = {entry.id: entry for entry in desk.get(URL).context["lists"]}
        assert {name: (len(few[name].entries), few[name].all_url) for name in ("answered", "promised")} == {
            "answered": (5, "/admin/today/?all=answered#answered"),
            "promised": (5, "/admin/repair-orders/?view=open"),
        }
        response = desk.get(URL, {"all": "answered"})
        many = {entry.id: len(entry.entries) for entry in response.context["lists"]}
        assert (many["answered"], many["promised"]) == (6, 5)
        assert 'all=answered"' in response.content.decode()
        assert desk.get("/admin/repair-orders/?view=open").context["page"].paginator.count == 6

    def test_a_technician_is_offered_no_new_visit(self, client, garage):
        client.force_login(UserFactory(role="technician"))
        assert b"/admin/intake/" not in client.get(URL).content

    def test_another_day_has_the_board_alone(self, desk, garage):
        response = desk.get(URL, {"day": "2026-12-24"})
        assert (response.context["lists"], str(response.context["place"].day)) == ([], "2026-12-24")

    def test_a_new_visit_begins_on_the_day_that_is_shown(self, desk, garage):
        day = timezone.localdate() + timedelta(days=40)
        assert f"&amp;from={day}" in desk.get(URL, {"day": str(day)}).content.decode()
        assert "&amp;from=" not in desk.get(URL).content.decode()
        assert f'value="{day}"' in desk.get("/admin/intake/", {"from": str(day)}).content.decode()

    def test_the_part_that_is_renewed_is_no_whole_page(self, desk, garage):
        content = desk.get(URL, {"part": "board"}).content
        assert b"<html" not in content
        assert b'class="card board' in content

    def test_the_part_that_is_renewed_keeps_its_location_and_says_that_its_day_is_over(self, desk, garage):
        other, page = GarageFactory(is_default=False), desk.get(URL)
        today = page.context["place"].day
        [part] = re.findall(r'data-live="([^"]+)"', page.content.decode())
        assert part == f"{URL}?part=board&amp;place={garage.pk}&amp;day={today}"
        desk.get(URL, {"location": other.pk})
        day = today - timedelta(days=1)
        part = desk.get(URL, {"part": "board", "place": garage.pk, "day": str(day)})
        assert part.context["place"].location == garage
        assert "and that day is over." in part.content.decode()
        assert desk.get(URL).context["place"].location == other
        assert "and that day is over." not in desk.get(URL, {"part": "board"}).content.decode()

    @pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "1999-12-31", "9999-12-31"])
    def test_a_day_that_cannot_be_shown_is_said(self, desk, garage, day):
        response = desk.get(URL, {"day": day})
        place = response.context["place"]
        assert place.day == place.today
        assert len(place.refusals) == 1

    def test_it_costs_the_same_queries_for_many_rows(self, desk, garage):
        bay, begin = garage.bays.first(), timezone.now().replace(hour=15, minute=0, second=0)

        def add(first, number):
            for n in range(first, first + number):
                start = begin + timedelta(minutes=5 * n)
                AppointmentFactory(bay=bay, start=start, end=start + timedelta(minutes=5))
                RepairOrderFactory(location=garage, promised_at=timezone.now())
                completed(location=garage)
                VehicleExitFactory(repair_order=invoiced(location=garage).repair_order)
                stopped_with_deposit(garage)
                ReservationFactory(pieces=2, source=f"job:{JobFactory().pk}")

        add(0, 1)
        desk.get(URL)
        few = count_queries(lambda: desk.get(URL))
        add(1, 5)
        assert count_queries(lambda: desk.get(URL)) == few


@pytest.mark.parametrize(
    ("role", "page"),
    [("technician", "/admin/my-jobs/"), ("advisor", URL), ("manager", "/admin/money/"), ("admin", URL)],
)
def test_the_day_of_a_role_begins_on_its_page(client, garage, role, page):
    client.force_login(UserFactory(role=role))
    response = client.get("/admin/")
    assert (response.status_code, response.headers["Location"]) == (302, page)
