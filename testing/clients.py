"""API clients with the credentials of a user."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.actions import open_session
from accounts.models import User


def signed_in(user: User) -> APIClient:
    """Return a client that sends an access token of a real session."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {open_session(user=user, now=timezone.now()).access}")
    return client
