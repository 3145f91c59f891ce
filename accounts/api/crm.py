"""Contract 004, "Authentication Service": the bodies of registration, and the caller's own credentials.

The route of registration is shared with contract 003 and lives in `portal/api/registration.py`.
"""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.emails import Origin
from accounts.models import User
from accounts.phones import validate_phone
from accounts.profile import change_person
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.crm import CrmView
from common.http.fields import OptionalText
from common.http.permissions import SignedIn
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Serializer


class CrmRegistration(Serializer):
    email = serializers.EmailField(max_length=254)
    password1 = serializers.CharField(source="password", trim_whitespace=False, max_length=128)
    password2 = serializers.CharField(trim_whitespace=False, max_length=128)
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100)
    phone_number = OptionalText(source="phone", max_length=30, validators=[validate_phone])

    def validate(self, attrs: Json) -> Json:
        if attrs["password"] != attrs.pop("password2"):
            raise serializers.ValidationError({"password2": ["The two passwords are not the same."]})
        return attrs


class CrmUser(Serializer):
    id = serializers.UUIDField(source="uuid")
    email = serializers.EmailField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    phone_number = serializers.CharField(source="phone")
    user_role = serializers.CharField(source="role")


class CrmTokens(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class CrmRegistered(Serializer):
    tokens = CrmTokens()
    user = CrmUser()


class CredentialsInput(Serializer):
    email = serializers.EmailField(max_length=254)
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100, allow_blank=True)
    phone_number = serializers.CharField(
        source="phone", max_length=30, allow_blank=True, validators=[validate_phone]
    )


class Credentials(CrmView):
    """Change your email, names or phone.

    Fields that are not sent keep their values. Every role may use this route. A token's claims show the change after
    the next refresh. A changed email counts at once. The old address is told and can undo the change for 72 hours, and
    a forgotten password is mailed to it until the new one is confirmed. An hour allows twenty tries to change an email.
    """

    permission_classes = [SignedIn]
    input_class = CredentialsInput

    @extend_schema(responses=CrmUser)
    def patch(self, request: Request) -> JSONResponse:
        user = User.objects.get(pk=self.caller.user_id)
        origin = Origin(
            user_id=self.caller.user_id,
            address=client_address(request._request),
            at=timezone.now(),
            session=self.caller.session,
        )
        change_person(user=user, origin=origin, **self.read_body(partial=True))
        return self.show()

    def show(self) -> JSONResponse:
        return JSONResponse(serialize(CrmUser, User.objects.get(pk=self.caller.user_id)))


urlpatterns = [route("auth/profile/update/", Credentials.as_view())]
