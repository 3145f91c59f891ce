"""Customers, the logins that may act for them, invitations of further logins, and notifications."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Upper
from simple_history.models import HistoricalRecords

from accounts.phones import validate_phone
from common.domain.caller import LoginRole
from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from common.domain.money import money
from common.domain.search import Searched
from common.domain.text_fields import EmailField, LineField, ParagraphsField
from common.domain.units import Units
from customers.calls.models import PhoneCall as PhoneCall  # a table of this app
from customers.names import HOME, customer_name, one_line_address
from customers.preferences import default_notifications, validate_notifications
from customers.querysets import CustomerQuerySet, InvitationQuerySet, NotificationQuerySet


class ContactMethod(models.TextChoices):
    EMAIL = "email"
    PHONE = "phone"
    SMS = "sms"


CUSTOMER_SEARCHED = Searched("company_name", "city", codes=("postal_code",))


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

    street_address = LineField(max_length=200, blank=True, default="")
    city = LineField(max_length=100, blank=True, default="")
    state = LineField(max_length=100, blank=True, default="")
    postal_code = LineField(max_length=20, blank=True, default="")
    country = LineField(max_length=100, blank=True, default=HOME)

    company_name = LineField(max_length=200, blank=True, default="")
    business_type = LineField(max_length=100, blank=True, default="")
    tax_id = LineField("tax ID", max_length=50, blank=True, default="")

    emergency_contact_name = LineField(max_length=200, blank=True, default="")
    emergency_contact_phone = LineField(max_length=30, blank=True, default="", validators=[validate_phone])
    emergency_contact_relationship = LineField(max_length=100, blank=True, default="")

    requires_po_number = models.BooleanField(
        "requires a PO number", default=False, help_text="An approval of repairs must carry a PO number."
    )
    terms_days = models.PositiveSmallIntegerField(
        "days to pay",
        default=0,
        validators=[MaxValueValidator(365)],
        help_text="Invoices are due this many days after their issue. 0: at once.",
    )
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
    units = models.CharField(
        max_length=8,
        choices=Units,
        blank=True,
        default="",
        help_text="Of distances on the customer's pages and papers. Empty: as the shop.",
    )

    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged",
        help_text="The customer that has taken over everything of this one.",
    )

    history = HistoricalRecords()
    SEARCHED = CUSTOMER_SEARCHED
    objects = CustomerQuerySet["Customer"].as_manager()

    class Meta:
        permissions = [("merge_customer", "Can merge two customers")]
        constraints = [
            models.CheckConstraint(
                condition=Q(preferred_contact_method__in=ContactMethod.values),
                name="customer_contact_method_is_known",
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None) | ~Q(merged_into=F("id")), name="customer_merged_into_another"
            ),
            models.CheckConstraint(
                condition=Q(units__in=["", *Units.values]), name="customer_units_are_known"
            ),
        ]
        # The staff list is ordered by age or by services. Its filters for unverified customers, a city, a state and a
        # business type read an index in the order of age.
        indexes = [
            models.Index(fields=["customer_since", "id"], name="customer_by_age"),
            models.Index(
                fields=["customer_since", "id"],
                condition=Q(is_verified=False),
                name="customer_unverified_by_age",
            ),
            models.Index(Upper("state"), "customer_since", "id", name="customer_by_state"),
            models.Index(Upper("city"), "customer_since", "id", name="customer_by_city"),
            models.Index(fields=["total_services", "id"], name="customer_by_services"),
            models.Index(Upper("business_type"), "customer_since", "id", name="customer_by_business"),
            Trigrams(CUSTOMER_SEARCHED, name="customer_searched"),
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
    """A login that may act for a customer. A user acts for at most one.

    A customer with logins has an owner among them (`customers.logins`).
    """

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="logins")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="customer_login"
    )
    role = models.CharField(max_length=8, choices=LoginRole, default=LoginRole.OWNER)
    approval_limit = money(
        null=True,
        blank=True,
        help_text="Dollars: the largest repair that the login may approve. Empty: no limit.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=LoginRole.values), name="login_role_is_known"),
            models.CheckConstraint(
                condition=Q(approval_limit=None) | Q(approval_limit__gte=0),
                name="approval_limit_not_negative",
            ),
        ]
        verbose_name = "login"

    def __str__(self) -> str:
        return f"Login {self.pk}"


class Invitation(Identified):
    """An invitation to act for a customer, mailed to an address with a link that works once.

    User and login appear when the link is used, and not before. The row stores a hash of the link's token, which exists
    from the time the mail is sent. An invitation that is sent again is a new row.
    """

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="invitations", db_index=False
    )
    email = EmailField()
    role = models.CharField(max_length=8, choices=LoginRole)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    token_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet["Invitation"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "email"],
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="invited_once_at_a_time",
            ),
            models.CheckConstraint(condition=Q(role__in=LoginRole.values), name="invited_role_is_known"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invited_email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(withdrawn_at=None), name="invitation_ends_once"
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-created_at", "-id"], name="invitation_newest_first"),
            models.Index(fields=["email"], name="invitation_of_email"),
        ]

    def __str__(self) -> str:
        return f"Invitation {self.pk}"


class Notification(Identified):
    """A message to a customer. `type` is a word in capitals chosen by the sender (ORDER, APPOINTMENT, …)."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="notifications", db_index=False
    )
    type = models.CharField(max_length=30)
    title = LineField(max_length=200)
    message = ParagraphsField()
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
