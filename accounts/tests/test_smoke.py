import pytest

pytestmark = pytest.mark.django_db


def test_smoke(as_alice, alice):
    assert as_alice.get("/api/auth/customer-profile/").json()["user_id"] == alice.contact_id
    assert as_alice.get("/api/shop/repair-orders/customers/me/repair-orders/").json()["count"] == 0
