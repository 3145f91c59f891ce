"""The link of an estimate: the paper, each state, and the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import PageSession
from common.domain.models import Event
from customers.models import Notification
from portal.tests.link.conftest import BRAKES, FILTER, OIL, add, answers, path_of, text_of
from repair_orders.actions import start, stop
from repair_orders.estimates.actions import Answerer, answer, record_answer, send_estimate, withdraw
from repair_orders.estimates.models import Authorisation, Decision, Estimate
from repair_orders.jobs import add_part_line
from repair_orders.models import Job, RepairOrder
from testing import factories

pytestmark = pytest.mark.django_db


def stored():
    """Return everything that an answer could change."""
    return [
        [model_to_dict(row) for row in model._base_manager.order_by("pk")]
        for model in (RepairOrder, Job, Estimate, Authorisation, Decision, Notification, Event)
    ]


class TestPaper:
    def test_paper_has_jobs_lines_and_totals(self, page, url):
        response = page.get(url)
        text = text_of(response)
        assert response.status_code == 200
        for words in (
            *(
                "Springfield Garage LLC",
                "+1 (555) 555-0140",
                "Your estimate, Alice Cooper",
                "2011 Volkswagen Golf",
            ),
            *("revision 1", "Front brakes $493.50", "Front brakes part new · 2 × $116.25 2 $116.25 $232.50"),
            *(
                "Oil service $122.27",
                "Cabin air filter $68.40",
                "All 3 jobs together: $734.00 with fees and tax.",
            ),
            *("Replaced parts are kept until pick-up.", "time zone America/New_York"),
        ):
            assert words in text
        assert 'href="tel:+15555550140"' in response.content.decode()

    def test_nothing_is_chosen(self, page, url):
        html = page.get(url).content.decode()
        assert html.count('type="radio"') == 6 and "checked" not in html

    def test_total_of_every_choice_is_printed(self, page, url):
        response = page.get(url)
        totals = {one.classes: str(one.totals.total) for one in response.context["choice"].combinations}
        assert totals == {
            "c1y c2y c3y": "734.00",
            "c1y c2y c3n": "660.72",
            "c1y c2n c3y": "602.91",
            "c1y c2n c3n": "529.63",
            "c1n c2y c3y": "204.36",
            "c1n c2y c3n": "131.08",
            "c1n c2n c3y": "73.28",
            "c1n c2n c3n": "0.00",
        }
        html = " ".join(response.content.decode().split())
        for classes, total in totals.items():
            assert f'<div class="combination {classes}">' in html
            assert f'combination {classes}" type="submit" name="total" value="{total}"' in html

    def test_paper_is_that_of_the_snapshot(self, page, url, order, shop):
        before = page.get(url).content
        shop.legal_name = "Other Garage"
        shop.save()
        order.vehicle.make = "Ford"
        order.vehicle.save()
        alice = order.customer.contact
        alice.first_name = "Alicia"
        alice.save()
        assert page.get(url).content == before

    def test_user_text_is_escaped(self, page, order):
        add(order, "<script>alert(1)</script>", price="1.00", labour="1.00")
        html = page.get(path_of(send_estimate(order=order, by=None, now=timezone.now()))).content.decode()
        assert "<script" not in html and "&lt;script&gt;" in html

    def test_page_is_private(self, page, url):
        response = page.get(url)
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        assert "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]
        assert "style-src 'self'" in response["Content-Security-Policy"]
        assert "style=" not in response.content.decode() and "<script" not in response.content.decode()
        assert not response.cookies and "cookie" not in response.get("Vary", "").lower()

    @pytest.mark.parametrize("method", ["get", "head"])
    def test_reading_changes_nothing_and_stores_no_session(self, page, url, method):
        before = stored()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = getattr(page, method)(url)
        assert response.status_code == 200
        assert [query["sql"][:6] for query in queries if not query["sql"].startswith("SELECT")] == []
        assert stored() == before
        assert not PageSession.objects.exists() and not Session.objects.exists()

    def test_other_methods_are_405(self, page, url):
        assert [getattr(page, method)(url).status_code for method in ("put", "patch", "delete")] == [405] * 3

    def test_queries_do_not_grow_with_the_jobs(self, page, order, estimate, django_assert_num_queries):
        with django_assert_num_queries(4):
            page.get(path_of(estimate))
        for number in range(3):
            add(order, f"Job {number}", price="1.00", labour="1.00")
        second = path_of(send_estimate(order=order, by=None, now=timezone.now()))
        with django_assert_num_queries(4):
            page.get(second)

    def test_order_without_a_location_has_a_page(self, page, alice):
        factories.LocationFactory()
        order = factories.RepairOrderFactory(status="pending", customer=alice, vehicle__customer=alice)
        factories.PartLineFactory(repair_order=order, unit_price=Decimal("10.00"))
        response = page.get(path_of(factories.EstimateFactory(repair_order=order)))
        assert response.status_code == 200
        assert (
            "I authorize the shop to do the jobs I approved. I am asked again before it costs more."
            in text_of(response)
        )


class TestAnswer:
    def test_choice_is_recorded(self, page, url, estimate, order):
        response = page.post(
            url, answers(estimate, BRAKES, OIL, total="660.72"), headers={"X-Forwarded-For": "203.0.113.9"}
        )
        assert (response.status_code, response["Location"]) == (302, url)
        given = Authorisation.objects.get()
        assert (given.method, given.by_name, given.contact_used, given.taken_by, given.ip) == (
            "online", "Linda Park", order.customer.contact.email, None, "127.0.0.1",
        )  # fmt: skip
        assert (given.total, given.net) == (Decimal("660.72"), Decimal("635.78"))
        assert {d.job_name: d.decision for d in given.decisions.all()} == {
            BRAKES: "approved", OIL: "approved", FILTER: "declined",
        }  # fmt: skip
        order.refresh_from_db()
        assert (order.status, order.authorised_total, order.ceiling) == (
            "approved", Decimal("660.72"), Decimal("685.72"),
        )  # fmt: skip

    def test_trusted_address_is_stored_whole(self, page, url, estimate, settings):
        settings.TRUSTED_PROXIES = 1
        page.post(
            url,
            answers(estimate, BRAKES, total="529.63"),
            headers={"X-Forwarded-For": "198.51.100.1, 2001:db8::7"},
        )
        assert Authorisation.objects.get().ip == "2001:db8::7"

    def test_receipt_shows_what_was_answered(self, page, url, estimate):
        page.post(url, answers(estimate, BRAKES, OIL, total="660.72"))
        response = page.get(url)
        text = text_of(response)
        assert response.status_code == 200
        assert "You approved $660.72" in text and "Linda Park," in text and ", online," in text
        assert "Front brakes Approved $493.50" in text and "Cabin air filter Not now $68.40" in text
        assert "($635.78 before tax)" in text
        assert "<form" not in response.content.decode()

    def test_all_jobs_are_declined_without_consent(self, page, url, estimate, order):
        form = answers(estimate, total="0.00")
        del form["consent"]
        assert page.post(url, form).status_code == 302
        order.refresh_from_db()
        assert (order.status, Authorisation.objects.get().total) == ("denied", Decimal("0.00"))
        assert "You declined all 3 jobs" in text_of(page.get(url))

    def test_other_total_is_409_and_choices_are_kept(self, page, url, estimate):
        before = stored()
        response = page.post(url, answers(estimate, BRAKES, OIL, total="660.71"))
        text, html = text_of(response), response.content.decode()
        assert response.status_code == 409
        assert (
            "Nothing was approved: the total of your choice is $660.72, and the page showed $660.71." in text
        )
        assert [job.chosen for job in response.context["choice"].jobs] == ["approved", "approved", "declined"]
        assert html.count("checked") == 4 and 'value="Linda Park"' in html
        assert stored() == before

    def test_total_of_another_choice_is_409(self, page, url, estimate):
        assert page.post(url, answers(estimate, BRAKES, total="734.00")).status_code == 409
        assert not Authorisation.objects.exists()

    def test_second_submit_is_one_authorisation(self, page, url, estimate):
        form = answers(estimate, BRAKES, total="529.63")
        first, second = page.post(url, form), page.post(url, form)
        assert (first.status_code, second.status_code) == (302, 409)
        assert "You approved $529.63" in text_of(second)
        assert Authorisation.objects.count() == 1

    def test_missing_answers_are_named_and_choices_are_kept(self, page, url, estimate):
        form = answers(estimate, BRAKES, total="529.63")
        missing = next(f"job-{job['id']}" for job in estimate.snapshot["jobs"] if job["name"] == OIL)
        for value in (None, "", "deferred", "perhaps"):
            sent = (
                {**form, missing: value}
                if value is not None
                else {k: v for k, v in form.items() if k != missing}
            )
            response = page.post(url, sent)
            assert response.status_code == 400
            assert [job.body["name"] for job in response.context["choice"].missing] == [OIL]
            assert "Choose one of the two." in text_of(response)
            assert response.content.decode().count("checked") == 3  # two jobs and the consent
        assert not Authorisation.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("by_name", "", "Write your name."),
            ("by_name", "  ", "Write your name."),
            ("by_name", "x" * 201, "at most 200 characters"),
            ("by_name", "A\nB", "Control characters"),
            ("by_name", "A\0B", "Null characters"),
            ("consent", "", "Tick the box if you agree."),
        ],
    )
    def test_wrong_field_is_marked(self, page, url, estimate, field, value, words):
        response = page.post(url, answers(estimate, BRAKES, total="529.63", **{field: value}))
        assert response.status_code == 400
        assert words in text_of(response) and 'aria-invalid="true"' in response.content.decode()
        assert not Authorisation.objects.exists()

    @pytest.mark.parametrize(
        "given", [{"check": "1", "total": "529.63"}, {}, {"total": ""}, {"total": "1e5000"}]
    )
    def test_check_shows_the_total_and_approves_nothing(self, page, url, estimate, given):
        """The button for browsers without :has(), and the Enter key."""
        form = answers(estimate, BRAKES, **given)
        del form["by_name"], form["consent"]
        response = page.post(url, form)
        assert response.status_code == 200
        html = response.content.decode()
        assert '<div class="posted">' in html and 'class="primary posted"' in html
        assert response.context["choice"].chosen.totals.total == Decimal("529.63")
        assert "aria-invalid" not in html
        assert not Authorisation.objects.exists()

    def test_five_jobs_are_counted_by_the_server(self, page, order):
        for number in range(2):
            add(order, f"Job {number}", price="10.00", labour="10.00")
        estimate = send_estimate(order=order, by=None, now=timezone.now())
        url = path_of(estimate)
        html = page.get(url).content.decode()
        assert "combination" not in html and "Show my total" in html and "printed" not in html
        checked = page.post(url, answers(estimate, BRAKES, "Job 1", check="1"))
        total = checked.context["choice"].chosen.totals.total
        assert page.post(url, answers(estimate, BRAKES, "Job 1", total=str(total))).status_code == 302
        assert Authorisation.objects.get().total == total

    def test_cookie_of_a_login_does_not_matter(self, url, estimate, client, alice):
        client.force_login(alice.contact)
        assert client.post(url, answers(estimate, BRAKES, total="529.63")).status_code == 302
        assert Authorisation.objects.get().by_name == "Linda Park"

    def test_revised_estimate_counts_what_was_approved_before(self, page, order, estimate, url):
        page.post(url, answers(estimate, BRAKES, total="529.63"))
        order.refresh_from_db()
        add(order, "Tie rod", price="40.00", labour="50.00")
        second = send_estimate(order=order, by=None, now=timezone.now())
        response = page.get(path_of(second))
        text = text_of(response)
        assert "Approved before" in text and "Front brakes, approved before $493.50" in text
        totals = [str(one.totals.total) for one in response.context["choice"].combinations]
        assert totals == ["626.18", "529.63"]
        form = {
            f"job-{job['id']}": "approved" for job in second.snapshot["jobs"] if job["status"] == "proposed"
        }
        page.post(path_of(second), form | {"by_name": "Linda", "consent": "on", "total": "626.18"})
        order.refresh_from_db()
        assert order.authorised_total == Decimal("626.18")
        assert "Since then the shop sent revision 2" in text_of(page.get(url))

    @pytest.mark.parametrize(
        ("decision", "words"),
        [("approved", "agreed to revision 2, $626.18"), ("declined", "declined revision 2, $626.18")],
    )
    def test_answer_on_the_phone_is_told_as_the_answer_that_it_is(
        self, page, order, estimate, url, decision, words
    ):
        page.post(url, answers(estimate, BRAKES, total="529.63"))
        order.refresh_from_db()
        job = add(order, "Tie rod", price="40.00", labour="50.00")
        at = datetime(2026, 11, 30, 8, 35, tzinfo=UTC)
        total = Decimal("626.18") if decision == "approved" else None
        record_answer(
            order=order, decisions={job.pk: decision}, answerer=Answerer(method="phone", by_name="Linda"),
            now=at, total=total,
        )  # fmt: skip
        text = text_of(page.get(url))
        assert f"Since then you {words}, by phone on 30 Nov 2026, 03:35." in text
        assert "newest email" not in text

    def test_revision_that_was_not_mailed_is_in_no_email(self, page, order, alice, estimate, url):
        page.post(url, answers(estimate, BRAKES, total="529.63"))
        order.refresh_from_db()
        add(order, "Tie rod", price="40.00", labour="50.00")
        alice.contact.email = None
        alice.contact.save()
        send_estimate(order=RepairOrder.objects.get(), by=None, now=timezone.now())
        text = text_of(page.get(url))
        assert "Since then the shop made revision 2, on" in text
        assert "It was not mailed: ask the shop for it." in text and "newest email" not in text


class TestStates:
    def test_superseded(self, page, order, estimate, url):
        add(order, "Tie rod", price="40.00", labour="50.00")
        send_estimate(order=order, by=None, now=timezone.now())
        for response in (page.get(url), page.post(url, answers(estimate, BRAKES, total="529.63"))):
            text = text_of(response)
            assert response.status_code == 409
            assert "The shop changed this estimate. Nothing was approved with this link." in text
            assert "sent revision 2 on" in text
            assert "<form" not in response.content.decode()
        assert not Authorisation.objects.exists()

    def test_changed_and_not_sent_again(self, page, order, estimate, url):
        job = Job.objects.get(name=OIL)
        add_part_line(
            job=job, part=None, given={"by": None, "now": timezone.now()}, name="Plug", quantity=Decimal(1),
            unit_price=Decimal("5.00"),
        )  # fmt: skip
        for response in (page.get(url), page.post(url, answers(estimate, BRAKES, total="529.63"))):
            assert response.status_code == 409
            assert "The shop changed this estimate." in text_of(response)
        assert not Authorisation.objects.exists()

    def test_expired_has_the_phone_and_no_names(self, page, order):
        sent = timezone.now() - timedelta(days=31)
        estimate = send_estimate(order=order, by=None, now=sent)
        for response in (
            page.get(path_of(estimate)),
            page.post(path_of(estimate), answers(estimate, BRAKES, total="529.63")),
        ):
            text = text_of(response)
            assert response.status_code == 410
            assert "This estimate has ended" in text and "+1 (555) 555-0140" in text
            assert "Alice" not in text and "Front brakes" not in text
        assert not Authorisation.objects.exists()

    def test_unknown_token_is_the_ended_page_without_names(self, page, url):
        for path in ("/e/unknown", f"{url}x", url[:-1], "/e/" + "x" * 500, "/e/%00", "/e/ä"):
            for response in (page.get(path), page.post(path, {"total": "1.00"})):
                text = text_of(response)
                assert response.status_code == 410
                assert "This estimate has ended" in text and "Springfield" not in text
                assert response["Referrer-Policy"] == "no-referrer"

    def test_closed_order(self, page, order, estimate, url, now):
        given = answer(
            estimate=estimate,
            decisions={Job.objects.get(name=BRAKES).pk: "approved"},
            answerer=Answerer("phone", "Linda", "555 0100"),
            now=timezone.now(),
        )
        assert "by phone, 555 0100" in text_of(page.get(url))
        order.refresh_from_db()
        add(order, "Tie rod", price="40.00", labour="50.00")
        second = send_estimate(order=order, by=None, now=timezone.now())
        RepairOrder.objects.filter(pk=order.pk).update(status="approved")
        order.refresh_from_db()
        stop(order=order, reason="Sold", by=None, now=timezone.now())
        response = page.get(path_of(second))
        assert response.status_code == 409
        assert "This estimate cannot be answered any more." in text_of(response)
        assert Authorisation.objects.get() == given

    def test_withdrawn_answer_is_said(self, page, order, estimate, url):
        page.post(url, answers(estimate, BRAKES, total="529.63"))
        order.refresh_from_db()
        withdraw(order=order, reason="Misheard", by=None, now=timezone.now())
        assert "The shop took this answer back on" in text_of(page.get(url))

    def test_revision_of_running_work_is_answered(self, page, order, estimate, url, tim):
        page.post(url, answers(estimate, BRAKES, total="529.63"))
        order.refresh_from_db()
        start(order=order, by=None, now=timezone.now())
        add(order, "Tie rod", price="40.00", labour="50.00")
        second = send_estimate(order=order, by=None, now=timezone.now())
        form = {
            f"job-{job['id']}": "declined" for job in second.snapshot["jobs"] if job["status"] == "proposed"
        }
        response = page.post(path_of(second), form | {"by_name": "Linda", "total": "529.63"})
        assert response.status_code == 302
        order.refresh_from_db()
        assert (order.status, order.authorised_total) == ("in_progress", Decimal("529.63"))


class TestPapers:
    def test_pdf_is_offered_in_every_state_and_the_record_after_the_answer(self, page, order, estimate, url):
        pdf, record = f'<a href="{url}/estimate.pdf">', f'<a href="{url}/authorisations.pdf">'
        html = page.get(url).content.decode()
        assert pdf in html and record not in html
        page.post(url, answers(estimate, BRAKES, total="529.63"))
        html = page.get(url).content.decode()
        assert pdf in html and record in html
        order.refresh_from_db()
        add(order, "Tie rod", price="40.00", labour="50.00")
        expired = path_of(send_estimate(order=order, by=None, now=timezone.now() - timedelta(days=31)))
        html = page.get(expired).content.decode()
        assert f'<a href="{expired}/estimate.pdf">' in html and "authorisations.pdf" not in html

    def test_unknown_token_offers_nothing(self, page, url):
        assert ".pdf" not in page.get("/e/unknown").content.decode()


class TestLimits:
    def test_unknown_tokens_are_counted_by_address(self, page, url, settings):
        settings.RATE_ADDRESS = 3
        answers = [page.get(f"/e/guess{number}").status_code for number in range(5)]
        assert answers == [410, 410, 410, 429, 429]
        refused = page.get(url)
        assert refused.status_code == 429 and int(refused["Retry-After"]) > 0
        assert refused["Referrer-Policy"] == "no-referrer"
        assert "sign-in" not in text_of(refused)

    def test_known_tokens_are_not_counted(self, page, url, settings):
        settings.RATE_ADDRESS = 2
        assert [page.get(url).status_code for _ in range(5)] == [200] * 5

    def test_token_is_in_no_log_line(self, page, url, caplog):
        caplog.set_level("DEBUG")
        page.get(url)
        page.get(f"{url}/")
        page.post(url, {})
        assert [record.args["request"] for record in caplog.records if record.name == "garage.requests"] == [
            "GET /e/…", "GET /e/…", "POST /e/…",
        ]  # fmt: skip
        assert url not in caplog.text + str([record.args for record in caplog.records])


class TestCompany:
    @pytest.fixture
    def approver(self, alice):
        """Return the login of the contact, whose address the link goes to."""
        return alice.logins.get()

    def test_limit_of_the_login_whose_address_has_the_link(self, page, url, estimate, approver):
        approver.approval_limit = Decimal("529.62")
        approver.save()
        before = stored()
        response = page.post(url, answers(estimate, BRAKES, total="529.63"))
        assert response.status_code == 403
        assert "Your login may approve repairs up to 529.62." in text_of(response)
        assert stored() == before
        assert page.post(url, answers(estimate, OIL, total="131.08")).status_code == 302

    def test_viewer_can_decline_only(self, page, url, estimate, approver):
        approver.role = "viewer"
        approver.save()
        assert page.post(url, answers(estimate, BRAKES, total="529.63")).status_code == 403
        assert page.post(url, answers(estimate, total="0.00")).status_code == 302

    def test_po_number_is_asked_for_and_stored(self, page, url, estimate, order, alice):
        alice.requires_po_number = True
        alice.save()
        assert 'name="po_number"' in page.get(url).content.decode()
        form = answers(estimate, BRAKES, total="529.63")
        response = page.post(url, form)
        assert response.status_code == 400
        assert "Your company needs a PO number for each approval." in text_of(response)
        assert page.post(url, form | {"po_number": " PO 77 "}).status_code == 302
        order.refresh_from_db()
        assert (order.po_number, order.status) == ("PO 77", "approved")

    def test_po_number_is_not_needed_to_decline(self, page, url, estimate, order, alice):
        alice.requires_po_number = True
        alice.save()
        assert page.post(url, answers(estimate, total="0.00", po_number="")).status_code == 302
