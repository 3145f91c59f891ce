"""Admin pages of customers, their logins and notifications."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import BaseFormSet, Form, ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from accounts.phones import format_phone
from common.admin.pages import HistoryAdmin, NoDeleteMixin, StaffAdmin, column, transition_button
from common.admin.transfer import TransferAdmin
from common.domain.types import Json
from customers import actions
from customers.models import Customer, CustomerUser, Notification
from customers.resources import CustomerResource

CUSTOMER_SEARCH = ("company_name", "contact__first_name", "contact__last_name")


class LoginInline(TabularInline):
    model = CustomerUser
    extra = 0
    hide_title = True
    autocomplete_fields = ("user",)
    verbose_name_plural = "Logins that may act for this customer"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerUser]:
        return super().get_queryset(request).select_related("user")  # type: ignore[no-any-return]


@admin.register(Customer)
class CustomerAdmin(NoDeleteMixin, HistoryAdmin, TransferAdmin):
    resource_classes = (CustomerResource,)
    list_display = ("name", "contact_email", "contact_phone", "address", "is_verified", "total_services")
    list_filter = (
        ("is_verified", BooleanRadioFilter),
        ("preferred_contact_method", ChoicesCheckboxFilter),
        ("company_name", admin.EmptyFieldListFilter),
    )
    search_fields = (
        *CUSTOMER_SEARCH,
        "contact__email",
        "contact__phone",
        "street_address",
        "city",
        "postal_code",
    )
    date_hierarchy = "customer_since"
    ordering = ("-customer_since", "-id")
    autocomplete_fields = ("contact",)
    readonly_fields = (
        *("contact_email", "contact_phone", "is_verified"),
        *("total_services", "last_service_date", "uuid"),
    )
    inlines = (LoginInline,)
    actions_detail = ("verify", "withdraw_verification")
    fieldsets = (
        (None, {"fields": ("contact", ("contact_email", "contact_phone"), "is_verified")}),
        ("Address", {"fields": ("street_address", ("city", "state"), ("postal_code", "country"))}),
        ("Business", {"fields": ("company_name", ("business_type", "tax_id"))}),
        (
            "Emergency contact",
            {
                "fields": (
                    "emergency_contact_name",
                    ("emergency_contact_phone", "emergency_contact_relationship"),
                )
            },
        ),
        (
            "Preferences",
            {
                "fields": (
                    "preferred_contact_method",
                    "notification_preferences",
                    ("language", "timezone"),
                    ("currency", "theme"),
                ),
                "classes": ("collapse",),
            },
        ),
        ("Record", {"fields": ("customer_since", ("total_services", "last_service_date"), "uuid")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        # Autocomplete shows the name of every row, which reads the contact.
        return super().get_queryset(request).select_related("contact")  # type: ignore[no-any-return]

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Whether the user may import customers, which adds and changes users too."""
        people = ("accounts.add_user", "accounts.change_user")
        return super().has_import_permission(request) and bool(request.user.has_perms(people))

    def get_changeform_initial_data(self, request: HttpRequest) -> Json:
        return {"customer_since": timezone.now(), **super().get_changeform_initial_data(request)}

    def save_related(
        self, request: HttpRequest, form: ModelForm[Customer], formsets: list[BaseFormSet[Form]], change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            actions.add_first_login(customer=form.instance)

    def offers(self, row: Customer, button: str) -> bool:
        return row.is_verified is (button == "withdraw_verification")

    verify = transition_button(
        "Verify",
        lambda row, by, now: actions.verify(customer=row),
        ask="Mark this customer as verified?",
        done="The customer was verified.",
        icon="verified",
        variant=ActionVariant.SUCCESS,
        permission=actions.PERMISSIONS["verify"],
    )
    withdraw_verification = transition_button(
        "Withdraw verification",
        lambda row, by, now: actions.withdraw_verification(customer=row),
        ask="Mark this customer as not verified?",
        done="The verification was withdrawn.",
        icon="unpublished",
        variant=ActionVariant.DANGER,
        permission=actions.PERMISSIONS["withdraw_verification"],
    )

    @column("Name", ordering="contact__last_name")
    def name(self, customer: Customer) -> str:
        return customer.name

    @column("Email", ordering="contact__email")
    def contact_email(self, customer: Customer) -> str | None:
        return customer.contact.email if customer.contact else None

    @column("Phone")
    def contact_phone(self, customer: Customer) -> str | None:
        return format_phone(customer.contact.phone) if customer.contact else None

    @column("Address", ordering="city")
    def address(self, customer: Customer) -> str:
        return customer.address


@admin.register(CustomerUser)
class CustomerUserAdmin(ModelAdmin):
    list_display = ("user", "customer")
    list_select_related = ("user", "customer__contact")
    search_fields = ("user__email", "user__first_name", "user__last_name", "customer__company_name")
    autocomplete_fields = ("user", "customer")
    show_full_result_count = False
    ordering = ("-id",)


@admin.register(Notification)
class NotificationAdmin(NoDeleteMixin, StaffAdmin):
    """Notifications to customers. Staff can send one, and cannot change or delete it later."""

    list_display = ("title", "customer", "type", "read", "created_at")
    list_filter = (("read", BooleanRadioFilter),)
    list_select_related = ("customer__contact",)
    search_fields = ("title", "message", *(f"customer__{name}" for name in CUSTOMER_SEARCH))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("customer",)
    fields = ("customer", "type", "title", "message")

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Notification, form: object, change: bool) -> None:
        notification = actions.notify(
            customer_id=obj.customer_id,
            type=obj.type,
            title=obj.title,
            message=obj.message,
            now=timezone.now(),
        )
        obj.pk = notification.pk
