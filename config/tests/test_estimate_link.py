"""A customer answers an estimate by its link in a real browser: without JavaScript, with it, and by keyboard.

Every state is looked at by axe-core in both widths and both schemes. Screenshots are saved if the tests run as
`SHOTS=folder pytest config/tests/test_estimate_link.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from config.tests.test_fleet import Watched
from testing.browser import AXE, AXE_RUN
from testing.servers import database, free_port, serving

pytestmark = [
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

# Estimates of the shop's second location, which has tax, fees and an overrun policy: their links by name, as JSON.
SEND = """
import json
from datetime import timedelta
from decimal import Decimal
import django; django.setup()
from django.utils import timezone
from appointments.models import Location
from customers.models import Customer
from repair_orders.actions import request_repair
from repair_orders.estimates.actions import Answerer, answer, send_estimate
from repair_orders.estimates.links import link_of
from repair_orders.jobs import add_job, add_part_line, add_service_line, change_job

now = timezone.now()
shop = Location.objects.exclude(is_default=True).order_by("id").first()
shop.legal_name, shop.phone, shop.email = "Springfield Garage LLC", "(555) 555-0140", "service@garage.example"
shop.terms = "Replaced parts are kept for you until pick-up if you ask before the work starts."
shop.save()
customer = Customer.objects.filter(company_name="", vehicles__isnull=False).exclude(contact=None).order_by("id").first()

def add(order, name, concern, cause, parts, labour):
    job = add_job(order=order, name=name, concern=concern)
    change_job(job=job, cause=cause)
    for part, number, quantity, price in parts:
        add_part_line(job=job, part=None, given={"by": None, "now": now}, name=part, part_number=number,
                      quantity=Decimal(quantity), unit_price=Decimal(price), warranty_months=24)
    work, hours, rate = labour
    add_service_line(job=job, service=None, given={"by": None, "now": now}, name=work, kind="labour",
                     hours=Decimal(hours), rate=Decimal(rate))

def make(number=3):
    order = request_repair(customer=customer, vehicle=customer.vehicles.order_by("id").first(), location=shop,
                           description="It grinds when it brakes.", now=now)
    add(order, "Front brakes: pads and rotors", "It grinds when it brakes.",
        "The front pads are worn to 2 mm, the least is 3 mm. The rotors are scored.",
        [("Brake pad set, front", "BRK-PAD-D1107", "1", "68.50"), ("Brake rotor, front", "BRK-ROT-980", "2", "82.00")],
        ("Replace pads and rotors, clean and lubricate slides", "1.8", "145.00"))
    add(order, "Oil service", "", "Last change 7,900 miles ago, 13 months.",
        [("Engine oil 5W-30, quart", "OIL-5W30-QT", "4.5", "8.95"), ("Oil filter", "FILT-OIL-7317", "1", "9.49")],
        ("Change oil and filter, check levels", "0.5", "145.00"))
    add(order, "Cabin air filter", "", "Dusty, still lets air through.",
        [("Cabin air filter, carbon", "FILT-CAB-221", "1", "24.90")], ("Replace cabin air filter", "0.3", "145.00"))
    for extra in range(number - 3):
        add(order, f"Wheel bearing {extra + 1}", "", "Play.", [("Bearing", "BRG-1", "1", "30.00")],
            ("Replace the bearing", "1", "145.00"))
    return order

links = {}
def send(name, order, **given):
    estimate = send_estimate(order=order, by=None, **{"now": now - timedelta(hours=1), **given})
    links[name] = link_of(estimate)
    return estimate

for name in ("open", "plain", "keyboard", "shots"):
    send(name, make())
send("five", make(5))
changed = make()
send("old", changed)
add(changed, "Wiper blades", "", "Streaks.", [("Wiper blade", "WIP-24", "2", "14.00")],
    ("Replace the blades", "0.2", "145.00"))
send("new", changed)
send("expired", make(), now=now - timedelta(days=40))
customer = Customer.objects.get(company_name="RS Wind")
fleet = make()
send("fleet", fleet)
links["fleet"] = f"/customer/repairs/{fleet.pk}/"
print(json.dumps(links))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("link"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(folder, has_demo=True) as env:
        env = {**env, "DEBUG": "true"}
        with serving(command, folder=folder, port=port, env=env) as server:
            yield server, {**os.environ, **env, "DJANGO_SETTINGS_MODULE": "config.settings"}


@pytest.fixture(scope="module")
def url(server) -> str:
    return str(server[0].url)


@pytest.fixture(scope="module")
def links(server) -> dict[str, str]:
    """Return the paths of the links by name."""
    said = subprocess.run(
        [sys.executable, "-c", SEND],
        cwd=settings.BASE_DIR,
        env=server[1],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(said.stdout.splitlines()[-1])
    return {name: urlsplit(link).path for name, link in found.items()}


def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def card(page: Page, job: str) -> Page:
    return page.get_by_role("radiogroup", name=re.compile(job))


def pick(page: Page, job: str, answer: str) -> None:
    card(page, job).get_by_role("radio", name=answer).click()


@pytest.mark.parametrize(("name", "scripts"), [("plain", False), ("open", True)])
def test_customer_declines_one_job_and_approves_two(browser, url, links, name, scripts):
    watched = Watched(browser, url, java_script_enabled=scripts, viewport={"width": 390, "height": 844})
    page = watched.page
    page.goto(url + links[name])
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your estimate")
    expect(page.get_by_text("All 3 jobs together")).to_be_visible()
    expect(page.get_by_role("button", name="Approve $")).to_have_count(0)
    pick(page, "Front brakes", "Approve")
    pick(page, "Oil service", "Approve")
    expect(page.get_by_text("Choose for each job first")).to_be_visible()
    pick(page, "Cabin air filter", "Not now")
    approve = page.get_by_role("button", name="Approve $")
    expect(approve).to_have_count(1)
    total = approve.inner_text().removeprefix("Approve ")
    expect(page.locator(".big .number:visible")).to_have_text(total)
    page.get_by_label("Your full name").fill("Linda Park")
    page.get_by_label("I authorize Springfield Garage LLC").check()
    approve.click()
    expect(page.get_by_role("heading", name=f"You approved {total}")).to_be_visible()
    receipt = page.locator(".receipt")
    expect(receipt).to_contain_text("Linda Park")
    expect(receipt.locator(".decided")).to_have_text(["Approved", "Approved", "Not now"])
    expect(page.get_by_role("radio")).to_have_count(0)
    assert watched.complaints == []


def test_every_choice_shows_its_own_total(browser, url, links):
    page = Watched(browser, url, java_script_enabled=False).page
    page.goto(url + links["shots"])
    seen = set()
    for number in range(8):
        for place, job in enumerate(("Front brakes", "Oil service", "Cabin air filter")):
            pick(page, job, "Approve" if number >> place & 1 else "Not now")
        button = page.locator("button[name=total]:visible")
        expect(button).to_have_count(1)
        value = button.get_attribute("value") or ""
        expect(page.locator(".big .number:visible")).to_have_text(f"${float(value):,.2f}")
        expect(page.locator(".consent")).to_be_visible(visible=number > 0)
        seen.add(value)
    assert len(seen) == 8


def test_link_is_answered_by_keyboard(browser, url, links):
    watched = Watched(browser, url)
    page = watched.page
    page.goto(url + links["keyboard"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for job, key in (("Front brakes", "Space"), ("Oil service", "Space"), ("Cabin air filter", "ArrowRight")):
        first = card(page, job).get_by_role("radio", name="Approve")
        while not first.evaluate("radio => radio === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press(key)
    expect(card(page, "Cabin air filter").get_by_role("radio", name="Not now")).to_be_checked()
    page.get_by_label("Your full name").focus()
    page.keyboard.type("Linda Park")
    # Enter shows the total and approves nothing.
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your full name")).to_have_value("Linda Park")
    expect(card(page, "Oil service").get_by_role("radio", name="Approve")).to_be_checked()
    page.get_by_label("Your full name").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Approve $")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You approved $")).to_be_visible()
    assert watched.complaints == []


def test_older_revision_says_that_there_is_a_newer_one(browser, url, links):
    page = Watched(browser, url).page
    page.goto(url + links["old"])
    expect(page.get_by_role("alert")).to_contain_text("The shop changed this estimate. Nothing was approved")
    expect(page.get_by_role("alert")).to_contain_text("sent revision 2")
    expect(page.get_by_role("radio")).to_have_count(0)
    page.goto(url + links["new"])
    expect(page.get_by_role("radio")).to_have_count(8)


def test_five_jobs_are_counted_by_the_server(browser, url, links):
    watched = Watched(browser, url, java_script_enabled=False)
    page = watched.page
    page.goto(url + links["five"])
    for job in ("Front brakes", "Wheel bearing 2"):
        pick(page, job, "Approve")
    for job in ("Oil service", "Cabin air filter", "Wheel bearing 1"):
        pick(page, job, "Not now")
    page.get_by_role("button", name="Show my total").click()
    button = page.get_by_role("button", name="Approve $")
    total = button.inner_text().removeprefix("Approve ")
    page.get_by_label("Your full name").fill("Linda Park")
    page.get_by_label("I authorize").check()
    button.click()
    expect(page.get_by_role("heading", name=f"You approved {total}")).to_be_visible()
    assert watched.complaints == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1440])
def test_every_state_is_accessible(browser, url, links, width, scheme):
    watched = Watched(browser, url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = watched.page
    found: dict[str, object] = {}

    def look(name: str) -> None:
        page.evaluate(AXE)
        wrong = page.evaluate(AXE_RUN)
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wrong or too_wide > 0:
            found[name] = (wrong, too_wide)
        shoot(page, f"{name}-{width}-{scheme}")

    page.goto(url + links["shots"], wait_until="networkidle")
    look("empty")
    pick(page, "Front brakes", "Approve")
    pick(page, "Oil service", "Approve")
    pick(page, "Cabin air filter", "Not now")
    look("chosen")
    page.locator("form").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Approve $").click()
    expect(page.get_by_text("Write your name.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    look("refused")
    for name in ("open", "old", "expired", "five"):  # the first was answered before
        page.goto(url + links[name], wait_until="networkidle")
        look(name)
    assert found == {}


def test_paper_is_printed_on_letter(browser, url, links, tmp_path):
    page = Watched(browser, url, viewport={"width": 816, "height": 1056}).page
    for name in ("shots", "open"):
        page.goto(url + links[name], wait_until="networkidle")
        page.pdf(path=Path(os.environ.get("SHOTS") or tmp_path) / f"{name}.pdf", prefer_css_page_size=True)
        page.emulate_media(media="print")
        shoot(page, f"print-{name}")
        for line in page.locator(".lines tbody th").all():
            expect(line).to_be_visible()
        page.emulate_media(media="screen")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_page_of_a_fleets_repair_is_accessible(browser, url, links, width, scheme):
    watched = Watched(browser, url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = watched.sign_in(url)
    page.goto(url + links["fleet"], wait_until="networkidle")
    page.locator("summary", has_text="Choose job by job").click()
    for step in ("fleet", "fleet-chosen"):
        page.evaluate(AXE)
        assert page.evaluate(AXE_RUN) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        shoot(page, f"{step}-{width}-{scheme}")
        pick(page, "Front brakes", "Approve")
        pick(page, "Oil service", "Not now")
        pick(page, "Cabin air filter", "Not now")
    assert watched.complaints == []


def test_approver_of_a_fleet_decides_job_by_job(browser, url, links):
    watched = Watched(browser, url, java_script_enabled=False)
    page = watched.sign_in(url)
    page.goto(url + links["fleet"])
    page.locator("summary", has_text="Choose job by job").click()
    choosing = page.locator(".by-job")
    pick(page, "Front brakes", "Approve")
    pick(page, "Oil service", "Approve")
    expect(choosing.get_by_role("button", name="Approve $")).to_have_count(0)
    pick(page, "Cabin air filter", "Not now")
    approve = choosing.get_by_role("button", name="Approve $")
    total = approve.inner_text().removeprefix("Approve ")
    approve.click()
    expect(page.get_by_role("status")).to_contain_text(f"You approved {total}.")
    expect(page.locator(".lines .total td.number")).to_have_text(total)
    expect(page.locator(".decisions")).to_contain_text("Cabin air filter")
    shoot(page, "fleet-answered-1280-light")
    assert watched.complaints == []
