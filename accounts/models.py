"""Users, their devices, sessions and known addresses, and the referral programme."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from simple_history.models import HistoricalRecords

from accounts.names import full_name
from accounts.phones import validate_phone
from accounts.querysets import FullName, ReferralQuerySet, SessionQuerySet
from common.domain.caller import STAFF, Role
from common.domain.ids import Identified
from common.domain.indexes import Trigrams
from common.domain.transitions import Machine

# Without 0, O, 1 and I, because customers read a referral code aloud.
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_referral_code() -> str:
    """Return `REF-` and eight characters of an alphabet of 32: 40 random bits."""
    return "REF-" + "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


def normalize_email(email: str) -> str:
    """Return the form in which an email is stored, searched and counted."""
    return email.strip().lower()


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str | None, password: str | None = None, **fields: object) -> User:
        """Create a user. Without a password they cannot sign in (a walk-in, an imported customer)."""
        user = self.model(email=normalize_email(email) if email else None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        return self.create_user(email, password, **({"role": Role.ADMIN, "is_superuser": True} | fields))

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=normalize_email(username or ""))


class User(Identified, AbstractBaseUser, PermissionsMixin):
    """A person. Names, email and phone are stored here only."""

    email = models.EmailField(unique=True, null=True, blank=True)
    first_name = models.CharField(max_length=100, blank=True, default="")
    last_name = models.CharField(max_length=100, blank=True, default="")
    phone = models.CharField(max_length=30, blank=True, default="", validators=[validate_phone])
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.CUSTOMER, db_index=True)
    avatar = models.URLField(blank=True, default="")
    referral_code = models.CharField(max_length=20, unique=True, default=new_referral_code)
    rewards_balance = models.PositiveIntegerField(default=0, help_text="Whole points: the sum of the ledger.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    history = HistoricalRecords(excluded_fields=["password", "last_login"])
    objects: ClassVar[UserManager] = UserManager()

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
        indexes = [Trigrams(FullName(), "email", "phone", name="user_searched")]

    def __str__(self) -> str:
        return self.full_name or self.email or f"User {self.pk}"

    def clean(self) -> None:
        # An empty form field means that there is no email. Two empty strings would break the unique constraint.
        self.email = normalize_email(self.email) or None if self.email else None

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
        """Return Django's hash over the password and the role, so that a change of role ends page sessions too."""
        salt = "accounts.User.get_session_auth_hash"
        return salted_hmac(
            salt, f"{self.role}:{self.password}", secret=secret, algorithm="sha256"
        ).hexdigest()

    @property
    def full_name(self) -> str:
        return full_name(self.first_name, self.last_name)

    def get_full_name(self) -> str:
        """Return `full_name` under the name that Django's own pages use."""
        return self.full_name

    @property
    def is_staff(self) -> bool:
        """Whether the user can open the admin."""
        return self.is_superuser or self.role in STAFF


class Device(Identified):
    """A phone or browser from which a user signs in, for push messages."""

    # The index of the unique constraint begins with this column.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices", db_index=False)
    device_id = models.CharField(max_length=200)
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "device_id"], name="device_once_per_user")]

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
    reason = models.CharField(max_length=200)
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
