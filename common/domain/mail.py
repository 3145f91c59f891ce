"""Mail with one Message-ID for each task, so that a mail that is sent again can be recognised (docs/design, D57)."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMultiAlternatives

from common.domain.tasks import delivery


class Mail(EmailMultiAlternatives):
    """A mail whose Message-ID is the id of the task that sends it. A task sends one mail."""

    def message(self, **options: Any) -> Any:
        task = delivery.get("")
        if task:
            domain = parseaddr(self.from_email)[1].rpartition("@")[2] or "localhost"
            self.extra_headers.setdefault("Message-ID", f"<{task}@{domain}>")
        return super().message(**options)
