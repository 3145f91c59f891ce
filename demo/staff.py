"""Load the logins of the staff."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.keys.actions import SHOWN, hash_of
from accounts.models import ApiKey, User
from appointments.models import Technician
from common.domain.caller import Role
from common.domain.models import Event
from demo.numbering import continue_after
from integrations.models import Attempt, Delivery, DeliveryState, Disabled, Webhook

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


def load_webhook(now: datetime) -> None:
    """Load a webhook that is disabled, because its receiver does not exist, with an event that was given up."""
    began = now - timedelta(days=3)
    webhook = Webhook.objects.create(
        url="https://hooks.example.com/garage",
        description="Bookkeeping",
        types=["billing.*"],
        secret="whsec_Z2FyYWdlLXdlYmhvb2stb2YtdGhlLWRlbW8=",  # of the demo
        place=Event.objects.order_by("id").values_list("pk", flat=True).last(),
        disabled_at=now,
        disabled_because=Disabled.FAILED,
        failing_since=began,
        failures=2,
        created_at=began,
        created_by=User.objects.get(email="admin@example.com"),
    )
    event = Event.objects.filter(type="billing.invoice.issued").order_by("id").first()
    if event is None:
        return
    delivery = Delivery.objects.create(
        webhook=webhook,
        event_id=event.pk,
        type=event.type,
        subject=event.subject,
        state=DeliveryState.FAILED,
        tries=2,
        created_at=began,
        waits_since=began,
        due_at=now,
        ended_at=now,
    )
    for at in (began, now):
        Attempt.objects.create(
            delivery=delivery, at=at, error="hooks.example.com was not found.", milliseconds=31
        )
