"""The admin's forms of a user. Passwords are set by the action, which ends the user's sessions."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.forms import AdminOwnPasswordChangeForm, AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.actions import WrongCredentials, check_credentials
from accounts.models import User
from accounts.passwords import WrongOldPassword, change_password


class NewUserForm(UserCreationForm):
    """Somebody new; without a password, one who cannot sign in (a walk-in)."""

    class Meta:
        model = User
        fields = ("email",)


class UserForm(UserChangeForm):
    class Meta:
        model = User
        fields = ("email",)  # the admin's fieldsets add the others


class PasswordForm(AdminPasswordChangeForm):
    """Somebody else's password."""

    def save(self, commit: bool = True) -> User:
        usable = self.cleaned_data["set_usable_password"]
        password = self.cleaned_data["password1"] if usable else None
        user: User = self.user
        change_password(user=user, password=password, now=timezone.now())
        return user


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """One's own, after the old one, at which a guess counts as it does at the sign-in."""

    def __init__(self, user: User, *args: Any, address: str, **kwargs: Any) -> None:
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
