"""Every page of the portal: access, links and query counts. Also the dashboard."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.credit_notes import credit_amount
from portal.fleet.urls import urlpatterns
from portal.tests.fleet.conftest import browser
from repair_orders.models import RepairOrder
from testing import billed, factories
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db

PUBLIC_PAGES = {
    *("fleet-login", "fleet-logout", "fleet-forgotten", "fleet-new-password"),
    *("fleet-invitation", "fleet-undo-email", "fleet-confirm-email"),
}


@pytest.fixture
def photo(estimate):
    upload = factories.UploadFactory(owner=estimate.customer.contact, customer_id=estimate.customer_id)
    return factories.RepairPhotoFactory(repair_order=estimate, upload=upload).upload


@pytest.fixture
def urls(estimate, photo):
    """Return the URL of every page that requires a sign-in, with the ids of Alice's rows."""
    login = factories.CustomerUserFactory(customer=estimate.customer)
    invitation = factories.InvitationFactory(customer=estimate.customer)
    invoice = billed.invoiced(vehicle=estimate.vehicle)
    payment = billed.pay(invoice, "100.00")
    note = credit_amount(
        invoice=billed.again(invoice), amount=Decimal("5.00"), reason="Late", by=None, now=timezone.now()
    )
    now = timezone.now()
    inspection = factories.InspectionFactory(repair_order=estimate, started_at=now, finished_at=now)
    ids = {
        "units/": estimate.vehicle_id,
        "users/": login.pk,
        "invitations/": invitation.pk,
        "invoices/": invoice.pk,
        "payments/": payment.pk,
        "credit-notes/": note.pk,
        "statements/": billed.stored_statement(estimate.customer).pk,
    }
    urls = []
    for pattern in urlpatterns:
        if pattern.name not in PUBLIC_PAGES:
            path = str(pattern.pattern)
            number = next((pk for part, pk in ids.items() if part in path), estimate.pk)
            given = {"<id:id>": number, "<id:revision>": 1, "<public_id:photo_id>": photo.uuid}
            given["<id:inspection_id>"] = inspection.pk
            for name, value in given.items():
                path = path.replace(name, str(value))
            urls.append(f"/customer/{path}")
    return urls


def is_file(url):
    return "/photos/" in url or url.endswith("/pdf/")


def is_read_only(url):
    return is_file(url) or "/invoices/" in url


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


class TestAccess:
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_anonymous_user_is_redirected_to_the_sign_in_and_back(self, client, urls, method):
        for url in urls:
            response = getattr(client, method)(url)
            assert (response.status_code, response["Location"]) == (302, f"/customer/login/?next={url}")

    @pytest.mark.parametrize("user", ["tim", "ada", "carol"])
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_staff_and_logins_without_a_record_get_404_with_the_reason(self, request, urls, user, method):
        client = browser(request.getfixturevalue(user))
        for url in urls:
            response = getattr(client, method)(url)
            assert response.status_code == 404
            assert "<h1>Customer profile not found</h1>" in response.content.decode()
        assert ("signed in as staff" in response.content.decode()) == (user != "carol")

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_rows_of_another_fleet_are_404(self, bobs_page, urls, method):
        before = list(RepairOrder.objects.values()), list(Vehicle.objects.values())
        with_id = [url for url in urls if any(letter.isdigit() for letter in url)]
        assert len(with_id) == 18
        for url in with_id:
            response = getattr(bobs_page, method)(url)
            assert response.status_code in ((404, 405) if is_read_only(url) else (404,))
            assert "RS Wind" not in response.content.decode()
        assert (list(RepairOrder.objects.values()), list(Vehicle.objects.values())) == before

    def test_trailing_slash_is_optional(self, page, urls):
        for url in urls:
            assert page.get(url.rstrip("/") or "/").status_code == page.get(url).status_code

    def test_pages_are_not_cached(self, page, urls):
        for url in urls:
            if not is_file(url):
                assert page.get(url)["Cache-Control"] == "no-store"

    def test_pages_name_their_time_zone(self, page, urls, settings):
        settings.TIME_ZONE = "America/New_York"
        shown = [text for url in urls if not is_file(url) and (text := page.get(url).text)]
        assert len(shown) >= 10
        assert all("Dates and times are in the time zone America/New_York." in text for text in shown)

    def test_content_security_policy_is_strict(self, page):
        policy = page.get("/customer/dashboard/")["Content-Security-Policy"]
        assert "unsafe" not in policy and "http" not in policy

    def test_form_requires_its_csrf_token(self, rosa, estimate):
        client = browser(rosa.contact, enforce_csrf_checks=True)
        response = client.post(
            f"/customer/repairs/{estimate.pk}/", {"decision": "deny"}, headers={"Accept": "text/html"}
        )
        assert response.status_code == 403
        assert "Reload the page" in response.content.decode()
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    def test_unknown_url_is_a_page_in_a_browser_and_json_otherwise(self, page):
        html = page.get("/customer/nothing/", headers={"Accept": "text/html"})
        assert (html.status_code, html["Content-Type"]) == (404, "text/html; charset=utf-8")
        json = page.get("/customer/nothing/")
        assert (json.status_code, json.json()) == (404, {"error": "There is nothing at this address."})
        api = page.get("/customer/api/nothing/", headers={"Accept": "text/html"})
        assert api.json() == {"error": "There is nothing at this address."}


def test_every_link_of_every_page_works(page, urls):
    targets = set()
    for url in urls:
        response = page.get(url)
        targets |= set(links(response)) if not is_file(url) else set()
    pages = {t for t in targets if t.startswith("/customer/") and "logout" not in t and "photos" not in t}
    assert len(pages) > 20
    assert all(target.startswith(("/", "#", "?")) for target in targets)  # no other host
    for target in pages:
        assert page.get(target).status_code == 200, target


def test_query_counts_are_constant(page, rosa, unit, estimate, urls):
    def count():
        counts = {}
        for url in urls:
            if "photos/" not in url:
                page.get(url)
                with CaptureQueriesContext(connection) as queries:
                    page.get(url)
                counts[url] = len(queries)
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
        factories.InvitationFactory(customer=rosa)
        billed.stored_invoice(rosa, vehicle=unit)
        billed.stored_statement(rosa)
    assert count() == few
    assert max(few.values()) <= 17


@pytest.mark.parametrize(
    ("linked", "known", "template"),
    [
        ("repairs/request/", "repairs/new/", "fleet/request.html"),
        ("company/edit/", "company/", "fleet/company.html"),
        ("account/settings/", "company/sessions/", "fleet/sessions.html"),
    ],
)
def test_page_answers_at_the_address_that_clients_link_to(page, linked, known, template):
    for path in (linked, known, linked.rstrip("/")):
        response = page.get(f"/customer/{path}")
        assert (response.status_code, response.templates[0].name) == (200, template)


def test_forms_work_at_the_linked_addresses(page, unit):
    sent = {"unit": unit.pk, "description": "Grinding noise"}
    response = page.post("/customer/repairs/request/", sent)
    order = RepairOrder.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/customer/repairs/{order.pk}/")
    assert (order.vehicle, order.description, order.status) == (unit, "Grinding noise", "requested")
    assert page.post("/customer/account/settings/", {"others": "yes"})["Location"] == (
        "/customer/company/sessions/"
    )
    response = page.post("/customer/company/edit/", {"city": "x" * 500})
    assert (response.status_code, response.templates[0].name) == (400, "fleet/company.html")


class TestDashboard:
    def test_context_matches_the_contract(self, page, estimate):
        context = page.get("/customer/dashboard/").context
        assert context["repair_status_counts"] == [
            {"status": "REQUESTED", "count": 0},
            {"status": "PENDING", "count": 1},
            {"status": "APPROVED", "count": 0},
            {"status": "IN_PROGRESS", "count": 0},
            {"status": "COMPLETED", "count": 0},
            {"status": "DENIED", "count": 0},
        ]

    def test_elements_have_the_ids_that_charts_of_the_contract_look_up(self, page, estimate):
        factories.RepairOrderFactory(vehicle=estimate.vehicle, status="in_progress")
        text = page.get("/customer/dashboard/").content.decode()
        for container, chart in (
            ("status-container", "status-chart"),
            ("unit-container", "unit-chart"),
            ("frequency-container", "cost-chart"),
        ):
            _, found, inside = text.partition(f'id="{container}"')
            assert found, container
            assert f'<div class="chart" id="{chart}" hidden>' in inside.partition("</section>")[0]
        counts = re.findall(r'<td class="number" id="stats-([a-z-]+)">(\d+)</td>', text)
        assert dict(counts) == {
            "requested": "0",
            "pending": "1",
            "approved": "0",
            "in-progress": "1",
            "completed": "0",
            "denied": "0",
        }
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids))

    def test_pending_estimate_is_shown_with_its_total(self, page, estimate):
        text = page.get("/customer/dashboard/").content.decode()
        assert "1 estimate waits for your approval" in text
        assert "$139.74" in text

    def test_empty_fleet_sees_the_next_step(self, page, rosa):
        assert "Request a repair" in page.get("/customer/").content.decode()
        rosa.vehicles.all().delete()
        assert "Add your units first" in page.get("/customer/").content.decode()


def test_dashboard_json_and_list_have_the_same_counts(page, rosa, unit):
    """Each count of the dashboard equals the JSON's count and the length of the list that its row links to."""
    other = Vehicle.objects.get(license_plate="RSW-2")
    year = timezone.now().year - 1  # the dashboard has the last 24 months
    months = [datetime(year, month, 28, 23, 30, tzinfo=UTC) for month in (1, 2, 2, 4)]
    for vehicle in (unit, other):
        for at, status in zip(months, ("requested", "pending", "denied", "completed"), strict=True):
            total = Decimal("5.00") if status == "completed" else None
            factories.RepairOrderFactory(vehicle=vehicle, created_at=at, status=status, total_cost=total)
    factories.RepairOrderFactory(vehicle=unit, created_at=datetime(year, 5, 1, tzinfo=UTC))
    context = page.get("/customer/dashboard/").context
    tables = {
        "unit_id": {entry.unit_id: entry.repair_count for entry in context["units"]},
        "month": {f"{month:%Y-%m}": count for month, count in context["months"]},
        "status": {entry["status"]: entry["count"] for entry in context["repair_status_counts"]},
    }
    for parameter, counts in tables.items():
        assert sum(counts.values()) == 9 == context["repair_total"]
        for value, count in counts.items():
            response = page.get("/customer/repairs/", {parameter: value})
            assert response.context["page"].total == len(response.context["repairs"]) == count
            assert len(page.get("/customer/api/repairs/", {parameter: value}).json()) == count
    assert tables["month"][f"{year}-03"] == 0  # months without repairs are filled in
    units = page.get("/customer/api/unit-repair-data/").json()
    assert sorted(u["repair_count"] for u in units) == sorted(tables["unit_id"].values())
    by_month = {m["date"]: m["count"] for m in page.get("/customer/api/repair-cost-data/").json()}
    assert by_month == {month: count for month, count in tables["month"].items() if count}
