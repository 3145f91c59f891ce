"""Tasks that mail requests for deletion. They are stored in the transaction of what they tell (docs/design, D57)."""

from __future__ import annotations

from django.template.loader import render_to_string
from django_tasks import task

from accounts.models import User
from appointments.queries import find_shop_addresses
from common.domain.mail import Mail


@task
def mail_deletion_request(email: str, reason: str) -> None:
    """Tell the shop that the person with this email asks to be erased. The email of no user is dropped."""
    text = render_to_string("privacy/mail/deletion_request.txt", {"email": email, "reason": reason})
    _send("Request to delete personal data", text, email=email, to=find_shop_addresses())


@task
def mail_deletion_received(email: str) -> None:
    """Confirm to the person with this email that the request was passed on. The email of no user is dropped."""
    text = render_to_string("privacy/mail/deletion_received.txt", {"email": email})
    _send("Your request to delete your data", text, email=email, to=[email])


def _send(subject: str, text: str, *, email: str, to: list[str]) -> None:
    """Send the mail if a user has the email. It is rendered before, so that its duration does not tell."""
    if User.objects.filter(email=email).exists() and to:
        Mail(subject=subject, body=text, to=to).send()
