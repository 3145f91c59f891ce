"""A fleet manager's day in a real browser: charts, a request with a photo, the shop's estimate, the approval.

Every page is looked at by axe-core in both widths and both schemes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from config.tests.test_advisor import ANN, HIRE, choose, press
from testing.browser import AXE, AXE_RUN
from testing.images import png
from testing.servers import database, free_port, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.server,
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]

ROSA = ("fleet@rswind.example", "fleet12345")
PAINTED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let painted = 0;
  for (let at = 3; at < data.length; at += 4) painted += data[at] > 0;
  return painted / (data.length / 4);
}"""
NUMBERS = "canvas => Chart.getChart(canvas).data.datasets[0].data"
CHARTS = ("per-unit", "per-month", "per-status")
# Invoice the fleet's first two completed repairs, the first with a payment of 40.00, and make the last statement.
BILL = """
import django; django.setup()
from datetime import timedelta
from decimal import Decimal
from django.utils import timezone
from appointments.queries import local_time
from billing.invoices import issue_invoice
from billing.ledger import Target
from billing.payments import take_payment
from billing.statements import make_statement
from repair_orders.models import RepairOrder
now = timezone.now()
orders = RepairOrder.objects.filter(customer__company_name="RS Wind", status="completed", invoices=None).order_by("id")
then = now - timedelta(days=40)
first, second = (issue_invoice(order=order, by=None, now=then, po_number=po_number)
                 for order, po_number in zip(orders[:2], ("Half paid", ""), strict=True))
part = [Target(first, Decimal("40.00"))]
take_payment(customer=first.bill_to, location=first.location, amount=Decimal("40.00"), method="check", by=None,
             now=now, allocations=part, reference="Check 1042")
today = local_time(first.location, now).date()
make_statement(first.bill_to, today - timedelta(days=today.day), now=now)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve the demo data with an advisor."""
    folder, port = tmp_path_factory.mktemp("fleet"), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(folder, has_demo=True) as env:
        env = {**env, "DEBUG": "true"}
        with serving(command, folder=folder, port=port, env=env) as server:
            env = {**os.environ, **env, "DJANGO_SETTINGS_MODULE": "config.settings"}
            for script in (HIRE, BILL):
                subprocess.run([sys.executable, "-c", script], cwd=settings.BASE_DIR, env=env, check=True)
            yield server


class Watched:
    """A page with its problems: errors, violations of the content policy, and requests to another host."""

    def __init__(self, browser: Browser, url: str, **options: object) -> None:
        self.page: Page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request", lambda r: r.url.startswith((url, "data:")) or self.complaints.append(f"asked {r.url}")
        )

    def sign_in(self, url: str) -> Page:
        self.page.goto(f"{url}/customer/dashboard/")
        self.page.get_by_label("Email").fill(ROSA[0])
        self.page.get_by_label("Password").fill(ROSA[1])
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text("RS Wind")
        return self.page


def charted(page: Page) -> dict[str, list[float]]:
    """Return the numbers of the three charts. Each is painted, and its table has the same numbers."""
    found = {}
    for name in CHARTS:
        canvas, table = page.locator(f"canvas[data-table={name}-table]"), page.locator(f"#{name}-table tbody")
        expect(canvas).to_be_visible()
        assert canvas.evaluate(PAINTED) > 0.02, f"{name} is blank"
        found[name] = canvas.evaluate(NUMBERS)
        assert found[name] == [float(text) for text in table.locator("td").all_inner_texts()]
    return found


def request_a_repair(page: Page, url: str) -> int:
    page.get_by_role("link", name="Request a repair").first.click()
    page.get_by_label("Unit").select_option(label="H234 – 2023 Ford F-150")
    page.get_by_label("What is wrong?").fill("Grinding when it brakes\nsince Monday")
    page.get_by_label("Photos").set_input_files(
        {"name": "brake.png", "mimeType": "image/png", "buffer": png()}
    )
    page.get_by_role("button", name="Request the repair").click()
    expect(page.get_by_role("status")).to_contain_text("The repair is requested.")
    photo = page.get_by_alt_text("Photo 1: brake.png")
    expect(photo).to_have_js_property("naturalWidth", 48)
    return int(page.url.rstrip("/").rpartition("/")[2])


def estimate_it(page: Page, url: str, number: int) -> None:
    page.goto(f"{url}/admin/repair_orders/repairorder/{number}/change/")
    page.fill("input[name=username]", ANN[0])
    page.fill("input[name=password]", ANN[1])
    page.click("button[type=submit]")
    expect(page.get_by_role("link", name="brake.png")).to_be_visible()
    page.get_by_role("link", name="Add another Part", exact=False).first.click()
    rows = page.locator("#part_lines-group select[id$='-part']:not([id*='__prefix__'])")
    choose(page, f"#{rows.last.get_attribute('id')}", "brake", "Brake")
    page.locator("button[name=_continue], input[name=_continue]").first.click()
    expect(page.get_by_text("was changed successfully").first).to_be_visible()
    press(page, "Send estimate")
    expect(page.get_by_text("The estimate was sent.").first).to_be_visible()


def test_manager_requests_and_approves_a_repair(server, browser):
    rosa, ann = (
        Watched(browser, server.url),
        Watched(browser, server.url, viewport={"width": 1400, "height": 900}),
    )
    page = rosa.sign_in(server.url)
    before = charted(page)
    assert (sum(before["per-unit"]), before["per-status"]) == (27, [5, 3, 2, 4, 12, 1])
    number = request_a_repair(page, server.url)
    estimate_it(ann.page, server.url, number)
    page.goto(f"{server.url}/customer/dashboard/")
    expect(page.get_by_role("heading", name="4 estimates wait for your approval")).to_be_visible()
    page.get_by_role("link", name="H234 Grinding when it brakes").click()
    approve = page.get_by_role("button", name="Approve $")
    amount = approve.inner_text().removeprefix("Approve ")
    expect(page.locator(".lines .total td.number")).to_have_text(amount)
    approve.click()
    expect(page.get_by_role("status")).to_contain_text("The estimate is approved.")
    page.get_by_role("link", name="Dashboard").click()
    after = charted(page)
    assert after["per-status"] == [5, 3, 3, 4, 12, 1]
    assert sum(after["per-unit"]) == sum(after["per-month"]) == 28
    press_first_bar(page, int(after["per-unit"][0]))
    assert (rosa.complaints, ann.complaints) == ([], [])


def test_open_page_shows_a_new_state(server, browser):
    """Two users of one company: the decision of one appears on the other's pages, without losing their input."""
    deciding, watching, writing = (Watched(browser, server.url) for _ in range(3))
    for one in (deciding, watching, writing):
        one.sign_in(server.url)
    deciding.page.goto(f"{server.url}/customer/repairs/?status=pending")
    path = deciding.page.locator(".repairs td.id a").last.get_attribute("href")
    for one in (watching, writing):
        with one.page.expect_websocket():
            one.page.goto(server.url + path)
    writing.page.locator("summary", has_text="Deny").click()
    writing.page.get_by_label("Why?").fill("Too dear")
    watching.page.wait_for_timeout(500)  # the sockets are open after their handshake
    deciding.page.goto(server.url + path)
    deciding.page.get_by_role("button", name="Approve $").click()
    expect(watching.page.locator(".head .status")).to_have_text("Approved")
    expect(writing.page.get_by_role("status")).to_contain_text("A repair has changed meanwhile.")
    expect(writing.page.get_by_label("Why?")).to_have_value("Too dear")
    assert [one.complaints for one in (deciding, watching, writing)] == [[], [], []]


@pytest.mark.parametrize("width", [390, 1440])
def test_customer_reads_an_invoice_and_downloads_it(server, browser, width):
    watched = Watched(browser, server.url, viewport={"width": width, "height": 844})
    page = watched.sign_in(server.url)
    page.get_by_role("link", name="Invoices", exact=True).click()
    expect(page.get_by_role("heading", name="Your balance")).to_be_visible()
    page.get_by_role("link", name="Overdue").click()
    half_paid = page.locator(".invoices tbody tr", has_text="Half paid")
    half_paid.get_by_role("link").first.click()
    expect(page.locator(".owes")).to_contain_text("Was due on")
    expect(page.locator(".owes .sums")).to_contain_text("−$40.00")
    expect(page.get_by_text("Check 1042")).to_be_visible()
    # Money is paid at the shop. The only button of the page signs out.
    assert page.get_by_role("button").all_inner_texts() == ["Sign out"]
    for name in ("Download PDF", "Receipt of $40.00 (PDF)"):
        link = page.get_by_role("link", name=name).get_attribute("href")
        response = page.context.request.get(server.url + link)
        assert (response.status, response.headers["content-type"]) == (200, "application/pdf")
        assert response.body().startswith(b"%PDF-")
    page.get_by_role("link", name=re.compile("^repair ")).click()
    page.get_by_role("region", name="Invoice").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Invoice ")
    page.get_by_role("link", name="Invoices").first.click()
    page.get_by_role("link", name="Statements").click()
    link = page.locator(".statements td.id a").get_attribute("href")
    assert page.context.request.get(server.url + link).body().startswith(b"%PDF-")
    assert watched.complaints == []


def press_first_bar(page: Page, count: int) -> None:
    """Click a bar, which opens the list of the rows it counts."""
    canvas = page.locator("canvas[data-draws=bar]")
    at = canvas.evaluate(
        "c => { const bar = Chart.getChart(c).getDatasetMeta(0).data[0]; return {x: bar.x, y: bar.y + 10} }"
    )
    canvas.click(position=at)
    page.wait_for_url("**/customer/repairs/?unit_id=*")
    expect(page.locator(".repairs tbody tr")).to_have_count(count)


def test_contracts_code_runs_as_printed(server, browser):
    """The `fetch` examples run in a page of the portal, under its content policy."""
    watched = Watched(browser, server.url)
    page = watched.sign_in(server.url)
    text = (settings.BASE_DIR / "docs/contracts/001-fleet.md").read_text()
    examples = re.findall(r"```javascript\n(.*?)```", text, re.DOTALL)
    said = []
    for code in examples:
        with page.expect_console_message(lambda message: message.type == "log") as message:
            page.evaluate(f"() => {{ {code} }}")
        said.append(message.value.args[0].json_value())
    units, months = said
    assert [u["unit_number"] for u in units] == sorted(u["unit_number"] for u in units)
    assert {"unit_number": "B456", "repair_count": 5} in units
    assert sum(m["count"] for m in months) == sum(u["repair_count"] for u in units)
    assert watched.complaints == []


def addresses(page: Page, url: str) -> list[str]:
    """Return a URL of every kind of page behind the login."""
    page.goto(f"{url}/customer/repairs/?status=pending")
    waiting = page.locator(".repairs td.id a").first.get_attribute("href")
    page.goto(f"{url}/customer/repairs/?status=completed")
    done = page.locator(".repairs td.id a").first.get_attribute("href")
    page.goto(f"{url}/customer/units/")
    unit = page.locator(".units td.id a").first.get_attribute("href")
    page.goto(f"{url}/customer/invoices/")
    owed = page.locator(".invoices td.id a").last.get_attribute("href")
    return [
        *("/customer/invoices/", "/customer/invoices/?overdue=true", owed, "/customer/statements/"),
        *("/customer/dashboard/", "/customer/repairs/", "/customer/repairs/?status=denied&unit_number=z"),
        *(
            "/customer/repairs/new/",
            waiting,
            done,
            "/customer/units/",
            unit,
            f"{unit}archive/",
            f"{unit}passport/",
        ),
        *("/customer/units/new/", "/customer/company/", "/customer/company/users/new/"),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_is_accessible(server, browser, width, scheme):
    watched = Watched(
        browser, server.url, viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=False
    )
    page = watched.page
    found: dict[str, object] = {}

    def look(address: str) -> None:
        page.goto(server.url + address, wait_until="networkidle")  # with its styles
        page.evaluate(AXE)
        wrong = page.evaluate(AXE_RUN)
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wrong or too_wide > 0:
            found[address] = (wrong, too_wide)

    for address in ("/customer/login/", "/customer/password/"):
        look(address)
    watched.sign_in(server.url)
    for address in addresses(page, server.url):
        look(address)
    page.goto(f"{server.url}/customer/units/new/")
    page.locator("form.sheet").evaluate("form => { form.noValidate = true }")
    assert watched.complaints == []
    page.get_by_role(
        "button", name="Add the unit"
    ).click()  # the response is 400, which Chromium writes to its console
    expect(page.get_by_role("alert")).to_be_visible()
    page.wait_for_load_state("load")  # the text is there before its styles
    page.evaluate(AXE)
    assert page.evaluate(AXE_RUN) == []
    assert found == {}


def test_pages_work_without_scripts_except_charts(server, browser):
    watched = Watched(browser, server.url, java_script_enabled=False)
    page = watched.sign_in(server.url)
    expect(page.locator("#per-status-table tbody tr")).to_have_count(6)
    expect(page.locator("canvas").first).to_be_hidden()
    page.locator(".waiting a").first.click()
    page.locator("summary", has_text="Deny").click()
    page.get_by_label("Why?").fill("Too dear")
    page.get_by_role("button", name="Deny the estimate").click()
    expect(page.get_by_role("status")).to_contain_text("The estimate is denied.")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert watched.complaints == []


def test_portal_works_by_keyboard(server, browser):
    watched = Watched(browser, server.url)
    page = watched.sign_in(server.url)
    page.wait_for_load_state("load")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    for name in ("8 units", re.compile("2[78] repairs"), "Request a repair"):
        page.keyboard.press("Tab")
        expect(page.locator("main").get_by_role("link", name=name).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Request a repair")
    assert watched.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_passport_is_shared_read_and_withdrawn(server, browser, width, scheme):
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    owner = Watched(browser, server.url, **options)
    page = owner.sign_in(server.url)
    page.goto(f"{server.url}/customer/units/")
    page.locator(".units td.id a").first.click()
    page.get_by_role("link", name="Passport").click()
    page.get_by_label("Works for (days)").fill("7")
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_role("status")).to_contain_text("The link is made.")
    field = page.get_by_role("textbox", name=re.compile("^Link until")).first
    url = server.url + field.input_value()[field.input_value().index("/v/") :]
    reader = Watched(browser, server.url, **options)
    reader.page.goto(url, wait_until="networkidle")
    expect(reader.page.get_by_role("heading", name="Work done")).to_be_visible()
    expect(page.get_by_role("heading", name="Work done")).to_be_visible()
    for shown in (page, reader.page):
        shown.evaluate(AXE)
        assert shown.evaluate(AXE_RUN) == []
        assert shown.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("button", name=re.compile("^Withdraw")).first.click()
    expect(page.get_by_role("status")).to_contain_text("The link is withdrawn.")
    assert owner.complaints + reader.complaints == []
    assert reader.page.goto(url).status == 410
