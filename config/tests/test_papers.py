"""Every paper of the product: tagged, titled, with its fonts inside, and of the location's size (docs/design, D72)."""

from __future__ import annotations

from io import BytesIO

import pytest
from pypdf import PdfReader

from appointments.logos import save_logo
from testing.images import images_of, png
from testing.papers import PAPERS, a_shop

pytestmark = pytest.mark.django_db
LETTER, A4 = (612, 792), (595, 842)
TITLES = {
    "estimate": "Estimate, order 1, revision 1",
    "authorization record": "Authorization record, order 1",
    "inspection": "Courtesy inspection, order 1",
    "invoice": "Invoice L{location}-1",
    "credit note": "Credit note L{location}-C1",
    "receipt": "Receipt, payment {payment}",
    "statement": "Statement November 2026, Pat Person0",
    "day sheet": "Day sheet, Springfield, November 30, 2026",
    "passport": "Vehicle passport, 2020 Honda Civic LX",
}


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


def read(document):
    return PdfReader(BytesIO(document.content))


def sizes_of(reader):
    return {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages}


def fonts_of(reader):
    """Return the descriptors of the fonts of every page."""
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    parts = [part.get_object() for font in fonts for part in font.get("/DescendantFonts", [font])]
    return [part["/FontDescriptor"] for part in parts]


@pytest.mark.parametrize("name", PAPERS)
def test_paper_is_tagged_and_titled_and_has_its_fonts(name):
    location = a_shop("letter")
    document = PAPERS[name](location, 0)()
    reader = read(document)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"] == {"/Marked": True, "/Suspects": False}
    assert root["/StructTreeRoot"]["/K"]
    assert root["/Lang"] == "en-US"
    payment = document.name.removeprefix("payment-").removesuffix(".pdf")
    title = TITLES[name].format(location=location.pk, payment=payment)
    assert (reader.metadata.title, reader.metadata.author) == (title, "Springfield Garage LLC")
    fonts = fonts_of(reader)
    assert fonts and all({"/FontFile2", "/FontFile3"} & set(font) for font in fonts)
    assert sizes_of(reader) == {LETTER}


@pytest.mark.parametrize("name", PAPERS)
def test_paper_has_the_size_of_the_location(name):
    assert sizes_of(read(PAPERS[name](a_shop("a4"), 0)())) == {A4}


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.parametrize(
    ("logo", "printed"), [(None, []), (png(60, 20), [(60, 20)])], ids=["without", "with"]
)
def test_paper_prints_the_logo_of_the_location_once(name, logo, printed):
    location = a_shop("letter")
    location.logo = logo and save_logo(logo)
    location.save()
    assert images_of(PAPERS[name](location, 0)().content) == printed


@pytest.mark.parametrize("size", ["letter", "a4"])
@pytest.mark.parametrize("name", ["estimate", "invoice", "credit note"])
def test_hundred_lines_take_three_numbered_pages(name, size):
    reader = read(PAPERS[name](a_shop(size), 110)())
    texts = [page.extract_text() for page in reader.pages]
    assert [f"Page {number} of 3" in text for number, text in enumerate(texts, start=1)] == [True] * 3
    assert sum(text.count("Bolt") for text in texts) == 109
    assert sizes_of(reader) == {LETTER if size == "letter" else A4}
