"""A server with two customers who own a row of every kind, and a user of every role."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from testing import factories
from testing.servers import Server
from trust.calls import Answer, Client
from trust.operations import Operation, operations
from trust.people import Owner, Shop, clients, open_shop, own_everything
from trust.promises import Tally
from trust.tables import OF_THE_SERVER, Tables


@dataclass
class Town:
    """The server, its users and its tables."""

    server: Server
    shop: Shop
    alice: Owner
    bob: Owner
    people: dict[str, Client]
    tables: Tables
    tally: Tally

    @cached_property
    def operations(self) -> list[Operation]:
        return operations(self.people["anonymous"])

    @cached_property
    def customers(self) -> list[str]:
        return [who for who in ("alice", "alice's colleague", "carol") if who in self.people]

    @cached_property
    def owners(self) -> list[str]:
        """Return the customers who have a customer record."""
        return [who for who in self.customers if who != "carol"]

    def refused(self, who: str, what: str, answer: Answer, expected: set[int]) -> None:
        """Count a case: the response is an expected refusal and contains nothing of Bob's."""
        holds = answer.status in expected and self.bob.mark not in answer.text
        self.tally.tried(holds, f"{who}: {what}: {answer}, expected {sorted(expected)}")

    def untouched(self, what: str) -> None:
        """Count a case: the tables have not changed. Restore them otherwise."""
        change = self.tables.change()
        self.tally.tried(not change, f"{what} changed {change}")
        self.tables.restore(change)


def open_town(server: Server, tally: Tally, *, is_short: bool) -> Town:
    shop = open_shop()
    alice, bob = own_everything(shop, "alice"), own_everything(shop, "b0bs-own")
    people = clients(server, shop, alice, bob)
    people["bob"] = people.pop(bob.mark)
    del people[f"{bob.mark}'s colleague"]
    if is_short:
        for who in ("alice's colleague", "advisor", "manager", "admin"):
            del people[who]
    for owner in (alice, bob):  # papers are stored when they are read first
        for paper, kind in (("estimates/1/pdf", "repair"), ("authorisations/pdf", "repair answered")):
            given = people["root"].send("GET", f"/api/shop/repair-orders/{owner.rows[kind].pk}/{paper}/")
            assert given.status == 200, given
        for noun, kind in (("invoices", "invoice"), ("credit-notes", "credit note"), ("payments", "payment")):
            given = people["root"].send("GET", f"/api/shop/{noun}/{owner.rows[kind].pk}/pdf/")
            assert given.status == 200, given
        month = f"{owner.rows['statement'].month:%Y-%m}"
        given = people["root"].send("GET", f"/api/shop/customers/{owner.customer.pk}/statements/{month}/pdf/")
        assert given.status == 200, given
    working = bob.rows["repair in_progress"].jobs.earliest("position")
    factories.TimeEntryFactory(job=working, technician=shop.working, ended=None)
    tables = Tables(but=(*OF_THE_SERVER, "accounts_session", "django_tasks_database_dbtaskresult"))
    return Town(server, shop, alice, bob, people, tables, tally)


def ask(town: Town, operation: Operation, who: str, address: str, body: Any, **query: Any) -> Answer:
    asked = operation.query(town.bob, town.shop) | {name: str(value) for name, value in query.items()}
    words = "&".join(f"{name}={value}" for name, value in asked.items())
    client = town.people[who]
    return client.send(
        operation.method,
        f"{address}?{words}" if words else address,
        None if operation.method == "GET" else body if body is not None else {},
        X_CSRFToken=client.cookies.get("csrftoken", ""),
    )


def without(answer: Answer, asked: str) -> Answer:
    return Answer(answer.status, answer.headers, answer.text.replace(asked, ""))
