"""The passport of a vehicle at the desk."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from passports.links import PASSPORTS
from passports.models import PassportLink
from testing import factories
from testing.histories import hand_over, plant_history

pytestmark = pytest.mark.django_db


def browser(role):
    client = Client()
    client.force_login(factories.UserFactory(role=role))
    return client


@pytest.fixture
def advisor(db):
    return browser("advisor")


@pytest.fixture
def vehicle(alice):
    vehicle = factories.VehicleFactory(customer=alice)
    plant_history(vehicle)
    return vehicle


def url(vehicle, name="vehicle-passport"):
    return reverse(name, args=[vehicle.customer_id, vehicle.pk])


def form_of(response, **values):
    return {"key": response.context["form"].initial["key"], **values}


def test_page_and_paper_show_the_history(advisor, vehicle):
    assert url(vehicle) in advisor.get(reverse("customer-page", args=[vehicle.customer_id])).content.decode()
    assert "Front brakes" in advisor.get(url(vehicle)).content.decode()
    paper = advisor.get(url(vehicle, "vehicle-passport-pdf"))
    assert paper["Content-Type"] == "application/pdf"
    assert "Front brakes" in PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()


def test_page_has_all_owners_and_the_paper_what_the_owner_sees(advisor, vehicle):
    later = hand_over(vehicle, timezone.now())
    content = advisor.get(url(later)).content.decode()
    assert "Front brakes" in content and "This page has the history of all owners." in content
    paper = PdfReader(io.BytesIO(advisor.get(url(later, "vehicle-passport-pdf")).content))
    assert "Front brakes" not in paper.pages[0].extract_text()


def test_link_is_made_once_shown_and_withdrawn(advisor, vehicle):
    body = form_of(advisor.get(url(vehicle)), days="7", for_next_owner="on")
    content = advisor.post(url(vehicle), body, follow=True).content.decode()
    link = PassportLink.objects.get()
    assert (link.for_next_owner, link.expires_at - link.created_at) == (True, timedelta(days=7))
    assert "The link is made." in content and PASSPORTS.url_of(link.uuid, link.token_hash) in content
    advisor.post(url(vehicle), body)
    assert PassportLink.objects.count() == 1
    content = advisor.post(url(vehicle), {"withdraw": str(link.uuid)}, follow=True).content.decode()
    assert "The link is withdrawn." in content and "No link works." in content
    again = advisor.post(url(vehicle), {"withdraw": str(link.uuid)}, follow=True).content.decode()
    assert "This link has expired or is already withdrawn." in again


def test_end_of_a_link_is_in_the_zone_of_the_location(advisor, vehicle):
    factories.LocationFactory(is_default=True, time_zone="Asia/Tokyo")
    ends = datetime(2099, 1, 31, 20, 30, tzinfo=UTC)
    factories.PassportLinkFactory(vehicle=vehicle, expires_at=ends)
    assert "Works until 1 Feb 2099, 05:30." in advisor.get(url(vehicle)).text


def test_wrong_days_and_archived_vehicles_are_refused(advisor, vehicle):
    page = advisor.get(url(vehicle))
    response = advisor.post(url(vehicle), form_of(page, days="91"))
    assert "Ensure this value is less than or equal to 90." in response.content.decode()
    hand_over(vehicle, timezone.now())
    response = advisor.post(url(vehicle), form_of(page, days="7"))
    assert "This vehicle is already archived." in response.content.decode()
    assert not PassportLink.objects.exists()


def test_technicians_read_and_neither_share_nor_withdraw(vehicle):
    link, technician = factories.PassportLinkFactory(vehicle=vehicle), browser("technician")
    content = technician.get(url(vehicle)).content.decode()
    assert "Front brakes" in content and "/v/" not in content and "Make a link" not in content
    for body in ({"key": "k", "days": "7"}, {"withdraw": str(link.uuid)}):
        assert technician.post(url(vehicle), body).status_code == 403
    assert PassportLink.objects.get().withdrawn_at is None


@pytest.mark.parametrize("name", ["vehicle-passport", "vehicle-passport-pdf"])
def test_vehicle_of_another_customer_is_404(advisor, vehicle, bob, name):
    assert advisor.get(reverse(name, args=[bob.pk, vehicle.pk])).status_code == 404
