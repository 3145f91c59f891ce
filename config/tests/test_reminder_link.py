"""A customer stops reminders by the link of a mail in a real browser, with a script and without."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import expect

from testing.browser import Watched, demo_shop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]
# The link of a mail for each way of the browser.
LINKS = """
from reminders.links import stop_url
from reminders.models import ReminderMail
from testing.factories import ReminderMailFactory
for _ in range(2):
    print(stop_url(ReminderMailFactory()))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with demo_shop(tmp_path_factory.mktemp("reminders"), LINKS) as (server, said):
        yield server.url, re.findall(r"/r/\S+", said)


@pytest.mark.parametrize("has_script", [True, False])
def test_button_stops_the_kind_and_the_form_starts_it_again(shop, browser, has_script):
    url, links = shop
    watched = Watched(browser, url, path=links[has_script], java_script_enabled=has_script)
    page = watched.page
    expect(page.get_by_role("heading", level=2).first).to_have_text("Reminders of regular work that is due")
    assert not has_script or watched.look("reminders") == []
    watched.press("Stop these reminders")
    expect(page.get_by_role("status").first).to_have_text("Stopped")
    box = page.get_by_role("checkbox", name="Regular work that is due")
    expect(box).not_to_be_checked()
    box.check()
    watched.press("Save")
    expect(page.get_by_text("Your choice is saved.")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Regular work that is due")).to_be_checked()
    assert (watched.complaints, watched.outside) == ([], [])
