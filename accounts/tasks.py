"""Tasks that mail. They are stored in the transaction of what they tell (docs/design, D57)."""

from __future__ import annotations

from django.db.models import Q
from django_tasks import task

from accounts.mail import confirm_email_mail, email_changed_mail, reset_mail
from accounts.models import EmailChange, User
from accounts.tokens import new_link_token
from common.domain.mail import Mail


@task
def mail_reset_link(email: str, page: str = "") -> None:
    """Mail a link to set a new password to the active user with this email, or with it as the last confirmed one.

    It goes to the last confirmed address. The link opens `page`, or `PASSWORD_RESET_URL` if it is empty. For an unknown
    email the message is rendered too and dropped, because a task in the same process must not reveal by its duration
    whether the account exists.
    """
    users = User.objects.filter(
        Q(email=email) | Q(confirmed_email=email, email__isnull=False), is_active=True
    )
    # The user of the present address before a user who left it unconfirmed.
    user = min(users, key=lambda user: (user.email != email, user.pk), default=None)
    mail = reset_mail(user or User(email=email), page=page)
    if user is not None:
        mail.send()


@task
def mail_undo_link(emailchange_id: int) -> None:
    """Tell the last confirmed address of a change of email, with the link that undoes it.

    The token is drawn here, so that the queue never holds it. The row stores its hash.
    """
    change = _present_change(emailchange_id)
    if change is not None and change.undo_email:
        token, change.undo_hash = new_link_token()
        change.save(update_fields=["undo_hash"])
        _changed_mail(change, to=change.undo_email, token=token).send()


@task
def mail_former_address(emailchange_id: int) -> None:
    """Tell an earlier address that was never confirmed of a change of email. It cannot undo the change."""
    change = _present_change(emailchange_id)
    if change is not None and change.old_email and change.old_email != change.undo_email:
        _changed_mail(change, to=change.old_email, token="").send()


@task
def mail_confirmation(emailchange_id: int) -> None:
    """Mail the link that confirms a new address to it. The token is drawn here, and the row stores its hash."""
    change = _present_change(emailchange_id)
    if change is not None and change.new_email and change.confirmed_at is None:
        token, change.confirm_hash = new_link_token()
        change.save(update_fields=["confirm_hash"])
        confirm_email_mail(change.user, to=change.new_email, token=token, until=change.expires_at).send()


def _present_change(emailchange_id: int) -> EmailChange | None:
    return EmailChange.objects.select_related("user").filter(pk=emailchange_id, undone_at=None).first()


def _changed_mail(change: EmailChange, *, to: str, token: str) -> Mail:
    return email_changed_mail(
        change.user, to=to, new_email=change.new_email, token=token, until=change.expires_at
    )
