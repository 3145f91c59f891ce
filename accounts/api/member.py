"""Contract 003, "Authentication": tokens and passwords.

Registration and sign-in return the whole person, and live in `portal/api/registration.py` and `portal/api/member.py`.
The route of refreshing is shared with contract 000 and is in `portal/api/registration.py`, too.
"""

from __future__ import annotations

from typing import ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions, passwords
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.permissions import SignedIn
from common.http.routing import route
from common.reads.serializers import Serializer


class RefreshInput(Serializer):
    refreshToken = serializers.CharField(source="refresh", max_length=4096)


class Refreshed(Serializer):
    accessToken = serializers.CharField()


class LogoutInput(Serializer):
    """The refresh token, under either name."""

    refreshToken = serializers.CharField(required=False, max_length=4096)
    refresh = serializers.CharField(required=False, max_length=4096)

    def validate(self, attrs: Json) -> Json:
        if not attrs:
            raise serializers.ValidationError({"refreshToken": ["This field is required."]}, code="required")
        return {"refresh": attrs.get("refreshToken") or attrs["refresh"]}


class PasswordChange(Serializer):
    oldPassword = serializers.CharField(source="old_password", trim_whitespace=False, max_length=128)
    newPassword = serializers.CharField(source="password", trim_whitespace=False, max_length=128)


class ClientPasswordChange(Serializer):
    """The two passwords, under the contract's names or under those that the web client sends."""

    old_password = serializers.CharField(trim_whitespace=False, max_length=128)
    new_password = serializers.CharField(source="password", trim_whitespace=False, max_length=128)

    def to_internal_value(self, data: Json) -> Json:
        names = {"oldPassword": "old_password", "newPassword": "new_password"}
        sent = {names.get(name, name): value for name, value in data.items()}
        read: Json = super().to_internal_value(sent)
        return read


class ForgottenPassword(Serializer):
    email = serializers.EmailField()


class PasswordReset(Serializer):
    token = serializers.CharField(max_length=200, help_text="The token in the mailed link.")
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    passwordConfirm = serializers.CharField(
        trim_whitespace=False, max_length=128, help_text="The same password again."
    )

    def validate(self, attrs: Json) -> Json:
        if attrs["password"] != attrs.pop("passwordConfirm"):
            raise serializers.ValidationError({"passwordConfirm": ["The two passwords are not the same."]})
        return attrs


class Confirmation(Serializer):
    message = serializers.CharField()


class PublicView(MemberView):
    """A route without authentication.

    The `Authorization` header is ignored, because a client that sends its expired token with every request must still
    be able to sign in.
    """

    permission_classes = [AllowAny]
    authentication_classes = []


class Refresh(PublicView):
    """Refresh an access token.

    The new token's claims come from the user's present row. The refresh token stays valid until it expires.
    """

    input_class = RefreshInput

    @extend_schema(responses=Refreshed)
    def post(self, request: Request) -> JSONResponse:
        return JSONResponse({"accessToken": actions.refresh_access(**self.read_body())})


class Logout(PublicView):
    """End the session of a refresh token.

    The session's access token becomes invalid too.
    """

    input_class = LogoutInput

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> JSONResponse:
        actions.sign_out(**self.read_body(), now=timezone.now())
        return JSONResponse(status=204)


class ChangePassword(MemberView):
    """Change your password.

    Every session ends, including the present one. Sign in again with the new password.
    """

    permission_classes = [SignedIn]
    viewer_methods = frozenset({"POST"})  # a password that leaked must be changeable by its owner
    input_class: ClassVar[type[Serializer]] = PasswordChange

    @extend_schema(responses=Confirmation)
    def post(self, request: Request) -> JSONResponse:
        passwords.change_own_password(
            user_id=self.caller.user_id,
            **self.read_body(),
            address=client_address(request._request),
            now=timezone.now(),
        )
        return JSONResponse({"message": "The password was changed. Sign in with the new password."})


class UsersChangePassword(ChangePassword):
    """Change your password, as `/api/auth/password/change/` does.

    Every session ends, including the present one. Sign in again with the new password.
    """

    input_class = ClientPasswordChange


class ForgotPassword(PublicView):
    """Request a link to set a new password.

    The response is the same whether an account with this email exists or not.
    """

    input_class = ForgottenPassword

    @extend_schema(responses={202: Confirmation})
    def post(self, request: Request) -> JSONResponse:
        passwords.request_reset(**self.read_body(), address=client_address(request._request))
        return JSONResponse(
            {"message": "If an account with this email exists, a link to set a new password was sent."},
            status=202,
        )


class ResetPassword(PublicView):
    """Set a new password with the token of a mailed link.

    The token can be used once, within an hour. Every session of the account ends.
    """

    input_class = PasswordReset

    @extend_schema(responses=Confirmation)
    def post(self, request: Request) -> JSONResponse:
        passwords.reset_password(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse({"message": "The password was changed. Sign in with the new password."})


urlpatterns = [
    route("auth/logout/", Logout.as_view()),
    route("auth/password/change/", ChangePassword.as_view()),
    route("users/change-password/", UsersChangePassword.as_view()),
    route("auth/forgot-password/", ForgotPassword.as_view()),
    route("auth/reset-password/", ResetPassword.as_view()),
]
