"""The papers behind an estimate's link."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from files.stores import LocalStore, StoreUnavailable
from portal.tests.link.conftest import add
from repair_orders.actions import start
from repair_orders.estimates.actions import Answerer, answer
from repair_orders.estimates.links import ESTIMATES
from repair_orders.models import RepairOrder
from repair_orders.papers.actions import authorisations_paper, estimate_pdf
from repair_orders.papers.models import Paper
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def estimate(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"
    order = factories.RepairOrderFactory(status="pending")
    factories.PartLineFactory(repair_order=order)
    return factories.EstimateFactory(repair_order=order)


def url(estimate, paper="estimate"):
    return f"/e/{ESTIMATES.token_of(estimate.uuid)[0]}/{paper}.pdf"


def approve(estimate, name="Linda Park"):
    """Approve every proposed job of a revision, and return its order."""
    jobs = [job["id"] for job in estimate.snapshot["jobs"] if job["status"] == "proposed"]
    answer(
        estimate=estimate,
        decisions=dict.fromkeys(jobs, "approved"),
        answerer=Answerer("online", name, f"{name[0].lower()}@example.com"),
        now=timezone.now(),
    )
    return RepairOrder.objects.get(pk=estimate.repair_order_id)


def test_paper_of_the_link(client, estimate, now):
    response = client.get(url(estimate))
    assert (response.status_code, response.content) == (200, estimate_pdf(estimate, now=now))
    assert (
        response.headers["Content-Disposition"]
        == f'inline; filename="estimate-{estimate.repair_order_id}-1.pdf"'
    )
    assert "no-store" in response.headers["Cache-Control"]


def test_expired_revision_is_still_shown(client, estimate):
    ended = timezone.now() - timedelta(days=1)
    expired = factories.EstimateFactory(repair_order=estimate.repair_order, expires_at=ended)
    assert client.get(url(expired)).status_code == 200


@pytest.mark.parametrize("paper", ["estimate", "authorisations"])
class TestEveryPaper:
    def test_unknown_link_is_410(self, client, estimate, paper):
        assert client.get(f"/e/unknown/{paper}.pdf").status_code == 410
        assert not Paper.objects.exists()

    def test_other_methods_are_405(self, client, estimate, paper):
        methods = (client.post, client.put, client.patch, client.delete)
        assert [method(url(estimate, paper)).status_code for method in methods] == [405] * 4
        assert not Paper.objects.exists()

    def test_unknown_tokens_are_counted_with_those_of_the_page(self, client, estimate, settings, paper):
        settings.RATE_ADDRESS = 3
        paths = ["/e/guess1", f"/e/guess2/{paper}.pdf", f"/e/guess3/{paper}.pdf", f"/e/guess4/{paper}.pdf"]
        assert [client.get(path).status_code for path in paths] == [410, 410, 410, 429]
        refused = client.get(url(estimate, paper))
        assert refused.status_code == 429 and int(refused["Retry-After"]) > 0

    def test_every_response_is_private(self, client, estimate, paper):
        approve(estimate)
        for path in (url(estimate, paper), f"/e/unknown/{paper}.pdf"):
            response = client.get(path)
            assert response["Referrer-Policy"] == "no-referrer"
            assert response["X-Robots-Tag"] == "noindex, nofollow, noarchive"
            assert "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]
            assert not response.cookies

    def test_token_is_in_no_log_line(self, client, estimate, caplog, paper):
        caplog.set_level("DEBUG")
        client.get(url(estimate, paper))
        logged = [record.args["request"] for record in caplog.records if record.name == "garage.requests"]
        assert logged == ["GET /e/…"]


class TestRecord:
    def test_record_of_the_answer(self, client, estimate, now):
        order = approve(estimate)
        response = client.get(url(estimate, "authorisations"))
        assert (response.status_code, response.content) == (200, authorisations_paper(order, now=now).content)
        assert (
            response.headers["Content-Disposition"] == f'inline; filename="authorisations-{order.pk}-1.pdf"'
        )

    def test_without_an_answer_it_is_404(self, client, estimate):
        response = client.get(url(estimate, "authorisations"))
        assert (response.status_code, response.content.decode()) == (
            404,
            "This estimate was not answered yet.",
        )
        assert not Paper.objects.exists()

    def test_link_shows_no_later_answer(self, client, estimate, now):
        """A later link may have gone to another address."""
        order = approve(estimate)
        first = client.get(url(estimate, "authorisations")).content
        start(order=order, by=None, now=now)
        add(order, "Tie rod", price="40.00", labour="50.00")
        order.refresh_from_db()
        second = factories.EstimateFactory(repair_order=order)
        assert client.get(url(second, "authorisations")).status_code == 404
        order = approve(second, "Pat Person")
        assert client.get(url(estimate, "authorisations")).content == first
        both = client.get(url(second, "authorisations")).content
        assert both == authorisations_paper(order, now=now).content != first


def test_store_that_is_away(client, estimate):
    with patch.object(LocalStore, "put", side_effect=StoreUnavailable):
        response = client.get(url(estimate))
    assert (response.status_code, response.content.decode()) == (503, str(StoreUnavailable.message))
