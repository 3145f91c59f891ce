"""What is typed on the page *Order* is written as a whole, or not at all with the reason at its field."""

from __future__ import annotations

import time
from datetime import datetime
from decimal import Decimal
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from catalogue.models import Part
from repair_orders.changes import lock
from repair_orders.models import Job, PartLine, ServiceLine
from repair_orders.pricing.models import LabourRate
from testing.factories import (
    CannedJobFactory,
    CannedLineFactory,
    LabourRateFactory,
    PartFactory,
    PriceBandFactory,
    PriceMatrixFactory,
    RecommendationFactory,
    ServiceFactory,
    ServiceScheduleFactory,
    TechnicianFactory,
    UserFactory,
)
from testing.storms import parallel
from testing.worked_example import add_brakes, add_labour, authorised, fresh, new_order, reload, started
from vehicles.locks import lock_in_use
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def order():
    order = new_order(discount_percent=D(0))
    add_brakes(order)
    return reload(order)


@pytest.fixture
def job(order):
    return order.jobs.get()


def line_of(job, name):
    return job.service_lines.get(name=name)


class TestFields:
    def test_page_that_is_sent_unchanged_writes_nothing(self, at_desk, order):
        rows = [model.history.count() for model in (Job, PartLine, ServiceLine)]
        browser = at_desk(order).press("save")
        assert (browser.told, browser.response.status_code) == (["Saved."], 200)
        assert [model.history.count() for model in (Job, PartLine, ServiceLine)] == rows
        assert reload(order).version == order.version

    def test_lines(self, at_desk, order, job):
        part, work = job.part_lines.get(unit_price=D("64.50")), line_of(job, "Labor")
        at_desk(order).press(
            "save",
            **{
                f"p{part.pk}__quantity": "4.5",
                f"p{part.pk}__unit_cost": "$1,030.10",
                f"s{work.pk}__hours": "1.5",
            },
        )
        part.refresh_from_db()
        work.refresh_from_db()
        assert (part.quantity, part.unit_price, part.unit_cost, part.amount, part.price_source) == (
            D("4.50"), D("64.50"), D("1030.10"), D("290.25"), "typed"
        )  # fmt: skip
        # More hours at the location's rate stay at that rate.
        assert (work.hours, work.rate, work.amount, work.price_source) == (
            D("1.50"), D("129.95"), D("194.93"), "rate"
        )  # fmt: skip

    def test_order(self, at_desk, order):
        anna = UserFactory(role="advisor")
        order.location.time_zone = "America/New_York"
        order.location.save()
        at_desk(order).press(
            "save",
            o__discount_amount="10",
            o__discount_percent="2.5",
            o__po_number="PO-7",
            o__key_tag="12",
            o__promised_at="2026-11-30T15:30",
            o__advisor=str(anna.pk),
            o__notes="First line\r\nSecond line",
        )
        stored = reload(order)
        assert (stored.discount_amount, stored.discount_percent, stored.po_number, stored.advisor, stored.notes) == (
            D("10.00"), D("2.5000"), "PO-7", anna, "First line\nSecond line"
        )  # fmt: skip
        assert stored.key_tag == "12"
        assert stored.promised_at == datetime(2026, 11, 30, 15, 30, tzinfo=ZoneInfo("America/New_York"))

    def test_job(self, at_desk, order, job):
        theo = TechnicianFactory(name="Theo")
        at_desk(order).press(
            "save", **{f"j{job.pk}__cause": "Pads at 2 mm", f"j{job.pk}__technician": str(theo.pk)}
        )
        job.refresh_from_db()
        assert (job.cause, job.technician, job.concern) == ("Pads at 2 mm", theo, "Squeals")

    @pytest.mark.parametrize(
        ("column", "text", "reason"),
        [
            ("quantity", "", "This field is required."),
            ("quantity", "0", "Ensure this value is greater than or equal to 0.01."),
            ("quantity", "two", "Enter a number."),
            ("quantity", "1,5", "Write 1.5 with a point."),
            ("unit_price", "$12,50", "Write 12.50 with a point."),
            ("quantity", "1.005", "Ensure that there are no more than 2 decimal places."),
            ("unit_price", "-1", "Ensure this value is greater than or equal to 0."),
            ("unit_price", "NaN", "Enter a number."),
        ],
    )
    def test_wrong_number_is_named_at_its_field(self, at_desk, order, job, column, text, reason):
        part = job.part_lines.first()
        name = f"p{part.pk}-{column}"
        browser = at_desk(order).press("save", **{name: text, "o-notes": "Kept"})
        assert browser.errors == {name: reason}
        assert (browser.fields[name], browser.fields["o-notes"], reload(order).notes) == (text, "Kept", "")

    def test_all_or_nothing(self, at_desk, order, job):
        """A line that the domain refuses takes back the line before it, and keeps both texts in the page."""
        first, second = job.part_lines.order_by("pk")[:2]
        names = f"p{first.pk}-unit_price", f"p{second.pk}-unit_price"
        browser = at_desk(order).press("save", **{names[0]: "1.00", names[1]: "99999999.99", "o-notes": "x"})
        assert list(browser.errors) == [f"p{second.pk}-quantity"]
        assert (browser.fields[names[0]], browser.fields[names[1]]) == ("1.00", "99999999.99")
        first.refresh_from_db()
        assert first.unit_price == D("89.99")

    def test_unknown_technician_is_refused(self, at_desk, order, job):
        name = f"j{job.pk}-technician"
        assert at_desk(order).press("save", **{name: "999"}).errors == {name: "Choose one of the list."}

    def test_impossible_date_is_refused(self, at_desk, order):
        browser = at_desk(order).press("save", **{"o-promised_at": "9999-12-31T23:59"})
        assert browser.errors == {"o-promised_at": "Give a year from 2000 to 9000."}

    def test_discount_beyond_the_ceiling_of_less_is_refused(self, at_desk):
        order, *_ = started()
        browser = at_desk(order).press("save", **{"o-discount_percent": "0"})
        assert list(browser.errors) == ["o"]
        assert "The customer authorised work up to 491.56." in browser.errors["o"]
        assert reload(order).discount_percent == D(10)


class TestAdding:
    def test_part_of_the_catalogue_by_number(self, at_desk, order, job):
        oil = PartFactory(name="Oil 5W-30, quart", part_number="OIL-5W30", unit_price=D("8.95"))
        browser = at_desk(order).press("add", **{f"a{job.pk}-what": "oil-5w30", f"a{job.pk}-quantity": "4.5"})
        line = job.part_lines.get(part=oil)
        assert (line.quantity, line.unit_price, line.amount) == (D("4.50"), D("8.95"), D("40.28"))
        assert browser.told == [f"{oil.name} was added to job 1."]

    def test_part_that_was_chosen_from_the_list(self, at_desk, order, job):
        oil = PartFactory(name="Oil", part_number="OIL-1")
        at_desk(order).press("save", **{f"a{job.pk}-what": "OIL-1 · Oil"})
        assert job.part_lines.filter(part=oil).count() == 1

    def test_several_parts_are_a_question_that_loses_nothing(self, at_desk, order, job):
        parts = [PartFactory(name=f"Wiper {side}") for side in ("left", "right")]
        typed = {f"a{job.pk}-what": "wiper", f"a{job.pk}-quantity": "2", "o-notes": "Kept"}
        browser = at_desk(order).press("add", **typed)
        assert browser.errors == {f"a{job.pk}-what": "Choose the part, or add what you typed."}
        fields = browser.fields
        assert {name: fields[name] for name in typed} == typed
        assert {f"add:{job.pk}:{part.pk}" for part in parts} < set(browser.buttons)
        browser.press(f"add:{job.pk}:{parts[1].pk}", page=fields)
        line = job.part_lines.get(part=parts[1])
        assert (line.quantity, reload(order).notes) == (D(2), "Kept")

    def test_typed_part_beside_one_of_the_catalogue(self, at_desk, order, job):
        PartFactory(name="Wiper left")
        typed = {f"a{job.pk}-what": "Wiper", f"a{job.pk}-price": "12.00"}
        page = at_desk(order).press("add", **typed)
        page.press(f"add:{job.pk}:typed", page=page.fields)
        line = job.part_lines.get(name="Wiper")
        assert (line.part.is_placeholder, line.unit_price) == (True, D("12.00"))

    def test_typed_part_with_a_cost_takes_the_matrix(self, at_desk, order, job):
        PriceBandFactory(matrix=PriceMatrixFactory(is_default=True), from_cost=D(0), multiplier=D(3))
        at_desk(order).press("add", **{f"a{job.pk}-what": "Bracket", f"a{job.pk}-cost": "4.00"})
        line = job.part_lines.get(name="Bracket")
        assert (line.unit_price, line.price_source) == (D("12.00"), "matrix")

    def test_typed_part_without_a_price_is_refused(self, at_desk, order, job):
        browser = at_desk(order).press("add", **{f"a{job.pk}-what": "Bracket"})
        reason = "This part is not in the catalogue. Give a price or a cost."
        assert browser.errors == {f"a{job.pk}-price": reason}
        assert not Part.objects.filter(name="Bracket").exists()

    def test_labour_by_hours_flat_and_of_the_catalogue(self, at_desk, order, job):
        service = ServiceFactory(name="Alignment", labor_cost=D("89.00"))
        browser = at_desk(order)
        kind, what, hours, price = (f"a{job.pk}-{name}" for name in ("kind", "what", "quantity", "price"))
        browser.press("add", **{kind: "labour", what: "Bleed brakes", hours: "1.5"})
        browser.press("add", **{kind: "labour", what: "Diagnosis", price: "95"})
        browser.press("add", **{kind: "labour", what: "alignment"})
        browser.press("add", **{kind: "sublet", what: "Machining", price: "60", f"a{job.pk}-cost": "45"})
        lines = job.service_lines.order_by("pk")[2:]
        assert [(row.name, row.kind, row.hours, row.rate, row.amount, row.cost) for row in lines] == [
            ("Bleed brakes", "labour", D("1.50"), D("129.95"), D("194.93"), None),
            ("Diagnosis", "labour", None, None, D("95.00"), None),
            ("Alignment", "labour", None, None, D("89.00"), None),
            ("Machining", "sublet", None, None, D("60.00"), D("45.00")),
        ]
        assert lines[2].service == service

    def test_hours_without_a_rate_of_the_location_name_it(self, at_desk, order, job):
        LabourRate.objects.all().delete()
        added = {f"a{job.pk}-kind": "labour", f"a{job.pk}-what": "Look", f"a{job.pk}-quantity": "1.5"}
        browser = at_desk(order).press("add", **added)
        reason = f"{order.location} has no labor rate. Give a price, or have a manager set the rate."
        assert browser.errors == {f"a{job.pk}-price": reason}

    def test_labour_without_figures_is_refused(self, at_desk, order, job):
        browser = at_desk(order).press("add", **{f"a{job.pk}-kind": "labour", f"a{job.pk}-what": "Look"})
        assert browser.errors == {f"a{job.pk}-price": "Give a price: the catalogue has none for this line."}

    def test_unknown_kind_and_wrong_number(self, at_desk, order, job):
        browser = at_desk(order)
        what, kind, hours = (f"a{job.pk}-{name}" for name in ("what", "kind", "quantity"))
        assert browser.press("add", **{what: "x", kind: "fee"}).errors == {kind: "Choose one of the list."}
        assert browser.press("add", **{what: "x", hours: "many"}).errors == {hours: "Enter a number."}
        assert browser.press("add", **{what: "x", f"a{job.pk}-price": "12,50"}).errors == {
            f"a{job.pk}-price": "Write 12.50 with a point."
        }
        assert browser.press("add", **{what: "x" * 201, f"a{job.pk}-price": "1"}).errors == {
            what: "A name has at most 200 characters."
        }

    def test_canned_job_by_name_and_by_button(self, at_desk, order):
        canned = CannedJobFactory(name="Brake flush")
        CannedLineFactory(canned_job=canned, quantity=D(2))
        browser = at_desk(order).press("add", **{"new-name": "brake FLUSH"})
        browser.press(f"canned:{canned.pk}")
        assert [(job.name, job.part_lines.count()) for job in order.jobs.in_order()[1:]] == [
            ("Brake flush", 1), ("Brake flush", 1)
        ]  # fmt: skip
        assert browser.told == ["Job 3, Brake flush, was added."]

    def test_typed_job(self, at_desk, order):
        at_desk(order).press("save", **{"new-name": "Rattles when cold"})
        job = order.jobs.in_order().last()
        assert (job.name, job.status, job.is_draft) == ("Rattles when cold", "proposed", True)

    def test_recommendation(self, at_desk, order):
        row = RecommendationFactory(vehicle=order.vehicle, text="Wipers\nThey smear")
        at_desk(order).press(f"recommend:{row.pk}")
        job = order.jobs.get(recommendation=row)
        assert (job.name, job.concern) == ("Wipers", "They smear")

    def test_recommendation_that_is_not_needed(self, at_desk, as_role, order):
        row = RecommendationFactory(vehicle=order.vehicle, text="Wipers\nThey smear")
        other = RecommendationFactory(text="Of another vehicle")
        browser = at_desk(order).press(f"dismiss:{row.pk}", **{"o-notes": "Kept"})
        row.refresh_from_db()
        assert (row.status, browser.told, reload(order).notes) == (
            "dismissed",
            ["Not needed: Wipers."],
            "Kept",
        )
        assert f"dismiss:{row.pk}" not in browser.show().buttons
        assert list(browser.press(f"dismiss:{row.pk}").errors.values()) == [
            "This recommendation is done or dismissed."
        ]
        browser.press(f"dismiss:{other.pk}")
        other.refresh_from_db()
        assert (other.status, list(browser.errors.values())) == ("open", ["This recommendation is gone."])
        technician = as_role("technician", order)
        sent = {**technician.show().fields, "do": f"dismiss:{other.pk}"}
        assert technician.client.post(technician.url, sent).status_code == 403

    def test_due_work(self, at_desk, order):
        schedule = ServiceScheduleFactory(vehicle=order.vehicle, template__name="Oil change")
        browser = at_desk(order)
        browser.press(f"due:{schedule.pk}")
        job = order.jobs.get(name="Oil change")
        row = job.recommendation
        assert (row.source, row.code, row.status) == ("schedule", f"schedule:{schedule.template_id}", "open")
        assert f"due:{schedule.pk}" not in browser.show().buttons

    @pytest.mark.django_db(transaction=True)
    def test_due_work_waits_for_no_vehicle_while_it_holds_the_order(self, at_desk, order):
        """A merge and the step *vehicle out* lock the vehicle first and then the order (D25)."""
        schedule = ServiceScheduleFactory(vehicle=order.vehicle, template__name="Oil change")
        browser = at_desk(order)
        page, is_locked = browser.show().fields, Event()

        def work(number):
            if number:
                is_locked.wait(timeout=30)
                return browser.press(f"due:{schedule.pk}", page=page)
            with transaction.atomic():
                lock_in_use(Vehicle.objects.get(pk=order.vehicle_id))
                is_locked.set()
                time.sleep(0.5)
                return lock(reload(order))

        assert [outcome for outcome in parallel(2, work) if isinstance(outcome, Exception)] == []
        assert order.jobs.filter(name="Oil change").count() == 1

    @pytest.mark.parametrize(
        "do", ["canned:999", "recommend:999", "due:999", "remove:p999", "undo:p999", "propose:999"]
    )
    def test_what_is_gone_is_said(self, at_desk, order, do):
        browser = at_desk(order).press(do, **{"o-notes": "Kept"})
        assert (len(browser.errors), browser.fields["o-notes"]) == (1, "Kept")

    def test_button_without_a_meaning_is_404(self, at_desk, order):
        browser = at_desk(order)
        assert browser.client.post(browser.url, {"do": "explode"}).status_code == 404
        assert browser.client.post(browser.url, {"do": "step:explode"}).status_code in (404, 409)

    def test_suggestions(self, at_desk, order):
        PartFactory(name="Wiper left", part_number="WIP-1", unit_price=D("12.00"))
        ServiceFactory(name="Wiper fitting")
        browser = at_desk(order)
        assert browser.client.get(browser.url, {"q": "wiper"}).json() == {
            "found": [
                {"value": "WIP-1 · Wiper left", "label": "$12.00"},
                {"value": "Wiper fitting", "label": "Labor, $45.00"},
            ]
        }
        assert browser.client.get(browser.url, {"q": "w"}).json() == {"found": []}


class TestRemoving:
    def test_line_is_removed_and_comes_back(self, at_desk, order, job):
        part, work = job.part_lines.get(unit_price=D("64.50")), line_of(job, "Labor")
        before = reload(order).version
        browser = at_desk(order)
        for line, key in ((part, f"p{part.pk}"), (work, f"s{work.pk}")):
            browser.press(f"remove:{key}")
            assert not type(line).objects.filter(pk=line.pk).exists()
            assert f"undo:{key}" in browser.buttons
            # It stands in the job, which the address leads to.
            card = browser.response.text.partition(f'id="job-{line.job_id}"')[2].partition("</section>")[0]
            assert f"undo:{key}" in card
            browser.press(f"undo:{key}", page=browser.fields)
        again = job.part_lines.order_by("pk").last()
        columns = ("name", "part", "part_number", "quantity", "unit_price", "amount", "taxable", "condition")
        assert [getattr(again, name) for name in columns] == [getattr(part, name) for name in columns]
        labour = job.service_lines.order_by("pk").last()
        assert (labour.name, labour.hours, labour.rate, labour.amount) == (
            "Labor", D("1.80"), D("129.95"), D("233.91")
        )  # fmt: skip
        assert reload(order).version == before + 4

    def test_job_is_removed_after_a_question(self, at_desk, order, job):
        browser = at_desk(order).press(f"step:remove-job:{job.pk}")
        assert "Remove job 1, Brakes" in browser.text
        browser.send()
        assert (browser.told, order.jobs.count()) == (["Job 1, Brakes, is removed."], 0)

    def test_answered_job_cannot_be_removed(self, at_desk):
        order, _, oil = authorised()
        browser = at_desk(order).press(f"propose:{oil.pk}")
        browser.press(f"step:remove-job:{oil.pk}")
        browser.send()
        assert "This job was sent and answered. It stays on the order." in browser.text
        assert order.jobs.count() == 2


class TestApproved:
    def test_line_of_an_approved_job_opens_on_request(self, at_desk):
        order, brakes, _ = authorised(policy={"amount": D("100.00")})
        work = line_of(brakes, "Labor")
        browser = at_desk(order).show()
        assert f"s{work.pk}-hours" not in browser.fields
        browser.press(f"edit:{brakes.pk}")
        assert browser.went == f"/admin/orders/{order.pk}/?edit={brakes.pk}#job-{brakes.pk}"
        assert "under $591.56: $100.00 is left." in browser.text
        browser.press("save", page=browser.fields, **{f"s{work.pk}-hours": "2"})
        assert fresh(brakes).service_lines.get(name="Labor").hours == D(2)

    def test_beyond_the_ceiling_is_refused_at_the_line(self, at_desk):
        order, brakes, _ = authorised()
        work = line_of(brakes, "Labor")
        browser = at_desk(order).press(f"edit:{brakes.pk}")
        browser.press("save", page=browser.fields, **{f"s{work.pk}-hours": "9"})
        assert list(browser.errors) == [f"s{work.pk}"]
        assert "The customer authorised work up to 491.56." in browser.errors[f"s{work.pk}"]
        assert (browser.fields[f"s{work.pk}-hours"], line_of(brakes, "Labor").hours) == ("9", D("1.80"))

    def test_exchange_of_amounts_stays_under_the_ceiling(self, at_desk):
        """What gets smaller is written first, in whichever order the lines stand."""
        order, brakes, _ = authorised()
        add = line_of(brakes, "State inspection")
        work = line_of(brakes, "Labor")
        browser = at_desk(order).press(f"edit:{brakes.pk}")
        browser.press("save", page=browser.fields, **{f"s{add.pk}-amount": "30.00", f"s{work.pk}-hours": "1"})
        assert browser.told == ["Saved."]
        assert (line_of(brakes, "State inspection").amount, line_of(brakes, "Labor").hours) == (D(30), D(1))

    def test_all_values_of_a_line(self, at_desk, order, job):
        part = job.part_lines.get(unit_price=D("64.50"))
        browser = at_desk(order).press(f"step:line:p{part.pk}")
        browser.send(condition="rebuilt", is_oem="True", warranty_months="24", name="Rotor, rebuilt")
        assert browser.told == ["Rotor, rebuilt is changed."]
        part.refresh_from_db()
        assert (part.condition, part.is_oem, part.warranty_months, part.name, part.unit_price, part.price_source) == (
            "rebuilt", True, 24, "Rotor, rebuilt", D("64.50"), "typed"
        )  # fmt: skip
        work = add_labour(job, "1")
        diesel = LabourRateFactory(
            location=order.location, name="Diesel", per_hour=D("165.00"), is_default=False
        )
        browser.press(f"step:line:s{work.pk}").send(hours="2", labour_rate=str(diesel.pk))
        work.refresh_from_db()
        assert (work.hours, work.rate, work.amount, work.price_source) == (D(2), D(165), D(330), "rate")
        assert "Labor, Diesel" in " ".join(browser.text.split())
        browser.press(f"step:line:s{work.pk}").send(hours="", labour_rate=str(diesel.pk), amount="55.00")
        assert "Give hours with a rate, or a flat amount." in browser.text
        browser.press(f"step:line:s{work.pk}").send(hours="", rate="", amount="55.00")
        work.refresh_from_db()
        assert (work.hours, work.rate, work.amount) == (None, None, D("55.00"))
        browser.press(f"step:line:s{work.pk}").send(hours="1", rate="", amount="55.00")
        assert "Give hours with a rate, or a flat amount." in browser.text
