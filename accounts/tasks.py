"""What is done after the answer, in place or by `manage.py db_worker` (`TASK_QUEUE`)."""

from __future__ import annotations

from django_tasks import task

from accounts.mail import reset_mail
from accounts.models import User


@task
def mail_reset_link(email: str) -> None:
    """Mail a link to a new password to whoever has this email and may come in.

    For nobody the mail is written too, and thrown away: done in place, it must not be told by the time it takes.
    """
    user = User.objects.filter(email=email, is_active=True).first()
    mail = reset_mail(user or User(email=email))
    if user is not None:
        mail.send()
