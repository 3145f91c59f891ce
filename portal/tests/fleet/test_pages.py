"""Every page of the portal: who gets in, what it says, and that its queries do not grow."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from files.models import Upload
from files.tests.conftest import JPEG, PNG
from portal.fleet.urls import urlpatterns
from portal.tests.fleet.conftest import browser
from repair_orders.models import RepairOrder, RepairPhoto
from testing import factories
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db

IN_FRONT_OF_THE_DOOR = {"fleet-login", "fleet-logout", "fleet-forgotten", "fleet-new-password"}


@pytest.fixture
def photo(estimate):
    upload = factories.UploadFactory(owner=estimate.customer.contact, customer_id=estimate.customer_id)
    return factories.RepairPhotoFactory(repair_order=estimate, upload=upload).upload


@pytest.fixture
def addresses(estimate, photo):
    """Every route behind the door, with the ids of Alice's rows."""
    login = factories.CustomerUserFactory(customer=estimate.customer)
    found = []
    for pattern in urlpatterns:
        if pattern.name not in IN_FRONT_OF_THE_DOOR:
            path = str(pattern.pattern)
            number = (
                estimate.vehicle_id if "units/" in path else login.pk if "users/" in path else estimate.pk
            )
            found.append(
                f"/customer/{path}".replace("<id:id>", str(number)).replace(
                    "<public_id:photo_id>", str(photo.uuid)
                )
            )
    return found


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.targets += [value for name, value in attrs if name in ("href", "src", "action") and value]


def links(response):
    parser = Links()
    parser.feed(response.content.decode())
    return parser.targets


class TestWhoMay:
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_stranger_is_sent_to_the_login_and_back(self, client, addresses, method):
        for address in addresses:
            response = getattr(client, method)(address)
            assert (response.status_code, response["Location"]) == (302, f"/customer/login/?next={address}")

    @pytest.mark.parametrize("who", ["tim", "ada", "carol"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_staff_and_logins_without_a_record_get_a_page_that_says_so(self, request, addresses, who, method):
        client = browser(request.getfixturevalue(who))
        for address in addresses:
            response = getattr(client, method)(address)
            assert response.status_code == 404
            assert "<h1>Customer profile not found</h1>" in response.content.decode()
        assert ("signed in as staff" in response.content.decode()) == (who != "carol")

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_another_fleets_rows_are_nobodys(self, bobs_page, addresses, method):
        before = list(RepairOrder.objects.values()), list(Vehicle.objects.values())
        asked = [address for address in addresses if any(letter.isdigit() for letter in address)]
        assert len(asked) == 5
        for address in asked:
            response = getattr(bobs_page, method)(address)
            assert response.status_code in ((404, 405) if address.split("/")[-3] == "photos" else (404,))
            assert "RS Wind" not in response.content.decode()
        assert (list(RepairOrder.objects.values()), list(Vehicle.objects.values())) == before

    def test_both_slashes_answer(self, page, addresses):
        for address in addresses:
            assert page.get(address.rstrip("/") or "/").status_code == page.get(address).status_code

    def test_nothing_of_a_page_is_kept_on_the_way(self, page, addresses):
        for address in addresses:
            if "photos" not in address:
                assert page.get(address)["Cache-Control"] == "no-store"

    def test_the_policy_is_the_strict_one(self, page):
        policy = page.get("/customer/dashboard/")["Content-Security-Policy"]
        assert "unsafe" not in policy and "http" not in policy

    def test_a_form_needs_its_token(self, rosa, estimate):
        client = browser(rosa.contact, enforce_csrf_checks=True)
        response = client.post(
            f"/customer/repairs/{estimate.pk}/", {"decision": "deny"}, headers={"Accept": "text/html"}
        )
        assert response.status_code == 403
        assert "Reload the page" in response.content.decode()
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    def test_an_unknown_address_is_a_page_to_a_browser_and_json_to_the_rest(self, page):
        shown = page.get("/customer/nothing/", headers={"Accept": "text/html"})
        assert (shown.status_code, shown["Content-Type"]) == (404, "text/html; charset=utf-8")
        told = page.get("/customer/nothing/")
        assert (told.status_code, told.json()) == (404, {"error": "There is nothing at this address."})
        json = page.get("/customer/api/nothing/", headers={"Accept": "text/html"})
        assert json.json() == {"error": "There is nothing at this address."}


def test_every_link_of_every_page_answers(page, addresses):
    asked = set()
    for address in addresses:
        response = page.get(address)
        asked |= set(links(response)) if "photos" not in address else set()
    inside = {a for a in asked if a.startswith("/customer/") and "logout" not in a and "photos" not in a}
    assert len(inside) > 20
    assert all(target.startswith(("/", "#", "?")) for target in asked)  # nothing of another host
    for target in inside:
        assert page.get(target).status_code == 200, target


def test_queries_do_not_grow(page, rosa, unit, estimate, addresses):
    def count():
        counts = {}
        for address in addresses:
            if "photos/" not in address:
                page.get(address)
                with CaptureQueriesContext(connection) as queries:
                    page.get(address)
                counts[address] = len(queries)
        return counts

    few = count()
    for number in range(30):
        one = factories.VehicleFactory(customer=rosa, unit_number=f"U{number}")
        order = factories.RepairOrderFactory(vehicle=one, status="pending")
        factories.PartLineFactory(repair_order=order)
        factories.RepairOrderFactory(vehicle=unit)
        factories.PartLineFactory(repair_order=estimate)
        factories.ServiceLineFactory(repair_order=estimate)
        factories.RepairPhotoFactory(repair_order=estimate)
        factories.CustomerUserFactory(customer=rosa)
    assert count() == few
    assert max(few.values()) <= 12


class TestDashboard:
    def test_context_has_the_printed_counts(self, page, estimate):
        context = page.get("/customer/dashboard/").context
        assert context["repair_status_counts"] == [
            {"status": "REQUESTED", "count": 0},
            {"status": "PENDING", "count": 1},
            {"status": "APPROVED", "count": 0},
            {"status": "IN_PROGRESS", "count": 0},
            {"status": "COMPLETED", "count": 0},
            {"status": "DENIED", "count": 0},
        ]

    def test_what_waits_stands_first_with_its_total(self, page, estimate):
        text = page.get("/customer/dashboard/").content.decode()
        assert "1 estimate waits for your approval" in text
        assert "$139.74" in text

    def test_an_empty_fleet_is_shown_what_to_do(self, page, rosa):
        assert "Request a repair" in page.get("/customer/").content.decode()
        rosa.vehicles.all().delete()
        assert "Add your units first" in page.get("/customer/").content.decode()


class TestRepairs:
    def test_what_an_address_asks_wrongly_is_named(self, page):
        response = page.get("/customer/repairs/?month=13&status=done&page=2")
        assert response.status_code == 400
        text = response.content.decode()
        assert "month:" in text and "status:" in text

    def test_pages(self, page, unit):
        for _ in range(26):
            factories.RepairOrderFactory(vehicle=unit)
        first, second = (page.get(f"/customer/repairs/?page={n}&ordering=repair_date") for n in (1, 2))
        assert [len(shown.context["repairs"]) for shown in (first, second)] == [25, 1]
        assert "?page=2&amp;ordering=repair_date" in first.content.decode()
        assert page.get("/customer/repairs/?page=3").status_code == 400

    def test_a_repair_shows_its_lines_totals_and_history(self, page, estimate):
        text = " ".join(page.get(f"/customer/repairs/{estimate.pk}/").content.decode().split())
        for words in ("Grinding noise", "Pads", "$84.10", "Brakes", "$44.99", "$129.09", "$10.65", "$139.74"):
            assert words in text
        assert "4 Mar 2025, 12:00" in text and "5 Mar 2025, 12:00" in text and "to come" in text

    def test_words_of_people_are_escaped(self, page, estimate):
        estimate.description = estimate.notes = "<script>alert(1)</script>"
        estimate.save()
        for address in ("dashboard/", "repairs/", f"repairs/{estimate.pk}/", f"units/{estimate.vehicle_id}/"):
            text = page.get(f"/customer/{address}").content.decode()
            assert "<script>alert" not in text and "&lt;script&gt;" in text


class TestDecision:
    def post(self, page, order, **words):
        return page.post(f"/customer/repairs/{order.pk}/", words, follow=True)

    def test_the_amount_that_was_shown_is_approved(self, page, rosa, estimate):
        response = self.post(page, estimate, decision="approve", total="139.74")
        assert "The estimate is approved." in response.content.decode()
        estimate.refresh_from_db()
        assert (estimate.status, estimate.history.latest().history_user) == ("approved", rosa.contact)

    def test_a_stale_estimate_is_refused_and_the_new_one_shown(self, page, estimate):
        factories.PartLineFactory(repair_order=estimate, unit_price=Decimal("10.00"), taxable=False)
        response = self.post(page, estimate, decision="approve", total="139.74")
        text = response.content.decode()
        assert response.status_code == 409
        assert "The estimate has changed since it was shown." in text
        assert "Approve $149.74" in text and "$139.74" not in text
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    @pytest.mark.parametrize("total", ["", "much", "1e5", "-1"])
    def test_without_an_amount_nothing_is_approved(self, page, estimate, total):
        response = self.post(page, estimate, decision="approve", total=total)
        assert response.status_code in (400, 409)
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    @pytest.mark.parametrize("words", [{}, {"decision": "perhaps"}, {"reason": "none"}])
    def test_without_a_word_nothing_is_decided(self, page, estimate, words):
        assert self.post(page, estimate, **words).status_code == 400
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    def test_denied_with_a_reason(self, page, estimate):
        response = self.post(page, estimate, decision="deny", reason="Too dear")
        assert "The estimate is denied." in response.content.decode()
        estimate.refresh_from_db()
        assert (estimate.status, estimate.denial_reason) == ("denied", "Too dear")

    def test_what_another_has_decided_is_shown(self, page, estimate):
        RepairOrder.objects.filter(pk=estimate.pk).update(status="denied")
        response = self.post(page, estimate, decision="approve", total="139.74")
        assert response.status_code == 409
        assert "is denied and cannot become approved" in response.content.decode()

    def test_a_request_is_not_the_customers_to_deny(self, page, unit):
        order = factories.RepairOrderFactory(vehicle=unit)
        assert self.post(page, order, decision="deny").status_code == 409
        order.refresh_from_db()
        assert order.status == "requested"


def jpeg(name="noise.jpg", content=JPEG, kind="image/jpeg"):
    return SimpleUploadedFile(name, content, content_type=kind)


class TestRequest:
    url = "/customer/repairs/new/"

    def test_requested_with_photos(self, page, rosa, unit):
        png = SimpleUploadedFile("../..//b.png", PNG, content_type="image/png")
        words = {"unit": unit.pk, "description": "Brakes squeal", "photos": [jpeg(), png]}
        response = page.post(self.url, words, follow=True)
        order = RepairOrder.objects.get()
        assert response.redirect_chain == [(f"/customer/repairs/{order.pk}/", 302)]
        assert (order.vehicle, order.customer, order.status, order.description) == (
            unit, rosa, "requested", "Brakes squeal",
        )  # fmt: skip
        photos = [p.upload for p in RepairPhoto.objects.order_by("id").select_related("upload")]
        assert [(p.name, p.content_type, p.state) for p in photos] == [
            ("noise.jpg", "image/jpeg", "attached"),
            ("b.png", "image/png", "attached"),
        ]
        shown = page.get(f"/customer/repairs/{order.pk}/photos/{photos[0].uuid}/")
        assert (b"".join(shown), shown["Content-Type"]) == (JPEG, "image/jpeg")
        assert shown["Content-Security-Policy"].startswith("default-src 'none'; sandbox")

    def test_a_colleague_sees_the_photos_and_another_fleet_does_not(self, page, bobs_page, rosa, unit):
        page.post(self.url, {"unit": unit.pk, "description": "x", "photos": [jpeg()]})
        order, photo = RepairOrder.objects.get(), Upload.objects.get()
        url = f"/customer/repairs/{order.pk}/photos/{photo.uuid}/"
        colleague = factories.CustomerUserFactory(customer=rosa).user
        assert b"".join(browser(colleague).get(url)) == JPEG
        assert bobs_page.get(url).status_code == 404
        mine = factories.RepairOrderFactory(vehicle=Vehicle.objects.get(customer__contact__first_name="Bob"))
        assert bobs_page.get(f"/customer/repairs/{mine.pk}/photos/{photo.uuid}/").status_code == 404

    @pytest.mark.parametrize(
        ("photos", "said"),
        [
            ([jpeg(content=b"<html>")], "noise.jpg is not a JPEG"),
            ([jpeg(kind="text/html")], "noise.jpg is not a JPEG"),
            ([jpeg("a.pdf", b"%PDF-1.7", "application/pdf")], "a.pdf is not a JPEG"),
            ([jpeg(content=b"")], "The submitted file is empty."),
            ([jpeg() for _ in range(7)], "At most 6 photos."),
        ],
    )
    def test_a_wrong_photo_is_named_and_nothing_is_stored(self, page, unit, photos, said):
        for photo in photos:
            photo.seek(0)
        response = page.post(self.url, {"unit": unit.pk, "description": "x", "photos": photos})
        assert response.status_code == 400
        assert said in response.content.decode()
        assert not RepairOrder.objects.exists() and not Upload.objects.exists()

    def test_a_photo_too_large(self, page, unit, settings):
        settings.MAX_UPLOAD_BYTES = 1024 * 1024
        large = jpeg(content=JPEG + bytes(1024 * 1024))
        response = page.post(self.url, {"unit": unit.pk, "description": "x", "photos": [large]})
        assert "noise.jpg is larger than 1 MB." in response.content.decode()

    def test_a_form_too_large_is_a_page(self, page, unit, settings):
        settings.MAX_FORM_BYTES = 2048
        settings.MAX_BODY_BYTES = 1024
        response = page.post(
            self.url,
            {"unit": unit.pk, "description": "x", "photos": [jpeg(content=JPEG * 4)]},
            headers={"Accept": "text/html"},
        )
        assert (response.status_code, response["Content-Type"]) == (413, "text/html; charset=utf-8")

    def test_what_is_missing_is_said_beside_the_field(self, page):
        text = page.post(self.url, {}).content.decode()
        assert text.count("This field is required.") == 2
        assert 'aria-invalid="true"' in text

    def test_only_units_in_use_and_of_ones_own(self, page, rosa, unit, bobs_page, now):
        theirs = Vehicle.objects.get(customer__contact__first_name="Bob")
        Vehicle.objects.filter(pk=unit.pk).update(archived_at=now)
        for wrong in (theirs.pk, unit.pk, "A123", ""):
            assert page.post(self.url, {"unit": wrong, "description": "x"}).status_code == 400
        assert not RepairOrder.objects.exists()

    def test_a_unit_may_be_named_in_the_address(self, page, unit):
        text = page.get(f"{self.url}?unit_id={unit.pk}").content.decode()
        assert f'<option value="{unit.pk}" selected>' in text
        assert page.get(f"{self.url}?unit_id=abc").status_code == 200

    def test_a_large_fleet_types_the_number(self, page, rosa, unit, monkeypatch):
        monkeypatch.setattr("portal.fleet.forms.MOST_CHOICES", 2)
        assert 'name="unit" value="A123"' in page.get(f"{self.url}?unit_id={unit.pk}").content.decode()
        refused = page.post(self.url, {"unit": "Z9", "description": "x"})
        assert "Unit not found" in refused.content.decode()
        page.post(self.url, {"unit": "a123", "description": "x"})
        assert RepairOrder.objects.get().vehicle == unit


class TestUnits:
    FACTS = {
        "unit_number": "D4", "vin": "1hgbh41jxmn109187", "make": "Ram", "model": "2500", "year": "2020",
        "license_plate": "", "color": "", "odometer": "12.5",
    }  # fmt: skip

    def labels(self, response):
        return [entry["unit"].label for entry in response.context["units"]]

    def test_by_number_and_by_repairs(self, page, unit):
        plate = Vehicle.objects.get(license_plate="RSW-2")
        for _ in range(2):
            factories.RepairOrderFactory(vehicle=plate)
        assert self.labels(page.get("/customer/units/")) == ["A123", "MN109186", "RSW-2"]
        most = page.get("/customer/units/?ordering=-repairs")
        assert [entry["repair_count"] for entry in most.context["units"]] == [2, 0, 0]
        assert self.labels(most)[0] == "RSW-2"

    def test_search_and_archived(self, page, unit, now):
        assert self.labels(page.get("/customer/units/?search=transit")) == ["A123"]
        Vehicle.objects.filter(pk=unit.pk).update(archived_at=now)
        assert self.labels(page.get("/customer/units/?archived=true&ordering=-repairs")) == ["A123"]
        assert "A123" not in self.labels(page.get("/customer/units/"))
        assert page.get("/customer/units/?archived=perhaps").status_code == 400

    def test_added(self, page, rosa):
        response = page.post("/customer/units/new/", self.FACTS, follow=True)
        unit = rosa.vehicles.get(unit_number="D4")
        assert (unit.vin, unit.odometer, unit.year) == ("1HGBH41JXMN109187", Decimal("12.50"), 2020)
        assert "Unit D4 is added." in response.content.decode()

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"vin": "1HGBH41JXMN10918I"}, "never I, O or Q"),
            ({"vin": "1HGBH41JXMN109186"}, "You already have a vehicle with this VIN."),
            ({"unit_number": "A123"}, "There is already a unit with this number."),
            ({"year": "1600"}, "greater than or equal to 1886"),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field(self, page, rosa, wrong, said):
        response = page.post("/customer/units/new/", self.FACTS | wrong)
        assert response.status_code == 400
        assert said in response.content.decode()
        assert rosa.vehicles.count() == 3

    def test_changed(self, page, unit):
        page.post(f"/customer/units/{unit.pk}/", self.FACTS | {"vin": "ignored"})
        unit.refresh_from_db()
        assert (unit.unit_number, unit.make, unit.odometer) == ("D4", "Ram", Decimal("12.50"))
        assert unit.vin != "ignored"

    def test_the_odometer_never_runs_backwards(self, page, unit):
        Vehicle.objects.filter(pk=unit.pk).update(odometer=100)
        response = page.post(f"/customer/units/{unit.pk}/", self.FACTS)
        assert "The odometer cannot go down: enter at least 100.00 miles." in response.content.decode()

    def test_archived_after_a_question(self, page, unit):
        url = f"/customer/units/{unit.pk}/archive/"
        assert "Archive A123?" in page.get(url).content.decode()
        unit.refresh_from_db()
        assert unit.archived_at is None
        assert "Unit A123 is archived." in page.post(url, follow=True).content.decode()
        unit.refresh_from_db()
        assert unit.archived_at is not None
        assert page.post(url, headers={"Accept": "text/html"}).status_code == 409
        assert page.post(f"/customer/units/{unit.pk}/", self.FACTS).status_code == 400


def test_figures_list_and_charts_agree(page, rosa, unit):
    """Each number of the dashboard's tables is that of the JSON, and the length of the list its row leads to."""
    other = Vehicle.objects.get(license_plate="RSW-2")
    months = [datetime(2025, month, 28, 23, 30, tzinfo=UTC) for month in (1, 2, 2, 4)]
    for vehicle in (unit, other):
        for at, status in zip(months, ("requested", "pending", "denied", "completed"), strict=True):
            total = Decimal("5.00") if status == "completed" else None
            factories.RepairOrderFactory(vehicle=vehicle, created_at=at, status=status, total_cost=total)
    factories.RepairOrderFactory(vehicle=unit, created_at=datetime(2025, 5, 1, tzinfo=UTC))
    context = page.get("/customer/dashboard/").context
    tables = {
        "unit_id": {entry.unit_id: entry.repair_count for entry in context["units"]},
        "month": {f"{month:%Y-%m}": count for month, count in context["months"]},
        "status": {entry["status"]: entry["count"] for entry in context["repair_status_counts"]},
    }
    for parameter, counts in tables.items():
        assert sum(counts.values()) == 9 == context["repair_total"]
        for value, count in counts.items():
            shown = page.get("/customer/repairs/", {parameter: value})
            assert shown.context["page"].total == len(shown.context["repairs"]) == count
            assert len(page.get("/customer/api/repairs/", {parameter: value}).json()) == count
    assert tables["month"]["2025-03"] == 0  # no gap in the line
    units = page.get("/customer/api/unit-repair-data/").json()
    assert sorted(u["repair_count"] for u in units) == sorted(tables["unit_id"].values())
    by_month = {m["date"]: m["count"] for m in page.get("/customer/api/repair-cost-data/").json()}
    assert by_month == {month: count for month, count in tables["month"].items() if count}
