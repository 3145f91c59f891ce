"""The page and the paper behind the link of a passport."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from common.domain.units import Units
from customers.models import Customer
from files.papers import Document
from passports.actions import share, withdraw
from passports.links import PASSPORTS
from passports.models import PassportLink
from portal.tests.link.conftest import text_of
from testing import factories
from testing.histories import PLANTED, hand_over, plant_history, plant_order
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
PATHS = ("/v/{}", "/v/{}/passport.pdf")
ENDED = (
    "This link opens nothing Skip to the content This link opens nothing "
    "The passport of a vehicle is shared for a limited time. The link has ended, or a part of it is missing. "
    "For a new link, ask the owner of the vehicle."
)


@pytest.fixture(autouse=True)
def _now():
    with patch.object(timezone, "now", lambda: NOW):
        yield


@pytest.fixture
def vehicle(alice):
    vehicle = factories.VehicleFactory(customer=alice)
    plant_history(vehicle)
    return vehicle


@pytest.fixture
def link(vehicle):
    return share(vehicle=vehicle, now=NOW)


def token_of(link):
    return PASSPORTS.token_of(link.uuid)[0]


def words_of(response):
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(response.content)).pages)


class TestPage:
    def test_distances_are_in_the_units_of_the_owner(self, client, link, vehicle):
        Customer.objects.filter(pk=vehicle.customer_id).update(units=Units.METRIC)
        shown = text_of(client.get(f"/v/{token_of(link)}"))
        for text in (
            "Odometer 32,992.4 km, June 1, 2025 ",
            "Consumption 7.8 L/100 km on average, 7.8 L/100 km at best, 7.8 L/100 km at worst (2 fill-ups) ",
            "Rear brakes Now July 1, 2025 33,796.2 km ",
            "Work done Day Kilometers Work Location May 1, 2025 32,186.9 Front brakes ",
        ):
            assert text in shown
        paper = words_of(client.get(f"/v/{token_of(link)}/passport.pdf"))
        assert "33,796.2 km" in paper
        assert "miles" not in paper

    def test_whole_passport(self, client, link, vehicle):
        response = client.get(f"/v/{token_of(link)}")
        assert response.status_code == 200
        assert text_of(response) == (
            "Passport of the 2020 Honda Civic LX Skip to the content Springfield Garage LLC +1 555 555 0140 "
            "2020 Honda Civic LX The passport of this vehicle as of June 15, 2025. "
            "The link works until July 15, 2025 . Download as PDF "
            f"VIN {vehicle.vin} Odometer 20,500.5 miles, June 1, 2025 Color Silver Fuel Gasoline "
            "Consumption 30.00 mpg on average, 30.00 mpg at best, 30.00 mpg at worst (2 fill-ups) "
            "Recommended work Work Needed Due Rear brakes Now July 1, 2025 21,000 miles "
            "Replace the air filter Can wait – "
            "Due next Regular work Due State Last done "
            "Tire rotation November 1, 2025 25,000 miles Upcoming May 1, 2025 20,000 miles "
            "Open trouble codes Code Meaning Since P0301 Powertrain: ignition or misfire May 20, 2025 "
            "Work done Day Miles Work Location May 1, 2025 20,000 Front brakes Oil change Main Street "
            "Inspections Day Inspection Result Needed attention "
            "May 1, 2025 Courtesy inspection 1 now, 1 soon, 1 good Now: Brake pads, rear, 2 mm Soon: Air filter "
            "Odometer readings Day Miles Read June 1, 2025 20,500.5 Corrected "
            "May 20, 2025 20,400 Entered by hand May 2, 2025 20,000 At check-out "
            "May 1, 2025 19,990 At check-in March 31, 2025 19,400.25 By the vehicle "
            "Of readings by the vehicle and at fill-ups the last one of each month is listed. "
            "It lists what this shop knows of the vehicle. Work that was done elsewhere may be missing. "
            "Names, addresses, plates and prices are left out."
        )

    def test_vehicle_without_history(self, client, alice):
        link = share(vehicle=factories.VehicleFactory(customer=alice, vin="", color=""), now=NOW)
        assert text_of(client.get(f"/v/{token_of(link)}")) == (
            "Passport of the 2020 Honda Civic Skip to the content 2020 Honda Civic "
            "The passport of this vehicle as of June 15, 2025. The link works until July 15, 2025 . "
            "Download as PDF Odometer Unknown Recommended work No work is recommended. "
            "Due next No regular work is planned. Open trouble codes No trouble code is open. "
            "Work done No work is recorded. Inspections No inspection is recorded. "
            "Odometer readings The odometer was never read. "
            "It lists what this shop knows of the vehicle. Work that was done elsewhere may be missing. "
            "Names, addresses, plates and prices are left out."
        )

    def test_texts_are_no_markup(self, client, alice):
        vehicle = factories.VehicleFactory(customer=alice, make="<b>Honda", model="Civic & co")
        factories.RecommendationFactory(vehicle=vehicle, text="<script>alert(1)</script>")
        content = client.get(f"/v/{token_of(share(vehicle=vehicle, now=NOW))}").content.decode()
        assert "&lt;b&gt;Honda Civic &amp; co" in content and "<script>alert" not in content

    def test_link_goes_on_after_the_vehicle_has_a_new_owner(self, client, link, vehicle):
        before = client.get(f"/v/{token_of(link)}")
        later = hand_over(vehicle, NOW)
        plant_order(later, None, NOW, miles="20600.00")
        assert text_of(client.get(f"/v/{token_of(link)}")) == text_of(before)

    def test_link_of_the_new_owner_has_what_was_passed_on(self, client, vehicle):
        share(vehicle=vehicle, now=NOW, for_next_owner=True)
        later = hand_over(vehicle, NOW)
        shown = text_of(client.get(f"/v/{token_of(share(vehicle=later, now=NOW))}"))
        assert "Front brakes" in shown and "With the history of 1 earlier owner." in shown

    def test_number_of_queries_does_not_grow(self, client, link, vehicle):
        path = f"/v/{token_of(link)}"
        first = count_queries(lambda: client.get(path))
        for number in range(5):
            plant_order(vehicle, None, NOW - timedelta(days=number), miles="20600.00")
        assert count_queries(lambda: client.get(path)) == first


class TestPaper:
    def test_it_is_set_anew_and_not_stored(self, client, link, vehicle):
        path = f"/v/{token_of(link)}/passport.pdf"
        response = client.get(path)
        assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
        name = "passport-2020-honda-civic-lx-2025-06-15.pdf"
        assert response["Content-Disposition"] == f'inline; filename="{name}"'
        assert client.get(path).content == response.content
        plant_order(vehicle, None, NOW, miles="20600.00")
        assert client.get(path).content != response.content
        assert not vehicle.customer.contact.uploads.exists()

    def test_words(self, client, link):
        response = client.get(f"/v/{token_of(link)}/passport.pdf")
        words = words_of(response)
        for found in ("Vehicle passport", "2020 Honda Civic LX", "Rear brakes", "Front brakes", "P0301"):
            assert found in words
        assert [word for word in PLANTED if word in words] == []

    def test_title_and_embedded_fonts(self, client, link):
        pdf = PdfReader(io.BytesIO(client.get(f"/v/{token_of(link)}/passport.pdf").content))
        assert pdf.metadata.title == "Vehicle passport, 2020 Honda Civic LX"
        assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"].value
        fonts = pdf.pages[0]["/Resources"]["/Font"].values()
        files = [
            font.get_object()["/DescendantFonts"][0]["/FontDescriptor"].get_object().keys() for font in fonts
        ]
        assert files and all({"/FontFile2", "/FontFile3"} & set(keys) for keys in files)


def test_papers_of_a_link_are_thirty_a_minute(client, link, monkeypatch):
    monkeypatch.setattr("common.domain.counters.time.time", lambda: 60_000.0)  # no minute ends meanwhile
    monkeypatch.setattr("portal.link.passport.passport_paper", lambda passport: Document("a.pdf", b"%PDF"))
    statuses = [client.get(PATHS[1].format(token_of(link))).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]


@pytest.mark.parametrize("path", PATHS)
class TestEveryPath:
    def test_no_personal_data(self, client, link, path):
        response = client.get(path.format(token_of(link)))
        text = words_of(response) if path.endswith("pdf") else response.content.decode()
        assert [word for word in PLANTED if word in text] == []

    def test_ended_and_unknown_links_look_alike(self, client, vehicle, path):
        expired = share(vehicle=vehicle, now=NOW - timedelta(days=9), days=8)
        withdrawn = share(vehicle=vehicle, now=NOW)
        withdraw(link=withdrawn, now=NOW)
        tokens = [token_of(expired), token_of(withdrawn), "unknown", str(expired.uuid), expired.token_hash]
        answers = [client.get(path.format(token)) for token in tokens]
        assert [(answer.status_code, text_of(answer)) for answer in answers] == [(410, ENDED)] * 5

    def test_other_methods_are_405(self, client, link, path):
        methods = (client.post, client.put, client.patch, client.delete)
        assert [method(path.format(token_of(link))).status_code for method in methods] == [405] * 4

    def test_unknown_tokens_are_counted_over_all_links(self, client, link, settings, path):
        settings.RATE_ADDRESS = 2
        paths = ["/e/guess1", path.format("guess2"), path.format("guess3"), path.format(token_of(link))]
        assert [client.get(path).status_code for path in paths] == [410, 410, 429, 429]

    def test_readers_of_a_link_have_the_rate_of_one_user(
        self, client, link, vehicle, settings, monkeypatch, path
    ):
        settings.RATE_USER = 2
        monkeypatch.setattr("common.domain.counters.time.time", lambda: 60_000.0)  # no minute ends meanwhile
        other = share(vehicle=vehicle, now=NOW)
        statuses = [client.get(path.format(token_of(link))).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert client.get(path.format(token_of(other))).status_code == 200

    def test_every_response_is_private_and_masked_in_the_log(self, link, caplog, path):
        caplog.set_level("DEBUG")
        client = Client(enforce_csrf_checks=True)
        for given in (token_of(link), "unknown"):
            response = client.get(path.format(given))
            assert response["Referrer-Policy"] == "no-referrer"
            assert response["X-Robots-Tag"] == "noindex, nofollow, noarchive"
            assert "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]
            assert not response.cookies
        logged = [record.args["request"] for record in caplog.records if record.name == "garage.requests"]
        assert logged == ["GET /v/…"] * 2
        assert token_of(link) not in caplog.text

    def test_reading_changes_nothing(self, client, link, path):
        before = list(PassportLink.objects.values())
        client.get(path.format(token_of(link)))
        client.head(path.format(token_of(link)))
        assert list(PassportLink.objects.values()) == before
