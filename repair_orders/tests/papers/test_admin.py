"""The links to papers on the order's admin page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from files.stores import LocalStore
from repair_orders.papers.actions import estimate_pdf
from repair_orders.papers.models import Paper
from repair_orders.tests.papers.conftest import SENT
from repair_orders.tests.papers.test_actions import answer

pytestmark = pytest.mark.django_db


def links(desk, order):
    page = desk.get(reverse("admin:repair_orders_repairorder_change", args=[order.pk])).content.decode()
    found = [
        (reverse("admin:estimate_pdf", args=[order.pk, 1]), "Estimate, revision 1"),
        (reverse("admin:authorisations_pdf", args=[order.pk]), "Record of authorisations"),
    ]
    return [text for url, text in found if f'href="{url}"' in page and text in page]


def test_page_links_the_papers_there_are(desk, order, send):
    assert links(desk, order) == []
    estimate = send(order)
    assert links(desk, order) == ["Estimate, revision 1"]
    answer(estimate, "approved")
    assert links(desk, order) == ["Estimate, revision 1", "Record of authorisations"]
    assert not Paper.objects.exists()


def test_papers(desk, order, estimate):
    answer(estimate, "approved")
    response = desk.get(reverse("admin:estimate_pdf", args=[order.pk, 1]))
    assert (response.status_code, response.content) == (200, estimate_pdf(estimate, now=SENT))
    assert response.headers["Content-Disposition"] == 'inline; filename="estimate-1042-1.pdf"'
    record = desk.get(reverse("admin:authorisations_pdf", args=[order.pk]))
    assert (record.status_code, record.content[:5]) == (200, b"%PDF-")


def test_errors(desk, order, estimate):
    assert desk.get(reverse("admin:estimate_pdf", args=[order.pk, 2])).status_code == 404
    assert desk.get(reverse("admin:estimate_pdf", args=[order.pk + 1, 1])).status_code == 404
    page = desk.get(reverse("admin:authorisations_pdf", args=[order.pk]), follow=True)
    assert "No revision of this order was answered yet." in page.content.decode()
    estimate_pdf(estimate, now=SENT)
    LocalStore().remove(Paper.objects.get().upload.key)
    page = desk.get(reverse("admin:estimate_pdf", args=[order.pk, 1]), follow=True)
    assert "The stored file of this paper is missing." in page.content.decode()


def test_staff_without_the_permission(client, order, estimate, tim):
    client.force_login(tim)
    assert client.get(reverse("admin:estimate_pdf", args=[order.pk, 1])).status_code == 200
    Group.objects.get(name="technician").permissions.clear()
    for url in (
        reverse("admin:estimate_pdf", args=[order.pk, 1]),
        reverse("admin:authorisations_pdf", args=[order.pk]),
    ):
        assert client.get(url).status_code == 403
    client.logout()
    assert client.get(url).status_code == 302
