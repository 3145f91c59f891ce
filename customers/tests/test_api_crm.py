"""Contract 004: a customer's own profile, and the check whether a profile exists."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from common.domain.caller import Role
from common.domain.ids import new_uuid
from customers.models import Customer, CustomerUser
from testing import factories
from testing.storms import parallel
from testing.suites import UNAUTHENTICATED, count_queries, refused, stored

pytestmark = pytest.mark.django_db

PROFILE = "/api/v1/customers/profile/"
CREATE, UPDATE, DELETE = (f"{PROFILE}{verb}/" for verb in ("create", "update", "delete"))
CHECK = "/api/v1/customers/check_profile_exists/"

ADDRESS = {"street_address": "123 Test St", "city": "Portland", "state": "Oregon", "postal_code": "97201"}
EVERYTHING = {
    **ADDRESS,
    "country": "Canada",
    "company_name": "Taxi Ltd",
    "business_type": "Taxi",
    "tax_id": "93-1234567",
    "emergency_contact_name": "Paul Porter",
    "emergency_contact_phone": "+15035550143",
    "emergency_contact_relationship": "Brother",
    "preferred_contact_method": "sms",
}
ALL_ON = {"email": True, "order_updates": True, "refund_updates": True, "support_replies": True}
NO_PROFILE = {
    "error": "Customer profile not found",
    "detail": "No profile has been created for this user yet. Create it with POST profile/create/.",
}
CUSTOMERS_ONLY = {"error": "Access denied", "detail": "Only customers can access this endpoint."}
EXISTS = {"error": "Profile already exists", "detail": "This user already has a customer profile."}
UNAUTHORIZED = {"error": "Unauthorized", **UNAUTHENTICATED}


def iso(instant):
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def body_of(customer, user=None, **changed):
    """Return the expected profile, built without the serializer, with the fields of `user` or of the contact."""
    customer.refresh_from_db()
    person = user or customer.contact
    address = (customer.street_address, customer.city, f"{customer.state} {customer.postal_code}".strip())
    abroad = "" if customer.country == "USA" else customer.country
    changes = customer.history.values_list("history_date", flat=True)
    times = [time for time in (customer.customer_since, customer.last_service_date, *changes) if time]
    return {
        "id": str(customer.uuid),
        "user_id": str(person.uuid) if person else None,
        "email": (person and person.email) or "",
        "first_name": person.first_name if person else "",
        "last_name": person.last_name if person else "",
        "phone_number": person.phone if person else "",
        "street_address": customer.street_address,
        "city": customer.city,
        "state": customer.state,
        "postal_code": customer.postal_code,
        "country": customer.country,
        "company_name": customer.company_name,
        "business_type": customer.business_type,
        "tax_id": customer.tax_id,
        "emergency_contact_name": customer.emergency_contact_name,
        "emergency_contact_phone": customer.emergency_contact_phone,
        "emergency_contact_relationship": customer.emergency_contact_relationship,
        "is_verified": customer.is_verified,
        "customer_since": iso(customer.customer_since),
        "last_service_date": iso(customer.last_service_date),
        "total_services": customer.total_services,
        "preferred_contact_method": customer.preferred_contact_method,
        "notification_preferences": customer.notification_preferences,
        "full_name": person.full_name if person else "",
        "full_address": ", ".join(part for part in (*address, abroad) if part),
        "is_business_customer": customer.company_name != "",
        "created_at": iso(customer.customer_since),
        "updated_at": iso(max(times)),
    } | changed


def known(user, customer):
    """Return the answer to whether a user has a profile."""
    return {
        "exists": customer is not None,
        "customer_id": str(customer.uuid) if customer else None,
        "profile_exists": customer is not None,
        "user_id": str(user.uuid),
    }


class TestProfile:
    def test_returns_customer_and_user(self, as_alice, alice, now):
        Customer.objects.update(
            **EVERYTHING, is_verified=True, total_services=3, last_service_date=now - timedelta(days=21)
        )
        response = as_alice.get(PROFILE)
        body = body_of(alice)
        assert (response.status_code, response.json(), list(response.json())) == (200, body, list(body))
        assert body["total_services"] == 3
        assert body["last_service_date"].endswith("Z")

    def test_second_login_sees_own_user_in_same_profile(self, alice, carol, sign_in):
        CustomerUser.objects.create(customer=alice, user=carol)
        assert sign_in(carol).get(PROFILE).json() == body_of(alice, carol)
        assert sign_in(alice.contact).get(PROFILE).json() == body_of(alice)

    def test_other_customer_sees_own_profile(self, as_bob, alice, bob):
        assert as_bob.get(PROFILE).json() == body_of(bob)

    def test_costs_two_queries(self, as_alice):
        as_alice.get(PROFILE)
        assert count_queries(lambda: as_alice.get(PROFILE)) == 2


class TestCreate:
    def test_printed_request_creates_profile(self, sign_in, carol, now):
        response = sign_in(carol).post(CREATE, {**ADDRESS, "country": "USA"}, format="json")
        customer = Customer.objects.get()
        assert (response.status_code, response.json()) == (201, body_of(customer))
        assert customer.contact == carol
        assert customer.customer_since - now < timedelta(minutes=1)
        expected = {
            **dict.fromkeys(set(EVERYTHING) - set(ADDRESS), ""), **ADDRESS, "country": "USA",
            "is_verified": False, "total_services": 0, "last_service_date": None,
            "preferred_contact_method": "email", "notification_preferences": ALL_ON,
        }  # fmt: skip
        assert {name: response.json()[name] for name in expected} == expected
        assert [row.history_user for row in customer.history.all()] == [carol]

    def test_every_field_is_stored(self, sign_in, carol):
        body = {**EVERYTHING, "notification_preferences": {"email": False, "push": True}}
        response = sign_in(carol).post(CREATE, body, format="json")
        preferences = {**ALL_ON, "email": False, "push": True}
        assert (response.status_code, response.json()) == (
            201,
            body_of(Customer.objects.get(), **{**EVERYTHING, "notification_preferences": preferences}),
        )

    def test_route_accepts_missing_slash_json_as_text_and_no_country(self, sign_in, carol):
        text = (
            '{"street_address": "123 Test St", "city": "Portland", "state": "Oregon", "postal_code": "97201"}'
        )
        response = sign_in(carol).post(CREATE.rstrip("/"), text, content_type="text/plain;charset=UTF-8")
        assert (response.status_code, response.json()["country"]) == (201, "USA")

    def test_fields_of_the_shop_are_ignored(self, sign_in, carol, alice):
        body = {
            **ADDRESS, "is_verified": True, "total_services": 99, "customer_since": "2001-01-01T00:00:00Z",
            "id": str(uuid4()), "user_id": str(alice.contact.uuid), "email": "x@example.com", "contact": 1,
        }  # fmt: skip
        response = sign_in(carol).post(CREATE, body, format="json")
        made = Customer.objects.latest("id")
        assert (made.contact, made.is_verified, made.total_services) == (carol, False, 0)
        assert response.json() == body_of(made)
        assert made.customer_since.year > 2020

    def test_null_counts_as_empty(self, sign_in, carol):
        nothing = dict.fromkeys(set(EVERYTHING) - set(ADDRESS) - {"country", "preferred_contact_method"})
        assert sign_in(carol).post(CREATE, {**ADDRESS, **nothing}, format="json").status_code == 201

    def test_second_profile_is_409(self, as_alice, alice):
        before = [stored(alice)]
        refused(as_alice.post(CREATE, ADDRESS, format="json"), 409, EXISTS, alice, before=before)
        assert Customer.objects.count() == 1

    def test_idempotency_key_creates_one_profile(self, sign_in, carol):
        client, key = sign_in(carol), {"Idempotency-Key": "k1"}
        first, again = (client.post(CREATE, ADDRESS, format="json", headers=key) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        other = client.post(CREATE, {**ADDRESS, "city": "Salem"}, format="json", headers=key)
        assert (other.status_code, other.json()) == (
            422,
            {
                "error": "Idempotency key reused",
                "detail": "This Idempotency-Key was already used for another request.",
            },
        )
        assert Customer.objects.get().city == "Portland"

    def test_missing_fields_are_named(self, sign_in, carol):
        response = sign_in(carol).post(CREATE, {}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {name: ["This field is required."] for name in ADDRESS},
        )
        assert not Customer.objects.exists()

    @pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff", b""])
    def test_body_other_than_json_object_is_400(self, sign_in, carol, raw):
        response = sign_in(carol).post(CREATE, raw, content_type="application/json")
        assert response.status_code == 400
        assert not Customer.objects.exists()


WRONG = [
    ("street_address", "", "This field may not be blank."),
    ("street_address", None, "This field may not be null."),
    ("city", "x" * 101, "Ensure this field has no more than 100 characters."),
    ("state", ["OR"], "Not a valid string."),
    ("postal_code", "9" * 21, "Ensure this field has no more than 20 characters."),
    ("country", "", "This field may not be blank."),
    ("company_name", "a\x00b", "Null characters are not allowed."),
    ("city", "a\nb", "Control characters such as line breaks and tabs are not allowed here."),
    ("emergency_contact_phone", "123", "Enter a phone number of 7 to 15 digits."),
    ("preferred_contact_method", "pigeon", '"pigeon" is not a valid choice. Choose one of: email, phone, sms.'),
    ("notification_preferences", [], "Give an object whose values are true or false."),
    ("notification_preferences", {"email": 1}, "Give an object whose values are true or false."),
    ("notification_preferences", None, "This field may not be null."),
    (
        "notification_preferences",
        {"e mail": True},
        "Name each kind with 1 to 50 letters, digits, dots, hyphens or underscores.",
    ),
    ("notification_preferences", {f"k{n}": True for n in range(48)}, "Give at most 50 kinds of notification."),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_invalid_value_is_named_without_change(as_alice, alice, sign_in, carol, field, value, message):
    before = [stored(alice)]
    body = {**ADDRESS, field: value}
    refused(as_alice.patch(UPDATE, body, format="json"), 400, {field: [message]}, alice, before=before)
    refused(sign_in(carol).post(CREATE, body, format="json"), 400, {field: [message]}, alice, before=before)
    assert Customer.objects.count() == 1


class TestUpdate:
    def test_all_fields_change_in_one_history_row(self, as_alice, alice):
        response = as_alice.patch(UPDATE, EVERYTHING, format="json")
        assert (response.status_code, response.json()) == (200, body_of(alice, **EVERYTHING))
        assert alice.history.count() == 2
        assert alice.history.latest().history_user == alice.contact
        assert as_alice.get(PROFILE).json() == response.json()

    def test_put_keeps_fields_that_are_not_sent_too(self, as_alice, alice):
        response = as_alice.put(UPDATE, {"city": "Albany", "is_verified": True}, format="json")
        assert (response.status_code, response.json()) == (
            200, body_of(alice, city="Albany", is_verified=False)
        )  # fmt: skip
        refusal = as_alice.put(UPDATE, {"preferred_contact_method": "fax"}, format="json")
        assert (refusal.status_code, list(refusal.json())) == (400, ["preferred_contact_method"])

    def test_fields_not_sent_or_unknown_or_unchanged_keep_values(self, as_alice, alice):
        before = stored(alice)
        for body in ({}, {"colour": "red"}, body_of(alice)):
            response = as_alice.patch(UPDATE, body, format="json")
            assert (response.status_code, response.json(), stored(alice)) == (200, body_of(alice), before)

    def test_fields_that_cannot_change_are_refused(self, as_alice, alice):
        before = stored(alice)
        fields = {"is_verified": True, "total_services": 9, "user_id": str(uuid4()), "first_name": "Eve"}
        response = as_alice.patch(
            UPDATE, {**fields, "city": "X", "email": alice.contact.email}, format="json"
        )
        assert (response.status_code, response.json(), stored(alice)) == (
            400,
            {name: ["This field cannot be changed."] for name in fields},
            before,
        )

    @pytest.mark.parametrize("field", ["company_name", "tax_id"])
    def test_change_of_what_the_shop_verified_withdraws_the_verification(self, as_alice, alice, field):
        Customer.objects.update(is_verified=True, **{field: "old"})
        for body, verified in (({"city": "Salem"}, True), ({field: "old"}, True), ({field: "new"}, False)):
            assert as_alice.patch(UPDATE, body, format="json").json()["is_verified"] is verified

    def test_kinds_not_sent_keep_values(self, as_alice, alice):
        for given, expected in (
            ({"email": False}, {**ALL_ON, "email": False}),
            ({"push": True}, {**ALL_ON, "email": False, "push": True}),
            ({}, {**ALL_ON, "email": False, "push": True}),
        ):
            body = as_alice.patch(UPDATE, {"notification_preferences": given}, format="json").json()
            assert body == body_of(alice, notification_preferences=expected)

    def test_route_accepts_missing_slash_and_json_as_text(self, as_alice, alice):
        response = as_alice.patch(UPDATE.rstrip("/"), '{"city": "Albany"}', content_type="text/plain")
        assert (response.status_code, response.json()) == (200, body_of(alice, city="Albany"))

    def test_other_customer_changes_own_profile(self, as_bob, alice, bob):
        before = stored(alice)
        assert as_bob.patch(UPDATE, {"city": "Albany"}, format="json").json() == body_of(bob, city="Albany")
        assert stored(alice) == before


class TestDelete:
    def test_personal_data_is_cleared_and_repair_history_stays(self, as_alice, alice, now):
        user = alice.contact
        order = factories.RepairOrderFactory(vehicle__customer=alice, status="denied")
        Customer.objects.update(**EVERYTHING, is_verified=True, total_services=3, last_service_date=now)
        as_alice.patch(UPDATE, {"city": "Albany", "language": "de"}, format="json")
        response = as_alice.delete(DELETE)
        assert (response.status_code, response.content) == (204, b"")
        former = Customer.objects.get()
        cleared = dict.fromkeys(EVERYTHING, "") | {"country": "USA", "preferred_contact_method": "email"}
        assert body_of(former) == body_of(
            former, **cleared, user_id=None, email="", is_verified=False, total_services=3,
            last_service_date=iso(now), notification_preferences=ALL_ON,
        )  # fmt: skip
        assert str(former) == "Former customer"
        order.refresh_from_db()
        assert (order.customer, order.vehicle.customer) == (former, former)
        # The history holds no personal data either.
        traces = former.history.values_list(
            "contact", "street_address", "city", "company_name", "history_user"
        )
        assert set(traces) == {(None, "", "", "", None)}
        assert former.history.latest().history_change_reason == "profile deleted"
        user.refresh_from_db()
        assert (user.is_active, user.first_name) == (True, "Alice")

    def test_login_stays_and_creates_new_profile(self, as_alice, alice):
        assert as_alice.delete(DELETE.rstrip("/")).status_code == 204
        for response in (
            as_alice.get(PROFILE),
            as_alice.delete(DELETE),
            as_alice.patch(UPDATE, {"city": "X"}, format="json"),
        ):
            assert (response.status_code, response.json()) == (404, NO_PROFILE)
        made = as_alice.post(CREATE, ADDRESS, format="json")
        assert made.status_code == 201
        new = Customer.objects.get(uuid=made.json()["id"])
        assert (new.contact, new.pk != alice.pk) == (alice.contact, True)
        assert as_alice.get(PROFILE).json() == made.json() == body_of(new)

    def test_other_customers_stay_unchanged(self, as_alice, alice, bob):
        before = stored(bob)
        assert as_alice.delete(DELETE).status_code == 204
        assert stored(bob) == before

    def test_customer_with_other_login_stays(self, as_alice, alice, carol, sign_in):
        CustomerUser.objects.create(customer=alice, user=carol)
        Customer.objects.update(company_name="Cooper Ltd")
        assert as_alice.delete(DELETE).status_code == 204
        assert sign_in(carol).get(PROFILE).json() == body_of(alice, carol, company_name="Cooper Ltd")
        alice.refresh_from_db()
        assert (alice.contact, alice.city) == (carol, "Springfield")
        assert as_alice.get(PROFILE).status_code == 404

    def test_second_login_leaves_customer_unchanged(self, as_alice, alice, carol, sign_in):
        CustomerUser.objects.create(customer=alice, user=carol)
        before = stored(alice)
        assert sign_in(carol).delete(DELETE).status_code == 204
        assert stored(alice) == before
        assert as_alice.get(PROFILE).status_code == 200


class TestPermissions:
    CALLS = (("get", PROFILE), ("patch", UPDATE), ("delete", DELETE), ("post", CREATE))

    @pytest.mark.parametrize(("method", "url"), CALLS)
    def test_missing_token_is_401(self, api, alice, method, url):
        before = [stored(alice)]
        response = getattr(api, method)(url, ADDRESS, format="json")
        refused(response, 401, UNAUTHORIZED, alice, before=before)
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'

    @pytest.mark.parametrize(("method", "url"), CALLS)
    @pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.ADVISOR, Role.MANAGER, Role.ADMIN])
    def test_staff_get_403(self, sign_in, method, url, role):
        response = getattr(sign_in(factories.UserFactory(role=role)), method)(url, ADDRESS, format="json")
        assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)
        assert not Customer.objects.exists()

    @pytest.mark.parametrize(("method", "url"), CALLS[:3])
    def test_login_without_profile_gets_printed_404(self, sign_in, carol, method, url):
        response = getattr(sign_in(carol), method)(url, ADDRESS, format="json")
        assert (response.status_code, response.json()) == (404, NO_PROFILE)

    @pytest.mark.parametrize(("url", "allow"), [(u, m.upper()) for m, u in CALLS])
    def test_other_methods_are_405(self, as_alice, alice, url, allow):
        before = stored(alice)
        allow = {"GET": "GET, HEAD", "PATCH": "PUT, PATCH"}.get(allow, allow)
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(allow.split(", ")):
            response = as_alice.generic(method, url, b"{}", content_type="application/json")
            assert (response.status_code, response.json(), response["Allow"]) == (
                405,
                {"error": "Method not allowed", "detail": f'Method "{method}" not allowed.'},
                allow,
            )
        assert stored(alice) == before


class TestCheckProfileExists:
    def ask(self, client, user_id):
        return client.post(CHECK, {"user_id": str(user_id)}, format="json")

    def test_customer_checks_own_user(self, as_alice, alice, sign_in, carol):
        response = self.ask(as_alice, alice.contact.uuid)
        assert (response.status_code, response.json()) == (
            200,
            known(alice.contact, alice),
        )
        response = self.ask(sign_in(carol), carol.uuid)
        assert (response.status_code, response.json()) == (200, known(carol, None))

    def test_staff_check_every_user(self, as_tim, alice, carol):
        assert self.ask(as_tim, alice.contact.uuid).json() == known(alice.contact, alice)
        assert self.ask(as_tim, carol.uuid).json() == known(carol, None)
        unknown = new_uuid()
        assert self.ask(as_tim, unknown).json() == {
            "exists": False, "customer_id": None, "profile_exists": False, "user_id": str(unknown)
        }  # fmt: skip

    def test_customer_checking_other_user_gets_403(self, as_bob, bob, alice, carol):
        for other in (alice.contact.uuid, carol.uuid, new_uuid()):
            response = self.ask(as_bob, other)
            assert (response.status_code, response.json()) == (
                403,
                {"error": "Access denied", "detail": "You can check your own user only."},
            )

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "This field is required."),
            ({"user_id": None}, "This field may not be null."),
            ({"user_id": "71"}, "Must be a valid UUID."),
            ({"user_id": 71}, "Must be a valid UUID."),
            ({"user_id": "01a1fdb833527410814 88a1e7705ef42"}, "Must be a valid UUID."),
            ({"user_id": "{01a1fdb8-3352-7410-8148-8a1e7705ef42}"}, "Must be a valid UUID."),
            ({"user_id": "01a1fdb8-3352-7410-8148-8a1e7705ef42\n"}, "Must be a valid UUID."),
        ],
    )
    def test_invalid_uuid_is_named(self, as_alice, body, message):
        response = as_alice.post(CHECK, body, format="json")
        assert (response.status_code, response.json()) == (400, {"user_id": [message]})

    def test_missing_token_is_401(self, api, alice):
        response = self.ask(api, alice.contact.uuid)
        assert (response.status_code, response.json()) == (401, UNAUTHORIZED)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    def test_one_of_parallel_creates_is_201(self, sign_in, carol):
        client = sign_in(carol)
        answers = parallel(10, lambda _: client.post(CREATE, ADDRESS, format="json"))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
        assert [answer.json() for answer in answers if answer.status_code == 409] == [EXISTS] * 9
        assert (Customer.objects.count(), CustomerUser.objects.count()) == (1, 1)

    def test_one_of_parallel_deletes_is_204(self, sign_in, alice):
        client = sign_in(alice.contact)
        answers = parallel(10, lambda _: client.delete(DELETE))
        assert sorted(answer.status_code for answer in answers) == [204] + [404] * 9
        assert [answer.json() for answer in answers if answer.status_code == 404] == [NO_PROFILE] * 9
        assert not CustomerUser.objects.exists()

    def test_parallel_changes_are_all_stored(self, sign_in, alice):
        client = sign_in(alice.contact)
        parallel(
            10,
            lambda n: client.patch(UPDATE, {"notification_preferences": {f"kind{n}": False}}, format="json"),
        )
        alice.refresh_from_db()
        assert alice.notification_preferences == ALL_ON | {f"kind{n}": False for n in range(10)}

    def test_parallel_requests_with_one_key_create_one_profile(self, sign_in, carol):
        client, key = sign_in(carol), {"Idempotency-Key": "k1"}
        answers = parallel(6, lambda _: client.post(CREATE, ADDRESS, format="json", headers=key))
        made = UUID(answers[0].json()["id"])
        assert [(a.status_code, a.json()["id"]) for a in answers] == [(201, str(made))] * 6
        assert Customer.objects.get().uuid == made
