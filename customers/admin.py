"""Admin pages of customers, their logins and notifications."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.options import Options
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from accounts.emails import Origin
from accounts.phones import format_phone
from common.admin.filters import DayRangeFilter
from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    StaffAdmin,
    StaffInline,
    column,
    transition_button,
)
from common.admin.transfer import TransferAdmin
from common.domain.caller import LoginRole
from common.domain.recent_password import require_recent_password
from common.domain.types import Json
from common.http.address import client_address
from customers import actions
from customers.duplicates import likely_duplicates
from customers.forms import CustomerForm, link_to
from customers.logins import LastOwner
from customers.models import Customer, CustomerUser, Invitation, Notification, PhoneCall
from customers.queries import find_kept
from customers.resources import CustomerResource

CUSTOMER_SEARCH = ("company_name", "contact__first_name", "contact__last_name")


class LoginFormSet(BaseInlineFormSet):  # type: ignore[type-arg]  # generic only in the stubs
    """The logins of a customer, at least one of which is an owner."""

    def clean(self) -> None:
        super().clean()
        given = [form.cleaned_data for form in self.forms]
        left = [data for data in given if data.get("user") and not data.get("DELETE")]
        if left and not any(data.get("role") == LoginRole.OWNER for data in left):
            raise ValidationError(LastOwner.message, code=LastOwner.code)


class LoginInline(StaffInline):
    model = CustomerUser
    formset = LoginFormSet
    extra = 0
    hide_title = True
    autocomplete_fields = ("user",)
    verbose_name_plural = "Logins that may act for this customer"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CustomerUser]:
        return super().get_queryset(request).select_related("user")  # type: ignore[no-any-return]


@admin.register(Customer)
class CustomerAdmin(NoDeleteMixin, HistoryAdmin, TransferAdmin):
    """Customers with the names, email and phone of their contacts, for roles that may change customers."""

    form = CustomerForm
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
        *("name", "contact_email", "contact_phone", "is_verified"),
        *("total_services", "last_service_date", "merged_ids", "uuid"),
    )
    inlines = (LoginInline,)
    actions_detail: tuple[str, ...] = ("verify", "withdraw_verification")
    fieldsets = (
        (None, {"fields": (("first_name", "last_name"), ("phone", "email"), "company_name")}),
        ("Address", {"fields": ("street_address", ("city", "state"), ("postal_code", "country"))}),
        ("Business", {"fields": (("business_type", "tax_id"), ("requires_po_number", "terms_days"))}),
        (
            "Emergency contact",
            {
                "fields": (
                    "emergency_contact_name",
                    ("emergency_contact_phone", "emergency_contact_relationship"),
                ),
                "classes": ("collapse",),
            },
        ),
        (
            "Preferences",
            {
                "fields": (
                    ("preferred_contact_method", "units"),
                    "notification_preferences",
                    ("language", "timezone"),
                    ("currency", "theme"),
                ),
                "classes": ("collapse",),
            },
        ),
        (
            "Record",
            {
                "fields": (
                    "contact",
                    "customer_since",
                    ("total_services", "last_service_date"),
                    ("is_verified", "uuid"),
                    "merged_ids",
                )
            },
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        """Return the fields of a new customer without those that only the shop's work fills.

        A role that may not change customers sees the columns instead of the form's fields.
        """
        fieldsets = super().get_fieldsets(request, obj)
        if fieldsets is not self.fieldsets:
            return fieldsets  # a past version
        if obj is None:
            return [*fieldsets[:-1], ("Record", {"fields": ("contact", "customer_since")})]
        if not self.has_change_permission(request, obj):
            fields = ("name", ("contact_phone", "contact_email"), "company_name")
            return [(None, {"fields": fields}), *fieldsets[1:]]
        return fieldsets

    def get_inlines(self, request: HttpRequest, obj: Customer | None) -> tuple[type[LoginInline], ...]:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Customer, form: CustomerForm, change: bool) -> None:
        """Save the customer and their contact, and warn of customers with the same phone number or name."""
        person = form.person
        is_new = obj.contact is None and bool(person or not change)
        if is_new:
            obj.contact = actions.create_contact(**person)
        super().save_model(request, obj, form, change)
        if is_new or not change:
            actions.add_first_login(customer=obj)
        elif person:
            assert request.user.pk is not None  # the admin is for signed-in users
            if "email" in person:
                require_recent_password(request.session, now=timezone.now())
            origin = Origin(user_id=request.user.pk, address=client_address(request), at=timezone.now())
            actions.change_contact(customer=obj, origin=origin, **person)
        if not change or {*person, "company_name"} & {*form.changed_data}:
            self._warn_of_duplicates(request, obj)

    def _warn_of_duplicates(self, request: HttpRequest, customer: Customer) -> None:
        for duplicate in likely_duplicates(customer):
            other = duplicate.customer
            reached = (other.contact and (other.contact.email or other.contact.phone)) or f"number {other.pk}"
            text = format_html(
                "{} ({}) has the same {}. Is it the same customer?",
                link_to(other),
                reached,
                " and ".join(duplicate.because),
            )
            self.message_user(request, text, messages.WARNING)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        # Autocomplete shows the name of every row, which reads the contact.
        return super().get_queryset(request).filter(merged_into=None).select_related("contact")  # type: ignore[no-any-return]

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Options[Customer], object_id: str
    ) -> HttpResponse:
        """Redirect from the page of a merged customer to the one that was kept."""
        kept = find_kept(pk=object_id) if object_id.isascii() and object_id.isdigit() else None
        if kept is None:
            response: HttpResponse = super()._get_obj_does_not_exist_redirect(request, opts, object_id)
            return response
        self.message_user(request, f"Customer {object_id} is merged into this one.")
        return redirect(reverse("admin:customers_customer_change", args=[kept.pk]))

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Whether the user may import customers, which adds and changes users too."""
        people = ("accounts.add_user", "accounts.change_user")
        return super().has_import_permission(request) and bool(request.user.has_perms(people))

    def get_changeform_initial_data(self, request: HttpRequest) -> Json:
        return {"customer_since": timezone.now(), **super().get_changeform_initial_data(request)}

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

    @column("Merged customers")
    def merged_ids(self, customer: Customer) -> str | None:
        """The numbers of the customers that were merged into this one."""
        ids = customer.merged.order_by("id").values_list("id", flat=True) if customer.pk else ()
        return ", ".join(map(str, ids)) or None

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
class CustomerUserAdmin(ReadOnly, StaffAdmin):
    """Logins. They are changed on the page of their customer, which keeps an owner among them."""

    list_display = ("user", "customer", "role", "approval_limit")
    list_filter = (("role", ChoicesCheckboxFilter),)
    list_select_related = ("user", "customer__contact")
    search_fields = ("user__email", "user__first_name", "user__last_name", "customer__company_name")
    ordering = ("-id",)
    fields = ("user", "customer", "role", "approval_limit")


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, StaffAdmin):
    """Invitations that companies sent. Their owners send and withdraw them."""

    list_display = ("email", "customer", "role", "created_at", "expires_at", "accepted_at", "withdrawn_at")
    list_filter = (
        ("role", ChoicesCheckboxFilter),
        ("accepted_at", admin.EmptyFieldListFilter),
        ("withdrawn_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("customer__contact",)
    search_fields = ("email", *(f"customer__{name}" for name in CUSTOMER_SEARCH))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fields = (
        ("email", "role"),
        ("customer", "invited_by"),
        ("created_at", "expires_at"),
        ("accepted_at", "withdrawn_at"),
        "uuid",
    )
    readonly_fields = ("uuid",)


@admin.register(PhoneCall)
class PhoneCallAdmin(ReadOnly, StaffAdmin):
    """Calls to customers, newest first. They are noted on *Follow-ups* and on the page of a customer."""

    list_display = ("at", "customer", "outcome", "next_on", "by")
    list_filter = (("at", DayRangeFilter),)
    list_filter_submit = True
    list_select_related = ("customer__contact", "by")
    search_fields = ("outcome", *(f"customer__{name}" for name in CUSTOMER_SEARCH))
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
