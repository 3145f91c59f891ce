"""Admin pages of API keys."""

from __future__ import annotations

from django.contrib import admin
from unfold.enums import ActionVariant

from accounts.keys.actions import PERMISSIONS, revoke
from accounts.keys.models import ApiKey
from common.admin.pages import HistoryAdmin, ReadOnly, column, transition_button
from common.domain.caller import Role


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, HistoryAdmin):
    """Keys, which are made on the desk's page *API keys*."""

    list_display = ("name", "role", "prefix", "last_used_at", "expires_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("name", "=prefix")
    ordering = ("-id",)
    fields = (
        ("name", "role", "prefix"),
        "addresses",
        ("created_at", "created_by"),
        ("expires_at", "revoked_at", "last_used_at"),
        ("user", "uuid"),
    )
    readonly_fields = ("role", "prefix", "uuid")
    actions_detail = ("revoke",)

    def offers(self, row: ApiKey, button: str) -> bool:
        return row.revoked_at is None

    revoke = transition_button(
        "Revoke",
        lambda row, by, now: revoke(key=row, now=now),
        ask="Refuse this key from now on? Whatever uses it stops working.",
        done="The key is revoked.",
        icon="block",
        variant=ActionVariant.DANGER,
        permission=PERMISSIONS["revoke"],
    )

    @column("Role", ordering="user__role")
    def role(self, key: ApiKey) -> str:
        return str(Role(key.role).label)
