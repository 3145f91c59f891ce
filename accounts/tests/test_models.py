from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, models, transaction
from django.db.models import Value

from accounts.models import Device, KnownAddress, Session, User, new_referral_code, normalize_email
from common.domain.caller import Role
from common.domain.database import violates

pytestmark = pytest.mark.django_db


def test_new_referral_code_has_no_ambiguous_characters():
    codes = {new_referral_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(re.fullmatch(r"REF-[A-HJ-NP-Z2-9]{8}", code) for code in codes)


def test_normalize_email_trims_and_lowers():
    assert normalize_email("  Alice.COOPER@Customer.Com ") == "alice.cooper@customer.com"


class TestUser:
    def test_create_user_stores_email_in_lower_case(self):
        user = User.objects.create_user("MiXed@Example.COM", "a password", first_name="Max")
        assert (user.email, user.role, user.is_staff, user.is_superuser) == (
            "mixed@example.com", "customer", False, False
        )  # fmt: skip
        assert user.check_password("a password")
        assert User.objects.get_by_natural_key(" MIXED@example.com") == user

    def test_create_user_without_email_and_password_cannot_sign_in(self):
        first, second = User.objects.create_user(None), User.objects.create_user("")
        assert (first.email, second.email) == (None, None)
        assert not first.has_usable_password()

    def test_create_superuser_sets_admin_role(self):
        user = User.objects.create_superuser("root@example.com", "a password")
        assert (user.role, user.is_superuser, user.is_staff) == (Role.ADMIN, True, True)

    @pytest.mark.parametrize(
        ("column", "value", "constraint"),
        [
            ("role", "owner", "user_role_is_known"),
            ("email", "Upper@example.com", "user_email_is_lower_case"),
        ],
    )
    def test_database_refuses_invalid_user(self, carol, column, value, constraint):
        with pytest.raises(IntegrityError) as refusal, transaction.atomic():
            # A literal, because the field of the column would fold it.
            User.objects.filter(pk=carol.pk).update(**{column: Value(value, models.TextField())})
        assert violates(refusal.value, User, constraint)
        carol.refresh_from_db()
        assert carol.role == "customer"

    def test_email_is_unique_in_any_case(self, carol):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create_user(carol.email.upper())
        assert User.objects.count() == 1

    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"first_name": "Pat", "last_name": "Poe"}, "Pat Poe"),
            ({"first_name": "Pat", "last_name": ""}, "Pat"),
            ({"first_name": "", "last_name": ""}, "pat@example.com"),
            ({"first_name": "", "last_name": "", "email": None}, "User 7"),
        ],
    )
    def test_str(self, fields, text):
        assert str(User(**({"id": 7, "email": "pat@example.com"} | fields))) == text

    @pytest.mark.parametrize(
        ("typed", "stored"), [(" A@B.Example ", "a@b.example"), ("", None), ("   ", None), (None, None)]
    )
    def test_clean_changes_empty_email_to_null(self, typed, stored):
        user = User(email=typed)
        user.clean()
        assert user.email == stored

    @pytest.mark.parametrize("role", Role.values)
    def test_is_staff_is_true_for_all_roles_but_customer(self, role):
        assert User(role=role).is_staff is (role != "customer")
        assert User(role=role, is_superuser=True).is_staff

    def test_history_has_no_password(self, carol):
        names = {field.name for field in User.history.model._meta.fields}
        assert names.isdisjoint({"password", "last_login"})


def test_str_of_other_models(carol, now):
    assert str(Device(device_id="phone-1")) == "phone-1"
    assert str(Session(pk=3)) == "Session 3"
    assert str(KnownAddress(address="::1")) == "::1"
