"""Contract 004, "Update User Info": one's own credentials. What belongs to the customer is changed in `customers`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.phones import validate_phone
from accounts.profile import change_person
from common.contracts.crm import CrmView
from common.permissions import SignedIn
from common.routing import route


class CrmPerson(serializers.Serializer[Any]):
    """The user as registration shows him."""

    id = serializers.UUIDField(source="uuid")
    email = serializers.EmailField(allow_null=True)
    first_name = serializers.CharField(allow_blank=True)
    last_name = serializers.CharField(allow_blank=True)
    phone_number = serializers.CharField(source="phone", allow_blank=True)
    user_role = serializers.CharField(source="role")


class CrmPersonInput(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100, allow_blank=True)
    phone_number = serializers.CharField(
        source="phone", max_length=30, allow_blank=True, validators=[validate_phone]
    )


class Credentials(CrmView):
    """Change one's own email, names or phone; what is not sent stays.

    Anybody signed in may. A token's claims show the change when it is refreshed.
    """

    permission_classes = [SignedIn]
    input_class = CrmPersonInput

    @extend_schema(responses=CrmPerson)
    def patch(self, request: Request) -> Response:
        user = User.objects.get(pk=self.caller.user_id)
        change_person(user=user, **self.read_body(partial=True))
        return Response(CrmPerson(user).data)


urlpatterns = [route("auth/profile/update/", Credentials.as_view())]
