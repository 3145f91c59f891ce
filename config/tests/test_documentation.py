"""The documentation's site: it builds without a warning, its links lead somewhere, and it obeys the strict policy.

Building takes five seconds, once for the file. Screenshots are saved if the tests run as
`SHOTS=folder pytest config/tests/test_documentation.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.test import Client
from playwright.sync_api import expect

from testing.browser import AXE, AXE_RUN

DOCS = settings.BASE_DIR / "docs"
PARTS = ["Tutorial", "How-to guides", "Reference", "Explanation"]
PAGES = ["/docs/", "/docs/tutorial/", "/docs/staff-api/"]


@pytest.fixture(scope="module")
def webroot(tmp_path_factory) -> Path:
    """Build the site as `make docs` does. A warning is an error."""
    folder = tmp_path_factory.mktemp("webroot")
    words = ["-q", "-W", "--keep-going", "-j", "auto", "-b", "dirhtml", "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            *words,
            "-c",
            str(DOCS / "site"),
            str(DOCS),
            str(folder / "root/docs"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "root"


class Elements(HTMLParser):
    """The elements of a page: each tag with its attributes, and the text of scripts and styles."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cdata_elem and data.strip():
            self.inline.append(data)

    @property
    def ids(self) -> set[str | None]:
        return {attributes.get("id") for _, attributes in self.tags}

    def addresses(self) -> Iterator[tuple[str, str]]:
        for tag, attributes in self.tags:
            for name in ("href", "src", "action"):
                if address := attributes.get(name):
                    yield tag, address


read = cache(Elements)


def pages(webroot: Path) -> list[Path]:
    return sorted(webroot.rglob("*.html"))


def test_every_page_is_built(webroot):
    names = [path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")]
    names = [name for name in names if not name.startswith("client/")]
    assert len(names) > 80
    expected = {"docs/index.html", "docs/search/index.html"}
    expected |= {f"docs/{name}/index.html" for name in names if name != "index"}
    assert {path.relative_to(webroot).as_posix() for path in pages(webroot)} == expected


def test_every_link_leads_to_a_page_and_an_anchor(webroot):
    dangling, followed = [], 0
    for page in pages(webroot):
        for tag, address in read(page).addresses():
            path, _, anchor = address.partition("#")
            if re.match("[a-z]+:", address) or path == "/api/docs/":
                continue
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            followed += 1
            if not target.is_file() or (tag == "a" and anchor and anchor not in read(target).ids):
                dangling.append((page.relative_to(webroot).as_posix(), address))
    assert followed > 5_000
    assert dangling == []


def test_no_page_has_what_the_policy_refuses(webroot):
    """Inline scripts and styles, and what is loaded from another host."""
    for page in pages(webroot):
        elements = read(page)
        assert elements.inline == [], page
        assert [tag for tag, attributes in elements.tags if tag in ("style", "iframe", "object")] == [], page
        for tag, attributes in elements.tags:
            assert not [name for name in attributes if name == "style" or name.startswith("on")], (page, tag)
        loaded = [address for tag, address in elements.addresses() if tag != "a"]
        assert [address for address in loaded if re.match(r"[a-z]+:|//", address)] == [], page


def test_navigation_has_four_parts(webroot):
    text = (webroot / "docs/index.html").read_text(encoding="utf-8")
    assert re.findall(r'class="caption-text">([^<]+)', text) == PARTS


def test_outside_pages_are_shown(webroot):
    """Their links lead to pages of the site. Those to files that the site does not have are texts."""
    text = (webroot / "docs/contributing/index.html").read_text(encoding="utf-8")
    assert "Add a field to a contract" in text
    assert 'href="../design/house/"' in text
    settings_page = (webroot / "docs/settings/index.html").read_text(encoding="utf-8")
    assert "config/settings.py" in settings_page
    assert 'settings.py"' not in settings_page


# --- Serving -----------------------------------------------------------------------------------------


@pytest.fixture
def served(webroot, settings):
    settings.WHITENOISE_ROOT, settings.SITE_DIR = webroot, webroot
    return Client()


STRICT = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


def body(response) -> bytes:
    return b"".join(response)  # at its end the client closes it


def test_pages_are_served_with_the_strict_policy(served):
    response = served.get("/docs/")
    assert (response.status_code, response["Content-Type"]) == (200, 'text/html; charset="utf-8"')
    assert set(response["Content-Security-Policy"].split("; ")) == STRICT
    assert b"<h1>Garage<" in body(response)


def test_pages_are_revalidated(served):
    response = served.get("/docs/day/")
    again = served.get("/docs/day/", headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, body(again)) == (304, b"")
    head = served.head("/docs/day/")
    assert (head.status_code, body(head)) == (200, b"")
    assert (head["ETag"], int(head["Content-Length"])) == (response["ETag"], len(body(response)))


def test_address_without_its_slash_redirects(served):
    for path, place in (("/docs", "docs/"), ("/docs/day", "day/"), ("/docs/day/index.html", "./")):
        response = served.get(path)
        assert (response.status_code, response["Location"]) == (302, place), path


def test_unknown_page_of_the_site_is_404(served):
    response = served.get("/docs/nowhere/")
    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/docs/tutorial/"])
def test_without_a_build_the_page_says_how_to_build(settings, tmp_path, path):
    settings.WHITENOISE_ROOT, settings.SITE_DIR = None, tmp_path
    response = Client().get(path)
    assert response.status_code == 404
    assert "Run `make docs` in the folder of the product" in response.content.decode()


def test_rest_of_the_site_is_not_below_docs(served):
    """Swagger UI stays, and names that begin like the site are not its own."""
    assert served.get("/api/docs/").status_code == 200
    assert "There is nothing at this address." in served.get("/docsite/").content.decode()


# --- In a browser ------------------------------------------------------------------------------------

in_a_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed"),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def url(served) -> Iterator[str]:
    """Serve the product without a database, in a thread."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(WSGIHandler())
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_page(browser, url):
    """Return a function that makes a page whose complaints and requests to other hosts are listed."""
    contexts, complaints = [], []

    def make(**options):
        context = browser.new_context(
            viewport={"width": options.pop("width", 1440), "height": 900}, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(url) or complaints.append(request.url))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def shoot(page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


class TestBrowser:
    pytestmark = in_a_browser

    @pytest.mark.slow
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [390, 1440])
    def test_pages_fit_and_can_be_read(self, open_page, url, width, scheme):
        page = open_page(width=width, color_scheme=scheme)
        for path in PAGES:
            page.goto(url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            page.evaluate(AXE)
            assert page.evaluate(AXE_RUN) == [], path
            shoot(page, f"docs{path.replace('/', '-')}{width}-{scheme}")

    @pytest.mark.parametrize("width", [390, 1440])
    def test_navigation_works_without_javascript(self, open_page, url, width):
        page = open_page(width=width, java_script_enabled=False)
        page.goto(f"{url}/docs/day/")
        if width == 390:
            page.get_by_text("All pages").click()
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Design", exact=True).click()
        expect(page.get_by_role("heading", name="Design", level=1)).to_be_visible()

    def test_search_finds_pages(self, open_page, url):
        page = open_page()
        page.goto(f"{url}/docs/design/billing/")
        page.get_by_role("searchbox").fill("walk-in")
        page.get_by_role("searchbox").press("Enter")
        found = page.locator("#search-results li", has_text="D97 Walk-ins").get_by_role("link")
        expect(page.get_by_text(re.compile(r"found \d+ pages"))).to_be_visible()
        found.first.click()
        page.wait_for_url(f"{url}/docs/design/time/**")
        expect(page.get_by_role("heading", name="D97 Walk-ins")).to_be_visible()
