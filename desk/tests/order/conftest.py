"""A page of one order, and how a browser sends its form."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.contrib.messages import get_messages

from testing.factories import UserFactory


class Fields(HTMLParser):
    """Read what each form of a page would send: the names and values of its controls, buttons apart."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.forms, self.buttons = {}, {}
        self.form = self.select = self.area = None

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.form = given.get("id", "")
            self.forms[self.form] = {}
        name = given.get("name")
        if tag == "button" and name:
            self.buttons.setdefault(given.get("form", self.form), []).append(
                f"{name}={given.get('value', '')}"
            )
        fields = self.forms.get(given.get("form", self.form))
        if fields is None:
            return
        if tag == "input" and name:
            if given.get("type") in ("checkbox", "radio"):
                if "checked" in given:
                    fields.setdefault(name, []).append(given.get("value", "on"))
            else:
                fields[name] = given.get("value", "")
        elif tag == "textarea" and name:
            self.area = name
            fields[name] = ""
        elif tag == "select":
            self.select = name
            fields[name] = None
        elif tag == "option" and self.select and ("selected" in given or fields[self.select] is None):
            fields[self.select] = given.get("value", "")

    def handle_data(self, data):
        if self.area:
            self.forms[self.form][self.area] += data

    def handle_endtag(self, tag):
        if tag == "textarea":
            fields = self.forms[self.form]
            fields[self.area] = fields[self.area].removeprefix("\n")
            self.area = None
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.form = None


class Browser:
    """A client that shows the page of an order and presses its buttons."""

    def __init__(self, client, order):
        self.client, self.order = client, order
        self.url = f"/admin/orders/{order.pk}/"
        self.response = None

    def show(self, **query):
        self.response = self.client.get(self.url, query)
        return self

    @property
    def read(self):
        fields = Fields()
        fields.feed(self.response.content.decode())
        return fields

    @property
    def fields(self):
        return self.read.forms["order"]

    @property
    def buttons(self):
        """Return what the buttons of the page do."""
        return [button.removeprefix("do=") for button in self.read.buttons.get("order", [])]

    def press(self, do, *, page=None, **typed):
        """Send the form of the shown page with what is typed, by the button that does `do`."""
        fields = dict(page or self.show().fields)
        fields |= {name.replace("__", "-"): value for name, value in typed.items()}
        self.response = self.client.post(self.url, fields | {"do": do})
        return self.follow()

    def step(self, name, of="", **answers):
        """Open a step and send its form."""
        self.show(step=name, **({"of": of} if of else {}))
        return self.send(**answers)

    def send(self, **answers):
        """Send the form of the step that is shown."""
        fields = self.read.forms["step-form"] | answers
        self.response = self.client.post(self.url, fields)
        return self.follow()

    def follow(self):
        """Go where the page leads, and keep what it told."""
        self.told = [str(row) for row in get_messages(self.response.wsgi_request)._queued_messages]
        self.went = None
        if self.response.status_code == 302:
            self.went = self.response["Location"]
            self.response = self.client.get(self.went.partition("#")[0])
        return self

    @property
    def text(self):
        """Return what the page says, without tags."""
        body = re.sub(r"<(script|style|svg).*?</\1>", "", self.response.content.decode(), flags=re.S)
        words = re.sub(r"<[^>]+>", " ", body)
        return " ".join(words.replace("&#x27;", "'").replace("&quot;", '"').replace("&amp;", "&").split())

    @property
    def errors(self):
        """Return the errors at the top of the page: place and text."""
        return {error["place"]: error["text"] for error in self.response.context["errors"]}


@pytest.fixture
def advisor():
    return UserFactory(role="advisor", first_name="Anna", last_name="Advisor")


@pytest.fixture
def at_desk(client, advisor):
    """Return a function that opens the page of an order as an advisor."""
    client.force_login(advisor)
    return lambda order: Browser(client, order)


@pytest.fixture
def as_role(client):
    def sign_in(role, order):
        client.force_login(UserFactory(role=role))
        return Browser(client, order)

    return sign_in
