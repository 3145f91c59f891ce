"""Users, their devices, sessions and second factors, changes of their email, and the referral programme."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from simple_history.models import HistoricalRecords

from accounts.keys.models import ApiKey
from accounts.names import full_name
from accounts.phones import validate_phone
from accounts.querysets import EmailChangeQuerySet, ReferralQuerySet, SessionQuerySet, SignificantDigits
from common.domain.caller import STAFF, Role
from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from common.domain.search import Searched
from common.domain.text_fields import EmailField, LineField
from common.domain.texts import tidy_email
from common.domain.transitions import Machine

# Without 0, O, 1 and I, because customers read a referral code aloud.
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_referral_code() -> str:
    """Return `REF-` and eight characters of an alphabet of 32: 40 random bits."""
    return "REF-" + "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


normalize_email = tidy_email


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str | None, password: str | None = None, **fields: object) -> User:
        """Create a user. Without a password they cannot sign in (a walk-in, an imported customer)."""
        user = self.model(email=normalize_email(email) if email else None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        return self.create_user(email, password, **({"role": Role.ADMIN, "is_superuser": True} | fields))

    def people(self) -> models.QuerySet[User]:
        """Return the users who are no API key."""
        return self.filter(api_key=None)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=normalize_email(username or ""))


USER_SEARCHED = Searched("first_name", "last_name", "email", codes=("phone",))


class User(Identified, AbstractBaseUser, PermissionsMixin):
    """A person. Names, email and phone are stored here only."""

    email = EmailField(unique=True, null=True, blank=True)
    # Reset mails go here while it is set. Registration and staff give an address that counts as confirmed.
    confirmed_email = EmailField(
        null=True,
        blank=True,
        editable=False,
        help_text="The last confirmed address, while the present email is not confirmed.",
    )
    first_name = LineField(max_length=100, blank=True, default="")
    last_name = LineField(max_length=100, blank=True, default="")
    phone = LineField(max_length=30, blank=True, default="", validators=[validate_phone])
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.CUSTOMER, db_index=True)
    avatar = models.URLField(blank=True, default="")
    referral_code = models.CharField(max_length=20, unique=True, default=new_referral_code)
    rewards_balance = models.PositiveIntegerField(default=0, help_text="Whole points: the sum of the ledger.")
    is_active = models.BooleanField(default=True)
    second_factor_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    history = HistoricalRecords(excluded_fields=["password", "last_login"])
    objects: ClassVar[UserManager] = UserManager()
    SEARCHED = USER_SEARCHED

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_is_known"),
            models.CheckConstraint(
                condition=models.Q(email__isnull=True) | models.Q(email=Lower("email")),
                name="user_email_is_lower_case",
            ),
        ]
        indexes = [
            Trigrams(USER_SEARCHED, name="user_searched"),
            models.Index(
                fields=["confirmed_email"],
                condition=models.Q(confirmed_email__isnull=False),
                name="user_by_confirmed_email",
            ),
            models.Index(SignificantDigits(), name="user_by_phone"),  # for `customers.duplicates`
        ]

    def __str__(self) -> str:
        return self.full_name or self.email or f"User {self.pk}"

    def clean(self) -> None:
        # An empty form field means that there is no email. Two empty strings would break the unique constraint.
        self.email = normalize_email(self.email) or None if self.email else None
        if EmailChange.objects.reserves([self.email], but=self.pk):
            raise ValidationError({"email": "User with this Email already exists."}, code="unique")

    def check_password(self, raw_password: str | None) -> bool:
        """Check a password as Django does, and renew an outdated hash only if the row still holds it.

        Otherwise a sign-in with the old password could undo a change of password made at the same time.
        """

        def renew(raw: str) -> None:
            renewed = make_password(raw)
            if User.objects.filter(pk=self.pk, password=self.password).update(password=renewed):
                self.password = renewed

        return check_password(raw_password, self.password, renew)

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Return Django's hash over the password, the role and the second factor.

        So a change of one of them ends page sessions too.
        """
        salt, value = "accounts.User.get_session_auth_hash", f"{self.role}:{self.password}"
        if self.second_factor_since is not None:
            value += f":{self.second_factor_since.timestamp()}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    @property
    def full_name(self) -> str:
        return full_name(self.first_name, self.last_name)

    def get_full_name(self) -> str:
        """Return `full_name` under the name that Django's own pages use."""
        return self.full_name

    @property
    def customer_id(self) -> int | None:
        """The customer whom the user's login acts for, which the user's events name. Costs a query."""
        logins = User.objects.filter(pk=self.pk).values_list("customer_login__customer_id", flat=True)
        return logins.first()

    @property
    def is_staff(self) -> bool:
        """Whether the user can open the admin."""
        return self.is_superuser or self.role in STAFF


class EmailChange(models.Model):
    """A change of a user's email that took effect at once, with the two links that were mailed about it.

    One goes to the last confirmed address and undoes the change, the other to the new address and confirms it. Both
    work until `expires_at`. The row stores hashes of their tokens, which exist from the time the mails are sent.
    """

    id = models.BigAutoField(primary_key=True)
    # The index of the newest changes begins with this column.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_changes", db_index=False)
    old_email = EmailField(null=True)
    new_email = EmailField(null=True)
    undo_email = EmailField(
        null=True, help_text="The last confirmed address before the change. An undo restores it."
    )
    undo_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    confirm_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    objects = EmailChangeQuerySet["EmailChange"].as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-id"], name="email_change_newest_first"),
            models.Index(
                fields=["undo_email"],
                condition=models.Q(undone_at=None, undo_email__isnull=False),
                name="email_change_reserves",
            ),
        ]

    def __str__(self) -> str:
        return f"Email change {self.pk}"


class Device(Identified):
    """A phone or browser, for push messages. It belongs to the user who signed in from it last."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices")
    device_id = LineField(max_length=200)
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device_id"], name="device_of_one_user")]

    def __str__(self) -> str:
        return self.device_id


class Session(Identified):
    """One sign-in. Its uuid is the `sid` of its tokens, which are valid while the session is open."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, blank=True)
    refresh_jti = models.CharField(max_length=32, help_text="The ID of the only valid refresh token.")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet["Session"].as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user"], condition=models.Q(ended_at=None), name="session_living_of_user")
        ]

    def __str__(self) -> str:
        return f"Session {self.pk}"


class PageSession(AbstractBaseSession):
    """A session of Django's pages. Its user is a column, so that users can see and end theirs."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="page_sessions")

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from accounts.page_sessions import SessionStore  # it imports this module

        return SessionStore

    def __str__(self) -> str:
        return f"Browser of user {self.user_id}"  # never the key


class SecondFactor(models.Model):
    """The secret that a member of staff shares with an authenticator app. `User.second_factor_since` tells its age."""

    id = models.BigAutoField(primary_key=True)
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = models.CharField(max_length=64, editable=False, help_text="In Base32, as the app stores it.")
    last_step = models.BigIntegerField(
        help_text="The 30 seconds since 1970 of the last code. Earlier codes are refused, so that each works once."
    )

    def __str__(self) -> str:
        return f"Second factor of user {self.user_id}"


class RecoveryCode(models.Model):
    """A code that replaces the authenticator app once. The row stores its hash and is deleted when it is used."""

    id = models.BigAutoField(primary_key=True)
    factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64, editable=False)

    def __str__(self) -> str:
        return f"Recovery code {self.pk}"


class KnownAddress(models.Model):
    """An address from which a user signed in. It has its own limit, so that strangers cannot lock the user out."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_addresses", db_index=False)
    address = models.CharField(max_length=64)
    last_sign_in_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "address"], name="known_address_once_per_user")
        ]
        verbose_name_plural = "known addresses"

    def __str__(self) -> str:
        return self.address


class ReferralStatus(models.TextChoices):
    SIGNED_UP = "signed_up"
    CREDITED = "credited"  # the referred user's first repair order is completed


REFERRAL_MACHINE: Machine = {
    ReferralStatus.SIGNED_UP: frozenset({ReferralStatus.CREDITED}),
    ReferralStatus.CREDITED: frozenset(),
}


class Referral(Identified):
    """A user referred by another. It does not change later, and its users cannot be deleted."""

    referrer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="referrals")
    referred = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="referred_by",
        db_index=False,  # the unique constraint has one
    )
    code = models.CharField(max_length=20, help_text="The referrer's code at that time.")
    status = models.CharField(max_length=9, choices=ReferralStatus, default=ReferralStatus.SIGNED_UP)
    rewards_applied = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()

    history = HistoricalRecords()
    objects = ReferralQuerySet["Referral"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["referred"], name="referred_once"),
            models.CheckConstraint(
                condition=~models.Q(referrer=models.F("referred")), name="referred_by_another"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ReferralStatus.values), name="referral_status_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"Referral {self.pk}"


class RewardEntry(Identified):
    """An entry in the points ledger. A user's balance is the sum of their entries, which never change."""

    LARGEST = 1_000_000

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reward_entries", db_index=False)
    points = models.IntegerField(
        validators=[MinValueValidator(-LARGEST), MaxValueValidator(LARGEST)],
        help_text="Whole points. A negative number reduces the balance.",
    )
    reason = LineField(max_length=200)
    referral = models.ForeignKey(
        Referral,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reward_entries",
        db_index=False,
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["referral"], name="referral_rewarded_once"),
            models.CheckConstraint(condition=~models.Q(points=0), name="reward_moves_something"),
        ]
        indexes = [models.Index(fields=["user", "-created_at", "-id"], name="reward_newest_first")]
        verbose_name_plural = "reward entries"

    def __str__(self) -> str:
        return f"{self.points:+d} points"


__all__ = ["ApiKey"]
