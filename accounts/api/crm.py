"""Contract 004, "Registration Flow": what is sent and answered. The address is shared with contract 003 and stands in
`portal/api/registration.py`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.phones import validate_phone
from common.fields import OptionalText


class CrmRegistration(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password1 = serializers.CharField(source="password", trim_whitespace=False, max_length=128)
    password2 = serializers.CharField(trim_whitespace=False, max_length=128)
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100)
    phone_number = OptionalText(source="phone", max_length=30, validators=[validate_phone])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password"] != attrs.pop("password2"):
            raise serializers.ValidationError({"password2": ["The two passwords are not the same."]})
        return attrs


class CrmUser(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="uuid")
    email = serializers.EmailField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    phone_number = serializers.CharField(source="phone")
    user_role = serializers.CharField(source="role")


class CrmTokens(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class CrmRegistered(serializers.Serializer[Any]):
    tokens = CrmTokens()
    user = CrmUser()
