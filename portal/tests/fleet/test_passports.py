"""Portal: the passport of a unit."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from pypdf import PdfReader

from passports.links import PASSPORTS
from passports.models import PassportLink
from portal.tests.fleet.conftest import browser
from testing import factories
from testing.histories import hand_over, plant_history

pytestmark = pytest.mark.django_db


@pytest.fixture
def passport(unit):
    plant_history(unit)
    return f"/customer/units/{unit.pk}/passport/"


class TestPassport:
    def test_page_and_paper_show_the_history(self, page, unit, passport):
        content = page.get(passport).content.decode()
        for words in ("Passport of UNIT-SECRET", "Front brakes", "Tire rotation", "20,500.5 miles"):
            assert words in content
        paper = page.get(f"{passport}pdf/")
        assert paper["Content-Type"] == "application/pdf"
        assert "Front brakes" in PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()
        assert passport in page.get(f"/customer/units/{unit.pk}/").content.decode()

    @pytest.mark.parametrize("tail", ["", "pdf/"])
    def test_unit_of_another_customer_is_404(self, bobs_page, passport, tail):
        assert bobs_page.get(passport + tail).status_code == 404

    def test_archived_unit_is_read_only(self, page, unit, passport, now):
        hand_over(unit, now)
        content = page.get(passport).content.decode()
        assert "Front brakes" in content and "Make a link" not in content
        response = page.post(passport, {"days": "7"})
        assert (response.status_code, PassportLink.objects.count()) == (400, 0)
        assert "This vehicle is already archived." in response.content.decode()


class TestLinks:
    def test_link_is_made_shown_and_withdrawn(self, page, passport, unit):
        response = page.post(passport, {"days": "7", "for_next_owner": "on"}, follow=True)
        link = PassportLink.objects.get()
        assert (link.vehicle, link.for_next_owner) == (unit, True)
        assert link.expires_at - link.created_at == timedelta(days=7)
        content = response.content.decode()
        assert "The link is made." in content and PASSPORTS.url_of(link.uuid, link.token_hash) in content
        response = page.post(passport, {"withdraw": str(link.uuid)}, follow=True)
        content = response.content.decode()
        assert "The link is withdrawn." in content and "/v/" not in content
        again = page.post(passport, {"withdraw": str(link.uuid)}, follow=True).content.decode()
        assert "This link has expired or is already withdrawn." in again

    @pytest.mark.parametrize("days", ["0", "91", "", "soon"])
    def test_wrong_days_show_their_error(self, page, passport, days):
        response = page.post(passport, {"days": days})
        assert response.status_code == 400
        assert 'id="id_days_error"' in response.content.decode()
        assert not PassportLink.objects.exists()

    def test_too_many_links_are_refused(self, page, passport, unit):
        for _ in range(20):
            factories.PassportLinkFactory(vehicle=unit)
        response = page.post(passport, {"days": "7"})
        assert "This vehicle has 20 links that work." in response.content.decode()
        assert PassportLink.objects.count() == 20

    @pytest.mark.parametrize("withdraw", ["x", "", "01890000-0000-7000-8000-000000000000"])
    def test_unknown_link_is_not_withdrawn(self, page, passport, unit, withdraw):
        link = factories.PassportLinkFactory(vehicle=unit)
        content = page.post(passport, {"withdraw": withdraw}, follow=True).content.decode()
        assert "Link not found." in content
        link.refresh_from_db()
        assert link.withdrawn_at is None

    def test_link_of_another_unit_is_not_withdrawn(self, page, passport, bob):
        link = factories.PassportLinkFactory(vehicle__customer=bob)
        page.post(passport, {"withdraw": str(link.uuid)})
        link.refresh_from_db()
        assert link.withdrawn_at is None

    def test_viewers_see_no_links_and_make_none(self, rosa, unit, passport):
        link = factories.PassportLinkFactory(vehicle=unit)
        viewer = browser(factories.CustomerUserFactory(customer=rosa, role="viewer").user)
        content = viewer.get(passport).content.decode()
        assert "Front brakes" in content and "/v/" not in content and "Make a link" not in content
        for body in ({"days": "7"}, {"withdraw": str(link.uuid)}):
            assert viewer.post(passport, body).status_code == 403
        assert PassportLink.objects.get().withdrawn_at is None
        approver = browser(factories.CustomerUserFactory(customer=rosa, role="approver").user)
        assert PASSPORTS.url_of(link.uuid, link.token_hash) in approver.get(passport).content.decode()
