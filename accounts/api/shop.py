"""Contract 000, "Authentication": the four routes of SimpleJWT, backed by sessions in the database, and one's user.

The bodies of registration and of `auth/refresh/` are used in `portal/api/registration.py`, because other contracts have
routes at these addresses, too.
"""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions
from accounts.api.own_user import change_own_user
from accounts.models import User
from accounts.names import MAX_NAME_LENGTH, split_name, validate_full_name
from accounts.phones import validate_phone
from common.domain.caller import STAFF, Role
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopView
from common.http.fields import Instant, OptionalText
from common.http.inputs import AliasSerializer
from common.http.permissions import SignedIn, role_permissions
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Derived, Serializer

# The rights that clients of this contract read -> the permission of the staff's API that each stands for.
RIGHTS = {
    "can_manage_shops": "appointments.change_location",
    "can_manage_employees": "accounts.change_user",
    "can_view_all_orders": "repair_orders.view_repairorder",
    "can_create_repair_orders": "repair_orders.add_repairorder",
    "can_manage_inventory": "catalogue.change_part",
    "can_view_financial_data": "billing.report_closedday",
}
_ROLE_NAMES = dict(Role.choices)


class Credentials(Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    code = OptionalText(max_length=40, help_text="Code of the second factor of staff.")


class TokenPair(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class ShopRefreshInput(Serializer):
    refresh = serializers.CharField(max_length=4096)


class ShopRefreshed(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField(required=False, help_text="Present only if refresh tokens rotate.")


class TokenInput(Serializer):
    token = serializers.CharField(max_length=4096, help_text="An access token or a refresh token.")


class Rights(Serializer):
    """The user's rights in the staff's API. They are for display: every route checks the role itself."""

    can_manage_shops = serializers.BooleanField(help_text="Whether the role may change locations.")
    can_manage_employees = serializers.BooleanField(help_text="Whether the role may change users.")
    can_view_all_orders = serializers.BooleanField(
        help_text="Whether the role sees the repair orders of all customers."
    )
    can_create_repair_orders = serializers.BooleanField(
        help_text="Whether the role may create repair orders."
    )
    can_manage_inventory = serializers.BooleanField(
        help_text="Whether the role may change the parts of the catalogue."
    )
    can_view_financial_data = serializers.BooleanField(help_text="Whether the role reads the reports.")
    is_owner = serializers.BooleanField(help_text="Whether the user is an admin.")
    is_employee = serializers.BooleanField(help_text="Whether the user is staff.")
    is_customer = serializers.BooleanField(help_text="Whether the user is a customer.")


def is_verified(email: str | None, confirmed_email: str | None) -> bool:
    """Return whether forgotten passwords are mailed to the present email, and not to an earlier one."""
    return bool(email) and confirmed_email is None


def rights_of(role: str) -> dict[str, bool]:
    """Return the rights of a role under this contract's names."""
    granted = role_permissions()[role]
    return {
        **{name: permission in granted for name, permission in RIGHTS.items()},
        "is_owner": role == Role.ADMIN,
        "is_employee": role in STAFF,
        "is_customer": role == Role.CUSTOMER,
    }


class CurrentUserSerializer(Serializer):
    id = serializers.IntegerField()
    email = serializers.EmailField(allow_null=True)
    username = serializers.CharField(source="email", allow_null=True, help_text="The email.")
    first_name = serializers.CharField(allow_blank=True)
    last_name = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)
    phone_number = serializers.CharField(source="phone", allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices)
    role_display = Derived(
        _ROLE_NAMES.get, "role", output=serializers.CharField(help_text="The role, as a word to show.")
    )
    is_active = serializers.BooleanField()
    is_email_verified = Derived(
        is_verified,
        "email",
        "confirmed_email",
        output=serializers.BooleanField(help_text="A changed email is not, until it is confirmed."),
    )
    date_joined = Instant(source="created_at", help_text="When the user was created.")
    last_login = Instant(
        allow_null=True, help_text="When the user last signed in. Null before the first time."
    )
    permissions = Derived(rights_of, "role", output=Rights(help_text="What the role may do, for display."))


class UserInput(AliasSerializer):
    """Fields that are left out keep their values."""

    aliases = {"phone_number": "phone"}

    first_name = serializers.CharField(required=False, max_length=MAX_NAME_LENGTH)
    last_name = serializers.CharField(required=False, max_length=MAX_NAME_LENGTH, allow_blank=True)
    email = serializers.EmailField(required=False, max_length=254)
    phone = serializers.CharField(
        required=False, max_length=30, allow_blank=True, validators=[validate_phone]
    )
    phone_number = serializers.CharField(
        source="phone", required=False, max_length=30, allow_blank=True, validators=[validate_phone]
    )


class ShopRegistration(AliasSerializer):
    """A customer who registers. Names may be sent in camelCase, and without names the username is the name."""

    aliases = {"firstName": "first_name", "lastName": "last_name", "phone_number": "phone"}

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    password_confirm = serializers.CharField(
        required=False, trim_whitespace=False, max_length=128, help_text="If it is sent, the same password."
    )
    username = serializers.CharField(
        required=False, allow_blank=True, max_length=2 * MAX_NAME_LENGTH, validators=[validate_full_name]
    )
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NAME_LENGTH)
    firstName = serializers.CharField(
        source="first_name", required=False, allow_blank=True, max_length=MAX_NAME_LENGTH
    )
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NAME_LENGTH)
    lastName = serializers.CharField(
        source="last_name", required=False, allow_blank=True, max_length=MAX_NAME_LENGTH
    )
    phone = serializers.CharField(
        required=False, allow_blank=True, max_length=30, validators=[validate_phone]
    )
    phone_number = serializers.CharField(
        source="phone", required=False, allow_blank=True, max_length=30, validators=[validate_phone]
    )
    role = serializers.CharField(required=False, max_length=30, help_text="`customer`, if it is sent.")

    def validate_role(self, role: str) -> str:
        """Refuse every role but that of customers: none can be had by asking for it."""
        if role.strip().lower() != Role.CUSTOMER:
            raise serializers.ValidationError(
                "Only customers can register here. The shop creates the accounts of its staff."
            )
        return role

    def validate(self, attrs: Json) -> Json:
        attrs.pop("role", None)
        if attrs["password"] != attrs.pop("password_confirm", attrs["password"]):
            raise serializers.ValidationError({"password_confirm": ["The two passwords are not the same."]})
        username = attrs.pop("username", "")
        if not attrs.get("first_name") and not attrs.get("last_name"):
            attrs["first_name"], attrs["last_name"] = split_name(username)
        if not attrs["first_name"] and not attrs["last_name"]:
            raise serializers.ValidationError({"first_name": ["This field is required."]}, code="required")
        return attrs


class ShopRegistered(Serializer):
    message = serializers.CharField()
    user_id = serializers.IntegerField()
    email = serializers.EmailField()
    role = serializers.CharField()
    access = serializers.CharField()
    refresh = serializers.CharField()


class TokenView(ShopView):
    """A route without authentication.

    The `Authorization` header is ignored, because a client that sends its expired token with every request must still
    get a new one. A response with tokens is never stored under an `Idempotency-Key`.
    """

    permission_classes = [AllowAny]
    authentication_classes = []


class Login(TokenView):
    """Sign in with email and password.

    The access token is valid for an hour, the refresh token for seven days. After ten wrong passwords for one
    account within 15 minutes the response is 429.
    """

    input_class = Credentials

    @extend_schema(responses=TokenPair)
    def post(self, request: Request) -> JSONResponse:
        _user, tokens = actions.sign_in(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse({"access": tokens.access, "refresh": tokens.refresh})


def refresh(body: Json) -> JSONResponse:
    """Return the response to a refresh token. It rotates if the settings say so."""
    if settings.ROTATE_REFRESH_TOKENS:
        tokens = actions.rotate_refresh(**body, now=timezone.now())
        return JSONResponse({"access": tokens.access, "refresh": tokens.refresh})
    return JSONResponse({"access": actions.refresh_access(**body)})


class Refresh(TokenView):
    """Refresh an access token.

    The new token's claims come from the user's present row.
    """

    input_class = ShopRefreshInput

    @extend_schema(responses=ShopRefreshed)
    def post(self, request: Request) -> JSONResponse:
        return refresh(self.read_body())


class Verify(TokenView):
    """Verify an access or refresh token."""

    input_class = TokenInput

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> JSONResponse:
        actions.verify_token(**self.read_body())
        return JSONResponse({})


class Logout(TokenView):
    """End the session of a refresh token.

    The session's access token becomes invalid too.
    """

    input_class = ShopRefreshInput

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> JSONResponse:
        actions.sign_out(**self.read_body(), now=timezone.now())
        return JSONResponse({})


class _UserView(ShopView):
    """A route of the caller's own user, for every role."""

    permission_classes = [SignedIn]

    def show(self) -> JSONResponse:
        """Return the response with the user as it is stored now."""
        return JSONResponse(serialize(CurrentUserSerializer, User.objects.get(pk=self.caller.user_id)))


class CurrentUser(_UserView):
    """Retrieve your user.

    The role and the permissions are for display. Nothing is decided by them.
    """

    @extend_schema(responses=CurrentUserSerializer)
    def get(self, request: Request) -> JSONResponse:
        return self.show()


class CurrentUserUpdate(_UserView):
    """Change your names, phone or email.

    Fields that are not sent keep their values. The role and the username, which is the email, cannot be changed here. A
    changed email counts at once. The old address is told and can undo the change for 72 hours. An hour allows twenty
    tries to change an email.
    """

    input_class = UserInput

    @extend_schema(responses=CurrentUserSerializer)
    def put(self, request: Request) -> JSONResponse:
        change_own_user(self, self.read_body())
        return self.show()


urlpatterns = [
    route("token/", Login.as_view()),
    route("token/refresh/", Refresh.as_view()),
    route("token/verify/", Verify.as_view()),
    route("token/blacklist/", Logout.as_view()),
    route("auth/user/", CurrentUser.as_view()),
    route("auth/user/update/", CurrentUserUpdate.as_view()),
]
