"""Portal: the jobs of a repair, decisions job by job, and the rules of the company."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from customers.models import CustomerUser
from portal.tests.fleet.conftest import browser
from portal.tests.link.conftest import BRAKES, FILTER, OIL, add, order, shop, text_of  # noqa: F401  # fixtures
from repair_orders.actions import start
from repair_orders.estimates.actions import approve, send_estimate
from repair_orders.estimates.models import Authorisation
from repair_orders.models import Job, RepairOrder
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(order, rosa):  # noqa: F811
    """Return the first revision of an order of three jobs, 734.00 together."""
    return send_estimate(order=order, by=None, now=timezone.now())


def url_of(order):  # noqa: F811
    return f"/customer/repairs/{order.pk}/"


def choice(estimate, *approved, **fields):
    """Return the form of a choice: these jobs by name, the other proposed ones declined."""
    jobs = {
        f"job-{job['id']}": "approved" if job["name"] in approved else "declined"
        for job in estimate.snapshot["jobs"]
        if job["status"] == "proposed"
    }
    return {"decision": "choose", **jobs, **fields}


def statuses(order):  # noqa: F811
    return dict(Job.objects.filter(repair_order=order).values_list("name", "status"))


class TestJobByJob:
    def test_page_shows_jobs_with_their_lines_and_every_total(self, page, order, sent):  # noqa: F811
        response = page.get(url_of(order))
        text = text_of(response)
        assert "Front brakes Proposed $493.50 Front brakes part" in text
        assert "Shop supplies Fee" in text and "Approve $734.00" in text
        totals = [str(one.totals.total) for one in response.context["choice"].combinations]
        assert totals == ["734.00", "660.72", "602.91", "529.63", "204.36", "131.08", "73.28", "0.00"]

    def test_choice_is_confirmed_with_its_total(self, page, rosa, order, sent):  # noqa: F811
        response = page.post(url_of(order), choice(sent, BRAKES, OIL, total="660.72"), follow=True)
        text = text_of(response)
        assert "You approved $660.72." in text
        assert "Not taken Cabin air filter Declined $68.40" in text
        given = Authorisation.objects.get()
        assert (given.method, given.by_name, given.contact_used, given.total) == (
            "online", "Alice Cooper", rosa.contact.email, Decimal("660.72"),
        )  # fmt: skip
        assert statuses(order) == {BRAKES: "approved", OIL: "approved", FILTER: "declined"}

    def test_choice_without_total_is_checked(self, page, order, sent):  # noqa: F811
        response = page.post(url_of(order), choice(sent, BRAKES, check="1"))
        assert response.status_code == 200
        assert response.context["choice"].chosen.totals.total == Decimal("529.63")
        assert not Authorisation.objects.exists()

    def test_other_total_is_409_and_choices_are_kept(self, page, order, sent):  # noqa: F811
        response = page.post(url_of(order), choice(sent, BRAKES, total="529.62"))
        assert response.status_code == 409
        assert "The estimate has changed since it was shown." in text_of(response)
        assert [job.chosen for job in response.context["choice"].jobs] == ["approved", "declined", "declined"]
        assert '<details class="by-job" open>' in response.content.decode()
        assert not Authorisation.objects.exists()

    def test_missing_decision_is_400(self, page, order, sent):  # noqa: F811
        form = choice(sent, BRAKES, total="529.63")
        form.popitem()
        del form[next(name for name in form if name.startswith("job-"))]
        response = page.post(url_of(order), form)
        assert response.status_code == 400
        assert "Choose for each job." in text_of(response)
        assert not Authorisation.objects.exists()

    def test_all_jobs_are_declined(self, page, order, sent):  # noqa: F811
        response = page.post(url_of(order), choice(sent, total="0.00"), follow=True)
        assert "You declined the proposed jobs." in text_of(response)
        order.refresh_from_db()
        assert order.status == "denied"

    def test_answered_estimate_is_409(self, page, order, sent):  # noqa: F811
        approve(order=order, by=None, now=timezone.now())
        response = page.post(url_of(order), choice(sent, BRAKES, total="529.63"))
        assert response.status_code == 409
        assert "There is no estimate to answer any more." in text_of(response)
        assert Authorisation.objects.count() == 1

    def test_viewer_cannot_choose(self, rosa, order, sent):  # noqa: F811
        viewer = factories.CustomerUserFactory(customer=rosa, role="viewer").user
        assert browser(viewer).post(url_of(order), choice(sent, total="0.00")).status_code == 403
        assert "by-job" not in browser(viewer).get(url_of(order)).content.decode()

    def test_stranger_is_404(self, bobs_page, order, sent):  # noqa: F811
        assert bobs_page.post(url_of(order), choice(sent, BRAKES, total="529.63")).status_code == 404
        assert not Authorisation.objects.exists()


class TestRunningWork:
    @pytest.fixture
    def second(self, order, sent):  # noqa: F811
        """Return a second revision, with a fourth job, of an order in progress."""
        approve(order=order, by=None, now=timezone.now())
        start(order=order, by=None, now=timezone.now())
        add(order, "Tie rod", price="40.00", labour="50.00")
        return send_estimate(order=order, by=None, now=timezone.now())

    def test_additional_work_is_approved(self, page, order, second):  # noqa: F811
        text = text_of(page.get(url_of(order)))
        assert "Approve the additional work?" in text and f"Approve ${second.total}" in text
        page.post(url_of(order), {"decision": "approve", "total": str(second.total)})
        order.refresh_from_db()
        assert (order.status, order.authorised_total) == ("in_progress", second.total)

    def test_additional_work_is_declined_and_stays_visible(self, page, order, second):  # noqa: F811
        page.post(url_of(order), {"decision": "deny"})
        order.refresh_from_db()
        assert (order.status, order.authorised_total) == ("in_progress", Decimal("734.00"))
        assert "Not taken Tie rod Declined $90.00" in text_of(page.get(url_of(order)))

    def test_draft_of_the_shop_is_not_shown(self, page, order, sent):  # noqa: F811
        approve(order=order, by=None, now=timezone.now())
        add(order, "Tie rod", price="40.00", labour="50.00")
        text = text_of(page.get(url_of(order)))
        assert "Tie rod" not in text and "Approve $" not in text


class TestCompanyRules:
    @pytest.fixture
    def api(self, order):  # noqa: F811
        return f"/customer/api/repairs/{order.pk}/approve/"

    @pytest.fixture
    def limited(self, rosa):
        rosa.logins.update(approval_limit=Decimal("600.00"))
        return rosa

    def test_limit_refuses_more_and_allows_less(self, page, limited, order, sent):  # noqa: F811
        assert "You can approve repairs up to $600.00." in text_of(page.get(url_of(order)))
        for form in ({"decision": "approve", "total": "734.00"}, choice(sent, BRAKES, OIL, total="660.72")):
            response = page.post(url_of(order), form)
            assert response.status_code == 403
            assert "Your login may approve repairs up to 600.00." in text_of(response)
        assert (RepairOrder.objects.get().status, Authorisation.objects.count()) == ("pending", 0)
        assert page.post(url_of(order), choice(sent, BRAKES, total="529.63")).status_code == 302

    def test_limit_counts_what_is_approved_already(self, page, limited, order, sent):  # noqa: F811
        page.post(url_of(order), choice(sent, BRAKES, total="529.63"))
        order.refresh_from_db()
        add(order, "Tie rod", price="40.00", labour="50.00")
        second = send_estimate(order=order, by=None, now=timezone.now())
        response = page.post(url_of(order), {"decision": "approve", "total": str(second.total)})
        assert (response.status_code, second.total) == (403, Decimal("626.18"))

    def test_limit_does_not_hold_declining(self, page, limited, order, sent):  # noqa: F811
        assert page.post(url_of(order), {"decision": "deny"}).status_code == 302

    def test_limit_does_not_hold_staff(self, limited, order, sent):  # noqa: F811
        approve(order=order, by=None, now=timezone.now(), total=Decimal("734.00"))
        order.refresh_from_db()
        assert order.status == "approved"

    def test_limit_in_json(self, page, limited, api, sent):
        response = page.post(api, {"total": "734.00"}, content_type="application/json")
        assert (response.status_code, response.json()) == (
            403,
            {
                "error": "Your login may approve repairs up to 600.00. Ask a colleague with a higher limit.",
                "code": "over_approval_limit",
                "limit": 600.0,
            },
        )
        assert not Authorisation.objects.exists()

    def test_po_number(self, page, rosa, order, sent):  # noqa: F811
        rosa.requires_po_number = True
        rosa.save()
        assert 'name="po_number"' in page.get(url_of(order)).content.decode()
        for form in ({"decision": "approve", "total": "734.00"}, choice(sent, BRAKES, total="529.63")):
            response = page.post(url_of(order), form)
            assert response.status_code == 409
            assert "Your company needs a PO number for each approval." in text_of(response)
        assert not Authorisation.objects.exists()
        long = page.post(url_of(order), choice(sent, BRAKES, total="529.63", po_number="7" * 41))
        assert long.status_code == 400 and "at most 40 characters" in text_of(long)
        page.post(url_of(order), choice(sent, BRAKES, total="529.63", po_number="PO 77"))
        order.refresh_from_db()
        assert (order.status, order.po_number) == ("approved", "PO 77")

    def test_po_number_in_json(self, page, rosa, order, api, sent):  # noqa: F811
        rosa.requires_po_number = True
        rosa.save()
        response = page.post(api, {"total": "734.00"}, content_type="application/json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Your company needs a PO number for each approval. Add it and approve again.",
                "code": "po_number_needed",
            },
        )
        assert (RepairOrder.objects.get().status, Authorisation.objects.count()) == ("pending", 0)
        body = {"total": "734.00", "po_number": "PO 77"}
        assert page.post(api, body, content_type="application/json").status_code == 200
        order.refresh_from_db()
        assert (order.status, order.po_number) == ("approved", "PO 77")

    def test_answered_estimate_is_refused_for_that(self, page, limited, order, sent, api):  # noqa: F811
        approve(order=order, by=None, now=timezone.now())
        response = page.post(api, {"total": "734.00"}, content_type="application/json")
        assert response.status_code == 409

    def test_owner_sets_the_limit_of_a_colleague(self, page, rosa):
        login = factories.CustomerUserFactory(customer=rosa, role="approver")
        url = f"/customer/company/users/{login.pk}/role/"
        assert 'name="approval_limit"' in page.get(url).content.decode()
        for wrong in ("-1", "1.005", "much"):
            response = page.post(url, {"role": "approver", "approval_limit": wrong})
            assert response.status_code == 400
        assert page.post(url, {"role": "approver", "approval_limit": "500"}).status_code == 302
        assert CustomerUser.objects.get(pk=login.pk).approval_limit == Decimal("500.00")
        assert "Approver, approves up to $500.00" in text_of(page.get("/customer/company/"))
        assert 'value="500.00"' in page.get(url).content.decode()
        page.post(url, {"role": "approver", "approval_limit": ""})
        assert CustomerUser.objects.get(pk=login.pk).approval_limit is None

    def test_approver_cannot_change_limits(self, rosa):
        login = factories.CustomerUserFactory(customer=rosa, role="approver", approval_limit=Decimal(5))
        response = browser(login.user).post(
            f"/customer/company/users/{login.pk}/role/", {"role": "approver", "approval_limit": ""}
        )
        assert response.status_code == 403
        login.refresh_from_db()
        assert login.approval_limit == Decimal("5.00")
