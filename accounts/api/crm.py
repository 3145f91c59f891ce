"""Contract 004, "Authentication Service": registration, tokens, and the caller's own credentials.

The route of registration below `/api/` is shared with contract 003 and lives in `portal/api/registration.py`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions
from accounts.api.own_user import change_own_user
from accounts.models import User
from accounts.phones import validate_phone
from accounts.registration import register
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.crm import CrmView
from common.http.fields import Instant, OptionalText
from common.http.permissions import SignedIn
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Serializer


class CrmRegistration(Serializer):
    email = serializers.EmailField(max_length=254)
    password1 = serializers.CharField(
        source="password",
        trim_whitespace=False,
        max_length=128,
        help_text="The password. It must meet the rules for passwords.",
    )
    password2 = serializers.CharField(
        trim_whitespace=False, max_length=128, help_text="The same password again."
    )
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


class CrmPerson(CrmUser):
    """A user as the authentication service shows them."""

    created_at = Instant()
    is_active = serializers.BooleanField()


class CrmTokens(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class CrmSignedIn(CrmPerson):
    tokens = CrmTokens()


class CrmRegistered(Serializer):
    tokens = CrmTokens()
    user = CrmUser()
    # The fields of the user again, where clients of the authentication service look for them.
    id = serializers.UUIDField(source="user.uuid")
    email = serializers.EmailField(source="user.email")
    first_name = serializers.CharField(source="user.first_name")
    last_name = serializers.CharField(source="user.last_name")
    user_role = serializers.CharField(source="user.role")
    created_at = Instant(source="user.created_at")


class CrmCredentials(Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    code = OptionalText(max_length=40, help_text="Code of the second factor of staff.")


class RefreshInput(Serializer):
    refresh = serializers.CharField(max_length=4096)


class CrmMessage(Serializer):
    message = serializers.CharField()


class TokenView(CrmView):
    """A route without authentication.

    The `Authorization` header is ignored, because a client that sends its expired token with every request must still
    get a new one.
    """

    permission_classes = [AllowAny]
    authentication_classes = []


class Register(TokenView):
    """Create an account and sign in.

    The customer record is created by `profile/create/`. An IP address can register twenty accounts an hour.
    """

    input_class = CrmRegistration

    @extend_schema(responses={201: CrmRegistered})
    def post(self, request: Request) -> JSONResponse:
        user, tokens = register(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(serialize(CrmRegistered, {"tokens": tokens, "user": user}), status=201)


class Login(TokenView):
    """Sign in with email and password.

    Wrong passwords count towards one limit with those at every other sign-in route.
    """

    input_class = CrmCredentials

    @extend_schema(responses=CrmSignedIn)
    def post(self, request: Request) -> JSONResponse:
        user, tokens = actions.sign_in(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse({**serialize(CrmPerson, user), "tokens": serialize(CrmTokens, tokens)})


class Refresh(TokenView):
    """Refresh an access token.

    The new token's claims come from the user's present row. The refresh token is the one that was sent, unless refresh
    tokens rotate.
    """

    input_class = RefreshInput

    @extend_schema(responses=CrmTokens)
    def post(self, request: Request) -> JSONResponse:
        refresh: str = self.read_body()["refresh"]
        if settings.ROTATE_REFRESH_TOKENS:
            tokens = actions.rotate_refresh(refresh=refresh, now=timezone.now())
            return JSONResponse({"access": tokens.access, "refresh": tokens.refresh})
        return JSONResponse({"access": actions.refresh_access(refresh=refresh), "refresh": refresh})


class Logout(TokenView):
    """End the session of a refresh token.

    The session's access token becomes invalid too.
    """

    input_class = RefreshInput

    @extend_schema(responses=CrmMessage)
    def post(self, request: Request) -> JSONResponse:
        actions.sign_out(**self.read_body(), now=timezone.now())
        return JSONResponse({"message": "Signed out."})


class CredentialsInput(Serializer):
    email = serializers.EmailField(max_length=254)
    first_name = serializers.CharField(max_length=100)
    last_name = serializers.CharField(max_length=100, allow_blank=True)
    phone_number = serializers.CharField(
        source="phone", max_length=30, allow_blank=True, validators=[validate_phone]
    )


class CredentialsView(CrmView):
    """The caller's own names, email and phone."""

    permission_classes = [SignedIn]
    input_class = CredentialsInput
    person_class: ClassVar[type[Serializer]] = CrmUser

    def change(self, request: Request) -> JSONResponse:
        """Change the fields that are sent, and return the user."""
        change_own_user(self, self.read_body(partial=True))
        return self.show()

    def show(self) -> JSONResponse:
        return JSONResponse(serialize(self.person_class, User.objects.get(pk=self.caller.user_id)))


class Credentials(CredentialsView):
    """Change your email, names or phone.

    Fields that are not sent keep their values. Every role may use this route. A token's claims show the change after
    the next refresh. A changed email counts at once. The old address is told and can undo the change for 72 hours, and
    a forgotten password is mailed to it until the new one is confirmed. An hour allows twenty tries to change an email.
    """

    @extend_schema(request=CredentialsInput(partial=True), responses=CrmUser)
    def put(self, request: Request) -> JSONResponse:
        return self.change(request)

    @extend_schema(responses=CrmUser)
    def patch(self, request: Request) -> JSONResponse:
        return self.change(request)


class UserProfile(CredentialsView):
    """Retrieve or change your user."""

    person_class = CrmPerson

    @extend_schema(responses=CrmPerson)
    def get(self, request: Request) -> JSONResponse:
        """Retrieve your user."""
        return self.show()

    @extend_schema(responses=CrmPerson)
    def patch(self, request: Request) -> JSONResponse:
        """Change your email, names or phone.

        It does the same as `profile/update/`.
        """
        return self.change(request)


class UpdateUserProfile(CredentialsView):
    """Change your email, names or phone.

    Fields that are not sent keep their values, with either method.
    """

    person_class = CrmPerson

    @extend_schema(request=CredentialsInput(partial=True), responses=CrmPerson)
    def put(self, request: Request) -> JSONResponse:
        return self.change(request)

    @extend_schema(responses=CrmPerson)
    def patch(self, request: Request) -> JSONResponse:
        return self.change(request)


# Below /api/, where the contract prints it.
urlpatterns = [route("auth/profile/update/", Credentials.as_view())]

# Below /api/v1/, where the gateway of the contract's public client has the same service.
versioned = [
    route("auth/register/", Register.as_view()),
    route("auth/login/", Login.as_view()),
    route("auth/logout/", Logout.as_view()),
    route("auth/token/refresh/", Refresh.as_view()),
    route("auth/profile/", UserProfile.as_view()),
    route("auth/profile/update/", UpdateUserProfile.as_view()),
]
