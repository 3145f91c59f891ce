"""Customers, the logins that may act for them, and their notifications."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from simple_history.models import HistoricalRecords

from accounts.phones import validate_phone
from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from customers.names import HOME, customer_name, one_line_address
from customers.preferences import default_notifications, validate_notifications
from customers.querysets import CustomerQuerySet, NotificationQuerySet


class ContactMethod(models.TextChoices):
    EMAIL = "email"
    PHONE = "phone"
    SMS = "sms"


class Customer(Identified):
    """A person or a business. `contact` is the user who is shown and billed, with their names, email and phone."""

    contact = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="contact_of",
        help_text="The user who is shown and billed. Without a contact the customer is shown as “Former customer”.",
    )

    street_address = models.CharField(max_length=200, blank=True, default="")
    city = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=100, blank=True, default="")
    postal_code = models.CharField(max_length=20, blank=True, default="")
    country = models.CharField(max_length=100, blank=True, default=HOME)

    company_name = models.CharField(max_length=200, blank=True, default="")
    business_type = models.CharField(max_length=100, blank=True, default="")
    tax_id = models.CharField("tax ID", max_length=50, blank=True, default="")

    emergency_contact_name = models.CharField(max_length=200, blank=True, default="")
    emergency_contact_phone = models.CharField(
        max_length=30, blank=True, default="", validators=[validate_phone]
    )
    emergency_contact_relationship = models.CharField(max_length=100, blank=True, default="")

    is_verified = models.BooleanField(default=False)
    customer_since = models.DateTimeField()
    last_service_date = models.DateTimeField(null=True, blank=True)
    total_services = models.PositiveIntegerField(
        default=0, help_text="Completed repair orders are counted automatically."
    )

    preferred_contact_method = models.CharField(
        max_length=5, choices=ContactMethod, default=ContactMethod.EMAIL
    )
    # Three contracts return these preferences, each in its own form.
    notification_preferences = models.JSONField(
        default=default_notifications, blank=True, validators=[validate_notifications]
    )
    language = models.CharField(max_length=10, default="en")
    theme = models.CharField(max_length=10, default="light")
    timezone = models.CharField(max_length=50, default="UTC+0")
    currency = models.CharField(max_length=3, default="USD")

    history = HistoricalRecords()
    objects = CustomerQuerySet["Customer"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(preferred_contact_method__in=ContactMethod.values),
                name="customer_contact_method_is_known",
            )
        ]
        # The staff list is ordered by age. Its filters for unverified customers, a state and a business type read an
        # index in the same order.
        indexes = [
            models.Index(fields=["customer_since", "id"], name="customer_by_age"),
            models.Index(
                fields=["customer_since", "id"],
                condition=Q(is_verified=False),
                name="customer_unverified_by_age",
            ),
            models.Index(Upper("state"), "customer_since", "id", name="customer_by_state"),
            models.Index(Upper("business_type"), "customer_since", "id", name="customer_by_business"),
            Trigrams("company_name", "city", "postal_code", name="customer_searched"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name to show. It reads the contact: load several customers with `with_contact()`."""
        first, last = (self.contact.first_name, self.contact.last_name) if self.contact else ("", "")
        return customer_name(self.company_name, first, last)

    @property
    def address(self) -> str:
        return one_line_address(self.street_address, self.city, self.state, self.postal_code, self.country)


class CustomerUser(models.Model):
    """A login that may act for a customer. A user acts for at most one."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="logins")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="customer_login"
    )

    class Meta:
        verbose_name = "login"

    def __str__(self) -> str:
        return f"Login {self.pk}"


class Notification(Identified):
    """A message to a customer. `type` is a word in capitals chosen by the sender (ORDER, APPOINTMENT, …)."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="notifications", db_index=False
    )
    type = models.CharField(max_length=30)
    title = models.CharField(max_length=200)
    message = models.TextField()
    read = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = NotificationQuerySet["Notification"].as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["customer", "-created_at", "-id"], name="notification_newest_first"),
            models.Index(
                fields=["customer", "-created_at", "-id"],
                condition=Q(read=False),
                name="notification_unread",
            ),
        ]

    def __str__(self) -> str:
        return self.title
