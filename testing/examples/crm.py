"""Contract 004: a business customer, a new customer, and the calls of staff and other services."""

from __future__ import annotations

from customers.models import Customer
from testing.examples.calls import ADMIN, NEWCOMER, TECHNICIAN, Call, Calls

BUSINESS = ("business@example.com", "business12345")
ALICE = ("alice.cooper@customer.com", "password123")
NOBODYS = "01890000-0000-7000-8000-000000000000"
ADDRESS = "/api/v1/customers/"
AUTH = "/api/v1/auth/"


def names() -> dict[str, str]:
    """Return the values of the names in braces: the business, its user, and Alice."""
    business = Customer.objects.with_contact().get(contact__email=BUSINESS[0])
    alice = Customer.objects.with_contact().get(contact__email=ALICE[0])
    assert business.contact and alice.contact
    return {"business": str(business.uuid), "user": str(business.contact.uuid), "alice": str(alice.uuid)}


NEW = {
    "email": "wanda@example.com",
    "first_name": "Wanda",
    "last_name": "Walker",
    "phone_number": "+15551234567",
    "password1": "Walk-4-Parts!",
    "password2": "Walk-4-Parts!",
}
PROFILE = {
    "street_address": "456 Oak Ave",
    "city": "Portland",
    "state": "OR",
    "postal_code": "97202",
    "country": "USA",
    "preferred_contact_method": "sms",
    "notification_preferences": {"email": True, "order_updates": False},
}
STAFF_ONLY = [Call(401), Call(403, BUSINESS)]

ALL: Calls = {
    "crm_profile_get": (
        "get",
        f"{ADDRESS}profile/",
        [Call(200, BUSINESS), Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)],
    ),
    "crm_create_profile_post": (
        "post",
        f"{ADDRESS}profile/create/",
        [
            Call(201, NEWCOMER, body=PROFILE),
            Call(400, BUSINESS, body={"city": "Portland"}),
            Call(401, body=PROFILE),
            Call(403, TECHNICIAN, body=PROFILE),
            Call(409, NEWCOMER, body=PROFILE),
        ],
    ),
    "crm_update_profile_patch": (
        "patch",
        f"{ADDRESS}profile/update/",
        [
            Call(200, NEWCOMER, body={"city": "Salem"}),
            Call(400, NEWCOMER, body={"preferred_contact_method": "fax"}),
        ],
    ),
    "crm_credentials_patch": (
        "patch",
        "/api/auth/profile/update/",
        [
            Call(200, NEWCOMER, body={"first_name": "Nora", "phone_number": "+15035550199"}),
            Call(401, body={}),
        ],
    ),
    "crm_update_profile_put": (
        "put",
        f"{ADDRESS}profile/update/",
        [Call(200, NEWCOMER, body={"city": "Eugene"}), Call(401, body={})],
    ),
    "crm_credentials_put": (
        "put",
        "/api/auth/profile/update/",
        [Call(200, NEWCOMER, body={"last_name": "Newcomer"}), Call(401, body={})],
    ),
    "crm_register_post": (
        "post",
        f"{AUTH}register/",
        [Call(201, body=NEW), Call(400, body=NEW | {"password2": "another"})],
    ),
    "crm_login_post": (
        "post",
        f"{AUTH}login/",
        [
            Call(200, body=dict(zip(("email", "password"), BUSINESS, strict=True))),
            Call(401, body={"email": BUSINESS[0], "password": "wrong"}),
        ],
    ),
    "crm_refresh_post": (
        "post",
        f"{AUTH}token/refresh/",
        [Call(200, BUSINESS, body={"refresh": "{refresh}"}), Call(401, body={"refresh": "expired"})],
    ),
    "crm_logout_post": (
        "post",
        f"{AUTH}logout/",
        [Call(200, BUSINESS, body={"refresh": "{refresh}"}), Call(401, body={"refresh": "expired"})],
    ),
    "crm_user_profile_get": ("get", f"{AUTH}profile/", [Call(200, NEWCOMER), Call(401)]),
    "crm_user_profile_patch": (
        "patch",
        f"{AUTH}profile/",
        [Call(200, NEWCOMER, body={"first_name": "Nora"}), Call(401, body={})],
    ),
    "crm_update_user_profile_put": (
        "put",
        f"{AUTH}profile/update/",
        [Call(200, NEWCOMER, body={"first_name": "Nora"}), Call(401, body={})],
    ),
    "crm_update_user_profile_patch": (
        "patch",
        f"{AUTH}profile/update/",
        [Call(200, NEWCOMER, body={"first_name": "Nora"}), Call(401, body={})],
    ),
    "crm_delete_profile_delete": (
        "delete",
        f"{ADDRESS}profile/delete/",
        [Call(204, NEWCOMER), Call(404, NEWCOMER)],
    ),
    "crm_check_profile_exists_post": (
        "post",
        f"{ADDRESS}check_profile_exists/",
        [Call(200, ADMIN, body={"user_id": "{user}"}), Call(403, ALICE, body={"user_id": "{user}"})],
    ),
    "crm_customers_get": (
        "get",
        ADDRESS,
        [
            Call(200, ADMIN, {"search": "porter", "is_verified": "true"}),
            Call(400, ADMIN, {"since": "yesterday"}),
            *STAFF_ONLY,
        ],
    ),
    "crm_customer_detail_get": (
        "get",
        f"{ADDRESS}{{business}}/",
        [Call(200, ADMIN), Call(401), Call(404, ALICE)],
    ),
    "crm_customer_dashboard_get": (
        "get",
        f"{ADDRESS}{{business}}/dashboard/",
        [Call(200, BUSINESS), Call(401), Call(404, ALICE)],
    ),
    "crm_customer_by_user_get": (
        "get",
        f"{ADDRESS}by_user_id/",
        [Call(200, ADMIN, {"user_id": "{user}"}), Call(401), Call(404, ADMIN, {"user_id": NOBODYS})],
    ),
    "crm_logical_customer_get": (
        "get",
        f"{ADDRESS}logical/{{user}}/",
        [Call(200, BUSINESS), Call(401), Call(404, ALICE)],
    ),
    "crm_logical_customer_patch": (
        "patch",
        f"{ADDRESS}logical/{{user}}/",
        [
            Call(200, BUSINESS, body={"preferred_contact_method": "phone"}),
            Call(400, BUSINESS, body={"preferred_contact_method": "fax"}),
            Call(401, body={}),
            Call(404, ALICE, body={"city": "Salem"}),
        ],
    ),
    "crm_verify_customer_post": ("post", f"{ADDRESS}{{alice}}/verify/", [Call(200, ADMIN), *STAFF_ONLY]),
    "crm_increment_service_post": (
        "post",
        f"{ADDRESS}{{alice}}/increment_service/",
        [Call(200, ADMIN), *STAFF_ONLY],
    ),
    "crm_customer_statistics_get": ("get", f"{ADDRESS}stats/", [Call(200, ADMIN), *STAFF_ONLY]),
    "crm_health_get": ("get", f"{ADDRESS}health/", [Call(200)]),
}
