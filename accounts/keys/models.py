"""The keys of machines (docs/design, D141)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from accounts.keys.querysets import ApiKeyQuerySet
from common.domain.caller import Role
from common.domain.ids import Identified
from common.domain.text_fields import LineField

# A key of an administrator could make itself further logins.
KEY_ROLES = (Role.TECHNICIAN, Role.ADVISOR, Role.MANAGER)


class ApiKey(Identified):
    """A key with which a machine calls the staff's API and the service routes of contract 004.

    The row stores the hash of the key only. The key acts as a user of its own, whose role it has and who signs in
    nowhere.
    """

    name = LineField(max_length=80, help_text="What uses it, as the history names it.")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_key")
    prefix = models.CharField(
        max_length=16, editable=False, help_text="The beginning of the key, by which people know it."
    )
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    addresses = models.JSONField(
        default=list,
        blank=True,
        help_text="The addresses and networks from which it works, such as 192.0.2.0/24. Empty for all.",
    )
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="Exact to a minute.")

    history = HistoricalRecords(excluded_fields=["key_hash", "last_used_at"])
    objects = ApiKeyQuerySet["ApiKey"].as_manager()

    class Meta:
        verbose_name = "API key"
        permissions = [("revoke_apikey", "Can revoke API keys")]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="api_key_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def role(self) -> str:
        return self.user.role
