"""Admin pages of users, groups, sessions, devices and known addresses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.forms.fields import TypedChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from accounts import second_factor
from accounts.actions import change_role, end_session, set_active
from accounts.emails import Origin
from accounts.forms import NewUserForm, OwnPasswordForm, PasswordForm, UserForm
from accounts.keys import admin as keys_admin  # noqa: F401  # registers its pages
from accounts.models import Device, EmailChange, KnownAddress, Session, User
from accounts.phones import format_phone
from accounts.profile import change_person
from accounts.querysets import SessionQuerySet
from accounts.referrals_admin import ReferralInline, RewardEntryInline
from common.admin.filters import DayRangeFilter
from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    ReadOnlyInline,
    SensitiveStepsMixin,
    StaffAdmin,
    badge,
    column,
    transition_button,
)
from common.domain.caller import Role
from common.domain.recent_password import require_recent_password
from common.domain.types import AnyModelField
from common.http.address import client_address

admin.site.unregister(Group)

_PERMISSIONS = "Permissions"
_ACTIONS: dict[str, Callable[..., None]] = {"role": change_role, "is_active": set_active}
ROLE_COLORS = {
    Role.CUSTOMER: "info",
    Role.TECHNICIAN: "success",
    Role.ADVISOR: "success",
    Role.MANAGER: "warning",
    Role.ADMIN: "danger",
}


@admin.register(Group)
class GroupAdmin(SensitiveStepsMixin, BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]  # the mixin wins
    """Groups: named sets of permissions."""


class OpenSessionInline(ReadOnlyInline):
    model = Session
    verbose_name_plural = "Open sessions"
    fields = ("created_at", "device")
    per_page = 10
    show_change_link = True
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return Session.objects.living().select_related("device").order_by("-created_at", "-id")


class DeviceInline(ReadOnlyInline):
    model = Device
    fields = ("device_id", "last_seen_at")
    ordering = ("-last_seen_at", "-id")
    per_page = 10
    tab = True


@admin.register(User)
class UserAdmin(NoDeleteMixin, BaseUserAdmin[User], HistoryAdmin):  # type: ignore[misc]  # StaffAdmin's wins
    """Users. They are deactivated and never deleted, because other rows refer to them.

    Only a superuser can change a superuser or an administrator, or make a user one. Other users cannot change their
    own role.
    """

    form = UserForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    list_display = ("full_name", "email", "formatted_phone", "role_badge", "is_active", "last_login")
    list_display_links = ("full_name", "email")
    list_filter = (
        ("role", ChoicesCheckboxFilter),
        ("is_active", BooleanRadioFilter),
        ("is_superuser", BooleanRadioFilter),
    )
    search_fields = ("email", "first_name", "last_name", "phone", "=referral_code")
    ordering = ("last_name", "first_name", "id")
    filter_horizontal = ("groups", "user_permissions")
    readonly_fields = (
        *("referral_code", "rewards_balance", "last_login", "created_at", "uuid"),
        "second_factor_since",
    )
    inlines = (OpenSessionInline, DeviceInline, ReferralInline, RewardEntryInline)
    actions_detail = ("reset_second_factor",)
    fieldsets = (
        (None, {"fields": (("first_name", "last_name"), ("email", "phone"), "password")}),
        ("Access", {"fields": (("role", "is_active"), "second_factor_since")}),
        (_PERMISSIONS, {"fields": ("is_superuser", "groups", "user_permissions")}),
        ("Referrals", {"fields": (("referral_code", "rewards_balance"),), "classes": ("collapse",)}),
        ("Record", {"fields": (("last_login", "created_at"), "avatar", "uuid"), "classes": ("collapse",)}),
    )
    add_fieldsets = (
        (None, {"fields": (("first_name", "last_name"), ("email", "phone"), "role")}),
        ("Sign-in", {"fields": ("usable_password", "password1", "password2")}),
    )

    def get_inlines(self, request: HttpRequest, obj: User | None) -> tuple[type[ReadOnlyInline], ...]:
        return self.inlines if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or request.user.is_superuser:
            return fieldsets
        return [entry for entry in fieldsets if entry[0] != _PERMISSIONS]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = list(super().get_readonly_fields(request, obj))
        if obj == request.user and not request.user.is_superuser:
            fields.append("role")
        return fields

    def formfield_for_choice_field(
        self, db_field: AnyModelField, request: HttpRequest, **kwargs: object
    ) -> TypedChoiceField | None:
        if db_field.name == "role" and not request.user.is_superuser:
            kwargs["choices"] = [choice for choice in Role.choices if choice[0] != Role.ADMIN]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_above = obj is not None and (obj.is_superuser or obj.role == Role.ADMIN)
        if obj is not None and hasattr(
            obj, "api_key"
        ):  # a machine, which has neither a password nor an address
            return False
        return bool(super().has_change_permission(request, obj)) and (
            request.user.is_superuser or not is_above
        )

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        # Fields that end sessions or send mails are changed by their action, after the rest of the form is saved.
        actions = _ACTIONS | {"email": partial(_change_email, request=request)}
        new_values = {name: getattr(obj, name) for name in actions if name in form.changed_data}
        for name in new_values:
            setattr(obj, name, form.initial[name])
        if set(form.changed_data) - set(new_values):
            super().save_model(request, obj, form, change)
        for name, value in new_values.items():
            actions[name](user=obj, now=timezone.now(), **{name: value})

    reset_second_factor = transition_button(
        "Reset second factor",
        lambda user, by, now: second_factor.remove(user=user, now=now),
        ask="The user signs in with the password alone until they set up a new one. All their sessions end.",
        done="The second factor is removed. The history names you.",
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
        permission="reset_factor",
        is_sensitive=True,
    )

    def has_reset_factor_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return self.has_change_permission(request)

    def may_act_on(self, request: HttpRequest, row: User) -> bool:
        """Return whether the user may change this one. Their own factor is removed on their own page, with a code."""
        return row != request.user and self.has_change_permission(request, row)

    def offers(self, row: User, button: str) -> bool:
        return row.second_factor_since is not None

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        if request.method == "POST":
            require_recent_password(request.session, now=timezone.now())
        with transaction.atomic():  # `get_object` locks the row for a POST
            return super().user_change_password(request, id, form_url)

    @column("Name", ordering="last_name")
    def full_name(self, user: User) -> str:
        return str(user)

    @column("Phone")
    def formatted_phone(self, user: User) -> str:
        return format_phone(user.phone)

    @badge("Role", colors=ROLE_COLORS, ordering="role")
    def role_badge(self, user: User) -> tuple[str, str]:
        return user.role, Role(user.role).label


def _change_email(*, user: User, email: str | None, now: datetime, request: HttpRequest) -> None:
    assert request.user.pk is not None  # the admin is for signed-in users
    require_recent_password(request.session, now=timezone.now())
    origin = Origin(user_id=request.user.pk, address=client_address(request), at=now)
    change_person(user=user, origin=origin, email=email)


def change_own_password(request: HttpRequest) -> HttpResponseBase:
    """Change the signed-in user's own password, by the action that ends their sessions."""
    view = PasswordChangeView.as_view(
        form_class=partial(OwnPasswordForm, address=client_address(request)),
        success_url=reverse("admin:password_change_done"),
        extra_context=admin.site.each_context(request),
    )
    return view(request)


@admin.register(Session)
class SessionAdmin(ReadOnly, StaffAdmin):
    list_display = ("user", "device", "created_at", "ended_at", "is_open")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user", "device")
    search_fields = ("user__email", "user__first_name", "user__last_name", "=uuid")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fields = ("user", "device", ("created_at", "ended_at"), "uuid")
    readonly_fields = ("uuid",)
    actions = ("end_selected",)
    actions_detail = ("end",)

    def has_end_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return bool(request.user.has_perm("accounts.change_session"))

    def offers(self, row: Session, button: str) -> bool:
        return row.ended_at is None

    end = transition_button(
        "End session",
        lambda row, by, now: end_session(session=row, now=now),
        ask="End this session? Both its tokens stop working at once.",
        done="Session ended.",
        icon="logout",
        variant=ActionVariant.DANGER,
        permission="end",
    )

    @admin.action(description="End selected sessions", permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: SessionQuerySet[Session]) -> None:
        ended = queryset.end(now=timezone.now())
        self.message_user(request, f"{ended} sessions ended.", messages.SUCCESS)

    @column("Open", boolean=True)
    def is_open(self, session: Session) -> bool:
        return session.ended_at is None and session.user.is_active


@admin.register(Device)
class DeviceAdmin(ReadOnly, StaffAdmin):
    list_display = ("device_id", "user", "last_seen_at")
    list_filter = (("last_seen_at", DayRangeFilter),)
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("device_id", "user__email", "user__first_name", "user__last_name")
    date_hierarchy = "last_seen_at"
    ordering = ("-last_seen_at", "-id")


@admin.register(KnownAddress)
class KnownAddressAdmin(ReadOnly, StaffAdmin):
    list_display = ("address", "user", "last_sign_in_at")
    list_select_related = ("user",)
    search_fields = ("address", "user__email")
    ordering = ("-last_sign_in_at", "-id")


@admin.register(EmailChange)
class EmailChangeAdmin(ReadOnly, StaffAdmin):
    """Changes of email, with the address that may undo each."""

    list_display = ("user", "old_email", "new_email", "created_at", "confirmed_at", "undone_at")
    list_filter = (
        ("confirmed_at", admin.EmptyFieldListFilter),
        ("undone_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("user",)
    search_fields = ("old_email", "new_email", "user__first_name", "user__last_name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fields = (
        "user",
        ("old_email", "new_email"),
        "undo_email",
        ("created_at", "expires_at"),
        ("confirmed_at", "undone_at"),
    )
