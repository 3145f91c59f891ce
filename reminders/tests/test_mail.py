"""The mail of reminders: what it says, and the headers by which mail programs stop it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.domain import tasks
from reminders.models import ReminderMail
from reminders.sweep import sweep
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(alice, oil, clock, mailoutbox, settings):
    settings.PUBLIC_URL = "https://garage.example"
    location = factories.LocationFactory(
        name="Downtown", phone="(555) 010-2000", time_zone="America/New_York", is_default=True
    )
    factories.RepairOrderFactory(customer=alice, vehicle=oil.vehicle, location=location)
    sweep(now=clock.now)
    tasks.run_all()
    return mailoutbox[0]


def test_text_says_what_is_due_why_it_was_sent_how_to_book_and_how_to_stop(sent, alice):
    link = sent.extra_headers["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://garage.example/r/")
    assert sent.to == [alice.contact.email]
    assert sent.body == (
        "Hello Alice,\n"
        "\n"
        "This work is due:\n"
        "\n"
        "2019 Honda Civic (ABC-123)\n"
        "- Oil change is due soon (June 24, 2026)\n"
        "\n"
        "To book an appointment, use your account or call (555) 010-2000.\n"
        "\n"
        "Downtown\n"
        "\n"
        "You receive this email because regular work on your vehicle is due by its day or its distance. "
        "To stop reminders of this kind, or to choose which you get, open:\n"
        f"{link}\n"
    )


def test_html_says_the_same(sent):
    [(html, kind)] = sent.alternatives
    assert kind == "text/html"
    for text in ("This work is due:", "Oil change is due soon", "(555) 010-2000", "Downtown", "/r/"):
        assert text in html


def test_headers_stop_reminders_by_one_click(sent, client):
    message = sent.message()
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = message["List-Unsubscribe"].strip("<>")
    path = link.removeprefix("https://garage.example")
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert message["Message-ID"].startswith(f"<{ReminderMail.objects.get().uuid}@")


def test_long_list_is_cut_and_names_the_rest(alice, car, clock, mailoutbox):
    for number in range(53):
        factories.ServiceScheduleFactory(
            vehicle=car,
            template__name=f"Work {number}",
            due_on=clock.now.date() + timedelta(days=14),
            due_miles=None,
        )
    sweep(now=clock.now)
    tasks.run_all()
    body = mailoutbox[0].body
    assert (body.count("\n- "), "3 more are in your account." in body) == (50, True)


def test_names_with_markup_are_escaped_in_html_and_stay_on_one_line_of_the_subject(alice, clock, mailoutbox):
    car = factories.VehicleFactory(customer=alice, make="<b>Ford</b>", model="F&C")
    factories.ServiceScheduleFactory(vehicle=car, due_on=clock.now.date() + timedelta(days=14))
    sweep(now=clock.now)
    tasks.run_all()
    [mail] = mailoutbox
    assert "<b>Ford</b> F&C" in mail.body
    assert "&lt;b&gt;Ford&lt;/b&gt; F&amp;C" in mail.alternatives[0][0]
    assert "\n" not in mail.subject
