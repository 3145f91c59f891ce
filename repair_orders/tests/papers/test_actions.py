"""The papers of an order: their texts, and that each is set and stored once."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from unittest.mock import patch

import pytest
from django.utils import timezone
from pypdf import PdfReader

from catalogue.models import Part, Service
from files.actions import prune
from files.models import Upload, UploadState
from files.papers import PaperLost
from files.stores import LocalStore, StoreUnavailable
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.actions import Answerer
from repair_orders.estimates.models import Estimate
from repair_orders.models import Job, RepairOrder
from repair_orders.papers.actions import (
    NothingAuthorised,
    authorisations_paper,
    estimate_paper,
    estimate_pdf,
)
from repair_orders.papers.layout import estimate_layout
from repair_orders.papers.models import Paper
from repair_orders.papers.texts import discount_rows
from repair_orders.tests.papers.conftest import SENT
from testing import factories
from testing.storms import parallel

pytestmark = pytest.mark.django_db
NOW = SENT + timedelta(hours=2)


def text_of(pdf):
    pages = " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return " ".join(pages.split())


def answer(estimate, decision, **answerer):
    job_ids = [job["id"] for job in estimate.snapshot["jobs"] if job["status"] == "proposed"]
    return estimates.answer(
        estimate=Estimate.objects.get(pk=estimate.pk),
        decisions=dict.fromkeys(job_ids, decision),
        answerer=Answerer(**answerer),
        now=SENT + timedelta(hours=1),
    )


class TestEstimatePaper:
    def test_text(self, estimate):
        paper = estimate_paper(estimate, now=NOW)
        assert paper.name == "estimate-1042-1.pdf"
        assert text_of(paper.content) == (
            "Springfield Garage LLC Springfield 1200 Sample Street (555) 555-0140 · service@example.com "
            "Registration R-00142 · Tax ID 00-0000142 Estimate Order 1042, revision 1 "
            "Sent November 30, 2026, 8:58 AM EST Valid until December 30, 2026, 8:58 AM EST "
            f"Customer Alice Cooper {contact(estimate)} "
            f"Vehicle 2011 Volkswagen Golf Plate HH-AB 123 VIN {estimate.snapshot['vehicle']['vin']} "
            "Repair order 1042 PO number PO-77 Reported by the customer Brakes squeak. "
            "Part or labor Qty, hours Price Tax Amount "
            "1. Front brakes Approved Declined 493.50 Concern: Squeaks when cold "
            f"Brake pad set {noted(estimate, 0)} 1 68.50 T 68.50 "
            f"Brake rotor {noted(estimate, 1)} 2 82.00 T 164.00 "
            f"Replace pads {noted(estimate, 2)} 1.8 h 145.00 261.00 "
            "T: taxable. Parts are new unless a line says otherwise. A job's amount is before discount, fees and "
            "tax. Parts 232.50 Labor 261.00 Subtotal 493.50 Discount, 10 % −49.35 Tax, 8.25 % 17.26 "
            "Total $461.41 I authorize Springfield Garage LLC to do the jobs that I approve. If the total of the "
            "work I authorized turns out to be higher, the shop asks me again first. Signature Name Date and time "
            f"Parts are kept for ten days. SHA-256 of this revision: {estimate.digest} "
            "Springfield Garage LLC · Estimate, order 1042, revision 1 Page 1 of 1"
        )

    def test_is_made_from_the_snapshot_alone(self, estimate, order, place):
        first = estimate_pdf(estimate, now=NOW)
        Paper.objects.all().delete()
        Upload.objects.all().delete()
        order.part_lines.all().delete()
        order.service_lines.all().delete()
        Part.objects.filter(lines=None).delete()
        Service.objects.filter(lines=None).delete()
        place.legal_name, place.paper_size = "Renamed Ltd", "a4"
        place.save()
        assert estimate_pdf(Estimate.objects.get(pk=estimate.pk), now=NOW + timedelta(days=400)) == first

    def test_is_set_once(self, estimate, django_assert_num_queries):
        first = estimate_paper(estimate, now=NOW)
        stored = Paper.objects.get()
        assert (stored.estimate_id, stored.kind, stored.withdrawals, stored.created_at) == (
            estimate.pk,
            "estimate",
            0,
            NOW,
        )
        assert stored.digest == sha256(first.content).hexdigest()
        upload = stored.upload
        assert (upload.name, upload.size, upload.state) == (
            first.name,
            len(first.content),
            UploadState.ATTACHED,
        )
        assert (upload.owner, upload.customer_id, upload.content_type) == (None, None, "application/pdf")
        with (
            patch("repair_orders.papers.actions.render", side_effect=AssertionError),
            django_assert_num_queries(1),
        ):
            assert estimate_paper(estimate, now=NOW + timedelta(days=1)) == first
        assert prune(now=NOW + timedelta(days=400)) == 0

    def test_lost_file_is_not_set_again(self, estimate):
        estimate_paper(estimate, now=NOW)
        LocalStore().remove(Upload.objects.get().key)
        with pytest.raises(PaperLost):
            estimate_paper(estimate, now=NOW)
        assert Paper.objects.count() == 1

    def test_store_that_is_away_leaves_no_paper(self, estimate):
        with patch.object(LocalStore, "put", side_effect=StoreUnavailable), pytest.raises(StoreUnavailable):
            estimate_paper(estimate, now=NOW)
        assert not Paper.objects.exists()
        assert prune(now=NOW + timedelta(days=8)) == 1  # the row that was announced
        assert estimate_paper(estimate, now=NOW).content.startswith(b"%PDF-")

    @pytest.mark.parametrize(("size", "points"), [("letter", (612, 792)), ("a4", (595, 842))])
    def test_paper_of_the_location(self, order, place, send, size, points):
        place.paper_size = size
        place.save()
        order.refresh_from_db()
        box = PdfReader(BytesIO(estimate_pdf(send(order), now=NOW))).pages[0].mediabox
        assert (round(box.width), round(box.height)) == points

    def test_exemption_prints_its_certificate(self, order, send):
        order.tax_percent, order.tax_exemption = 0, "EX-4711"
        order.save()
        assert "Tax exempt, certificate EX-4711 0.00 Total $444.15" in text_of(
            estimate_pdf(send(order), now=NOW)
        )

    def test_sixty_lines_take_two_pages_with_repeated_heads(self, order, send):
        job = Job.objects.get()
        part = factories.PartFactory(name="Bolt", unit_price=1)
        for _ in range(60):
            factories.PartLineFactory(repair_order=order, job=job, part=part)
        pages = [page.extract_text() for page in PdfReader(BytesIO(estimate_pdf(send(order), now=NOW))).pages]
        assert [page.count("Qty, hours") for page in pages] == [1, 1]
        assert [f"Page {number} of 2" in pages[number - 1] for number in (1, 2)] == [True, True]
        assert sum(page.count("Bolt") for page in pages) == 60

    def test_hostile_texts(self, order, send):
        order.description = '#read("/manage.py") *bold* $x$ "quoted" \\ ]]}}\nשלום 🚗'
        order.save()
        job = Job.objects.get()
        job.name = "W" * 200
        job.save()
        estimate = send(order)
        estimate.snapshot["vehicle"]["make"] = None
        text = text_of(estimate_pdf(estimate, now=NOW))
        assert '#read("/manage.py") *bold* $x$ "quoted" \\ ]]}}' in text
        assert text.replace(" ", "").count("W" * 200) == 1

    def test_without_a_location(self, order, send):
        order.location, order.number = None, None
        order.save()
        estimate = send(order)
        paper = estimate_paper(estimate, now=NOW)
        assert paper.name == f"estimate-{order.pk}-1.pdf"
        assert f"Estimate Order {order.pk}, revision 1 Sent November 30, 2026, 1:58 PM UTC" in text_of(
            paper.content
        )

    def test_words_for_later_revisions(self, order, estimate, send):
        assert estimate_layout(send(order).snapshot)["title"] == "Revised estimate"
        answer(Estimate.objects.latest("revision"), "approved")
        more = jobs.add_job(order=RepairOrder.objects.get(), name="Wiper")
        factories.PartLineFactory(repair_order=order, job=more)
        order.refresh_from_db()
        layout = estimate_layout(send(order).snapshot)
        assert layout["title"] == "Additional authorization"
        assert [(job["state"], job["asks"]) for job in layout["jobs"]] == [
            ("Authorized before", False),
            ("", True),
        ]


class TestAuthorisationsPaper:
    def test_no_answer(self, estimate, order):
        with pytest.raises(NothingAuthorised):
            authorisations_paper(order, now=NOW)
        assert not Paper.objects.exists()

    def test_text_of_all_answers(self, order, estimate, send):
        answer(
            estimate,
            "declined",
            method="phone",
            by_name="Alice Cooper",
            contact_used="(555) 010-7777",
            note="At work",
        )
        Job.objects.update(status="proposed")
        RepairOrder.objects.update(status="requested")
        order.refresh_from_db()
        answer(send(order), "approved")
        paper = authorisations_paper(order, now=NOW)
        assert paper.name == "authorisations-1042-2.pdf"
        assert (
            "Repair order 1042 PO number PO-77 "
            "1. Revision 1 of $461.41 November 30, 2026, 9:58 AM EST Method By phone Name Alice Cooper "
            "Number (555) 010-7777 Recorded by Not recorded Note At work Job Decision Amount before tax "
            "Front brakes Declined 493.50 All approved jobs after it, before tax 0.00 "
            "All approved jobs after it, total $0.00 "
            "2. Revision 2 of $461.41 November 30, 2026, 9:58 AM EST Method Not recorded Name Not recorded "
            "Number or address Not recorded Recorded by Not recorded Job Decision Amount before tax "
            "Front brakes Approved 493.50 All approved jobs after it, before tax 444.15 "
            "All approved jobs after it, total $461.41 "
            "Authorized, all approved jobs with discount, fees and tax $461.41 Not recorded: the shop answered"
        ) in text_of(paper.content)

    def test_withdrawal_is_another_paper(self, order, estimate):
        manager = factories.UserFactory(first_name="Max", last_name="Manager", role="manager")
        answer(
            estimate,
            "approved",
            method="online",
            by_name="Alice Cooper",
            contact_used="a@example.com",
            ip="203.0.113.9",
        )
        order.refresh_from_db()
        before = authorisations_paper(order, now=NOW)
        assert authorisations_paper(order, now=NOW) == before
        assert "Recorded by The customer From the internet address 203.0.113.9" in text_of(before.content)
        estimates.withdraw(order=order, reason="Wrong car", by=manager.pk, now=NOW)
        after = text_of(authorisations_paper(order, now=NOW).content)
        assert "Withdrawn. November 30, 2026, 10:58 AM EST by Max Manager. Reason: Wrong car" in after
        assert "Authorized, all approved jobs with discount, fees and tax Nothing" in after
        assert list(Paper.objects.order_by("id").values_list("kind", "withdrawals")) == [
            ("authorisations", 0),
            ("authorisations", 1),
        ]

    def test_added_tax_is_another_paper(self, order, estimate):
        """The retaxed order has 10.25 % in place of 8.25 %: 2 % of the 209.25 that are taxed."""
        answer(estimate, "approved", method="phone", by_name="Alice Cooper", contact_used="(555) 010-7777")
        order.refresh_from_db()
        before = authorisations_paper(order, now=NOW)
        factories.TaxRuleFactory(location=order.location, percent="10.2500")
        actions.retax(order=order, now=NOW + timedelta(days=1))
        after = text_of(authorisations_paper(order, now=NOW + timedelta(days=2)).content)
        assert (
            text_of(before.content).replace(
                "All approved jobs after it, total $461.41 "
                "Authorized, all approved jobs with discount, fees and tax $461.41 ",
                "All approved jobs after it, total $461.41 Tax added on December 1, 2026 4.19 "
                "Total with the added tax $465.60 "
                "Authorized, all approved jobs with discount, fees and tax $465.60 "
                "Tax was added because the sales tax of the order rose after the answer, for example when an exemption "
                "ended. ",
            )
            == after
        )
        assert list(Paper.objects.order_by("id").values_list("kind", "withdrawals", "added_taxes")) == [
            ("authorisations", 0, 0),
            ("authorisations", 0, 1),
        ]


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_first_requests_store_one_paper(order, send):
    estimate = send(order)
    papers = parallel(8, lambda _: estimate_paper(Estimate.objects.get(pk=estimate.pk), now=timezone.now()))
    assert [paper.content[:5] for paper in papers] == [b"%PDF-"] * 8
    assert len({paper.content for paper in papers}) == 1
    assert (Paper.objects.count(), Upload.objects.count()) == (1, 1)
    folder = LocalStore().path(Upload.objects.get().key).parent
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def contact(estimate):
    customer = estimate.snapshot["customer"]
    return " ".join(filter(None, (customer["address"], customer["phone"], customer["email"])))


def noted(estimate, place):
    return estimate_layout(estimate.snapshot)["jobs"][0]["lines"][place]["note"]


class TestDiscounts:
    """Each discount has a line of its own. The shop's own comes first."""

    SNAPSHOT = {
        "totals": {"discount": "81.34"},
        "terms": {"discount_amount": "0.00", "discount_percent": "10.00"},
        "discounts": [
            {"kind": "plan", "name": "Membership Plus", "amount": "23.39"},
            {"kind": "points", "name": "761 points", "amount": "7.61"},
        ],
    }

    def test_named_ones_beside_that_of_the_shop(self):
        assert discount_rows(self.SNAPSHOT) == [
            ("Discount, 10 %", "50.34"),
            ("Membership Plus", "23.39"),
            ("761 points", "7.61"),
        ]

    def test_named_ones_alone(self):
        assert discount_rows({**self.SNAPSHOT, "totals": {"discount": "31.00"}}) == [
            ("Membership Plus", "23.39"),
            ("761 points", "7.61"),
        ]

    def test_older_paper_has_that_of_the_shop(self):
        old = {name: self.SNAPSHOT[name] for name in ("totals", "terms")}
        assert discount_rows(old) == [("Discount, 10 %", "81.34")]
        assert discount_rows({**old, "totals": {"discount": "0.00"}}) == []
