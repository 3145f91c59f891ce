"""Contract 001's JSON: bodies, visibility, filters, and decisions on estimates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from repair_orders.models import RepairOrder
from testing import factories
from testing.storms import parallel
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

NOT_FOUND = {"error": "Customer profile not found"}
REPAIRS = "/customer/api/repairs/"
UNITS = "/customer/api/unit-repair-data/"
MONTHS = "/customer/api/repair-cost-data/"


@pytest.fixture
def browser(alice):
    client = Client()
    client.force_login(alice.contact)
    return client


def unit(customer, number="A123", **fields):
    return factories.VehicleFactory(customer=customer, unit_number=number, **fields)


def order(vehicle, *, status="requested", created="2025-01-31T23:59:59Z", **fields):
    return factories.RepairOrderFactory(
        vehicle=vehicle, status=status, created_at=datetime.fromisoformat(created), **fields
    )


def estimated(vehicle, **fields):
    """Return a pending order with a total of 95.24."""
    made = order(vehicle, status="pending", tax_percent=Decimal("8.25"), **fields)
    factories.PartLineFactory(repair_order=made, unit_price=Decimal("18.99"), quantity=2, taxable=True)
    factories.ServiceLineFactory(repair_order=made, amount=Decimal("50.00"), taxable=True)
    factories.EstimateFactory(repair_order=made)
    return made


def post(client, url, body=None, **headers):
    return client.post(url, body or {}, content_type="application/json", headers=headers)


def row(made, **changed):
    """Return the expected body of an order from `estimated`."""
    return {
        "id": made.pk,
        "unit_number": "A123",
        "status": "PENDING",
        "description": "",
        "repair_date": "2025-01-31",
        "total": 95.24,
    } | changed


class TestCharts:
    def test_units_without_repairs_are_included(self, browser, alice):
        first = unit(alice)
        order(first), order(first)
        factories.VehicleFactory(customer=alice, license_plate="PLATE-7")
        factories.VehicleFactory(customer=alice, license_plate="", vin="1HGBH41JXMN109186")
        archived = unit(alice, "OLD-1", archived_at=timezone.now())
        order(archived)
        unit(alice, "OLD-2", archived_at=timezone.now())
        response = browser.get(UNITS)
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert response.json() == [
            {"unit_number": "A123", "repair_count": 2},
            {"unit_number": "MN109186", "repair_count": 0},
            {"unit_number": "OLD-1", "repair_count": 1},
            {"unit_number": "PLATE-7", "repair_count": 0},
        ]

    def test_months_are_sorted_and_follow_time_zone(self, browser, alice, settings):
        one = unit(alice)
        for created in ("2025-02-01T00:00:00Z", "2025-01-31T23:59:59Z", "2025-02-28T12:00:00Z"):
            order(one, created=created)
        assert browser.get(MONTHS).json() == [
            {"date": "2025-01", "count": 1},
            {"date": "2025-02", "count": 2},
        ]
        settings.TIME_ZONE = "America/New_York"
        with timezone.override("America/New_York"):
            assert browser.get(MONTHS).json() == [
                {"date": "2025-01", "count": 2},
                {"date": "2025-02", "count": 1},
            ]

    @pytest.mark.parametrize("url", [UNITS, MONTHS])
    def test_empty_fleet_is_empty_array(self, browser, bob, url):
        order(unit(bob))
        assert browser.get(url).json() == []

    @pytest.mark.parametrize("url", [UNITS, MONTHS])
    def test_query_count_is_constant(self, browser, alice, url):
        order(unit(alice, "U0"))
        browser.get(url)
        few = count_queries(lambda: browser.get(url))
        for number in range(1, 30):
            order(unit(alice, f"U{number}"))
        assert count_queries(lambda: browser.get(url)) == few

    @pytest.mark.parametrize("url", [UNITS, MONTHS])
    def test_unknown_parameter_is_refused(self, browser, url):
        response = browser.get(f"{url}?year=2025")
        assert (response.status_code, response.json()) == (400, {"error": "year: Unknown parameter."})


ROUTES = [
    ("get", UNITS), ("get", MONTHS), ("get", REPAIRS), ("post", REPAIRS), ("get", f"{REPAIRS}1/"),
    ("post", f"{REPAIRS}1/approve/"), ("post", f"{REPAIRS}1/deny/"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "url"), ROUTES)
class TestAccess:
    def test_anonymous_request_redirects_to_login(self, client, method, url):
        response = getattr(client, method)(url)
        assert (response.status_code, response["Location"]) == (302, f"/customer/login/?next={url}")

    @pytest.mark.parametrize("who", ["tim", "ada", "carol"])
    def test_callers_without_customer_get_printed_404(self, client, request, method, url, who):
        client.force_login(request.getfixturevalue(who))
        response = getattr(client, method)(url)
        assert (response.status_code, response.json()) == (404, NOT_FOUND)


class TestList:
    def test_rows_are_newest_first(self, browser, alice):
        one = unit(alice)
        old = estimated(one)
        new = order(one, created="2025-03-01T08:00:00Z", description="Smoke")
        response = browser.get(REPAIRS)
        assert response.json() == [
            {
                "id": new.pk,
                "unit_number": "A123",
                "status": "REQUESTED",
                "description": "Smoke",
                "repair_date": "2025-03-01",
                "total": 0.0,
            },
            row(old),
        ]

    def test_completed_order_shows_stored_total(self, browser, alice):
        made = order(unit(alice), status="completed", total_cost=Decimal("12.30"))
        factories.PartLineFactory(repair_order=made, unit_price=Decimal("99.00"))
        assert browser.get(f"{REPAIRS}{made.pk}/").json() == row(made, status="COMPLETED", total=12.3)

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ({"status": "pending"}, [1]),
            ({"status": "Pending,in-progress"}, [2, 1]),
            ({"month": "2025-01"}, [0]),
            ({"month": "2025-02"}, [2, 1]),
            ({"month": "2024-12"}, []),
            ({"unit_number": "b456"}, [2]),
            ({"unit_number": "A123", "month": "2025-02"}, [1]),
            ({"unit_number": "Z999"}, []),
            ({"ordering": "repair_date"}, [0, 1, 2]),
            ({"ordering": "unit_number"}, [1, 0, 2]),
            ({"ordering": "-unit_number"}, [2, 1, 0]),
            ({"ordering": "status"}, [2, 1, 0]),
            ({"ordering": "-status"}, [0, 1, 2]),
            ({"page": "2", "page_size": "1"}, [1]),
        ],
    )
    def test_filters_and_orderings(self, browser, alice, bob, query, numbers):
        first, second = unit(alice), unit(alice, "B456")
        made = [
            order(first, created="2025-01-31T23:59:59Z"),
            order(first, created="2025-02-01T00:00:00Z", status="pending"),
            order(second, created="2025-02-28T23:59:59Z", status="in_progress"),
        ]
        order(unit(bob), status="pending", created="2025-02-10T00:00:00Z")
        assert [found["id"] for found in browser.get(REPAIRS, query).json()] == [made[n].pk for n in numbers]

    def test_filter_by_unit_id(self, browser, alice, bob):
        made = order(unit(alice))
        order(unit(alice, "B456"))
        assert [r["id"] for r in browser.get(REPAIRS, {"unit_id": made.vehicle_id}).json()] == [made.pk]
        response = browser.get(REPAIRS, {"unit_id": unit(bob).pk})
        assert (response.status_code, response.json()) == (404, {"error": "Unit not found"})

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ({"month": "2025-13"}, "month: "),
            ({"month": "2025-1"}, "month: "),
            ({"month": "2025-01-01"}, "month: "),
            ({"status": "done"}, "status: "),
            ({"unit_id": "A123"}, "unit_id: "),
            ({"ordering": "total"}, "ordering: "),
            ({"colour": "red"}, "colour: Unknown parameter."),
            ({"page": "2"}, "page: The last page is 1."),
        ],
    )
    def test_error_names_wrong_parameter(self, browser, query, error):
        response = browser.get(REPAIRS, query)
        assert response.status_code == 400
        assert set(response.json()) == {"error"}
        assert response.json()["error"].startswith(error)

    def test_query_count_is_constant(self, browser, alice):
        estimated(unit(alice, "U0"))
        browser.get(REPAIRS)
        few = count_queries(lambda: browser.get(REPAIRS))
        for number in range(1, 30):
            estimated(unit(alice, f"U{number}"))
        assert count_queries(lambda: browser.get(REPAIRS)) == few


class TestRetrieve:
    def test_repair_of_other_customer_is_404(self, browser, bob):
        other = estimated(unit(bob))
        before = RepairOrder.objects.values().get(pk=other.pk)
        answers = [
            browser.get(f"{REPAIRS}{other.pk}/"),
            post(browser, f"{REPAIRS}{other.pk}/approve/"),
            post(browser, f"{REPAIRS}{other.pk}/deny/"),
        ]
        assert [(a.status_code, a.json()) for a in answers] == [(404, {"error": "Repair not found"})] * 3
        assert RepairOrder.objects.values().get(pk=other.pk) == before

    @pytest.mark.parametrize("number", ["0", "abc", "99999999999999999999"])
    def test_malformed_id_is_404(self, browser, number):
        response = browser.get(f"{REPAIRS}{number}/")
        assert (response.status_code, set(response.json())) == (404, {"error"})


class TestRequest:
    def test_repair_is_requested(self, browser, alice):
        one = unit(alice)
        response = post(browser, REPAIRS, {"unit_number": "a123", "description": "Brakes squeal"})
        made = RepairOrder.objects.get()
        assert response.status_code == 201
        assert response.json() == row(
            made,
            status="REQUESTED",
            description="Brakes squeal",
            repair_date=timezone.localdate().isoformat(),
            total=0.0,
        )
        assert (made.vehicle, made.customer, made.status) == (one, alice, "requested")

    def test_idempotency_key_requests_once(self, browser, alice):
        unit(alice)
        body = {"unit_number": "A123", "description": "Brakes squeal"}
        answers = [post(browser, REPAIRS, body, **{"Idempotency-Key": "k1"}) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert RepairOrder.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "status", "error"),
        [
            ({"unit_number": "A123"}, 400, "description: This field is required."),
            ({"unit_number": "A123", "description": " "}, 400, "description: This field may not be blank."),
            ({"description": "x"}, 400, "unit_number: This field is required."),
            ({"unit_number": "B456", "description": "x"}, 404, "Unit not found"),
            ({"unit_number": "OLD", "description": "x"}, 404, "Unit not found"),
            ({"unit_number": "TWIN", "description": "x"}, 404, "More than one unit is called so"),
        ],
    )
    def test_refused_request_stores_nothing(self, browser, alice, bob, body, status, error):
        unit(alice), unit(bob, "B456"), unit(alice, "OLD", archived_at=timezone.now())
        for _ in range(2):
            factories.VehicleFactory(customer=alice, license_plate="TWIN")
        response = post(browser, REPAIRS, body)
        assert (response.status_code, response.json()) == (status, {"error": error})
        assert not RepairOrder.objects.exists()


class TestDecision:
    @pytest.mark.parametrize("body", [{}, {"total": 95.24}, {"total": "95.24"}])
    def test_approve(self, browser, alice, body):
        made = estimated(unit(alice))
        response = post(browser, f"{REPAIRS}{made.pk}/approve/", body)
        assert (response.status_code, response.json()) == (200, row(made, status="APPROVED"))
        again = post(browser, f"{REPAIRS}{made.pk}/approve/", body)
        assert again.status_code == 409
        assert again.json() == {"error": "This repair order is approved and cannot become approved."}

    def test_stale_total_is_refused_with_current_total(self, browser, alice):
        made = estimated(unit(alice))
        response = post(browser, f"{REPAIRS}{made.pk}/approve/", {"total": 95.23})
        assert response.status_code == 409
        assert response.json() == {
            "error": "The estimate has changed since it was shown. Look at the new total and approve that.",
            "total": 95.24,
        }
        made.refresh_from_db()
        assert made.status == "pending"

    def test_deny_stores_reason(self, browser, alice):
        made = estimated(unit(alice))
        response = post(browser, f"{REPAIRS}{made.pk}/deny/", {"reason": "Too dear"})
        assert (response.status_code, response.json()) == (200, row(made, status="DENIED"))
        made.refresh_from_db()
        assert (made.denial_reason, made.history.latest().history_user) == ("Too dear", alice.contact)

    @pytest.mark.parametrize("state", ["requested", "approved", "in_progress", "completed", "denied"])
    @pytest.mark.parametrize("verb", ["approve", "deny"])
    def test_only_pending_estimate_is_decided(self, browser, alice, state, verb):
        total = Decimal("1.00") if state == "completed" else None
        made = order(unit(alice), status=state, total_cost=total)
        before = RepairOrder.objects.values().get(pk=made.pk)
        response = post(browser, f"{REPAIRS}{made.pk}/{verb}/")
        assert (response.status_code, set(response.json())) == (409, {"error"})
        assert RepairOrder.objects.values().get(pk=made.pk) == before

    def test_error_names_wrong_total(self, browser, alice):
        made = estimated(unit(alice))
        for total in ("much", -1, 1e30, True, None):
            response = post(browser, f"{REPAIRS}{made.pk}/approve/", {"total": total})
            assert response.status_code == 400
            assert response.json()["error"].startswith("total: ")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_decisions_succeeds(alice):
    made = estimated(unit(alice))
    sessions = []
    for _ in range(12):
        client = Client()
        client.force_login(alice.contact)
        sessions.append(client)

    def decide(number):
        verb = "approve" if number % 2 else "deny"
        return post(sessions[number], f"{REPAIRS}{made.pk}/{verb}/").status_code

    assert sorted(parallel(12, decide)) == [200] + [409] * 11
    made.refresh_from_db()
    assert (made.approved_at is None) != (made.denied_at is None)
    assert made.history.filter(history_change_reason__startswith="status:").count() == 1


def test_list_of_month_matches_chart(browser, alice):
    """The list of a month and the chart's count of the month use the same boundaries."""
    one = unit(alice)
    for created in ("2024-12-31T23:59:59.999999Z", "2025-01-01T00:00:00Z", "2025-12-31T23:59:59.999999Z"):
        order(one, created=created)
    order(one, created=datetime(2026, 1, 1, tzinfo=UTC).isoformat())
    counts = {month["date"]: month["count"] for month in browser.get(MONTHS).json()}
    lists = {month: len(browser.get(REPAIRS, {"month": month}).json()) for month in counts}
    assert counts == lists == {"2024-12": 1, "2025-01": 1, "2025-12": 1, "2026-01": 1}


def test_bodies_have_printed_keys(browser, alice, settings):
    """Types and the order of keys match the JSON of the contract."""
    order(unit(alice))
    text = (settings.BASE_DIR / "docs/contracts/001-fleet.md").read_text()
    blocks = [b.split("```", 1)[0] for b in text.split("```json\n")[1:3]]
    printed = [json.loads(block.replace(",\n  ...", "")) for block in blocks]
    for url, body in zip((UNITS, MONTHS), printed, strict=True):
        [first, *_] = browser.get(url).json()
        assert [(key, type(value)) for key, value in first.items()] == [
            (key, type(value)) for key, value in body[0].items()
        ]
