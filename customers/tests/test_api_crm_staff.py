"""Contract 004, "Customer Management": customers for staff and other services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection

from common.reads.statements import Statement
from customers.models import Customer, CustomerUser
from customers.tests.test_api_crm import UNAUTHORIZED, body_of
from testing import factories
from testing.storms import parallel
from testing.suites import count_queries, refused, stored

pytestmark = pytest.mark.django_db

LIST = "/api/v1/customers/"
BY_USER = f"{LIST}by_user_id/"
STATS = f"{LIST}stats/"
NOT_FOUND = {"error": "Customer profile not found", "detail": "There is no customer with this id."}
NO_PROFILE = {**NOT_FOUND, "detail": "No profile has been created for this user."}
NOTHING_HERE = {"error": "Not found", "detail": "There is nothing at this address."}
NOT_STAFF = {"error": "Access denied", "detail": "This endpoint is only accessible to staff."}


def item(customer, verb=""):
    return f"{LIST}{customer.uuid}/{verb and verb + '/'}"


def found(client, **params):
    response = client.get(LIST, params)
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def ids(*customers):
    return [str(customer.uuid) for customer in customers]


class TestList:
    def test_returns_page_newest_first(self, as_tim, alice, bob):
        former = factories.CustomerFactory(contact=None)
        expected = {
            "results": [body_of(c) for c in (former, bob, alice)],
            "count": 3,
            "next": None,
            "previous": None,
        }
        for url in (LIST, LIST.rstrip("/")):
            response = as_tim.get(url)
            assert (response.status_code, response.json(), list(response.json())) == (
                200,
                expected,
                list(expected),
            )

    def test_customer_without_contact_has_empty_personal_fields(self, as_tim):
        former = factories.CustomerFactory(contact=None)
        row = as_tim.get(LIST).json()["results"][0]
        assert [row[name] for name in ("user_id", "email", "first_name", "last_name", "phone_number")] == [
            None, "", "", "", "",
        ]  # fmt: skip
        assert row["id"] == str(former.uuid)

    def test_list_is_paginated(self, as_tim):
        customers = factories.CustomerFactory.create_batch(51)[::-1]
        base = f"http://testserver{LIST}"
        first, second = as_tim.get(LIST).json(), as_tim.get(LIST, {"page": "2"}).json()
        assert (first["count"], first["next"], first["previous"]) == (51, f"{base}?page=2", None)
        assert (second["count"], second["next"], second["previous"]) == (51, None, f"{base}?page=1")
        assert [row["id"] for row in first["results"] + second["results"]] == ids(*customers)

    def test_ordering_ascends_and_descends(self, as_tim, alice, bob):
        assert found(as_tim, ordering="since") == ids(alice, bob)
        assert found(as_tim, ordering="-since") == ids(bob, alice)
        assert found(as_tim, ordering="created_at") == ids(alice, bob)
        assert found(as_tim, ordering="-created_at") == ids(bob, alice)
        Customer.objects.filter(pk=alice.pk).update(total_services=2)
        assert found(as_tim, ordering="total_services") == ids(bob, alice)
        assert found(as_tim, ordering="-total_services") == ids(alice, bob)

    def test_filters_select_customers(self, as_tim):
        since = datetime(2025, 5, 1, tzinfo=UTC)
        taxi = factories.CustomerFactory(
            is_verified=True, business_type="Taxi", state="OR", customer_since=since, city="Salem"
        )
        other = factories.CustomerFactory(state="Oregon", customer_since=since - timedelta(microseconds=1))
        for params, expected in (
            ({"is_verified": "true"}, [taxi]),
            ({"is_verified": "false"}, [other]),
            ({"business_type": "tAXI"}, [taxi]),
            ({"business_type": "tax"}, []),
            ({"state": "or"}, [taxi]),
            ({"city": "sALEM"}, [taxi]),
            ({"city": "sale"}, []),
            ({"state": "OREGON"}, [other]),
            ({"since": "2025-05-01"}, [taxi]),
            ({"since": "2025-04-30"}, [taxi, other]),
            ({"since": "2025-05-02"}, []),
            ({"search": "salem"}, [taxi]),
            ({"state": "or", "is_verified": "true", "since": "2025-05-01", "search": "pat"}, [taxi]),
            ({"state": "or", "is_verified": "false"}, []),
            ({"state": "", "search": ""}, [taxi, other]),
        ):
            assert (params, found(as_tim, **params)) == (params, ids(*expected))

    @pytest.mark.parametrize("sought", ["bOB ba", "freight", "714-54", "99501", "bob@"])
    def test_search_finds_customer(self, as_tim, alice, bob, sought):
        Customer.objects.filter(pk=bob.pk).update(company_name="Baker Freight", postal_code="99501")
        type(bob.contact).objects.filter(pk=bob.contact_id).update(
            phone="(555) 714-5422", email="bob@freight.example"
        )
        assert found(as_tim, search=sought) == ids(bob)

    @pytest.mark.parametrize("wild", ["%", "_", "B%b"])
    def test_search_treats_wildcards_literally(self, as_tim, bob, wild):
        assert found(as_tim, search=wild) == []

    @pytest.mark.parametrize(
        ("params", "fields"),
        [
            ({"page": "2"}, {"page": ["The last page is 1."]}),
            ({"page_size": "201"}, {"page_size": ["Ensure this value is less than or equal to 200."]}),
            ({"verified": "true"}, {"verified": ["Unknown parameter."]}),
            ({"is_verified": "perhaps"}, {"is_verified": ["Must be a valid boolean."]}),
            (
                {"since": "yesterday"},
                {"since": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]},
            ),
            (
                {"ordering": "name"},
                {
                    "ordering": [
                        (
                            '"name" is not a valid choice. Choose one of: since, -since, created_at, -created_at, '
                            "total_services, -total_services."
                        )
                    ]
                },
            ),
            ({"search": ["a", "b"]}, {"search": ["Given more than once."]}),
            (
                {"colour": "red", "page": "x"},
                {"colour": ["Unknown parameter."], "page": ["A valid integer is required."]},
            ),
        ],
    )
    def test_invalid_parameter_is_named(self, as_tim, alice, params, fields):
        response = as_tim.get(LIST, params)
        assert (response.status_code, response.json()) == (400, fields)

    def test_query_count_is_constant(self, as_tim, alice):
        as_tim.get(LIST)
        calls = {
            LIST: count_queries(lambda: as_tim.get(LIST)),
            STATS: count_queries(lambda: as_tim.get(STATS)),
            item(alice): count_queries(lambda: as_tim.get(item(alice))),
        }
        assert calls == {LIST: 2, STATS: 2, item(alice): 2}  # a page that is not full needs no count
        factories.CustomerFactory.create_batch(29, company_name="Taxi Ltd")
        assert as_tim.get(LIST).json()["count"] == 30
        for url, count in calls.items():
            assert (url, count_queries(lambda url=url: as_tim.get(url))) == (url, count)


def counted(customer, number):
    """Return the body after a service was counted."""
    body = body_of(customer, total_services=number)
    return body | {
        "message": f"The customer has {number} completed services.",
        "customer_id": str(customer.uuid),
    }


class TestOne:
    def test_detail_returns_customer(self, as_tim, alice):
        assert as_tim.get(item(alice)).json() == body_of(alice)
        assert as_tim.get(item(alice).rstrip("/")).json() == body_of(alice)
        assert (
            as_tim.get(item(alice).upper().replace("/API/V1/CUSTOMERS", "/api/v1/customers")).status_code
            == 200
        )
        doubled = as_tim.get(f"{item(alice)}/")
        assert (doubled.status_code, doubled.json()) == (404, NOTHING_HERE)

    @pytest.mark.parametrize("unknown", [str(UUID(int=7)), "19", "nobody", "0", "x" * 40])
    def test_unknown_id_is_404(self, as_ada, alice, unknown):
        before = stored(alice)
        for method, url in (
            ("get", f"{LIST}{unknown}/"),
            ("post", f"{LIST}{unknown}/verify/"),
            ("post", f"{LIST}{unknown}/increment_service/"),
        ):
            response = getattr(as_ada, method)(url)
            assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert stored(alice) == before

    def test_verifying_twice_changes_once(self, as_ada, ada, alice):
        for _ in range(2):
            response = as_ada.post(item(alice, "verify"))
            assert (response.status_code, response.json()) == (200, body_of(alice, is_verified=True))
        # The history has one change, by Ada.
        assert [row.history_user for row in alice.history.all()] == [ada, None]

    def test_increment_service_adds_one(self, as_ada, alice, now):
        for number in (1, 2):
            response = as_ada.post(item(alice, "increment_service").rstrip("/"))
            assert (response.status_code, response.json()) == (200, counted(alice, number))
        assert alice.last_service_date - now < timedelta(minutes=1)

    def test_increment_service_adds_once_for_one_key(self, as_ada, alice):
        key = {"Idempotency-Key": "k1"}
        first, again = (as_ada.post(item(alice, "increment_service"), headers=key) for _ in range(2))
        assert (again.status_code, again.json()) == (200, first.json())
        assert first.json() == counted(alice, 1)
        other = as_ada.post(item(alice, "verify"), headers=key)
        assert other.status_code == 422
        assert body_of(alice)["is_verified"] is False

    def test_completed_repair_order_is_counted(self, as_tim, alice):
        order = factories.RepairOrderFactory(vehicle__customer=alice, status="in_progress")
        factories.PartLineFactory(repair_order=order)
        assert as_tim.post(f"/api/shop/repair-orders/{order.pk}/complete/").status_code == 200
        assert as_tim.get(item(alice)).json()["total_services"] == 1


class TestByUser:
    def test_returns_customer_with_requested_user(self, as_tim, alice, carol):
        CustomerUser.objects.create(customer=alice, user=carol)
        for user in (alice.contact, carol):
            for url in (BY_USER, BY_USER.rstrip("/")):
                response = as_tim.get(url, {"user_id": str(user.uuid)})
                assert (response.status_code, response.json()) == (200, body_of(alice, user))

    def test_user_without_profile_and_unknown_user_get_same_404(self, as_tim, carol):
        for user_id in (carol.uuid, uuid4()):
            response = as_tim.get(BY_USER, {"user_id": str(user_id)})
            assert (response.status_code, response.json()) == (404, NO_PROFILE)

    @pytest.mark.parametrize(
        ("params", "fields"),
        [
            ({}, {"user_id": ["This field is required."]}),
            ({"user_id": ""}, {"user_id": ["This field is required."]}),
            ({"user_id": "71"}, {"user_id": ["Must be a valid UUID."]}),
            ({"user": "x"}, {"user": ["Unknown parameter."], "user_id": ["This field is required."]}),
        ],
    )
    def test_invalid_parameter_is_named(self, as_tim, params, fields):
        response = as_tim.get(BY_USER, params)
        assert (response.status_code, response.json()) == (400, fields)


def logical(user):
    return f"{LIST}logical/{user.uuid}/"


class TestOwnRecord:
    """What customers may do with the routes of staff: read and change their own record."""

    def test_customer_reads_own_record_by_every_id(self, as_alice, alice):
        urls = (item(alice), logical(alice.contact), f"{BY_USER}?user_id={alice.contact.uuid}")
        for url in urls:
            response = as_alice.get(url)
            assert (response.status_code, response.json()) == (200, body_of(alice))

    def test_record_of_another_customer_is_404_and_unchanged(self, as_bob, alice):
        before = [stored(alice)]
        for url in (item(alice), item(alice, "dashboard")):
            refused(as_bob.get(url), 404, NOT_FOUND, alice, before=before)
        for url in (logical(alice.contact), f"{BY_USER}?user_id={alice.contact.uuid}", f"{LIST}logical/x/"):
            refused(as_bob.get(url), 404, NO_PROFILE, alice, before=before)
        for body in ({"city": "X"}, {"city": ""}):
            response = as_bob.patch(logical(alice.contact), body, format="json")
            refused(response, 404, NO_PROFILE, alice, before=before)

    def test_colleague_of_the_same_company_is_not_shown(self, as_alice, alice, carol):
        CustomerUser.objects.create(customer=alice, user=carol)
        response = as_alice.get(logical(carol))
        assert (response.status_code, response.json()) == (404, NO_PROFILE)

    def test_dashboard_shows_a_part_of_the_record(self, as_alice, as_tim, alice):
        names = (
            *(
                "id",
                "user_id",
                "email",
                "first_name",
                "last_name",
                "full_name",
                "full_address",
                "company_name",
            ),
            *("is_business_customer", "last_service_date", "total_services", "customer_since", "is_verified"),
            "preferred_contact_method",
        )
        expected = {name: body_of(alice)[name] for name in names}
        for client in (as_alice, as_tim):
            response = client.get(item(alice, "dashboard"))
            assert (response.status_code, response.json()) == (200, expected)

    def test_customer_changes_own_record_by_user(self, as_alice, alice):
        Customer.objects.update(is_verified=True, company_name="Old")
        response = as_alice.patch(logical(alice.contact), {"company_name": "New"}, format="json")
        assert (response.status_code, response.json()) == (
            200, body_of(alice, company_name="New", is_verified=False)
        )  # fmt: skip
        fixed = as_alice.patch(logical(alice.contact), {"total_services": 9}, format="json")
        assert (fixed.status_code, fixed.json()) == (
            400,
            {"total_services": ["This field cannot be changed."]},
        )

    def test_viewer_may_not_change_the_record(self, alice, sign_in):
        viewer = factories.CustomerUserFactory(customer=alice, role="viewer").user
        before = stored(alice)
        response = sign_in(viewer).patch(logical(viewer), {"city": "X"}, format="json")
        assert (response.status_code, stored(alice)) == (403, before)

    def test_staff_change_a_record_and_keep_its_verification(self, as_ada, ada, alice):
        Customer.objects.update(is_verified=True)
        response = as_ada.patch(logical(alice.contact), {"company_name": "New"}, format="json")
        assert (response.status_code, response.json()) == (200, body_of(alice, company_name="New"))
        assert alice.history.latest("history_id").history_user == ada

    def test_user_without_profile_is_404(self, as_ada, carol, sign_in):
        for client in (as_ada, sign_in(carol)):
            for answer in (
                client.get(logical(carol)),
                client.patch(logical(carol), {"city": "X"}, format="json"),
            ):
                assert (answer.status_code, answer.json()) == (404, NO_PROFILE)


def test_statistics_match_customers(as_tim, alice, bob, now):
    factories.CustomerFactory(
        contact=None, company_name="Taxi Ltd", state="OR", is_verified=True, total_services=4,
        customer_since=now - timedelta(days=40),
    )  # fmt: skip
    expected = {
        "total_customers": 3,
        "verified_customers": 1,
        "unverified_customers": 2,
        "business_customers": 1,
        "new_this_month": 2,
        "total_services": 4,
        "by_state": {"NY": 2, "OR": 1},
    }
    for url in (STATS, STATS.rstrip("/")):
        response = as_tim.get(url)
        assert (response.status_code, response.json(), list(response.json())) == (
            200,
            expected,
            list(expected),
        )


class TestPermissions:
    """Refusals for customers. The permissions of the staff roles are tested in test_roles.py."""

    def calls(self, customer):
        return (
            ("get", LIST),
            ("get", STATS),
            ("post", item(customer, "verify")),
            ("post", item(customer, "increment_service")),
            ("get", BY_USER),
            ("get", item(customer)),
            ("get", item(customer, "dashboard")),
        )

    def test_customers_get_403_for_own_record_too(self, as_alice, as_bob, alice):
        before = [stored(alice)]
        for client in (as_alice, as_bob):
            for method, url in self.calls(alice)[:4]:
                refused(getattr(client, method)(url), 403, NOT_STAFF, alice, before=before)

    def test_missing_token_is_401(self, api, alice):
        before = [stored(alice)]
        for method, url in self.calls(alice):
            refused(getattr(api, method)(url), 401, UNAUTHORIZED, alice, before=before)

    def test_other_methods_are_405(self, as_ada, alice):
        before = stored(alice)
        for method, url in self.calls(alice):
            allow = "GET, HEAD" if method == "get" else "POST"
            for other in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allow.split(", ")):
                response = as_ada.generic(other, url, b"{}", content_type="application/json")
                assert (response.status_code, response.json(), response["Allow"]) == (
                    405,
                    {"error": "Method not allowed", "detail": f'Method "{other}" not allowed.'},
                    allow,
                )
        assert stored(alice) == before


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    def test_50_parallel_increments_add_50(self, sign_in):
        customer = factories.CustomerFactory(total_services=7)
        client = sign_in(factories.UserFactory(role="advisor"))
        answers = parallel(50, lambda _: client.post(item(customer, "increment_service")))
        assert {answer.status_code for answer in answers} == {200}
        customer.refresh_from_db()
        assert customer.total_services == 57

    def test_parallel_verifications_change_once(self, sign_in):
        customer = factories.CustomerFactory()
        client = sign_in(factories.UserFactory(role="advisor"))
        answers = parallel(20, lambda _: client.post(item(customer, "verify")))
        assert {answer.status_code for answer in answers} == {200}
        assert customer.history.count() == 2


class TestTenThousand:
    """A list reads an index and does not sort the table."""

    @pytest.fixture
    def crowd(self):
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        Customer.objects.bulk_create(
            [
                Customer(
                    customer_since=begin + timedelta(hours=number),
                    state=f"State {number % 50}",
                    is_verified=number % 100 > 0,
                    company_name="Taxi Ltd" if number % 3 else "",
                )
                for number in range(10_000)
            ],
            batch_size=1_000,
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE customers_customer")

    def plan_of(self, client, monkeypatch, **params):
        """Return the query plan of the statement that reads the page."""
        seen = []
        run_on = Statement.run_on

        def spy(statement, cursor, values):
            seen.append((statement, values))
            return run_on(statement, cursor, values)

        monkeypatch.setattr(Statement, "run_on", spy)
        assert client.get(LIST, params).status_code == 200
        monkeypatch.undo()
        statement, values = seen[1]  # the first loads the caller, the third counts
        bound = [p.bind(values, connection) if hasattr(p, "bind") else p for p in statement.params]
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        with connection.cursor() as cursor:
            cursor.execute(f"{explain} {statement.sql}", bound)
            return "\n".join(" ".join(str(cell) for cell in row) for row in cursor.fetchall())

    @pytest.mark.parametrize(
        ("params", "index"),
        [
            ({}, "customer_by_age"),
            ({"is_verified": "false"}, "customer_unverified_by_age"),
            ({"state": "state 7"}, "customer_by_state"),
            ({"since": "2021-02-01"}, "customer_by_age"),
        ],
    )
    def test_page_is_read_in_order_of_index(self, crowd, as_tim, monkeypatch, params, index):
        plan = self.plan_of(as_tim, monkeypatch, **params)
        if connection.vendor == "sqlite":  # its LIKE is our own function, which uses no index
            index = index.replace("customer_by_state", "customer_by_age")
        assert index in plan, plan
        assert "Sort" not in plan, plan
        assert "B-TREE" not in plan, plan
