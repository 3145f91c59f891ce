"""Mail with one Message-ID for each task, so that a mail that is sent again can be recognised (docs/design, D57)."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMultiAlternatives

from common.domain.tasks import delivery


def message_id(key: str, sender: str) -> str:
    """Return the Message-ID of a key and the sender's domain."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{key}@{domain}>"


class Mail(EmailMultiAlternatives):
    """A mail whose Message-ID is the id of the task that sends it. A task sends one mail."""

    def message(self, **options: Any) -> Any:
        task = delivery.get("")
        if task:
            self.extra_headers.setdefault("Message-ID", message_id(task, self.from_email))
        return super().message(**options)
