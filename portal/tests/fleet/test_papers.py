"""Portal: the papers of a repair."""

from __future__ import annotations

import pytest

from portal.tests.fleet.conftest import browser
from repair_orders.estimates.models import Estimate
from repair_orders.papers.actions import authorisations_paper, estimate_pdf
from repair_orders.papers.models import Paper
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def uploads(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


def paths_of(order):
    """Return the paths of the first revision and of the record."""
    return (
        f"/customer/repairs/{order.pk}/estimates/1/pdf/",
        f"/customer/repairs/{order.pk}/authorisations/pdf/",
    )


def test_repair_offers_each_revision_and_the_record_once_it_was_answered(page, estimate):
    pdf, record = paths_of(estimate)
    html = page.get(f"/customer/repairs/{estimate.pk}/").content.decode()
    assert f'<a href="{pdf}">Estimate of ' in html and record not in html
    factories.AuthorisationFactory(estimate=Estimate.objects.get())
    factories.EstimateFactory(repair_order=estimate)
    html = page.get(f"/customer/repairs/{estimate.pk}/").content.decode()
    assert f'<a href="{pdf}">Estimate, revision 1 of ' in html
    assert f'<a href="{pdf.replace("/1/pdf/", "/2/pdf/")}">Estimate, revision 2 of ' in html
    assert f'<a href="{record}">' in html


def test_repair_without_a_revision_offers_none(page, unit):
    order = factories.RepairOrderFactory(vehicle=unit)
    assert "Papers" not in page.get(f"/customer/repairs/{order.pk}/").content.decode()


def test_papers_are_the_stored_files(page, estimate, now):
    factories.AuthorisationFactory(estimate=Estimate.objects.get())
    pdf, record = (page.get(path) for path in paths_of(estimate))
    assert (pdf.status_code, pdf.content) == (200, estimate_pdf(Estimate.objects.get(), now=now))
    assert (record.status_code, record.content) == (200, authorisations_paper(estimate, now=now).content)
    assert {response["Content-Type"] for response in (pdf, record)} == {"application/pdf"}
    assert {response["Cache-Control"] for response in (pdf, record)} == {"private, no-store"}


def test_record_without_an_answer_is_a_404_page(page, estimate):
    response = page.get(paths_of(estimate)[1])
    assert response.status_code == 404
    assert "No revision of this order was answered yet." in response.content.decode()


def test_viewer_reads_papers_and_others_do_not(rosa, bobs_page, estimate):
    viewer = browser(factories.CustomerUserFactory(customer=rosa, role="viewer").user)
    factories.AuthorisationFactory(estimate=Estimate.objects.get())
    assert [bobs_page.get(path).status_code for path in paths_of(estimate)] == [404, 404]
    assert not Paper.objects.exists()
    assert [viewer.get(path).status_code for path in paths_of(estimate)] == [200, 200]
