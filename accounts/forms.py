"""Forms of the user pages in the admin. Passwords are set by the action, which ends the user's sessions."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.actions import WrongCredentials, check_credentials
from accounts.models import User
from accounts.passwords import WrongOldPassword, change_password


class NewUserForm(UserCreationForm):
    """Add a user. A user without a password cannot sign in (a walk-in customer)."""

    class Meta:
        model = User
        fields = ("email",)


class UserForm(UserChangeForm):
    class Meta:
        model = User
        fields = ("email",)  # the fieldsets of the admin add the others


class PasswordForm(AdminPasswordChangeForm):
    """Set another user's password."""

    def save(self, commit: bool = True) -> User:
        usable = self.cleaned_data["set_usable_password"]
        password = self.cleaned_data["password1"] if usable else None
        user: User = self.user
        change_password(user=user, password=password, now=timezone.now())
        return user


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """Change the user's own password. A wrong old password counts as a wrong password at the sign-in."""

    def __init__(self, user: User, *args: object, address: str, **kwargs: object) -> None:
        self.address = address
        super().__init__(user, *args, **kwargs)

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        try:
            check_credentials(
                email=self.user.email or "", password=old, address=self.address, now=timezone.now()
            )
        except WrongCredentials:
            raise ValidationError(WrongOldPassword.message, code="password_incorrect") from None
        return old

    def save(self, commit: bool = True) -> User:
        user: User = self.user
        change_password(user=user, password=self.cleaned_data["new_password1"], now=timezone.now())
        return user
