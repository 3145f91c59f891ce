"""The page *My jobs*: one clock, checks that are saved at each tap, and jobs that are done with words."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from catalogue.shelf.actions import reserve
from catalogue.shelf.models import MoveKind, StockMove
from inspections.actions import start_inspection
from inspections.models import Finding, FindingPhoto, Inspection
from repair_orders import clock
from repair_orders.actions import complete
from repair_orders.models import Job, RepairOrder
from repair_orders.time_entries.models import TimeEntry
from testing.factories import (
    AppointmentFactory,
    InspectionTemplateFactory,
    JobFactory,
    LocationFactory,
    PartFactory,
    PartLineFactory,
    RepairOrderFactory,
    ReservationFactory,
    TechnicianFactory,
    TemplateItemFactory,
    TimeEntryFactory,
    UserFactory,
    VendorOrderFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/admin/my-jobs/"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture
def theo():
    return TechnicianFactory(name="Theo Lindt", user=UserFactory(role="technician"))


@pytest.fixture
def phone(client, theo):
    """Return the client of Theo's phone."""
    client.force_login(theo.user)
    return client


def job_for(technician, **fields):
    order = RepairOrderFactory(status=fields.pop("order_status", "approved"))
    return JobFactory(**{"repair_order": order, "technician": technician, "status": "approved"} | fields)


@pytest.fixture
def running(theo, now):
    """Return a job on which Theo's clock runs."""
    job = job_for(theo, name="Front brakes")
    clock.clock_in(technician=theo, job=job, by=None, now=now)
    return Job.objects.get(pk=job.pk)


@pytest.fixture
def checks(running, theo, now):
    template = InspectionTemplateFactory(name="Courtesy inspection")
    for name in ("Brake pads, front", "Lights"):
        TemplateItemFactory(template=template, name=name, unit="mm" if "pads" in name else "")
    return start_inspection(order=running.repair_order, template=template, technician=theo, by=None, now=now)


def told(response):
    return [str(message) for message in response.context["messages"]]


class TestClock:
    def test_it_starts_with_one_tap_and_the_work_of_the_order_begins(self, phone, theo):
        job = job_for(theo)
        assert phone.post(URL, {"do": "clock_in", "job": job.pk}).headers["Location"] == f"{URL}#top"
        entry = TimeEntry.objects.get()
        assert (entry.job, entry.technician, entry.ended) == (job, theo, None)
        assert RepairOrder.objects.get(pk=job.repair_order_id).status == "in_progress"
        assert phone.get(URL).context["running"] == entry

    def test_it_stops_and_says_how_long_it_ran_today(self, phone, running, theo, monkeypatch):
        noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
        TimeEntry.objects.update(started=noon - timedelta(seconds=75))
        TimeEntryFactory(
            technician=theo, job=running, started=noon - timedelta(hours=20), ended=noon - timedelta(hours=19)
        )
        TimeEntryFactory(
            technician=theo, job=running, started=noon - timedelta(hours=3), ended=noon - timedelta(hours=2)
        )
        monkeypatch.setattr(timezone, "now", lambda: noon)
        response = phone.post(URL, {"do": "clock_out"}, follow=True)
        assert told(response) == ["Stopped: 1:01 on Front brakes today."]
        assert not TimeEntry.objects.filter(ended=None).exists()
        assert response.context["running"] is None

    def test_another_job_asks_before_the_running_clock_stops(self, phone, theo, running):
        other = job_for(theo, name="Oil service")
        refused = phone.post(URL, {"do": "clock_in", "job": other.pk}, follow=True)
        where = f"Front brakes of repair order {running.repair_order.reference}"
        assert told(refused) == [f"Theo Lindt works on {where}. Stop that clock, or switch to this job."]
        phone.post(URL, {"do": "clock_in", "job": other.pk, "switch": "yes"})
        assert [(row.job_id, row.ended is None) for row in TimeEntry.objects.order_by("id")] == [
            (running.pk, False), (other.pk, True),
        ]  # fmt: skip

    def test_the_clock_that_stops_is_named_with_its_vehicle(self, phone, theo, running):
        job_for(theo, name="Front brakes")
        text = f"Your clock on Front brakes of {running.repair_order.vehicle} stops."
        assert text in phone.get(URL).content.decode()

    def test_somebody_else_stopped_it(self, phone, running, theo, now):
        clock.clock_out(technician=theo, by=None, now=now)
        assert told(phone.post(URL, {"do": "clock_out"}, follow=True)) == ["Theo Lindt has no running clock."]

    def test_it_shows_what_is_worked_on_and_no_price(self, phone, running):
        page = phone.get(URL)
        assert (page.context["job"], page.context["worked_text"]) == (running, "0:00")
        assert re.search(rb"\$\d|\d\.\d\d\b", page.content.partition(b'class="jobs"')[2]) is None

    def test_it_says_what_is_missing_and_when_it_comes(self, phone, running):
        need = ReservationFactory(part__name="Rotor", pieces=2, source=f"job:{running.pk}")
        text = " ".join(re.sub(r"<[^>]+>", "", phone.get(URL).text).split())
        assert "Rotor is not on the shelf (2 missing). The desk orders it. You cannot" in text
        VendorOrderFactory(part=need.part, pieces=2, expected_on=date(2026, 12, 3))
        text = " ".join(re.sub(r"<[^>]+>", "", phone.get(URL).text).split())
        assert "(2 missing). 2 on order at NAPA, expected Thu 3 Dec. You cannot" in text

    def test_it_says_where_the_keys_are(self, phone, running):
        assert " · keys" not in phone.get(URL).text
        type(running.repair_order).objects.filter(pk=running.repair_order_id).update(key_tag="12")
        assert f"order {running.repair_order.reference} · keys 12" in phone.get(URL).text


def short_of_two(job):
    """Add three rotors to a job, of which one is on the shelf, and return the part."""
    part = PartFactory(name="Rotor", stock=1)
    PartLineFactory(job=job, repair_order=job.repair_order, part=part, quantity=3)
    reserve(source=f"job:{job.pk}", pieces={part.pk: 3}, by=None, now=timezone.now())
    return part


class TestDone:
    def test_a_job_is_done_with_words_and_its_clock_stops(self, phone, running):
        response = phone.post(
            URL, {"do": "done", "job": running.pk, "correction": "Pads replaced"}, follow=True
        )
        running.refresh_from_db()
        assert (running.status, running.correction) == ("done", "Pads replaced")
        assert TimeEntry.objects.get().ended is not None
        assert told(response) == ["Front brakes is done."]
        assert response.context["ended"] == [running]

    def test_without_words_it_asks_for_them(self, phone, running):
        response = phone.post(URL, {"do": "done", "job": running.pk, "correction": " "})
        running.refresh_from_db()
        assert response.context["done_form"].errors == {"correction": ["Say in words what was done."]}
        assert '<form method="post" action="#done"' in response.content.decode()  # the page is shown there
        assert running.status == "approved"

    def test_a_refusal_stands_at_the_form_with_what_was_typed(self, phone, running):
        short_of_two(running)
        response = phone.post(URL, {"do": "done", "job": running.pk, "correction": "Rotors replaced"})
        form = response.context["done_form"]
        assert form.non_field_errors() == ["Rotor is short of 2."]
        page = response.content.decode()
        assert f'<p class="err" role="alert">{form.non_field_errors()[0]}</p>' in page
        assert ">Rotors replaced</textarea>" in page
        running.refresh_from_db()
        assert (running.status, running.correction) == ("approved", "")

    def test_parts_are_received_by_who_may(self, client, phone, theo, running):
        part = short_of_two(running)
        sent = {"do": "done", "job": running.pk, "correction": "Replaced", "received": "on"}
        assert 'name="received"' not in phone.get(URL).text
        assert phone.post(URL, sent).status_code == 403
        assert not StockMove.objects.filter(part=part, kind=MoveKind.RECEIPT).exists()
        client.force_login(UserFactory(role="advisor"))
        url = f"{URL}?technician={theo.pk}"
        assert 'name="received"' in client.get(url).text
        assert client.post(url, sent).status_code == 302
        assert StockMove.objects.get(part=part, kind=MoveKind.RECEIPT).pieces == 2

    def test_it_is_taken_back(self, phone, running):
        phone.post(URL, {"do": "done", "job": running.pk, "correction": "Wrong car"})
        page = phone.get(URL).text
        assert (page.count("Not done after all"), page.count('value="undone"')) == (1, 1)
        response = phone.post(URL, {"do": "undone", "job": running.pk}, follow=True)
        running.refresh_from_db()
        assert (running.status, running.correction) == ("approved", "Wrong car")
        assert told(response) == ["Front brakes is not done. Start it to go on."]
        assert (response.context["running"], response.context["ended"]) == (None, [])
        assert [row["job"] for row in response.context["jobs"]] == [running]

    def test_it_stays_when_the_order_is_completed(self, phone, running, now):
        phone.post(URL, {"do": "done", "job": running.pk, "correction": "Pads replaced"})
        complete(order=RepairOrder.objects.get(pk=running.repair_order_id), by=None, now=now)
        assert "Not done after all" not in phone.get(URL).text
        response = phone.post(URL, {"do": "undone", "job": running.pk}, follow=True)
        assert told(response) == ["Only a job of an order in progress that is done can be taken back."]
        running.refresh_from_db()
        assert running.status == "done"


class TestChecks:
    def test_they_start_from_a_template_that_the_order_has_not_used(self, phone, running, theo):
        template = TemplateItemFactory(template__name="Courtesy inspection").template
        assert phone.get(URL).context["templates"] == [template]
        response = phone.post(URL, {"do": "inspect", "job": running.pk, "template": template.pk})
        assert response.headers["Location"] == f"{URL}#checks"
        [inspection] = phone.get(URL).context["inspections"]
        assert (inspection.repair_order_id, inspection.technician) == (running.repair_order_id, theo)
        assert phone.get(URL).context["templates"] == []

    def test_they_start_before_the_estimate_of_a_vehicle_that_is_here(self, phone, theo, now):
        template = TemplateItemFactory(template__name="Courtesy inspection").template
        theo.location = LocationFactory()
        theo.save()
        here = RepairOrderFactory(location=theo.location, status="requested", checked_in_at=now)
        RepairOrderFactory(location=theo.location, status="requested")  # is not here yet
        RepairOrderFactory(location=LocationFactory(), status="requested", checked_in_at=now)
        RepairOrderFactory(location=theo.location, status="approved", checked_in_at=now)
        assert phone.get(URL).context["here"] == [here]
        response = phone.post(URL, {"do": "inspect", "order": here.pk, "template": template.pk})
        page = f"{URL}?order={here.pk}"
        assert response.headers["Location"] == f"{page}#checked"
        context = phone.get(page).context
        [inspection] = context["checked_inspections"]
        assert (inspection.repair_order, inspection.technician) == (here, theo)
        assert (context["checked"], context["here"]) == (here, [])
        assert phone.get(URL).context["here"] == [here]  # to go on
        finding = inspection.findings.get()
        sent = {"do": "finding", "finding": finding.pk, "rating": "green"}
        assert phone.post(page, sent).headers["Location"] == f"{page}#finding-{finding.pk}"
        done = phone.post(page, {"do": "finish", "inspection": inspection.pk})
        assert (done.headers["Location"], phone.get(URL).context["here"]) == (f"{URL}#top", [])

    @pytest.mark.parametrize("order", ["x", "999999", "9" * 40])
    def test_checks_of_no_order_show_the_page(self, phone, order):
        response = phone.get(URL, {"order": order})
        assert (response.status_code, "checked" in response.context) == (200, False)

    def test_a_tap_is_saved_and_the_page_goes_back_to_it(self, phone, checks):
        finding = checks.findings.get(name="Lights")
        response = phone.post(URL, {"do": "finding", "finding": finding.pk, "rating": "green"})
        finding.refresh_from_db()
        assert (finding.rating, response.headers["Location"]) == ("green", f"{URL}#finding-{finding.pk}")

    def test_a_script_gets_the_finding_alone(self, phone, checks):
        finding = checks.findings.get(name="Brake pads, front")
        response = phone.post(
            URL,
            {
                "do": "finding",
                "finding": finding.pk,
                "rating": "red",
                "value": "2.0",
                "note": "Inner pad nearly gone",
            },
            headers={"X-Part": "finding"},
        )
        finding.refresh_from_db()
        assert (finding.rating, finding.value, finding.note) == ("red", "2.0", "Inner pad nearly gone")
        content = response.content.decode()
        assert content.startswith("<form") and "<html" not in content
        assert 'data-rating="red"' in content and "Saved " in content

    def test_a_measure_is_a_number(self, phone, checks):
        finding = checks.findings.get(name="Brake pads, front")
        sent = {"do": "finding", "finding": finding.pk, "value": "abc"}
        response = phone.post(URL, sent, headers={"X-Part": "finding"})
        text = '<p class="err">Write the mm as a number, such as 1.5.</p>'
        assert (response.status_code, response.text.strip()) == (409, text)
        finding.refresh_from_db()
        assert finding.value == ""

    def test_something_else_is_found(self, phone, checks):
        sent = {"do": "found", "inspection": checks.pk, "name": " Exhaust is loose ", "rating": "red"}
        photo = SimpleUploadedFile("exhaust.png", PNG, content_type="image/png")
        response = phone.post(URL, {**sent, "photo": photo})
        *_, found = checks.findings.in_order()
        assert (found.name, found.rating, found.item, found.position, found.photos.count()) == (
            "Exhaust is loose", "red", None, 3, 1,
        )  # fmt: skip
        assert (found.recommendation.text, found.recommendation.urgency) == ("Exhaust is loose", "now")
        assert response.headers["Location"] == f"{URL}#finding-{found.pk}"
        # The same again, and a file that is no photo: the words are kept.
        bad = SimpleUploadedFile("bad.jpg", b"hello", content_type="image/jpeg")
        again = phone.post(URL, {**sent, "rating": "yellow", "photo": bad}, follow=True)
        assert told(again) == ["This is not a photo. Take it again, or send a JPEG or PNG."]
        found.refresh_from_db()
        assert (found.rating, found.photos.count(), checks.findings.count()) == ("yellow", 1, 3)

    @pytest.mark.parametrize(
        "sent", [{"name": " ", "rating": "red"}, {"name": "x" * 201, "rating": "red"}, {"name": "Exhaust"}]
    )
    def test_nothing_else_is_found(self, phone, checks, sent):
        response = phone.post(URL, {"do": "found", "inspection": checks.pk, **sent}, follow=True)
        assert told(response) == ["Say in up to 200 characters what you found, and press Now or Soon."]
        assert checks.findings.count() == 2

    def test_words_stay_when_only_the_rating_is_tapped(self, phone, checks):
        finding = checks.findings.get(name="Lights")
        Finding.objects.filter(pk=finding.pk).update(note="Left one dim")
        phone.post(URL, {"do": "finding", "finding": finding.pk, "rating": "yellow"})
        finding.refresh_from_db()
        assert (finding.rating, finding.note) == ("yellow", "Left one dim")

    def test_photos_are_added_one_by_one_and_shown_to_staff(self, phone, checks):
        finding = checks.findings.get(name="Lights")
        for _ in range(2):
            photo = SimpleUploadedFile("light.png", PNG, content_type="image/png")
            phone.post(URL, {"do": "finding", "finding": finding.pk, "photo": photo})
        photos = list(FindingPhoto.objects.filter(finding=finding))
        assert len(photos) == 2
        shown = phone.get(f"{URL}photos/{checks.pk}/{photos[0].upload.uuid}/")
        assert (
            shown.status_code,
            b"".join(shown.streaming_content) if shown.streaming else shown.content,
        ) == (200, PNG)

    @pytest.mark.parametrize(
        ("name", "content", "kind"),
        [
            ("light.txt", b"hello", "text/plain"),
            ("bad.jpg", b"hello", "image/jpeg"),
            ("light.jpg", b"", "image/jpeg"),
            ("light.pdf", b"%PDF-1.7", "application/pdf"),
            ("light.heic", b"\0\0\0\x18ftypheic", "image/heic"),
        ],
    )
    def test_what_is_no_photo_is_refused_in_words(self, phone, checks, name, content, kind):
        finding = checks.findings.get(name="Lights")
        photo = SimpleUploadedFile(name, content, content_type=kind)
        response = phone.post(
            URL, {"do": "finding", "finding": finding.pk, "photo": photo}, headers={"X-Part": "finding"}
        )
        text = '<p class="err">This is not a photo. Take it again, or send a JPEG or PNG.</p>'
        assert (response.status_code, response.text.strip()) == (409, text)
        assert FindingPhoto.objects.count() == 0

    def test_a_photo_is_removed(self, phone, checks):
        finding = checks.findings.get(name="Lights")
        for _ in range(2):
            photo = SimpleUploadedFile("light.png", PNG, content_type="image/png")
            phone.post(URL, {"do": "finding", "finding": finding.pk, "photo": photo})
        first, second = (row.upload.uuid for row in FindingPhoto.objects.in_order())
        assert re.findall(r'name="drop"\s+value="([^"]+)"', phone.get(URL).text) == [str(first), str(second)]
        response = phone.post(URL, {"do": "finding", "finding": finding.pk, "drop": str(first)})
        assert response.headers["Location"] == f"{URL}#finding-{finding.pk}"
        assert [row.upload.uuid for row in FindingPhoto.objects.all()] == [second]

    def test_a_walk_in_of_nobody_says_so(self, phone, theo, now):
        theo.location = LocationFactory()
        theo.save()
        TemplateItemFactory()
        walk_in, mine = (
            RepairOrderFactory(location=theo.location, status="requested", checked_in_at=now)
            for _ in range(2)
        )
        mine.appointment = AppointmentFactory(vehicle=mine.vehicle, technician=theo)
        mine.save()
        page = phone.get(URL)
        assert page.context["here"] == [walk_in, mine]
        assert page.text.count("Checked in, nobody has it yet") == 1

    def test_they_are_finished_when_all_is_rated(self, phone, checks):
        pads, lights = checks.findings.in_order()
        Finding.objects.filter(pk=pads.pk).update(rating="green")
        refused = phone.post(URL, {"do": "finish", "inspection": checks.pk})
        page = f"{URL}?unrated={checks.pk}"
        assert refused.headers["Location"] == f"{page}#finding-{lights.pk}"
        assert Inspection.objects.get().finished_at is None
        content = phone.get(page).content.decode()
        assert re.findall(r'<a href="#finding-(\d+)">(.*?)</a>', content) == [(str(lights.pk), "Lights")]
        assert content.count('<span class="saved bad" role="status">Not rated yet</span>') == 1
        Finding.objects.filter(inspection=checks).update(rating="green")
        assert "Not rated yet" not in phone.get(page).content.decode()
        done = phone.post(page, {"do": "finish", "inspection": checks.pk}, follow=True)
        assert done.redirect_chain == [(f"{URL}#top", 302)]
        assert told(done) == [
            "Courtesy inspection is finished. The desk can quote from it, and the customer can see it."
        ]
        assert Inspection.objects.get().finished_at is not None

    def test_a_refusal_in_words_is_shown_at_the_top_and_the_order_stays_chosen(self, phone, checks, now):
        Inspection.objects.update(finished_at=now)
        page = f"{URL}?order={checks.repair_order_id}"
        again = phone.post(page, {"do": "finish", "inspection": checks.pk}, follow=True)
        assert again.redirect_chain == [(f"{page}#top", 302)]
        assert told(again) == ["This inspection is finished and does not change. Start another one."]

    def test_photos_are_shown_whatever_the_rating(self, phone, checks):
        finding = checks.findings.get(name="Lights")
        photo = SimpleUploadedFile("light.png", PNG, content_type="image/png")
        phone.post(URL, {"do": "finding", "finding": finding.pk, "photo": photo})
        phone.post(URL, {"do": "finding", "finding": finding.pk, "rating": "green"})
        assert phone.get(URL).content.decode().count('alt="Photo 1 of Lights"') == 1


class TestLists:
    def test_jobs_come_next_and_those_without_a_technician_are_offered(self, phone, theo, running):
        mine, free = job_for(theo), job_for(None)
        job_for(TechnicianFactory())
        job_for(None)
        theo.location = LocationFactory()
        theo.save()
        RepairOrder.objects.filter(pk=free.repair_order_id).update(location=theo.location)
        page = phone.get(URL)
        assert [row["job"] for row in page.context["jobs"]] == [mine]
        assert page.context["offered"] == [free]

    def test_a_job_of_nobody_is_taken_after_a_question(self, phone, theo):
        theo.location = LocationFactory()
        theo.save()
        free, mine = job_for(None, name="Oil service"), job_for(theo)
        RepairOrder.objects.filter(pk=free.repair_order_id).update(location=theo.location)
        order = RepairOrder.objects.get(pk=free.repair_order_id)
        page = phone.get(URL).text
        text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
        assert text.count("Take this job?") == 1
        assert f"Take this job? {order.vehicle}, order {order.reference} Take and start Cancel" in text
        assert '<a class="btn low" href="?">Cancel</a>' in " ".join(page.split())
        phone.post(URL, {"do": "clock_in", "job": free.pk})
        assert phone.get(URL).context["running"].job_id == free.pk
        assert [row["job"] for row in phone.get(URL).context["jobs"]] == [mine]

    def test_a_login_without_a_technician_is_told_so(self, client):
        client.force_login(UserFactory(role="technician"))
        assert b"Your login is not a technician" in client.get(URL).content

    def test_a_manager_chooses_a_technician_and_a_technician_does_not(self, client, theo):
        other = TechnicianFactory(user=UserFactory(role="technician"))
        client.force_login(UserFactory(role="manager"))
        assert client.get(URL, {"technician": theo.pk}).context["technician"] == theo
        client.force_login(other.user)
        assert client.get(URL, {"technician": theo.pk}).context["technician"] == other

    def test_it_costs_the_same_queries_for_many_jobs_and_findings(self, phone, theo, checks):
        phone.get(URL)
        job_for(theo)
        few = count_queries(lambda: phone.get(URL))
        for _ in range(10):
            job_for(theo)
        item = checks.findings.first()
        for position in range(20):
            item.pk, item.position = None, position + 10
            item._state.adding = True
            item.save()
        assert count_queries(lambda: phone.get(URL)) == few
