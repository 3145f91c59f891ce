"""What is done after the answer, in place or by `manage.py db_worker` (`TASK_QUEUE`)."""

from __future__ import annotations

from django_tasks import task

from accounts.mail import invitation_mail, reset_mail
from accounts.models import User


@task
def mail_reset_link(email: str, page: str = "") -> None:
    """Mail a link to a new password to whoever has this email and may come in. `page` is what the link opens, where
    that is not the app.

    For nobody the mail is written too, and thrown away: done in place, it must not be told by the time it takes.
    """
    user = User.objects.filter(email=email, is_active=True).first()
    mail = reset_mail(user or User(email=email), page=page)
    if user is not None:
        mail.send()


@task
def mail_invitation(user_id: int, company: str, page: str) -> None:
    """Mail somebody new the link to the page where he chooses a password."""
    invitation_mail(User.objects.get(pk=user_id), company=company, page=page).send()
