"""Load the logins of the staff."""

from __future__ import annotations

from accounts.models import User
from common.domain.caller import Role
from demo.numbering import continue_after


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
