"""`manage.py reset_second_factor`: remove a user's second factor, if no administrator can sign in to do it."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User, normalize_email
from accounts.second_factor import NoSecondFactor, remove


class Command(BaseCommand):
    help = (
        "Remove the second factor of a user who has lost it, and end all their sessions. In the admin, the button "
        "on the user's page does the same."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.filter(email=normalize_email(email)).first()
        if user is None:
            raise CommandError(f"There is no user with the email {email}.")
        try:
            remove(user=user, now=timezone.now())
        except NoSecondFactor as error:
            raise CommandError(error.text) from None
        self.stdout.write(f"The second factor of {user.email} is removed.")
