"""Load the logins of the staff."""

from __future__ import annotations

from datetime import datetime

from accounts.keys.actions import SHOWN, hash_of
from accounts.models import ApiKey, User
from appointments.models import Technician
from common.domain.caller import Role
from demo.numbering import continue_after

KEY = "gk_website-of-the-demo"


def load() -> None:
    User.objects.create_superuser("admin@example.com", "admin12345", first_name="Ada", last_name="Admin")
    User.objects.create_user(
        "tech@test.com",
        "technician123",
        id=27,
        first_name="Test",
        last_name="Technician",
        role=Role.TECHNICIAN,
    )
    continue_after(User)


def load_team() -> None:
    """Load a login of each role of the second location. The technician's is tied to Tara, who has shifts there.

    They are the last users, so that the ids of the contracts' own accounts stay.
    """
    for name, first, last, role in (
        ("advisor", "Anna", "Desk", Role.ADVISOR),
        ("manager", "Max", "Ledger", Role.MANAGER),
        ("tara", "Tara", "Wrench", Role.TECHNICIAN),
    ):
        User.objects.create_user(
            f"{name}@garage.example", f"{role}12345", first_name=first, last_name=last, role=role
        )
    tara = User.objects.get(email="tara@garage.example")
    Technician.objects.filter(email=tara.email).update(user=tara)


def load_key(now: datetime) -> None:
    """Load a key for programs. It is the documented one, and so are the logins of the demo."""
    user = User.objects.create_user(None, first_name="Website", last_name="(API key)", role=Role.ADVISOR)
    ApiKey.objects.create(
        name="Website",
        user=user,
        prefix=KEY[:SHOWN],
        key_hash=hash_of(KEY),
        created_at=now,
        created_by=User.objects.get(email="admin@example.com"),
    )
