"""Admin pages of plans, memberships and offers."""

from __future__ import annotations

from datetime import datetime

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant

from common.admin.filters import DayRangeFilter
from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    StaffAdmin,
    StaffInline,
    badge,
    column,
    transition_button,
)
from memberships.actions import PERMISSIONS, cancel
from memberships.models import MEMBERSHIP_MACHINE, Membership, MembershipStatus, Offer, OfferMake, Plan
from memberships.renewals import renews_at

_COLORS = {MembershipStatus.ACTIVE: "success", MembershipStatus.CANCELLED: "danger"}


@admin.register(Plan)
class PlanAdmin(NoDeleteMixin, HistoryAdmin):
    """A plan is taken off sale and never deleted, because its members stay."""

    list_display = ("name", "tier", "price", "is_active")
    list_filter = (("tier", ChoicesCheckboxFilter), ("is_active", BooleanRadioFilter))
    search_fields = ("name", "features")
    ordering = ("price", "id")
    autocomplete_fields = ("discounted_jobs",)
    fieldsets = (
        (None, {"fields": ("name", ("tier", "price"), "features", "is_active")}),
        (
            "Discount on repair orders",
            {
                "fields": (("off_parts", "off_labour"), ("off_jobs", "discounted_jobs"), "discount_cap"),
                "description": "In percent. New orders of members take it, and keep it when the plan changes.",
            },
        ),
    )


@admin.register(Membership)
class MembershipAdmin(ReadOnly, HistoryAdmin):
    """Users join by themselves. Staff can end a membership for its member."""

    noun, machine = "membership", MEMBERSHIP_MACHINE
    list_display = ("user", "plan", "started_at", "renewal", "status_badge")
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        ("plan", RelatedDropdownFilter),
        ("started_at", DayRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("user", "plan")
    search_fields = ("user__email", "user__first_name", "user__last_name", "plan__name")
    date_hierarchy = "started_at"
    ordering = ("-started_at", "-id")
    readonly_fields = ("renewal", "uuid")
    actions_detail = ("cancel",)
    fields = (
        ("user", "plan"),
        "status",
        ("started_at", "renewal"),
        "ends_at",
        ("cancelled_at", "cancellation_reason"),
        "uuid",
    )

    cancel = transition_button(
        "End membership",
        cancel,
        ask="The membership ends immediately. The member can join a plan again.",
        done="The membership has ended.",
        icon="person_remove",
        variant=ActionVariant.DANGER,
        permission=PERMISSIONS["cancel"],
        to=MembershipStatus.CANCELLED,
    )

    @column("Renews")
    def renewal(self, membership: Membership) -> datetime | None:
        if membership.status != MembershipStatus.ACTIVE or membership.ends_at is not None:
            return None
        return renews_at(membership.started_at, timezone.now())

    @badge("Status", colors=_COLORS, ordering="status")
    def status_badge(self, membership: Membership) -> tuple[str, str]:
        return membership.status, MembershipStatus(membership.status).label


class OfferMakeInline(StaffInline):
    model = OfferMake
    fields = ("make",)
    extra = 0
    ordering = ("make", "id")
    verbose_name_plural = "Makes (leave empty for every make)"


@admin.register(Offer)
class OfferAdmin(HistoryAdmin):
    list_display = ("title", "tiers", "expiry", "is_active")
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("for_basic", BooleanRadioFilter),
        ("for_plus", BooleanRadioFilter),
        ("for_premium", BooleanRadioFilter),
        ("locations", RelatedDropdownFilter),
        ("expiry", DayRangeFilter),
    )
    list_filter_submit = True
    search_fields = ("title", "description", "terms")
    date_hierarchy = "expiry"
    ordering = ("-expiry", "-id")
    autocomplete_fields = ("locations", "discounted_jobs")
    readonly_fields = ("created_at", "uuid")
    inlines = (OfferMakeInline,)
    fieldsets = (
        (None, {"fields": ("title", "description", "terms", ("expiry", "is_active"))}),
        (
            "Eligibility",
            {
                "fields": (("for_basic", "for_plus", "for_premium"), "locations", ("year_from", "year_to")),
                "description": "An empty field applies to every member, location or model year.",
            },
        ),
        (
            "Discount on repair orders",
            {
                "fields": (
                    ("off_parts", "off_labour"),
                    ("off_jobs", "discounted_jobs"),
                    ("off_amount", "discount_cap"),
                    "combines",
                ),
                "description": "In percent, in dollars, or both. A customer redeems an offer once.",
            },
        ),
        ("Record", {"fields": (("created_at", "uuid"),), "classes": ("collapse",)}),
    )

    def save_model(
        self, request: HttpRequest, obj: Offer, form: forms.ModelForm[Offer], change: bool
    ) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

    @column("For")
    def tiers(self, offer: Offer) -> str:
        required = (("basic", offer.for_basic), ("plus", offer.for_plus), ("premium", offer.for_premium))
        return ", ".join(tier for tier, is_required in required if is_required) or "all customers"


@admin.register(OfferMake)
class OfferMakeAdmin(StaffAdmin):
    list_display = ("make", "offer")
    list_select_related = ("offer",)
    list_filter = (("offer", RelatedDropdownFilter),)
    search_fields = ("make", "offer__title")
    autocomplete_fields = ("offer",)
    ordering = ("make", "id")
