"""Promise: invitations stay few and honest.

A company sends forty invitations at once: as many mails as `RATE_INVITATIONS` leave, and none while the shop has not
verified it. Nothing exists for the address before its link is used, which works once. Only owners invite, remove and
change roles, and one owner stays. A case is a request, a mail or a row that is looked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

from accounts.models import User
from customers.models import Customer, CustomerUser, Invitation
from testing import factories
from testing.inbox import Inbox, link_of
from testing.servers import Server
from testing.storms import parallel
from trust.calls import Answer, Client
from trust.people import PASSWORD, set_passwords
from trust.promises import Tally, Trial
from trust.sign_ins import CSRF
from trust.tables import Tables, seen_from_here

COMPANY = "/customer/company/"
INVITE, PAGE = f"{COMPANY}users/new/", "/customer/invitation/"
SUBJECT = "Invitation to the fleet portal"
AT_ONCE, MOST = 40, 20
_fresh = count(1)


@dataclass
class Firm:
    """A company with logins of every role, by role. Its name is an advertisement."""

    customer: Customer
    logins: dict[str, User]
    name: str

    @classmethod
    def found(cls, *, is_verified: bool = True) -> Firm:
        number = next(_fresh)
        people = {
            role: factories.UserFactory(email=f"{role}{number}@firm.example", password=PASSWORD)
            for role in ("owner", "second-owner", "approver", "viewer")
        }
        name = f"WIN-A-PRIZE-{number} http://prize.example"
        owner = people["owner"]
        customer = factories.CustomerFactory(contact=owner, company_name=name, is_verified=is_verified)
        for role, user in people.items():
            if role != "owner":
                role = role.removeprefix("second-")
                factories.CustomerUserFactory(customer=customer, user=user, role=role)
        set_passwords()
        return cls(customer, people, name)

    def login(self, role: str) -> CustomerUser:
        return CustomerUser.objects.get(user=self.logins[role])

    def browser(self, server: Server, role: str) -> Client:
        email = self.logins[role].email or ""
        return Client(server.port, headers={"Host": "localhost"}).sign_in_to_pages(email, PASSWORD)


def invitations(trial: Trial, tally: Tally) -> None:
    for engine in trial.engines:
        with (
            Inbox() as inbox,
            trial.server(engine, demo=False, EMAIL_URL=inbox.url) as server,
            seen_from_here(server),
        ):
            for _ in range(trial.size(5, 2, 1)):
                _flood(server, tally, inbox)
            for _ in range(trial.size(10, 2, 1)):
                _others_cannot(server, tally)
                _one_owner_stays(server, tally)


def _post(client: Client, path: str, **fields: str) -> Answer:
    """Post a form on a connection of this thread."""
    answer = client.send("POST", path, fields, form=True, X_CSRFToken=client.cookies["csrftoken"])
    client.close()
    return answer


def _flood(server: Server, tally: Tally, inbox: Inbox) -> None:
    stranger = Firm.found(is_verified=False)
    browser = stranger.browser(server, "owner")
    answers = _invite_many(browser, f"stranger{next(_fresh)}")
    tally.tried(all(a.status == 403 for a in answers), f"not verified: {_statuses(answers)}", cases=AT_ONCE)
    tally.tried(not stranger.customer.invitations.exists(), "a company that is not verified has invitations")

    firm, before, people = Firm.found(), len(inbox.messages), User.objects.count()
    browser, mark = firm.browser(server, "owner"), f"colleague{next(_fresh)}"
    people = User.objects.count()
    answers = _invite_many(browser, mark)
    accepted = [answer for answer in answers if answer.status == 302]
    tally.tried(len(accepted) == MOST, f"{_statuses(answers)}, {MOST} may be sent", cases=AT_ONCE)
    refused = [answer for answer in answers if answer.status != 302]
    tally.tried(all(a.status == 429 and "retry-after" in a.headers for a in refused), _statuses(refused))
    for invitation in firm.customer.invitations.all()[:3]:
        answer = _post(browser, f"{COMPANY}invitations/{invitation.pk}/resend/")
        tally.tried(answer.status == 429, f"sent again, beyond the limit: {answer.status}")
    inbox.wait_for(before + MOST)
    mails = inbox.messages[before:]
    tally.tried(len(mails) == MOST, f"{len(mails)} mails left, {MOST} may", cases=MOST)
    for mail in mails:
        holds = mail["Subject"] == SUBJECT and firm.name.split()[0] not in str(mail.items())
        tally.tried(holds, f"a company's text in a head: {mail.items()}")
        tally.tried(mark in str(mail["To"]), f"a mail to {mail['To']}: a company that is not verified?")
    tally.tried(User.objects.count() == people, "a user exists before the invitation is accepted")
    tally.tried(firm.customer.logins.count() == 4, "a login exists before the invitation is accepted")
    for mail in mails[:3]:
        _accept(server, tally, firm, link_of(mail), str(mail["To"]))


def _invite_many(browser: Client, mark: str) -> list[Answer]:
    def one(number: int) -> Answer:
        return _post(browser, INVITE, email=f"{mark}-{number}@example.com", role="viewer")

    return _answered(parallel(AT_ONCE, one))


def _answered(found: list[Answer]) -> list[Answer]:
    assert all(isinstance(answer, Answer) for answer in found), found
    return found


def _statuses(answers: list[Answer]) -> str:
    return str(sorted(answer.status for answer in answers))


def _accept(server: Server, tally: Tally, firm: Firm, link: str, address: str) -> None:
    """Accept one link eight times at once. The address is a login of the company once."""
    token = urlsplit(link).query.partition("=")[2]
    fields = {"first_name": "Ann", "last_name": "Once", "password": PASSWORD, "again": PASSWORD}

    def one(_: int) -> Answer:
        cookies = {"csrftoken": CSRF, "fleet_invitation": token}
        client = Client(server.port, headers={"Host": "localhost"}, cookies=cookies)
        return _post(client, PAGE, **fields)

    answers = _answered(parallel(8, one))
    statuses = [answer.status for answer in answers]
    tally.tried(
        statuses.count(302) == 1 and max(statuses) < 500, f"8 at once with one link: {statuses}", cases=8
    )
    tally.tried(User.objects.filter(email=address).count() == 1, f"users of {address}")
    logins = CustomerUser.objects.filter(customer=firm.customer, user__email=address).count()
    tally.tried(logins == 1, f"{address} has {logins} logins")
    tally.tried(one(0).status == 400, "a used link is accepted again")


def _others_cannot(server: Server, tally: Tally) -> None:
    """Try every page that changes logins and invitations as each of the other roles, and as another company's owner."""
    firm, other = Firm.found(), Firm.found()
    invitation = factories.InvitationFactory(customer=firm.customer, email=f"waits{next(_fresh)}@example.com")
    owner, approver = firm.login("second-owner"), firm.login("approver")
    writes = {
        INVITE: {"email": f"new{next(_fresh)}@example.com", "role": "owner"},
        f"{COMPANY}invitations/{invitation.pk}/resend/": {},
        f"{COMPANY}invitations/{invitation.pk}/withdraw/": {},
        f"{COMPANY}users/{owner.pk}/role/": {"role": "viewer"},
        f"{COMPANY}users/{approver.pk}/role/": {"role": "owner"},
        f"{COMPANY}users/{firm.login('viewer').pk}/role/": {"role": "owner"},
        f"{COMPANY}users/{owner.pk}/remove/": {},
        f"{COMPANY}users/{approver.pk}/remove/": {},
    }
    browsers = {role: firm.browser(server, role) for role in ("viewer", "approver")}
    browsers["another company's owner"] = other.browser(server, "owner")
    tables = Tables()
    for who, browser in browsers.items():
        for path, fields in writes.items():
            if path == INVITE and who not in firm.logins:
                continue  # they invite to their own company
            answer = _post(browser, path, **fields)
            tally.tried(answer.status in (403, 404), f"{who}: {path} {fields}: {answer}")
            change = tables.change()
            tally.tried(not change, f"{who}: {path} {fields} changed {change}")


def _one_owner_stays(server: Server, tally: Tally) -> None:
    """Let two owners demote each other and themselves, twelve requests at once."""
    firm = Firm.found()
    owners = {role: firm.login(role) for role in ("owner", "second-owner")}
    browsers = {role: firm.browser(server, role) for role in owners}
    moves = [
        (who, target.pk, role)
        for who in owners
        for target in owners.values()
        for role in ("viewer", "approver")
    ]

    def one(number: int) -> Answer:
        who, pk, role = moves[number % len(moves)]
        return _post(browsers[who], f"{COMPANY}users/{pk}/role/", role=role)

    answers = _answered(parallel(12, one))
    tally.tried(all(a.status in (302, 403, 409) for a in answers), _statuses(answers), cases=12)
    left = firm.customer.logins.filter(role="owner").count()
    tally.tried(left == 1, f"{left} owners are left after demotions: {_statuses(answers)}")
    assert not Invitation.objects.filter(customer=firm.customer).exists()
