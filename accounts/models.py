"""People, what lets them in - devices, sessions, addresses they sign in from - and whom they brought along."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

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

# No 0, O, 1, I: a referral code is read out loud.
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_referral_code() -> str:
    """`REF-` and eight of 32 letters: 40 random bits."""
    return "REF-" + "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))


def normal_email(email: str) -> str:
    """The one spelling under which an address is stored, looked up and counted."""
    return email.strip().lower()


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str | None, password: str | None = None, **fields: Any) -> User:
        """A user; without a password one who cannot sign in (a walk-in, an imported customer)."""
        user = self.model(email=normal_email(email) if email else None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **({"role": Role.ADMIN, "is_superuser": True} | fields))

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=normal_email(username or ""))


class User(Identified, AbstractBaseUser, PermissionsMixin):
    """A person. Names, email and phone live here and nowhere else."""

    email = models.EmailField(unique=True, null=True, blank=True)
    first_name = models.CharField(max_length=100, blank=True, default="")
    last_name = models.CharField(max_length=100, blank=True, default="")
    phone = models.CharField(max_length=30, blank=True, default="", validators=[validate_phone])
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.CUSTOMER, db_index=True)
    avatar = models.URLField(blank=True, default="")
    referral_code = models.CharField(max_length=20, unique=True, default=new_referral_code)
    rewards_balance = models.PositiveIntegerField(default=0, help_text="Whole points; the ledger's sum.")
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
        # An empty box in a form means: no address.
        self.email = normal_email(self.email) or None if self.email else None

    def check_password(self, raw_password: str | None) -> bool:
        """Django's, but for a hash of an outdated kind: it is renewed in the stored row only where that still holds it,
        or a sign-in with the old password could undo a change made meanwhile."""

        def renew(raw: str) -> None:
            renewed = make_password(raw)
            if User.objects.filter(pk=self.pk, password=self.password).update(password=renewed):
                self.password = renewed

        return check_password(raw_password, self.password, renew)

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """What a browser's session is good for: Django's, and the role. A changed one ends the pages' sessions, too."""
        salt = "accounts.User.get_session_auth_hash"
        return salted_hmac(
            salt, f"{self.role}:{self.password}", secret=secret, algorithm="sha256"
        ).hexdigest()

    @property
    def full_name(self) -> str:
        return full_name(self.first_name, self.last_name)

    def get_full_name(self) -> str:
        """The same under the name Django's own pages ask for."""
        return self.full_name

    @property
    def is_staff(self) -> bool:
        """Whether the admin lets this person in."""
        return self.is_superuser or self.role in STAFF


class Device(Identified):
    """A phone or browser a user signs in from, for push messages."""

    # The constraint's index begins with it.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices", db_index=False)
    device_id = models.CharField(max_length=200)
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "device_id"], name="device_once_per_user")]

    def __str__(self) -> str:
        return self.device_id


class Session(Identified):
    """One sign-in. Its uuid is the tokens' `sid`; when it ends, they end with it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, blank=True)
    refresh_jti = models.CharField(max_length=32, help_text="The one refresh token that is good now.")
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
    """Where a user signed in from, so that strangers' guesses cannot lock the owner out."""

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
    CREDITED = "credited"  # the friend's first repair order is completed


REFERRAL_MACHINE: Machine = {
    ReferralStatus.SIGNED_UP: frozenset({ReferralStatus.CREDITED}),
    ReferralStatus.CREDITED: frozenset(),
}


class Referral(Identified):
    """Who brought whom, once and for ever: its users cannot be deleted while it stands."""

    referrer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="referrals")
    referred = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="referred_by",
        db_index=False,  # the constraint has one
    )
    code = models.CharField(max_length=20, help_text="As it was when it was used.")
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
    """A line of the ledger of points. A user's balance is the sum of his lines; none is ever changed."""

    LARGEST = 1_000_000

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reward_entries", db_index=False)
    points = models.IntegerField(
        validators=[MinValueValidator(-LARGEST), MaxValueValidator(LARGEST)],
        help_text="Whole points; less than nothing takes some away.",
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
