"""Tasks that mail. They are stored in the transaction of what they tell (docs/design, D57)."""

from __future__ import annotations

from urllib.parse import urlencode

from django_tasks import task

from accounts.tokens import new_link_token
from customers.mail import invitation_mail, notification_mail
from customers.models import Invitation, Notification


@task
def mail_notification(notification_id: int) -> None:
    """Mail a notification, if the customer's preferences allow it when the task runs."""
    rows = Notification.objects.select_related("customer__contact")
    notification = rows.filter(pk=notification_id).first()
    mail = notification_mail(notification) if notification else None
    if mail is not None:
        mail.send()


@task
def mail_invitation(invitation_id: int, page: str) -> None:
    """Mail an invitation that is still open, with a link to `page`.

    The token is drawn here, so that the queue never holds it. The row stores its hash.
    """
    invitation = Invitation.objects.select_related("customer__contact").filter(pk=invitation_id).first()
    if invitation is None:
        return
    token, token_hash = new_link_token()
    if Invitation.objects.waiting().filter(pk=invitation_id).update(token_hash=token_hash):
        invitation_mail(invitation, link=f"{page}?{urlencode({'token': token})}").send()
