"""The PDF of a template: its text, size and bytes, whatever the values are."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from common.papers.rendering import ROOT, _printable, render

TEMPLATE = (
    '#import "/common/papers/base.typ": *\n#show: paper\n#letterhead()\n#parties()\n#fine(data.texts)\n'
)
HOSTILE = (
    '#let evil = read("/manage.py")\n*bold* _it_ $x^2$ `raw` \\ // note <label> @ref = Heading',
    "\"quotes\" 'single' “curly” -- ---",
    "#panic()",
    "]]}})) #[ ",
    "שלום עולם",
    "مرحبا",
    "😀 🚗",
    "日本語",
    "",
    "null",
)


def paper(**values):
    return {
        "name": "Test, order 7",
        "title": "Test",
        "subtitle": "Order 7",
        "facts": [],
        "footer": "Garage · Test",
        "shop": {"name": "Garage", "lines": ["1 Main St"]},
        "parties": [{"label": "Customer", "name": "Alice Cooper", "lines": []}],
        "texts": [],
        **values,
    }


@pytest.fixture(scope="module")
def template():
    path = ROOT / "common/tests/papers/sample.typ"
    assert path.read_text() == TEMPLATE
    return path


def text_of(pdf):
    """Return the text of all pages, with what breaks words and lines as one space."""
    pages = " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return " ".join(pages.split())


def test_texts_are_printed_and_never_read_as_markup(template):
    text = text_of(render(template, paper(texts=[*HOSTILE, "a\nb\r\nc", "−12.00 × ½"]), "letter"))
    for value in HOSTILE[:4]:
        assert " ".join(value.split()) in text
    assert "a b c −12.00 × ½" in text
    assert "django" not in text.lower()


@pytest.mark.parametrize("field", ["title", "subtitle", "footer", "name"])
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_fits_everywhere(template, field, value):
    pdf = render(template, paper(**{field: value}), "letter")
    assert len(PdfReader(BytesIO(pdf)).pages) == 1


def test_none_is_nothing(template):
    shopless = paper(shop=None, texts=[None, "end"])
    assert (
        text_of(render(template, shopless, "letter"))
        == "Test Order 7 Customer Alice Cooper end Garage · Test Page 1 of 1"
    )


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ("nul\x00 bell\x07", "nul bell"),
        ("\u202eevil\u202c", "evil"),
        ("half \ud800", "half"),
        ("tab\there", "tab here"),
    ],
)
def test_unprintable_characters_are_left_out(template, given, printed):
    assert f"{printed} Garage" in text_of(render(template, paper(texts=[given]), "letter"))


@pytest.mark.parametrize("letter", ["W", "Ж"])
def test_long_words_are_broken(template, letter):
    """A line of Letter paper, 612 − 2 × 48 points, has space for some 60 of these letters at 8.5 points."""
    text = PdfReader(BytesIO(render(template, paper(texts=[letter * 200]), "letter"))).pages[0].extract_text()
    lines = [line.count(letter) for line in text.splitlines() if letter in line]
    assert (sum(lines), max(lines) < 75) == (200, True)


def test_scripts_with_joined_letters_are_not_broken(template):
    word = "م" * 30
    assert _printable(word) == word


@pytest.mark.parametrize(("size", "points"), [("letter", (612, 792)), ("a4", (595, 842))])
def test_page_has_the_size(template, size, points):
    box = PdfReader(BytesIO(render(template, paper(), size))).pages[0].mediabox
    assert (round(box.width), round(box.height)) == points


def test_equal_values_give_equal_bytes_without_the_clock(template):
    first, second = (render(template, paper(texts=["a"]), "a4") for _ in range(2))
    assert first == second
    dated = PdfReader(BytesIO(render(template, paper(date=[2026, 11, 30]), "a4"))).metadata
    assert PdfReader(BytesIO(first)).metadata.get("/CreationDate") is None
    assert dated["/CreationDate"].startswith("D:20261130")
    assert (dated.title, dated.author) == ("Test, order 7", "Garage")


@settings(max_examples=settings.default.max_examples // 4)
@given(st.lists(st.text(max_size=60), max_size=3))
def test_any_text_is_set(texts):
    pdf = render(
        ROOT / "common/tests/papers/sample.typ", paper(texts=texts, subtitle="x".join(texts)), "letter"
    )
    assert pdf.startswith(b"%PDF-")


def test_long_words_are_copied_without_invisible_characters(template):
    digest = "0123456789abcdef" * 4
    pdf = PdfReader(BytesIO(render(template, paper(texts=[digest], name=digest), "letter")))
    assert (pdf.metadata.title, digest in pdf.pages[0].extract_text()) == (digest, True)
