"""Admin pages of referrals and reward points."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from accounts.models import Referral, ReferralStatus, RewardEntry
from accounts.referrals import book_points
from common.admin.pages import HistoryAdmin, NoDeleteMixin, ReadOnly, ReadOnlyInline, StaffAdmin, badge


class ReferralInline(ReadOnlyInline):
    model = Referral
    fk_name = "referrer"
    verbose_name_plural = "Referred users"
    fields = ("referred", "code", "status", "created_at")
    ordering = ("-created_at", "-id")
    per_page = 10
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Referral]:
        return super().get_queryset(request).select_related("referred")  # type: ignore[no-any-return]


class RewardEntryInline(ReadOnlyInline):
    model = RewardEntry
    verbose_name_plural = "Reward points"
    fields = ("points", "reason", "created_at")
    ordering = ("-created_at", "-id")
    per_page = 10
    tab = True


_OF_USER = ("email", "first_name", "last_name")


@admin.register(Referral)
class ReferralAdmin(ReadOnly, HistoryAdmin):
    """Referrals, read-only. Registration and the apps create them. The first completed repair order credits them."""

    list_display = ("referred", "referrer", "code", "status_badge", "created_at")
    list_filter = (("status", ChoicesCheckboxFilter),)
    list_select_related = ("referrer", "referred")
    search_fields = (
        "code",
        *(f"referrer__{name}" for name in _OF_USER),
        *(f"referred__{name}" for name in _OF_USER),
    )
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fields = (("referrer", "referred"), ("code", "status"), "rewards_applied", "created_at", "uuid")

    @badge(
        "Status",
        colors={ReferralStatus.SIGNED_UP: "info", ReferralStatus.CREDITED: "success"},
        ordering="status",
    )
    def status_badge(self, referral: Referral) -> tuple[str, str]:
        return referral.status, ReferralStatus(referral.status).label


@admin.register(RewardEntry)
class RewardEntryAdmin(NoDeleteMixin, StaffAdmin):
    """The points ledger. Staff can add an entry, which changes the balance. Entries do not change later."""

    list_display = ("user", "points", "reason", "created_at")
    list_select_related = ("user",)
    search_fields = ("reason", *(f"user__{name}" for name in _OF_USER))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("user",)
    fields = ("user", "points", "reason")

    def has_change_permission(self, request: HttpRequest, obj: RewardEntry | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: RewardEntry, form: object, change: bool) -> None:
        booked = book_points(user_id=obj.user_id, points=obj.points, reason=obj.reason, now=timezone.now())
        obj.pk = booked.pk
