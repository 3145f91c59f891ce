"""The form of a customer in the admin: the account, and its contact's names, email and phone."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from accounts.models import EmailChange, User
from accounts.names import MAX_NAME_LENGTH
from accounts.phones import validate_phone
from accounts.registration import EmailTaken
from common.domain.text_fields import EmailFormField, TextFormField
from common.domain.types import Json
from customers.actions import CONTACT_FIELDS, NoName
from customers.duplicates import customer_with_email
from customers.models import Customer
from customers.names import FORMER, customer_name


def link_to(customer: Customer) -> SafeString:
    """Return a link to the customer's page."""
    return format_html(
        '<a class="underline" href="{}">{}</a>',
        reverse("admin:customers_customer_change", args=[customer.pk]),
        customer.name,
    )


class CustomerForm(forms.ModelForm[Customer]):
    """A customer and their contact. A contact who is staff is changed on the page of the user."""

    first_name = TextFormField(required=False, max_length=MAX_NAME_LENGTH, widget=UnfoldAdminTextInputWidget)
    last_name = TextFormField(required=False, max_length=MAX_NAME_LENGTH, widget=UnfoldAdminTextInputWidget)
    email = EmailFormField(required=False, max_length=254, widget=UnfoldAdminEmailInputWidget)
    phone = TextFormField(
        required=False, max_length=30, validators=[validate_phone], widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = Customer
        fields = ("contact",)  # the fieldsets of the admin add the others
        help_texts: ClassVar[dict[str, str]] = {
            "contact": "The user who is shown and billed. Leave it empty for a new person, whose user is then added.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored_contact: User | None = self.instance.contact
        is_former = bool(self.instance.pk) and self.instance.name == FORMER
        for name in CONTACT_FIELDS if "first_name" in self.fields else ():
            self.fields[name].disabled = is_former or bool(
                self.stored_contact and self.stored_contact.is_staff
            )
            if self.stored_contact:
                self.initial[name] = getattr(self.stored_contact, name) or ""
        self.was_former = is_former

    @property
    def person(self) -> Json:
        """The values of the contact that were changed."""
        return {
            name: (self.cleaned_data[name] or None) if name == "email" else self.cleaned_data[name]
            for name in CONTACT_FIELDS
            if name in self.changed_data
        }

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email and "email" in self.changed_data:
            others = User.objects.exclude(pk=self.stored_contact.pk if self.stored_contact else 0)
            if customer := customer_with_email(email, but=self.stored_contact):
                raise ValidationError(format_html("{} has this email already.", link_to(customer)))
            mine = self.stored_contact.pk if self.stored_contact else None
            if others.filter(email=email).exists() or EmailChange.objects.reserves([email], but=mine):
                raise ValidationError(EmailTaken.message, code=EmailTaken.code)
        return email

    def clean(self) -> Json:
        values = super().clean() or self.cleaned_data
        if "first_name" not in self.fields or self.errors:
            return values
        chosen: User | None = values.get("contact")
        is_other = chosen != self.stored_contact
        if is_other and self.person:
            self.add_error("contact", "Choose a user or enter a person, not both.")
        elif not self.was_former:
            first, last = (values["first_name"], values["last_name"])
            if is_other:
                first, last = (chosen.first_name, chosen.last_name) if chosen else ("", "")
            if customer_name(values.get("company_name"), first, last) == FORMER:
                self.add_error("first_name", NoName.message)
        return values
