"""Pages of the company's details and of its logins."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from common.domain.errors import DomainError, Missing
from customers.actions import change_customer
from customers.logins import invite_login, remove_login
from customers.models import Customer, CustomerUser
from portal.fleet.forms import CompanyForm, InviteForm
from portal.fleet.pages import FleetPage
from portal.fleet.sign_in import new_password_page


class _CompanyPageBase(FleetPage):
    def customer(self) -> Customer:
        return Customer.objects.with_contact().get(pk=self.caller.account)

    def logins(self) -> list[CustomerUser]:
        logins = CustomerUser.objects.filter(customer_id=self.caller.account).select_related("user")
        return list(logins.order_by("user__last_name", "user__first_name", "id"))


class CompanyPage(_CompanyPageBase):
    template = "fleet/company.html"
    section = "company"

    def get(self, request: HttpRequest) -> HttpResponse:
        customer = self.customer()
        form = CompanyForm(initial={name: getattr(customer, name) for name in CompanyForm.base_fields})
        return self.show_company(customer, form)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CompanyForm(request.POST)
        if not form.is_valid():
            return self.show_company(self.customer(), form, status=400)
        change_customer(customer=self.customer(), **form.cleaned_data)
        messages.success(request, "The company's details are changed.")
        return redirect("fleet-company")

    def show_company(self, customer: Customer, form: CompanyForm, status: int = 200) -> HttpResponse:
        return self.show(customer=customer, form=form, logins=self.logins(), status=status)


class InvitePage(_CompanyPageBase):
    """Invite a colleague, who gets an email with a link to choose a password."""

    template = "fleet/invite.html"
    section = "company"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(form=InviteForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = InviteForm(request.POST)
        if form.is_valid():
            try:
                invite_login(customer=self.customer(), page=new_password_page(), **form.cleaned_data)
            except DomainError as error:
                form.add_domain_error(error)
            else:
                messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
                return redirect("fleet-company")
        return self.show(form=form, status=400)


class RemoveUserPage(_CompanyPageBase):
    """Remove a login after a confirmation. The user keeps their account but loses access to the company."""

    template = "fleet/remove_user.html"
    section = "company"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return self.show(login=self.login(id))

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        login = self.login(id)
        remove_login(login=login, by=self.caller.user_id, now=timezone.now())
        messages.success(request, f"{login.user} can no longer sign in for {self.caller.customer_name}.")
        return redirect("fleet-company")

    def login(self, id: int) -> CustomerUser:
        found = next((login for login in self.logins() if login.pk == id), None)
        if found is None:
            raise Missing("User not found")
        return found
