"""Pages of the company's details, of its logins and of its invitations."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.own_sessions import list_sessions
from accounts.own_sessions_pages import act_on_sessions
from common.domain.caller import LoginRole
from common.domain.errors import Invalid, Missing
from common.domain.recent_password import require_recent_password
from customers.actions import change_customer
from customers.invitations import invite, resend, withdraw
from customers.logins import change_login, remove_login
from customers.models import Customer, CustomerUser, Invitation
from portal.fleet.forms import CompanyForm, InviteForm, LoginForm
from portal.fleet.invitation import invitation_page
from portal.fleet.pages import FleetPage


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
        for field in form.fields.values():
            field.disabled = self.caller.is_viewer
        now = timezone.now()
        waiting = Invitation.objects.visible_to(self.caller).waiting().newest_first()
        return self.show(
            customer=customer,
            form=form,
            logins=self.logins(),
            invitations=[{"row": row, "is_expired": row.expires_at <= now} for row in waiting],
            status=status,
        )


class SessionsPage(FleetPage):
    """The sessions of the signed-in login. A viewer may end theirs, too."""

    template = "fleet/sessions.html"
    section = "company"
    is_for_viewers = True

    def get(self, request: HttpRequest) -> HttpResponse:
        present = request.session.session_key
        return self.show(
            sessions=list_sessions(user_id=self.caller.user_id, present=present, now=timezone.now())
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        act_on_sessions(request, self.caller.user_id)
        return redirect("fleet-sessions")


class InvitePage(_CompanyPageBase):
    """Invite a colleague, who gets an email with a link to accept."""

    template = "fleet/invite.html"
    section = "company"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(form=InviteForm(initial={"role": LoginRole.APPROVER}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = InviteForm(request.POST)
        if not form.is_valid():
            return self.show(form=form, status=400)
        require_recent_password(request.session, now=timezone.now())
        try:
            invite(
                customer_id=self.caller.account,
                by=self.caller.user_id,
                page=invitation_page(),
                now=timezone.now(),
                **form.cleaned_data,
            )
        except Invalid as error:
            form.add_domain_error(error)
            return self.show(form=form, status=400)
        messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
        return redirect("fleet-company")


class _InvitationPageBase(_CompanyPageBase):
    """A page that asks before it does something with a waiting invitation."""

    section = "company"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return self.show(invitation=self.invitation(id))

    def invitation(self, id: int) -> Invitation:
        found = Invitation.objects.visible_to(self.caller).waiting().filter(pk=id).first()
        if found is None:
            raise Missing("Invitation not found")
        return found


class ResendInvitationPage(_InvitationPageBase):
    """Send an invitation again. The earlier link stops working."""

    template = "fleet/resend_invitation.html"

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        invitation = self.invitation(id)
        resend(invitation=invitation, by=self.caller.user_id, page=invitation_page(), now=timezone.now())
        messages.success(request, f"A new invitation is on its way to {invitation.email}.")
        return redirect("fleet-company")


class WithdrawInvitationPage(_InvitationPageBase):
    """Withdraw an invitation."""

    template = "fleet/withdraw_invitation.html"

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        invitation = self.invitation(id)
        withdraw(invitation=invitation, by=self.caller.user_id, now=timezone.now())
        messages.success(request, f"The invitation to {invitation.email} is withdrawn.")
        return redirect("fleet-company")


class _LoginPageBase(_CompanyPageBase):
    def login(self, id: int) -> CustomerUser:
        found = next((login for login in self.logins() if login.pk == id), None)
        if found is None:
            raise Missing("User not found")
        return found


class ChangeRolePage(_LoginPageBase):
    """Change the role of a login, and the largest repair that it may approve."""

    template = "fleet/change_role.html"
    section = "company"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        login = self.login(id)
        return self.show(
            login=login, form=LoginForm(initial={"role": login.role, "approval_limit": login.approval_limit})
        )

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        login, form = self.login(id), LoginForm(request.POST)
        if not form.is_valid():
            return self.show(login=login, form=form, status=400)
        require_recent_password(request.session, now=timezone.now())
        change_login(login=login, by=self.caller.user_id, now=timezone.now(), **form.cleaned_data)
        messages.success(request, f"What {login.user} may do is changed.")
        return redirect("fleet-company")


class RemoveUserPage(_LoginPageBase):
    """Remove a login after a confirmation. The user keeps their account but loses access to the company."""

    template = "fleet/remove_user.html"
    section = "company"

    def get(self, request: HttpRequest, id: int) -> HttpResponse:
        return self.show(login=self.login(id))

    def post(self, request: HttpRequest, id: int) -> HttpResponse:
        require_recent_password(request.session, now=timezone.now())
        login = self.login(id)
        remove_login(login=login, by=self.caller.user_id, now=timezone.now())
        messages.success(request, f"{login.user} can no longer sign in for {self.caller.customer_name}.")
        return redirect("fleet-company")
